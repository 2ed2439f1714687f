//! The high precision event timer.

/// Link anchor, until the device declares itself.
pub fn link() {}
