//! Names and ports of the ACPI fixed hardware, shared with whoever writes the FADT and the DSDT.

/// PM1a event block: status word, then enable word
pub const PM1A_EVT: u16 = 0x600;
/// Bytes of the PM1a event block
pub const PM1A_EVT_LEN: u8 = 4;
/// PM1a control block
pub const PM1A_CNT: u16 = 0x604;
/// Bytes of the PM1a control block
pub const PM1A_CNT_LEN: u8 = 2;
/// PM timer
pub const PM_TMR: u16 = 0x608;
/// Bytes of the PM timer
pub const PM_TMR_LEN: u8 = 4;
/// General-purpose event block 0: status bytes, then enable bytes
pub const GPE0: u16 = 0x620;
/// Bytes of the block
pub const GPE0_LEN: u8 = 4;
/// SMI command port
pub const SMI_CMD: u16 = 0xb2;
/// Scratch byte beside the SMI command port
pub const SMI_STS: u16 = 0xb3;
/// Written to [`SMI_CMD`]: sets SCI_EN
pub const ACPI_ENABLE: u8 = 0x02;
/// Written to [`SMI_CMD`]: clears SCI_EN
pub const ACPI_DISABLE: u8 = 0x03;
/// The interrupt of ACPI events: ISA IRQ 9, level triggered
pub const SCI_IRQ: u8 = 9;
/// Frequency of the PM timer in Hz
pub const PM_TMR_HZ: u64 = 3_579_545;
/// Width of the PM timer (TMR_VAL_EXT of the FADT stays clear)
pub const PM_TMR_BITS: u32 = 24;
/// SLP_TYP of S5, soft off
pub const SLP_TYP_S5: u8 = 7;

bitflags::bitflags! {
    /// PM1 status and enable bits; the enable word has no [`Pm1::WAK`], [`Pm1::BM`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Pm1: u16 {
        /// The timer's most significant bit changed
        const TMR = 1 << 0;
        /// Bus master activity (never set here)
        const BM = 1 << 4;
        /// Firmware released the global lock
        const GBL = 1 << 5;
        /// Power button
        const PWRBTN = 1 << 8;
        /// Sleep button
        const SLPBTN = 1 << 9;
        /// RTC alarm
        const RTC = 1 << 10;
        /// Woken up
        const WAK = 1 << 15;
        /// The enable bits
        const ENABLES = Self::TMR.bits() | Self::GBL.bits() | Self::PWRBTN.bits() | Self::SLPBTN.bits() | Self::RTC.bits();
    }

    /// PM1 control bits.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Pm1Control: u16 {
        /// Events raise SCI rather than SMI
        const SCI_EN = 1 << 0;
        /// Bus master reload
        const BM_RLD = 1 << 1;
        /// Global lock release, write only
        const GBL_RLS = 1 << 2;
        /// Sleep type, three bits
        const SLP_TYP = 7 << 10;
        /// Go to sleep, write only
        const SLP_EN = 1 << 13;
    }
}
