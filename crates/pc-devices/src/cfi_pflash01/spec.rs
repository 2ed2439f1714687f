//! Commands and registers of flash memory with the Intel command set.

/// Bytes that are erased at once
pub(super) const SECTOR: u32 = 4096;
/// Bytes of the write buffer
pub(super) const BUFFER: usize = 256;
/// What erased bytes are
pub(super) const ERASED: u8 = 0xff;

/// Commands, the first bytes of a sequence.
///
/// SPEC: intel-28f640j3 :: Command Definitions -> the codes
pub(super) mod command {
    pub(in super::super) const PROGRAM_ALTERNATE: u8 = 0x10;
    pub(in super::super) const BLOCK_ERASE: u8 = 0x20;
    pub(in super::super) const PROGRAM: u8 = 0x40;
    pub(in super::super) const CLEAR_STATUS: u8 = 0x50;
    pub(in super::super) const BLOCK_LOCK: u8 = 0x60;
    pub(in super::super) const READ_STATUS: u8 = 0x70;
    pub(in super::super) const READ_ID: u8 = 0x90;
    pub(in super::super) const CFI_QUERY: u8 = 0x98;
    pub(in super::super) const CONFIRM: u8 = 0xd0;
    pub(in super::super) const WRITE_BUFFER: u8 = 0xe8;
}

bitflags::bitflags! {
    /// The status register.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Status: u8 {
        /// Programming failed
        const PROGRAM_ERROR = 1 << 4;
        /// Erasing failed
        const ERASE_ERROR = 1 << 5;
        /// An operation has completed
        const READY = 1 << 7;
    }
}
