//! ACPI power management registers.

/// Link anchor, until the device declares itself.
pub fn link() {}
