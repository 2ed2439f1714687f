//! The MC146818A clock and its CMOS memory.

/// Link anchor, until the device declares itself.
pub fn link() {}
