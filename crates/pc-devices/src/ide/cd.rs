//! A CD drive: its ATA commands, and how packets and their data go over the bus.

use super::drive::{Drive, Flow, Phase, Request};
use super::spec::*;
use super::{identify, mmc};
use crate::codec::codec_struct;
use device_api::BlockResult;

/// Why a packet's command failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sense {
    pub(super) key: u8,
    pub(super) code: u8,
}
codec_struct!(Sense { key, code });

/// SPEC: mmc-5 :: Sense Key, ASC and ASCQ assignments -> key, additional sense code
impl Sense {
    pub(super) const NONE: Self = Self { key: 0, code: 0 };
    pub(super) const NO_MEDIUM: Self = Self { key: 2, code: 0x3a };
    pub(super) const REMOVAL_PREVENTED: Self = Self { key: 2, code: 0x53 };
    pub(super) const READ_ERROR: Self = Self { key: 3, code: 0x11 };
    pub(super) const UNKNOWN_COMMAND: Self = Self { key: 5, code: 0x20 };
    pub(super) const OUT_OF_RANGE: Self = Self { key: 5, code: 0x21 };
    pub(super) const INVALID_FIELD: Self = Self { key: 5, code: 0x24 };
    pub(super) const OTHER_MEDIUM: Self = Self { key: 5, code: 0x30 };
    pub(super) const NOT_SAVED: Self = Self { key: 5, code: 0x39 };
    pub(super) const MEDIUM_CHANGED: Self = Self { key: 6, code: 0x28 };
}

/// State of the tray, and events for the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cd {
    pub(super) sense: Sense,
    pub(super) open: bool,
    pub(super) locked: bool,
    /// 2: the host has yet to see the drive empty, 1: and then the new medium
    pub(super) changed: u8,
    /// Events for GET EVENT STATUS NOTIFICATION
    pub(super) new_medium: bool,
    pub(super) eject_wanted: bool,
    /// Bytes that the host takes at a time: the byte count limit
    pub(super) limit: u32,
    /// Bytes of the answer that are yet to come, those in the buffer too
    pub(super) bytes: u64,
    /// The packet's command goes by DMA
    pub(super) by_dma: bool,
    /// Sectors with their headers: 2352 bytes
    pub(super) raw: bool,
}
codec_struct!(Cd { sense, open, locked, changed, new_medium, eject_wanted, limit, bytes, by_dma, raw });

impl Cd {
    /// RESET#: the tray stays as it is.
    pub(super) fn reset(&mut self) {
        let Self { open, changed, .. } = *self;
        *self = Self { open, changed, ..Self::default() };
    }

    /// The medium was changed; the tray is closed.
    pub(super) fn change(&mut self, open: bool) {
        self.open = open;
        self.changed = if open { 0 } else { 2 };
        self.new_medium = !open;
        self.eject_wanted = false;
    }
}

impl Drive {
    /// A command is written to a CD drive.
    pub(super) fn cd_command(&mut self, code: u8) {
        match code {
            command::PACKET => self.request_packet(),
            command::IDENTIFY_PACKET_DEVICE => self.answer(identify::cd(self)),
            command::DEVICE_RESET => {
                // SPEC: ata-atapi-6 :: DEVICE RESET -> signature, no interrupt
                self.soft_reset();
                self.error = 1;
            }
            // SPEC: ata-atapi-6 :: IDENTIFY DEVICE -> packet devices abort it, with their signature
            command::IDENTIFY_DEVICE | command::READ_SECTORS => {
                self.sign_but_device();
                self.abort();
            }
            command::SET_FEATURES => match self.task.features.last {
                0x82 => self.abort(),
                _ => self.set_features(),
            },
            command::FLUSH_CACHE => self.done(),
            command::NOP => self.abort(),
            _ => self.power(code),
        }
    }

    fn sign_but_device(&mut self) {
        let device = self.task.device;
        self.sign();
        self.task.device = device;
    }

    /// SPEC: ata-atapi-6 :: PACKET -> the packet is asked for without an interrupt; overlapped commands are not supported
    fn request_packet(&mut self) {
        let features = self.task.features.last;
        if features & 2 != 0 {
            return self.abort();
        }
        self.cd.by_dma = features & 1 != 0;
        self.flow = Flow::Packet;
        self.buffer = vec![0; 12];
        self.transfer(Phase::DataOut, 12, false);
        self.reason(Reason::CD);
    }

    fn reason(&mut self, reason: Reason) {
        self.task.count.last = self.task.count.last & !7 | reason.bits();
    }

