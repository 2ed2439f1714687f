//! The POST code port.

/// Link anchor, until the device declares itself.
pub fn link() {}
