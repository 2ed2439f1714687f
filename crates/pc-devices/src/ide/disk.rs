//! A hard disk: the commands that move sectors.

use super::drive::{CHUNK, Drive, Flow, Phase, Request};
use super::spec::*;
use crate::codec::codec_struct;
use device_api::{BlockError, BlockResult};

/// What commands set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    /// The default geometry of the disk
    pub(super) cylinders: u16,
    /// The geometry that addresses are counted by: INITIALIZE DEVICE PARAMETERS
    pub(super) heads: u8,
    pub(super) sectors: u8,
    /// Sectors of a block of READ MULTIPLE; 0: not enabled
    pub(super) multiple: u8,
    /// Selected transfer mode: bits 7:3 kind, 2:0 number
    pub(super) mode: u8,
    pub(super) write_cache: bool,
    pub(super) smart: bool,
    pub(super) smart_autosave: bool,
    /// Self-tests that were run, the last one's kind
    pub(super) self_tests: u8,
    pub(super) self_test: u8,
    pub(super) standby: bool,
}
codec_struct!(Disk {
    cylinders,
    heads,
    sectors,
    multiple,
    mode,
    write_cache,
    smart,
    smart_autosave,
    self_tests,
    self_test,
    standby,
});

/// Heads, and sectors per track, that a disk reports.
pub(super) const HEADS: u8 = 16;
pub(super) const SECTORS_PER_TRACK: u8 = 63;
/// Sectors of a block of READ MULTIPLE, at most.
pub(super) const MULTIPLE_LIMIT: u8 = 16;
/// Ultra DMA mode 5.
pub(super) const UDMA_5: u8 = 0x45;
/// The last sector that 28 bits of address reach, and one.
pub(super) const LBA28_SECTORS: u64 = 0x0fff_ffff;

impl Disk {
    pub(super) fn new(total: u64) -> Self {
        let track = u64::from(HEADS) * u64::from(SECTORS_PER_TRACK);
        // SPEC: ata-atapi-6 :: IDENTIFY DEVICE -> word 1: at most 16383 cylinders
        let cylinders = (total / track).clamp(2, 16383) as u16;
        Self {
            cylinders,
            heads: HEADS,
            sectors: SECTORS_PER_TRACK,
            multiple: MULTIPLE_LIMIT,
            mode: UDMA_5,
            write_cache: true,
            smart: true,
            smart_autosave: true,
            self_tests: 0,
            self_test: 0,
            standby: false,
        }
    }

    /// SPEC: ata-atapi-6 :: SET FEATURES -> settings stay over a software reset where reverting to defaults was disabled
    pub(super) fn after_soft_reset(&mut self) {
        self.standby = false;
    }
}

impl Drive {
    /// Returns the first sector and the number of sectors that the registers name. `None` where any of them does not exist.
    ///
    /// SPEC: ata-atapi-6 :: Device register -> LBA bit: the address is an LBA, else cylinder, head and sector (from 1)
    pub(super) fn range(&self, extended: bool) -> Option<(u64, u32)> {
        let count = self.task.sectors(extended);
        let first = if extended || self.task.is_lba() {
            self.task.lba(extended)
        } else {
            let cylinder = u64::from(self.task.high.last) << 8 | u64::from(self.task.mid.last);
            let (head, sector) = (u64::from(self.task.device & 0xf), u64::from(self.task.low.last));
            let (heads, sectors) = (u64::from(self.disk.heads), u64::from(self.disk.sectors));
            if sector == 0 || sector > sectors || head >= heads {
                return None;
            }
            (cylinder * heads + head) * sectors + sector - 1
        };
        let end = first.checked_add(count.into())?;
        (end <= self.disk_sectors()).then_some((first, count))
    }

    /// Puts the next sector and the number of sectors to come into the registers.
    fn show_position(&mut self) {
        let (lba, left, extended) = (self.lba, self.left, self.extended);
        if extended || self.task.is_lba() {
            self.task.set_lba(lba, extended);
        } else {
            let (heads, sectors) = (u64::from(self.disk.heads.max(1)), u64::from(self.disk.sectors.max(1)));
            let track = lba / sectors;
            let [low, high, ..] = (track / heads).to_le_bytes();
            (self.task.mid.last, self.task.high.last) = (low, high);
            self.task.device = self.task.device & 0xf0 | (track % heads) as u8;
            self.task.low.last = (lba % sectors) as u8 + 1;
        }
        if extended {
            self.task.set_sectors(left);
        } else {
            self.task.count.last = left as u8;
        }
    }

