//! The 8259A pair.

/// Link anchor, until the device declares itself.
pub fn link() {}
