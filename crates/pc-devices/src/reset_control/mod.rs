//! The reset control register at CF9h.

/// Link anchor, until the device declares itself.
pub fn link() {}