    /// Begins a command that moves sectors.
    pub(super) fn start(&mut self, flow: Flow, extended: bool, block: u32) {
        let writes = matches!(flow, Flow::Write | Flow::WriteDma);
        let read_only = self.medium.is_none_or(|medium| medium.read_only);
        let Some((lba, left)) = self.range(extended).filter(|_| block > 0 && !(writes && read_only)) else {
            return self.abort();
        };
        (self.lba, self.left, self.block, self.extended, self.flow) = (lba, left, block, extended, flow);
        self.disk.standby = false;
        match flow {
            Flow::Write => self.request_block(false),
            Flow::WriteDma => self.request_dma(),
            _ => self.read_block(),
        }
    }

    /// Sectors of the next block.
    fn next_block(&self) -> u32 {
        self.block.min(self.left)
    }

    fn read_block(&mut self) {
        let len = self.next_block() * SECTOR as u32;
        self.submit(Request::read(self.lba * SECTOR, len));
    }

    fn request_block(&mut self, interrupt: bool) {
        let len = self.next_block() * SECTOR as u32;
        self.buffer = vec![0; len as usize];
        self.transfer(Phase::DataOut, len, interrupt);
    }

    fn request_dma(&mut self) {
        let len = self.next_block() * SECTOR as u32;
        self.buffer = vec![0; len as usize];
        self.transfer(Phase::Dma, len, false);
    }

    /// One block was moved.
    fn advance(&mut self) {
        let moved = self.next_block();
        self.lba += u64::from(moved);
        self.left -= moved;
        self.show_position();
    }

    /// The medium has answered.
    pub(super) fn disk_completed(&mut self, result: BlockResult) {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error) => return self.medium_error(&error),
        };
        match self.flow {
            Flow::Read | Flow::ReadDma => {
                let len = self.next_block() * SECTOR as u32;
                self.buffer = bytes;
                self.buffer.resize(len as usize, 0);
                if self.flow == Flow::Read {
                    self.advance();
                    self.transfer(Phase::DataIn, len, true);
                } else {
                    self.transfer(Phase::Dma, len, false);
                }
            }
            Flow::Write | Flow::WriteDma => {
                self.advance();
                match self.left {
                    0 => self.done(),
                    _ if self.flow == Flow::Write => self.request_block(true),
                    _ => self.request_dma(),
                }
            }
            _ => self.done(),
        }
    }

    /// The host has all of a block, by either way.
    ///
    /// SPEC: ata-atapi-6 :: PIO data-in command protocol -> no interrupt behind the last block
    /// SPEC: ata-atapi-6 :: DMA command protocol -> an interrupt at the end of the command
    pub(super) fn disk_drained(&mut self) {
        let by_dma = self.flow == Flow::ReadDma;
        if by_dma {
            self.advance();
        }
        match self.left {
            0 if by_dma => self.done(),
            0 => {
                self.stop();
                self.status = Status::READY;
            }
            _ => self.read_block(),
        }
    }

    /// The host has filled a block.
    pub(super) fn disk_filled(&mut self) {
        self.submit(Request::write(self.lba * SECTOR, self.end));
    }

    /// SPEC: ata-atapi-6 :: Error register -> UNC: data cannot be read; the address of the sector is in the registers
    /// SPEC: ata-atapi-6 :: Status register -> DF: the device is not able to complete the command
    fn medium_error(&mut self, error: &BlockError) {
        let flow = self.flow;
        if flow != Flow::Flush {
            self.show_position();
        }
        match (flow, error) {
            (Flow::Read | Flow::ReadDma, _) => self.fail(ErrorBits::UNC),
            (_, BlockError::ReadOnly) => self.abort(),
            _ => {
                self.abort();
                self.status |= Status::DF;
            }
        }
    }

    /// How many sectors a block of a command by DMA has: what one request of the medium moves.
    pub(super) const DMA_BLOCK: u32 = CHUNK;
}
