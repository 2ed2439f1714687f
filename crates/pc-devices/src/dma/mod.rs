//! The 8237A pair and its page registers.

/// Link anchor, until the device declares itself.
pub fn link() {}
