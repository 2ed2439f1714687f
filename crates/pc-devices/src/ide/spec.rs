//! Names from ATA/ATAPI-6, the PIIX3 data sheet and the bus master interface.

use bitflags::bitflags;

/// Ports of the command blocks.
///
/// SPEC: intel-82371sb :: IDE Controller Register Summary -> legacy addresses: 1F0h to 1F7h and 3F6h, 170h to 177h and 376h
pub(super) const COMMAND_PORTS: [u16; 2] = [0x1f0, 0x170];
/// Ports of the control blocks: device control, alternate status.
pub(super) const CONTROL_PORTS: [u16; 2] = [0x3f6, 0x376];
/// Interrupt lines of the channels.
pub(super) const IRQS: [u8; 2] = [14, 15];
/// The base address register of the bus master registers.
pub(super) const BUS_MASTER_BAR: usize = 4;
/// Ports of the bus master registers, and of each channel's part of them.
pub(super) const BUS_MASTER_PORTS: u32 = 16;
/// Offset of the timing registers in configuration space: two words, and the slaves' byte behind them.
///
/// SPEC: intel-82371sb :: IDETIM—IDE Timing Register -> 40h to 43h, reset value 0, read and written
/// SPEC: intel-82371sb :: SIDETIM—Slave IDE Timing Register -> 44h
pub(super) const IDETIM: u8 = 0x40;
/// The channel's ports are decoded, in both words. They are always decoded here, as in the reference machine.
pub(super) const IDE_DECODE_ENABLE: u32 = 0x8000_8000;

/// Bytes of a sector of a disk.
pub(super) const SECTOR: u64 = 512;
/// Bytes of a sector of a CD.
pub(super) const CD_SECTOR: u64 = 2048;

/// Offsets in the command block.
pub(super) mod register {
    pub(in super::super) const DATA: u16 = 0;
    pub(in super::super) const ERROR_FEATURES: u16 = 1;
    pub(in super::super) const SECTOR_COUNT: u16 = 2;
    pub(in super::super) const LBA_LOW: u16 = 3;
    pub(in super::super) const LBA_MID: u16 = 4;
    pub(in super::super) const LBA_HIGH: u16 = 5;
    pub(in super::super) const DEVICE: u16 = 6;
    pub(in super::super) const STATUS_COMMAND: u16 = 7;
}

bitflags! {
    /// The status register.
    ///
    /// SPEC: ata-atapi-6 :: Status register -> BSY, DRDY, DF, DSC (obsolete), DRQ, ERR
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Status: u8 {
        const ERR = 1;
        const DRQ = 1 << 3;
        const DSC = 1 << 4;
        const DF = 1 << 5;
        const DRDY = 1 << 6;
        const BSY = 1 << 7;
        /// A command may be given
        const READY = Self::DRDY.bits() | Self::DSC.bits();
    }

    /// The error register.
    ///
    /// SPEC: ata-atapi-6 :: Error register -> ABRT, and bits of single commands
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct ErrorBits: u8 {
        const ABRT = 1 << 2;
        const UNC = 1 << 6;
    }

    /// The device control register.
    ///
    /// SPEC: ata-atapi-6 :: Device Control register -> nIEN, SRST, HOB
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Control: u8 {
        const NIEN = 1 << 1;
        const SRST = 1 << 2;
        const HOB = 1 << 7;
    }

    /// The device register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct DeviceBits: u8 {
        const DEV = 1 << 4;
        const LBA = 1 << 6;
        /// Always ones, from the days of the ST506
        const ONES = 0xa0;
    }

    /// The interrupt reason: the sector count register of a PACKET command.
    ///
    /// SPEC: ata-atapi-6 :: PACKET -> C/D: command packet, I/O: to the host
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Reason: u8 {
        const CD = 1;
        const IO = 1 << 1;
    }

    /// The bus master command register.
    ///
    /// SPEC: bus-master-ide-1.0 :: Bus Master IDE Command Register -> start/stop; 1: reads the drive, writes memory
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct MasterCommand: u8 {
        const START = 1;
        const TO_MEMORY = 1 << 3;
    }

    /// The bus master status register.
    ///
    /// SPEC: bus-master-ide-1.0 :: Bus Master IDE Status Register -> bits 1 and 2 are cleared by ones; 5 and 6 belong to software
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct MasterStatus: u8 {
        const ACTIVE = 1;
        const ERROR = 1 << 1;
        const INTERRUPT = 1 << 2;
        const DRIVE_0_DMA = 1 << 5;
        const DRIVE_1_DMA = 1 << 6;
    }
}

