//! A hard disk: which command is which.

use super::disk::MULTIPLE_LIMIT;
use super::drive::{Drive, Flow, Request};
use super::spec::*;
use super::{identify, smart};

impl Drive {
    /// A command is written to a disk.
    pub(super) fn disk_command(&mut self, code: u8) {
        let multiple = self.disk.multiple.into();
        let dma = Self::DMA_BLOCK;
        match code {
            command::READ_SECTORS | command::READ_SECTORS_ONCE => self.start(Flow::Read, false, 1),
            command::READ_SECTORS_EXT => self.start(Flow::Read, true, 1),
            command::READ_MULTIPLE => self.start(Flow::Read, false, multiple),
            command::READ_MULTIPLE_EXT => self.start(Flow::Read, true, multiple),
            command::READ_DMA | command::READ_DMA_ONCE => self.start(Flow::ReadDma, false, dma),
            command::READ_DMA_EXT => self.start(Flow::ReadDma, true, dma),
            command::WRITE_SECTORS | command::WRITE_SECTORS_ONCE | command::WRITE_VERIFY => {
                self.start(Flow::Write, false, 1);
            }
            command::WRITE_SECTORS_EXT => self.start(Flow::Write, true, 1),
            command::WRITE_MULTIPLE => self.start(Flow::Write, false, multiple),
            command::WRITE_MULTIPLE_EXT => self.start(Flow::Write, true, multiple),
            command::WRITE_DMA | command::WRITE_DMA_ONCE => self.start(Flow::WriteDma, false, dma),
            command::WRITE_DMA_EXT => self.start(Flow::WriteDma, true, dma),
            command::READ_VERIFY | command::READ_VERIFY_ONCE => self.verify(false),
            command::READ_VERIFY_EXT => self.verify(true),
            command::FLUSH_CACHE | command::FLUSH_CACHE_EXT => {
                self.flow = Flow::Flush;
                self.submit(Request::FLUSH);
            }
            command::IDENTIFY_DEVICE => self.answer(identify::disk(self)),
            command::SET_FEATURES => self.set_features(),
            command::SET_MULTIPLE_MODE => self.set_multiple(),
            command::INITIALIZE_DEVICE_PARAMETERS => self.set_geometry(),
            command::READ_NATIVE_MAX => self.native_max(false),
            command::READ_NATIVE_MAX_EXT => self.native_max(true),
            command::SMART => smart::command(self),
            // RECALIBRATE and SEEK, with any step rate
            0x10..=0x1f | 0x70..=0x7f => self.done(),
            command::SECURITY_FREEZE_LOCK => self.done(),
            _ => self.power(code),
        }
    }

    /// SPEC: ata-atapi-6 :: READ VERIFY SECTOR(S) -> as a read, without data
    fn verify(&mut self, extended: bool) {
        match self.range(extended) {
            Some(_) => self.done(),
            None => self.abort(),
        }
    }

    /// The commands of power management, which disks and CD drives have; others are aborted.
    ///
    /// SPEC: ata-atapi-6 :: CHECK POWER MODE -> sector count: 00h standby, FFh active or idle
    pub(super) fn power(&mut self, code: u8) {
        // The second codes are those of ATA-1.
        match code {
            command::STANDBY_IMMEDIATE | command::STANDBY | command::SLEEP | 0x94 | 0x96 | 0x99 => {
                self.disk.standby = true;
                self.done();
            }
            command::IDLE_IMMEDIATE | command::IDLE | 0x95 | 0x97 => {
                self.disk.standby = false;
                self.done();
            }
            command::CHECK_POWER_MODE | 0x98 => {
                self.task.count.last = if self.disk.standby { 0 } else { 0xff };
                self.done();
            }
            _ => self.abort(),
        }
    }

    /// SPEC: ata-atapi-6 :: SET FEATURES -> subcommand in the features register, its parameter in the sector count
    pub(super) fn set_features(&mut self) {
        match self.task.features.last {
            0x02 => self.disk.write_cache = true,
            0x82 => {
                // What is in the cache is written before it is switched off.
                self.disk.write_cache = false;
                self.flow = Flow::Flush;
                return self.submit(Request::FLUSH);
            }
            0x03 => {
                let mode = self.task.count.last;
                let known = match mode >> 3 {
                    // PIO: default, default without IORDY, flow control modes
                    0 | 1 => mode & 7 <= 4,
                    // Multiword and Ultra DMA
                    4 => mode & 7 <= 2,
                    8 => mode & 7 <= 5,
                    _ => false,
                };
                if !known {
                    return self.abort();
                }
                self.disk.mode = mode;
            }
            // Read look-ahead, reverting to defaults, power management, acoustics: accepted, without an effect.
            0xaa | 0x55 | 0x05 | 0x85 | 0x69 | 0x67 | 0x96 | 0x9a | 0x42 | 0xc2 | 0x66 | 0xcc => {}
            _ => return self.abort(),
        }
        self.done();
    }

    /// SPEC: ata-atapi-6 :: SET MULTIPLE MODE -> a power of two up to the limit; 0 disables
    fn set_multiple(&mut self) {
        let count = self.task.count.last;
        if count > MULTIPLE_LIMIT || count != 0 && !count.is_power_of_two() {
            return self.abort();
        }
        self.disk.multiple = count;
        self.done();
    }

    /// SPEC: ata-atapi-5 :: INITIALIZE DEVICE PARAMETERS -> heads less one in the device register, sectors in the sector count
    fn set_geometry(&mut self) {
        if self.task.count.last == 0 {
            return self.abort();
        }
        self.disk.heads = (self.task.device & 0xf) + 1;
        self.disk.sectors = self.task.count.last;
        self.done();
    }

    /// SPEC: ata-atapi-6 :: READ NATIVE MAX ADDRESS -> the last sector; without EXT the last one that 28 bits reach
    fn native_max(&mut self, extended: bool) {
        let total = self.disk_sectors();
        let limit = if extended { 1 << 48 } else { 1 << 28 };
        let last = total.min(limit).saturating_sub(1);
        if extended || self.task.is_lba() {
            self.task.set_lba(last, extended);
            return self.done();
        }
        let (heads, sectors) = (u64::from(self.disk.heads.max(1)), u64::from(self.disk.sectors.max(1)));
        let track = last / sectors;
        let [low, high, ..] = (track / heads).min(0xffff).to_le_bytes();
        (self.task.mid.last, self.task.high.last) = (low, high);
        self.task.device = self.task.device & 0xf0 | (track % heads) as u8;
        self.task.low.last = (last % sectors) as u8 + 1;
        self.done();
    }
}
