//! The 16550A serial ports.

/// Link anchor, until the device declares itself.
pub fn link() {}
