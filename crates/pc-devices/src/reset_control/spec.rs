//! Names of RST_CNT.

/// The register
pub(super) const RST_CNT: u16 = 0xcf9;
/// What kind of reset
pub(super) const SYS_RST: u8 = 1 << 1;
/// Resets when it goes from 0 to 1
pub(super) const RST_CPU: u8 = 1 << 2;
/// With a power cycle
pub(super) const FULL_RST: u8 = 1 << 3;
/// The bits that keep what is written
pub(super) const WRITABLE: u8 = SYS_RST | RST_CPU | FULL_RST;
