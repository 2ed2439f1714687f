//! Names from the 82077AA and 82078 data sheets.

use bitflags::bitflags;

/// First port
pub(super) const BASE: u16 = 0x3f0;
/// Registers, as offsets from [`BASE`]. Offset 6 is the disk's.
pub(super) mod offset {
    pub(crate) const SRA: u16 = 0;
    pub(crate) const SRB: u16 = 1;
    pub(crate) const DOR: u16 = 2;
    pub(crate) const TDR: u16 = 3;
    /// Main status (read), data rate select (write)
    pub(crate) const MSR_DSR: u16 = 4;
    pub(crate) const FIFO: u16 = 5;
    /// Digital input (read), configuration control (write)
    pub(crate) const DIR_CCR: u16 = 7;
}

bitflags! {
    /// Status register A.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Sra: u8 {
        /// There is no second drive
        const NO_DRIVE_2 = 1 << 6;
        /// Interrupt pending
        const INT_PENDING = 1 << 7;
    }

    /// Status register B.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Srb: u8 {
        /// Motor of drive 0
        const MOTOR_0 = 1 << 0;
        /// Motor of drive 1
        const MOTOR_1 = 1 << 1;
        /// Drive select 0
        const DRIVE_0 = 1 << 5;
        /// Always set
        const ONES = 3 << 6;
    }

    /// Digital output register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Dor: u8 {
        /// Drive select
        const SELECT = 3;
        /// Low: in reset
        const NOT_RESET = 1 << 2;
        /// Interrupt and DMA request reach the bus
        const DMA_GATE = 1 << 3;
        /// Motor of drive 0; the others follow
        const MOTOR_0 = 1 << 4;
        /// Motor of drive 1
        const MOTOR_1 = 1 << 5;
    }

    /// Main status register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Msr: u8 {
        /// A command is under way
        const CMD_BUSY = 1 << 4;
        /// Execution phase without DMA
        const NON_DMA = 1 << 5;
        /// The data register is to be read
        const DIO = 1 << 6;
        /// The data register is ready
        const RQM = 1 << 7;
    }

    /// Data rate select register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Dsr: u8 {
        /// Data rate
        const RATE = 3;
        /// Software reset, clears itself
        const RESET = 1 << 7;
    }

    /// Status register 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct St0: u8 {
        /// Drive and head
        const UNIT = 3;
        /// Head
        const HEAD = 1 << 2;
        /// Equipment check: no track 0 found
        const EQUIPMENT = 1 << 4;
        /// A seek has ended
        const SEEK_END = 1 << 5;
        /// Interrupt code: abnormal termination
        const ABNORMAL = 1 << 6;
        /// Interrupt code: invalid command
        const INVALID = 1 << 7;
        /// Interrupt code: found by polling, after reset
        const POLLING = Self::ABNORMAL.bits() | Self::INVALID.bits();
    }

    /// Status register 1.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct St1: u8 {
        /// Missing address mark
        const MISSING_MARK = 1 << 0;
        /// Not writable
        const NOT_WRITABLE = 1 << 1;
        /// No data: the sector is not there
        const NO_DATA = 1 << 2;
        /// Overrun or underrun
        const OVERRUN = 1 << 4;
        /// Data error
        const DATA_ERROR = 1 << 5;
        /// End of cylinder: beyond the last sector without a terminal count
        const END_OF_CYLINDER = 1 << 7;
    }

    /// Status register 2.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct St2: u8 {
        /// Scan not satisfied
        const SCAN_NOT_SATISFIED = 1 << 2;
        /// Scan equal hit
        const SCAN_EQUAL = 1 << 3;
        /// Wrong cylinder
        const WRONG_CYLINDER = 1 << 4;
        /// The error is in the data field
        const DATA_FIELD = 1 << 5;
        /// The other kind of data mark
        const CONTROL_MARK = 1 << 6;
    }

    /// Status register 3.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct St3: u8 {
        /// Head
        const HEAD = 1 << 2;
        /// Always set
        const ONES = 1 << 3 | 1 << 5;
        /// At track 0
        const TRACK_0 = 1 << 4;
        /// Write protected
        const PROTECTED = 1 << 6;
    }

    /// Second parameter of CONFIGURE.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Config: u8 {
        /// FIFO threshold
        const THRESHOLD = 15;
        /// Polling disabled
        const NO_POLL = 1 << 4;
        /// FIFO disabled
        const NO_FIFO = 1 << 5;
        /// Implied seeks
        const IMPLIED_SEEK = 1 << 6;
    }
}

/// Digital input: the disk was changed
pub(super) const DSKCHG: u8 = 1 << 7;

/// First byte of a command: both sides of a cylinder
pub(super) const MT: u8 = 1 << 7;
/// First byte of a command: double density
pub(super) const MFM: u8 = 1 << 6;
/// First byte of a command: skip sectors with the other kind of data mark
pub(super) const SK: u8 = 1 << 5;

/// What VERSION returns: an enhanced controller
pub(super) const VERSION: u8 = 0x90;
/// What PART ID returns: the 82078 that QEMU has
pub(super) const PART_ID: u8 = 0x41;

/// Bytes of a sector
pub(super) const SECTOR: usize = 512;
/// N of such a sector: 128 << N
pub(super) const SECTOR_CODE: u8 = 2;
/// Nanoseconds until the next sector has come round: a revolution of 200 ms, 18 sectors
pub(super) const READ_ID_NS: u64 = 11_111_111;

/// Data rates of DSR and CCR
pub(super) mod rate {
    pub(crate) const K500: u8 = 0;
    pub(crate) const K300: u8 = 1;
    pub(crate) const K250: u8 = 2;
    pub(crate) const M1: u8 = 3;
}
