//! Names of PORT92.

/// The register
pub(super) const PORT92: u16 = 0x92;
/// INIT# is pulsed when it goes from 0 to 1
pub(super) const INIT_NOW: u8 = 1 << 0;
/// Address line 20 works
pub(super) const ALT_A20_GATE: u8 = 1 << 1;
/// The bits that exist
pub(super) const WRITABLE: u8 = INIT_NOW | ALT_A20_GATE;
