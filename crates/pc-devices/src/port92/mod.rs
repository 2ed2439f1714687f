//! System control port A.

/// Link anchor, until the device declares itself.
pub fn link() {}
