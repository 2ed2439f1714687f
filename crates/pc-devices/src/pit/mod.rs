//! The 8254 timer and port 61h.

/// Link anchor, until the device declares itself.
pub fn link() {}
