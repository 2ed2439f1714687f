//! Registers of the 82441FX.

pub(super) const VENDOR: u16 = 0x8086;
pub(super) const DEVICE: u16 = 0x1237;
pub(super) const REVISION: u8 = 2;

/// First of the seven programmable attribute map registers, 59h to 5Fh
pub(super) const PAM0: u8 = 0x59;
/// How many there are
pub(super) const PAMS: usize = 7;
/// System management RAM control
pub(super) const SMRAM: u8 = 0x72;

bitflags::bitflags! {
    /// The attributes of a segment, in either half of a PAM register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Attributes: u8 {
        /// Reads go to RAM rather than to PCI
        const READ_ENABLE = 1 << 0;
        /// Writes go to RAM rather than to PCI
        const WRITE_ENABLE = 1 << 1;
    }

    /// The SMRAM register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Smram: u8 {
        /// C_BASE_SEG: the space is A0000h to BFFFFh
        const C_BASE_SEG = 0b010;
        /// There is a space for system management mode
        const G_SMRAME = 1 << 3;
        /// Locked until the next reset
        const D_LCK = 1 << 4;
        /// Data accesses of system management mode go to PCI
        const D_CLS = 1 << 5;
        /// All accesses go to RAM
        const D_OPEN = 1 << 6;
    }
}

/// Where system management RAM lies: in place of the window of the display.
pub(super) const SMRAM_RANGE: (u64, u64) = (0xa_0000, 0x2_0000);
/// Where the segments lie.
pub(super) const SHADOW_RANGE: (u64, u64) = (0xc_0000, 0x4_0000);