    /// The packet is there.
    pub(super) fn packet(&mut self) {
        let mut packet = [0; 12];
        for (to, from) in packet.iter_mut().zip(&self.buffer) {
            *to = *from;
        }
        self.stop();
        let limit = u32::from(self.task.mid.last) | u32::from(self.task.high.last) << 8;
        // SPEC: ata-atapi-6 :: PACKET -> byte count limit: FFFFh is taken as FFFEh, odd limits hold for the last block alone
        self.cd.limit = limit.min(0xfffe);
        match mmc::execute(self, packet) {
            mmc::Reply::Done => self.packet_done(),
            mmc::Reply::Fail(sense) => self.packet_failed(sense),
            mmc::Reply::Attention(sense) => self.attention(sense),
            mmc::Reply::Data(bytes) if bytes.is_empty() => self.packet_done(),
            mmc::Reply::Data(bytes) => {
                self.cd.bytes = bytes.len() as u64;
                self.buffer = bytes;
                self.flow = if self.cd.by_dma { Flow::ReplyDma } else { Flow::Reply };
                self.next_bytes();
            }
            mmc::Reply::Sectors { lba, count, raw } => {
                (self.lba, self.left, self.cd.raw) = (lba, count, raw);
                self.cd.bytes = u64::from(count) * self.sector_bytes();
                self.flow = if self.cd.by_dma { Flow::CdReadDma } else { Flow::CdRead };
                self.next_bytes();
            }
        }
    }

    fn sector_bytes(&self) -> u64 {
        if self.cd.raw { 2352 } else { CD_SECTOR }
    }

    fn packet_done(&mut self) {
        self.cd.sense = Sense::NONE;
        self.done();
        self.reason(Reason::CD | Reason::IO);
    }

    /// SPEC: ata-atapi-6 :: PACKET -> CHK is the ERR bit; the error register has the sense key in bits 7:4
    fn packet_failed(&mut self, sense: Sense) {
        self.cd.sense = sense;
        self.fail(ErrorBits::from_bits_retain(sense.key << 4));
        // Illegal requests have ABRT set too.
        if sense.key == 5 {
            self.error |= ErrorBits::ABRT.bits();
        }
        self.status |= Status::DSC;
        self.reason(Reason::CD | Reason::IO);
    }

    fn attention(&mut self, sense: Sense) {
        self.packet_failed(sense);
        // MCR: the medium was changed
        self.error |= 1 << 3;
    }

    /// Transfers the next bytes of the data, requests them from the medium, or ends the command.
    fn next_bytes(&mut self) {
        if self.cd.bytes == 0 {
            return self.packet_done();
        }
        let have = self.buffer.len() as u64;
        let wanted = match self.cd.by_dma {
            true => self.cd.bytes.min(u64::from(CD_CHUNK) * self.sector_bytes()),
            false if self.cd.limit == 0 => {
                self.cd.sense = Sense::NONE;
                return self.abort();
            }
            // An odd limit is one less for all blocks but the last.
            false if u64::from(self.cd.limit) < self.cd.bytes => u64::from(self.cd.limit & !1).max(2),
            false => self.cd.bytes,
        };
        if have < wanted && self.left > 0 {
            let count = self.left.min(CD_CHUNK);
            return self.submit(Request::read(self.lba * CD_SECTOR, count * CD_SECTOR as u32));
        }
        let len = wanted.min(have) as u32;
        if self.cd.by_dma {
            self.transfer(Phase::Dma, len, false);
        } else {
            self.transfer(Phase::DataIn, len, true);
            let [mid, high, ..] = len.to_le_bytes();
            (self.task.mid.last, self.task.high.last) = (mid, high);
        }
        self.reason(Reason::IO);
    }

    /// The host has what was handed on.
    pub(super) fn cd_drained(&mut self) {
        let len = (self.end as usize).min(self.buffer.len());
        self.buffer.drain(..len);
        self.cd.bytes = self.cd.bytes.saturating_sub(len as u64);
        if len == 0 {
            self.cd.bytes = 0;
        }
        self.phase = Phase::Idle;
        (self.at, self.end) = (0, 0);
        self.next_bytes();
    }

    /// The medium has answered with sectors.
    pub(super) fn cd_completed(&mut self, result: BlockResult) {
        let Ok(bytes) = result else { return self.packet_failed(Sense::READ_ERROR) };
        let count = self.left.min(CD_CHUNK);
        for n in 0..count {
            let at = n as usize * CD_SECTOR as usize;
            let mut sector = bytes.get(at..).unwrap_or(&[]).to_vec();
            sector.resize(CD_SECTOR as usize, 0);
            if self.cd.raw {
                self.buffer.extend(mmc::raw_sector(self.lba + u64::from(n), &sector));
            } else {
                self.buffer.extend(sector);
            }
        }
        self.lba += u64::from(count);
        self.left -= count;
        self.next_bytes();
    }
}

/// Sectors of a CD that one request of the medium reads, at most.
const CD_CHUNK: u32 = 64;
