//! The I/O APIC (82093AA).

/// Link anchor, until the device declares itself.
pub fn link() {}
