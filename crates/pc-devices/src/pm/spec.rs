//! Registers of the 82371AB, function 3, and of the ACPI fixed hardware in it.

pub(super) const VENDOR: u16 = 0x8086;
pub(super) const DEVICE: u16 = 0x7113;
pub(super) const REVISION: u8 = 3;

/// Configuration: base of the power management registers, 64 ports
pub(super) const PMBA: u8 = 0x40;
/// Configuration: first register of device monitors, which monitor nothing here
pub(super) const CNTA: u8 = 0x44;
/// Configuration: device activity B, a dword
pub(super) const DEVACTB: u8 = 0x58;
/// DEVACTB: a write to [`APMC`] is a system management interrupt
pub(super) const DEVACTB_APMC_EN: u32 = 1 << 25;
/// Configuration: what firmware finds of ISA devices: LPT, then COM and floppy
pub(super) const DEVRESA: u8 = 0x5c;
/// Configuration: enables the ports at [`PMBA`]
pub(super) const PMREGMISC: u8 = 0x80;
/// PMREGMISC: the ports answer
pub(super) const PMIOSE: u8 = 1 << 0;
/// Configuration: base of the SMBus host controller, 16 ports
pub(super) const SMBBA: u8 = 0x90;
/// Configuration: enables the SMBus host controller
pub(super) const SMBHSTCFG: u8 = 0xd2;
/// SMBHSTCFG: the controller answers
pub(super) const SMB_HST_EN: u8 = 1 << 0;
/// SMBHSTCFG: interrupt select
pub(super) const SMB_INTRSEL: u8 = 7 << 1;
/// SMBHSTCFG: the controller's interrupt is IRQ 9
pub(super) const SMB_IRQ9: u8 = 4 << 1;

/// Where the power management registers are after a reset
pub const PM_BASE: u16 = 0x600;
/// Ports of the power management registers
pub const PM_LEN: u16 = 64;
/// Ports of the SMBus host controller
pub(super) const SMB_LEN: u16 = 16;

/// PM1a event block: status word, then enable word; from the base on, as all that follow
pub const PM1A_EVT: u16 = 0;
/// PM1a control block
pub const PM1A_CNT: u16 = 4;
/// PM timer
pub const PM_TMR: u16 = 8;
/// General-purpose event block 0: status word, then enable word
pub const GPE0: u16 = 0xafe0;
/// Bytes of the block
pub const GPE0_LEN: u8 = 4;
/// Advanced power management control: the SMI command port
pub const APMC: u16 = 0xb2;
/// Advanced power management status, a byte beside it
pub const APMS: u16 = 0xb3;
/// Written to [`APMC`]: sets SCI_EN
pub const ACPI_ENABLE: u8 = 0xf1;
/// Written to [`APMC`]: clears SCI_EN
pub const ACPI_DISABLE: u8 = 0xf0;
/// The interrupt of ACPI events: ISA IRQ 9, level triggered
pub const SCI_IRQ: u8 = 9;
/// Frequency of the PM timer in Hz
pub const PM_TMR_HZ: u64 = 3_579_545;
/// Width of the PM timer (TMR_VAL_EXT of the FADT stays clear)
pub const PM_TMR_BITS: u32 = 24;
/// SLP_TYP of S5, soft off
///
/// SPEC: intel-82371ab :: PMCNTRL—Power Management Control Register -> SUS_TYP 000 is soft off
pub const SLP_TYP_S5: u8 = 0;

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

    /// Status of the SMBus host controller.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct SmbStatus: u8 {
        /// A transaction is on its way (never seen here)
        const HOST_BUSY = 1 << 0;
        /// A transaction has completed
        const INTER = 1 << 1;
        /// No device answered
        const DEV_ERR = 1 << 2;
        /// The bus was lost
        const BUS_ERR = 1 << 3;
        /// A transaction was killed
        const FAILED = 1 << 4;
    }

    /// Control of the SMBus host controller.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct SmbControl: u8 {
        /// The end of a transaction interrupts
        const INTEREN = 1 << 0;
        /// Ends the transaction
        const KILL = 1 << 1;
        /// The protocol of the transaction
        const SMB_CMD_PROT = 7 << 2;
        /// Starts a transaction, write only
        const START = 1 << 6;
    }
}

/// SMBus host controller: status, control, command, address, two data bytes, block data; from its base on.
pub(super) mod smb {
    pub(in super::super) const HSTSTS: u16 = 0;
    pub(in super::super) const HSTCNT: u16 = 2;
    pub(in super::super) const HSTCMD: u16 = 3;
    pub(in super::super) const HSTDAT1: u16 = 6;
    pub(in super::super) const BLKDAT: u16 = 7;
    /// Bytes of the block buffer
    pub(in super::super) const BLOCK: usize = 32;
}
