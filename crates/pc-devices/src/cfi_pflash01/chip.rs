//! The command interface: what a write to the flash does to it, and what is read.

use super::spec::*;
use crate::codec::{codec_enum, codec_struct};

/// What reads give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// The content
    #[default]
    Array,
    Status,
    Id,
    Query,
}
codec_enum!(Mode { Array, Status, Id, Query });

/// What the next write is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Command,
    ProgramData,
    EraseConfirm,
    LockConfirm,
    BufferCount,
    BufferData,
    BufferConfirm,
}
codec_enum!(Step { Command, ProgramData, EraseConfirm, LockConfirm, BufferCount, BufferData, BufferConfirm });

/// What a write does to the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    /// Bits of these bytes are cleared where those of the values are clear
    Program(Vec<(u32, u8)>),
    /// The sector with this byte is erased
    Erase(u32),
}

/// State beside the content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    mode: Mode,
    step: Step,
    status: u8,
    /// Bytes of the write buffer that are still to come
    left: u16,
    /// Offsets and values in the write buffer
    buffer: Vec<(u32, u8)>,
}
codec_struct!(Chip { mode, step, status, left, buffer });

impl Chip {
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    fn back_to_array(&mut self) {
        let Self { status, .. } = *self;
        *self = Self { status, ..Self::default() };
    }

    fn expect(&mut self, step: Step) {
        (self.mode, self.step) = (Mode::Status, step);
    }

    /// The end of an operation: it is ready, and where the medium takes no writes it has failed.
    fn done(&mut self, read_only: bool, error: Status, effect: Effect) -> Effect {
        self.expect(Step::Command);
        let failed = if read_only { error } else { Status::empty() };
        self.status |= (Status::READY | failed).bits();
        if read_only { Effect::None } else { effect }
    }

    /// Writes `bytes` from `offset` on.
    ///
    /// SPEC: intel-28f640j3 :: Command Definitions -> a command, then its data or its confirmation; a sequence that is none ends in read-array mode
    pub(super) fn write(&mut self, offset: u32, bytes: &[u8], read_only: bool) -> Effect {
        let value = bytes.first().copied().unwrap_or(0);
        match self.step {
            Step::Command => self.command(value),
            Step::ProgramData => {
                let bytes = (offset..).zip(bytes.iter().copied()).collect();
                return self.done(read_only, Status::PROGRAM_ERROR, Effect::Program(bytes));
            }
            Step::EraseConfirm if value == command::CONFIRM => {
                return self.done(read_only, Status::ERASE_ERROR, Effect::Erase(offset));
            }
            Step::LockConfirm if matches!(value, 0x01 | command::CONFIRM) => {
                return self.done(false, Status::empty(), Effect::None);
            }
            Step::BufferCount => {
                self.left = u16::from(value) + 1;
                self.step = Step::BufferData;
            }
            Step::BufferData => {
                let room = BUFFER.saturating_sub(self.buffer.len());
                self.buffer.extend((offset..).zip(bytes.iter().copied()).take(room));
                self.left = self.left.saturating_sub(1);
                if self.left == 0 {
                    self.step = Step::BufferConfirm;
                }
            }
            Step::BufferConfirm if value == command::CONFIRM => {
                let bytes = std::mem::take(&mut self.buffer);
                return self.done(read_only, Status::PROGRAM_ERROR, Effect::Program(bytes));
            }
            Step::EraseConfirm | Step::LockConfirm | Step::BufferConfirm => self.back_to_array(),
        }
        Effect::None
    }

    fn command(&mut self, value: u8) {
        match value {
            command::PROGRAM | command::PROGRAM_ALTERNATE => self.expect(Step::ProgramData),
            command::BLOCK_ERASE => self.expect(Step::EraseConfirm),
            command::BLOCK_LOCK => self.expect(Step::LockConfirm),
            command::WRITE_BUFFER => {
                self.status |= Status::READY.bits();
                self.buffer.clear();
                self.expect(Step::BufferCount);
            }
            command::READ_STATUS => self.expect(Step::Command),
            command::READ_ID => self.mode = Mode::Id,
            command::CFI_QUERY => self.mode = Mode::Query,
            command::CLEAR_STATUS => {
                self.status = 0;
                self.back_to_array();
            }
            // FFh is read array; F0h is tried by software that looks for other flash.
            _ => self.back_to_array(),
        }
    }

    /// Returns the byte at `offset` of a flash of `len` bytes whose content is not read.
    pub(super) fn read(&self, offset: u32, len: u32) -> u8 {
        match self.mode {
            Mode::Array => ERASED,
            Mode::Status => self.status,
            // Manufacturer and device 0, as QEMU's flash
            Mode::Id => 0,
            Mode::Query => query(offset as u8, len),
        }
    }
}

/// Returns the CFI query structure of a flash of `len` bytes, byte-wide.
///
/// SPEC: intel-28f640j3 :: Query Structure Output -> QRY at 10h, command set 1, voltages, timeouts, size, one erase region
fn query(at: u8, len: u32) -> u8 {
    let sectors = (len / SECTOR).saturating_sub(1).to_le_bytes();
    let sector = (SECTOR >> 8).to_le_bytes();
    match at {
        0x10..=0x12 => b"QRY"[usize::from(at - 0x10)],
        0x13 => 0x01,
        0x15 => 0x31,
        0x1b => 0x45,
        0x1c => 0x55,
        0x1f | 0x20 => 0x07,
        0x21 => 0x0a,
        0x23..=0x25 => 0x04,
        0x27 => len.checked_ilog2().unwrap_or(0) as u8,
        0x28 => 0x02,
        0x2a => BUFFER.trailing_zeros() as u8,
        0x2c => 0x01,
        0x2d => sectors[0],
        0x2e => sectors[1],
        0x2f => sector[0],
        0x30 => sector[1],
        0x31..=0x35 => b"PRI10"[usize::from(at - 0x31)],
        0x3f => 0x01,
        _ => 0,
    }
}
