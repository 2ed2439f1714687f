//! The 8042 keyboard controller.

/// Link anchor, until the device declares itself.
pub fn link() {}