/// Commands of ATA.
pub(super) mod command {
    pub(in super::super) const NOP: u8 = 0x00;
    pub(in super::super) const DEVICE_RESET: u8 = 0x08;
    pub(in super::super) const READ_SECTORS: u8 = 0x20;
    pub(in super::super) const READ_SECTORS_ONCE: u8 = 0x21;
    pub(in super::super) const READ_SECTORS_EXT: u8 = 0x24;
    pub(in super::super) const READ_DMA_EXT: u8 = 0x25;
    pub(in super::super) const READ_NATIVE_MAX_EXT: u8 = 0x27;
    pub(in super::super) const READ_MULTIPLE_EXT: u8 = 0x29;
    pub(in super::super) const WRITE_SECTORS: u8 = 0x30;
    pub(in super::super) const WRITE_SECTORS_ONCE: u8 = 0x31;
    pub(in super::super) const WRITE_SECTORS_EXT: u8 = 0x34;
    pub(in super::super) const WRITE_DMA_EXT: u8 = 0x35;
    pub(in super::super) const WRITE_MULTIPLE_EXT: u8 = 0x39;
    pub(in super::super) const WRITE_VERIFY: u8 = 0x3c;
    pub(in super::super) const READ_VERIFY: u8 = 0x40;
    pub(in super::super) const READ_VERIFY_ONCE: u8 = 0x41;
    pub(in super::super) const READ_VERIFY_EXT: u8 = 0x42;
    pub(in super::super) const EXECUTE_DEVICE_DIAGNOSTIC: u8 = 0x90;
    pub(in super::super) const INITIALIZE_DEVICE_PARAMETERS: u8 = 0x91;
    pub(in super::super) const PACKET: u8 = 0xa0;
    pub(in super::super) const IDENTIFY_PACKET_DEVICE: u8 = 0xa1;
    pub(in super::super) const SMART: u8 = 0xb0;
    pub(in super::super) const READ_MULTIPLE: u8 = 0xc4;
    pub(in super::super) const WRITE_MULTIPLE: u8 = 0xc5;
    pub(in super::super) const SET_MULTIPLE_MODE: u8 = 0xc6;
    pub(in super::super) const READ_DMA: u8 = 0xc8;
    pub(in super::super) const READ_DMA_ONCE: u8 = 0xc9;
    pub(in super::super) const WRITE_DMA: u8 = 0xca;
    pub(in super::super) const WRITE_DMA_ONCE: u8 = 0xcb;
    pub(in super::super) const STANDBY_IMMEDIATE: u8 = 0xe0;
    pub(in super::super) const IDLE_IMMEDIATE: u8 = 0xe1;
    pub(in super::super) const STANDBY: u8 = 0xe2;
    pub(in super::super) const IDLE: u8 = 0xe3;
    pub(in super::super) const CHECK_POWER_MODE: u8 = 0xe5;
    pub(in super::super) const SLEEP: u8 = 0xe6;
    pub(in super::super) const FLUSH_CACHE: u8 = 0xe7;
    pub(in super::super) const FLUSH_CACHE_EXT: u8 = 0xea;
    pub(in super::super) const IDENTIFY_DEVICE: u8 = 0xec;
    pub(in super::super) const SET_FEATURES: u8 = 0xef;
    pub(in super::super) const SECURITY_FREEZE_LOCK: u8 = 0xf5;
    pub(in super::super) const READ_NATIVE_MAX: u8 = 0xf8;
}

/// Commands of a CD drive, in a PACKET command.
pub(super) mod packet {
    pub(in super::super) const TEST_UNIT_READY: u8 = 0x00;
    pub(in super::super) const REQUEST_SENSE: u8 = 0x03;
    pub(in super::super) const INQUIRY: u8 = 0x12;
    pub(in super::super) const START_STOP_UNIT: u8 = 0x1b;
    pub(in super::super) const PREVENT_ALLOW_MEDIUM_REMOVAL: u8 = 0x1e;
    pub(in super::super) const READ_CAPACITY: u8 = 0x25;
    pub(in super::super) const READ_10: u8 = 0x28;
    pub(in super::super) const SEEK_10: u8 = 0x2b;
    pub(in super::super) const READ_TOC: u8 = 0x43;
    pub(in super::super) const GET_CONFIGURATION: u8 = 0x46;
    pub(in super::super) const GET_EVENT_STATUS: u8 = 0x4a;
    pub(in super::super) const READ_DISC_INFORMATION: u8 = 0x51;
    pub(in super::super) const MODE_SENSE_10: u8 = 0x5a;
    pub(in super::super) const READ_12: u8 = 0xa8;
    pub(in super::super) const READ_DVD_STRUCTURE: u8 = 0xad;
    pub(in super::super) const SET_CD_SPEED: u8 = 0xbb;
    pub(in super::super) const MECHANISM_STATUS: u8 = 0xbd;
    pub(in super::super) const READ_CD: u8 = 0xbe;
}
