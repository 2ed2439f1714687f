//! PCI configuration mechanism 1 and the host bridge.

/// Link anchor, until the device declares itself.
pub fn link() {}
