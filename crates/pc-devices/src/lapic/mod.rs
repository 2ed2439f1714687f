//! The local APIC.

/// Link anchor, until the device declares itself.
pub fn link() {}
