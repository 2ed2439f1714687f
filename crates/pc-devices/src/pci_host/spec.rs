//! Registers of the 82441FX.
//!
//! SPEC: intel-82441fx :: 3.2 PCI Configuration Space Mapped Registers -> vendor 8086h, device 1237h

pub(super) const VENDOR: u16 = 0x8086;
pub(super) const DEVICE: u16 = 0x1237;
pub(super) const REVISION: u8 = 2;
/// First of the seven programmable attribute map registers
pub(super) const PAM0: u8 = 0x59;
/// System management RAM control
pub(super) const SMRAM: u8 = 0x72;
