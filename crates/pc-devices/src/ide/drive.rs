//! A drive: its registers, and the phases that every command is made of.

use super::cd::Cd;
use super::disk::Disk;
use super::spec::*;
use super::task_file::TaskFile;
use crate::codec::{Codec, codec_enum, codec_struct};
use device_api::{BlockInfo, BlockOp, BlockResult};

/// What a drive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing is connected
    Absent,
    /// `ide-hd`
    Disk,
    /// `ide-cd`
    Cd,
}

/// What a drive is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) model: String,
    pub(super) serial: String,
    /// Firmware revision
    pub(super) revision: String,
}

/// What happens now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for a command
    Idle,
    /// The host reads the buffer by the data register
    DataIn,
    /// The host fills the buffer by the data register
    DataOut,
    /// A request of the medium is on its way
    Medium,
    /// Data waits for the bus master
    Dma,
}
codec_enum!(Phase { Idle, DataIn, DataOut, Medium, Dma });

/// Which command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    None,
    /// One buffer to the host: identification, SMART data
    Identify,
    Read,
    Write,
    ReadDma,
    WriteDma,
    Flush,
    /// The packet of a PACKET command
    Packet,
    /// What a packet's command answers
    Reply,
    ReplyDma,
    /// Sectors of a CD
    CdRead,
    CdReadDma,
}
codec_enum!(Flow {
    None,
    Identify,
    Read,
    Write,
    ReadDma,
    WriteDma,
    Flush,
    Packet,
    Reply,
    ReplyDma,
    CdRead,
    CdReadDma
});

/// A request of the medium. The bytes of a write are the buffer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// 0: read, 1: write, 2: flush
    kind: u8,
    offset: u64,
    len: u32,
}
codec_struct!(Request { kind, offset, len });

impl Request {
    pub(super) fn read(offset: u64, len: u32) -> Self {
        Self { kind: 0, offset, len }
    }
    pub(super) fn write(offset: u64, len: u32) -> Self {
        Self { kind: 1, offset, len }
    }
    pub(super) const FLUSH: Self = Self { kind: 2, offset: 0, len: 0 };
}

/// Sectors that one request of the medium moves, at most.
pub(super) const CHUNK: u32 = 256;

/// A drive with its medium's size, but without the medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drive {
    pub(super) kind: Kind,
    pub(super) names: Names,
    pub(super) medium: Option<BlockInfo>,
    pub(super) task: TaskFile,
    pub(super) status: Status,
    pub(super) error: u8,
    /// An interrupt is pending
    pub(super) intrq: bool,
    pub(super) phase: Phase,
    pub(super) flow: Flow,
    pub(super) request: Option<Request>,
    /// Number of requests made, which identifies a request
    pub(super) asked: u64,
    pub(super) buffer: Vec<u8>,
    /// Next byte of the buffer, and the end of what is in it for this phase
    pub(super) at: u32,
    pub(super) end: u32,
    /// Next sector, and how many there are to come, in the medium's own sectors
    pub(super) lba: u64,
    pub(super) left: u32,
    /// Sectors that are on their way now
    pub(super) block: u32,
    /// The command has 48-bit addresses
    pub(super) extended: bool,
    pub(super) disk: Disk,
    pub(super) cd: Cd,
}

impl Drive {
    pub(super) fn new(kind: Kind, names: Names, medium: Option<BlockInfo>) -> Self {
        let mut drive = Self {
            kind,
            names,
            medium,
            task: TaskFile::with_signature(0, 0),
            status: Status::READY,
            error: 0,
            intrq: false,
            phase: Phase::Idle,
            flow: Flow::None,
            request: None,
            asked: 0,
            buffer: Vec::new(),
            at: 0,
            end: 0,
            lba: 0,
            left: 0,
            block: 0,
            extended: false,
            disk: Disk::default(),
            cd: Cd::default(),
        };
        drive.power_on();
        drive
    }

    /// Power-on, or RESET#.
    pub(super) fn power_on(&mut self) {
        self.stop();
        self.disk = Disk::new(self.disk_sectors());
        self.cd.reset();
        self.intrq = false;
        self.error = 0;
        self.sign();
        self.status = Status::READY;
    }

    /// SRST, or what EXECUTE DEVICE DIAGNOSTIC leaves behind.
    ///
    /// SPEC: ata-atapi-6 :: Software reset -> error register 01h, signature; packet devices leave DRDY cleared
    pub(super) fn soft_reset(&mut self) {
        self.stop();
        self.intrq = false;
        self.sign();
        self.error = 1;
        self.status = if self.kind == Kind::Cd { Status::empty() } else { Status::READY };
        self.disk.after_soft_reset();
    }

    /// Puts the signature of the kind of device into the registers.
    ///
    /// SPEC: ata-atapi-6 :: Signature and persistence -> 00h 00h, of packet devices 14h EBh
    pub(super) fn sign(&mut self) {
        let (mid, high) = match self.kind {
            Kind::Disk => (0, 0),
            Kind::Cd => (0x14, 0xeb),
            Kind::Absent => (0xff, 0xff),
        };
        self.task = TaskFile::with_signature(mid, high);
    }

    /// Ends whatever runs.
    pub(super) fn stop(&mut self) {
        self.phase = Phase::Idle;
        self.flow = Flow::None;
        self.request = None;
        self.buffer.clear();
        (self.at, self.end) = (0, 0);
    }

    /// Bytes of the medium; 0 where there is none.
    pub(super) fn bytes(&self) -> u64 {
        self.medium.map_or(0, |medium| medium.bytes)
    }

    /// Sectors of a disk.
    pub(super) fn disk_sectors(&self) -> u64 {
        self.bytes() / SECTOR
    }

    /// Returns whether the command registers may be written.
    pub(super) fn is_busy(&self) -> bool {
        self.status.intersects(Status::BSY | Status::DRQ)
    }

    /// The command register is written.
    pub(super) fn command(&mut self, code: u8) {
        let is_reset = code == command::DEVICE_RESET && self.kind == Kind::Cd;
        if self.is_busy() && !is_reset {
            return;
        }
        self.intrq = false;
        self.error = 0;
        self.stop();
        self.status = Status::READY;
        match self.kind {
            Kind::Disk => self.disk_command(code),
            Kind::Cd => self.cd_command(code),
            Kind::Absent => self.abort(),
        }
    }

    /// Ends the command well.
    pub(super) fn done(&mut self) {
        self.stop();
        self.status = Status::READY;
        self.intrq = true;
    }

    /// Ends the command with an error.
    pub(super) fn fail(&mut self, error: ErrorBits) {
        self.stop();
        self.error = error.bits();
        self.status = Status::DRDY | Status::ERR;
        self.intrq = true;
    }

    /// SPEC: ata-atapi-6 :: Error register -> ABRT: the command is not supported, or cannot be done
    pub(super) fn abort(&mut self) {
        self.fail(ErrorBits::ABRT);
    }

    /// Submits a request to the medium.
    pub(super) fn submit(&mut self, request: Request) {
        self.request = Some(request);
        self.asked = self.asked.wrapping_add(1);
        self.phase = Phase::Medium;
        self.status = Status::READY | Status::BSY;
    }

    /// Hands `end` bytes of the buffer to the host, or takes as many.
    pub(super) fn transfer(&mut self, phase: Phase, end: u32, interrupt: bool) {
        (self.at, self.end) = (0, end);
        self.phase = phase;
        self.status = Status::READY | Status::DRQ;
        self.intrq |= interrupt;
    }

    /// Answers a command with one buffer.
    pub(super) fn answer(&mut self, bytes: Vec<u8>) {
        let end = bytes.len() as u32;
        self.buffer = bytes;
        self.flow = Flow::Identify;
        self.transfer(Phase::DataIn, end, true);
    }

    /// Returns what the medium is to do now.
    pub(super) fn operation(&self) -> Option<BlockOp> {
        let Request { kind, offset, len } = self.request?;
        Some(match kind {
            0 => BlockOp::Read { offset, len },
            1 => {
                let data = self.buffer.get(..len as usize).unwrap_or(&self.buffer).to_vec();
                BlockOp::Write { offset, data }
            }
            _ => BlockOp::Flush,
        })
    }

    /// Handles a completed request.
    pub(super) fn completed(&mut self, result: BlockResult) {
        if self.request.take().is_none() {
            return;
        }
        match self.flow {
            Flow::CdRead | Flow::CdReadDma => self.cd_completed(result),
            _ => self.disk_completed(result),
        }
    }

    /// The data register is read: up to four bytes. What the buffer does not have reads as zeros.
    ///
    /// SPEC: ata-atapi-6 :: PIO data-in command protocol -> the last word of a block clears DRQ
    #[inline]
    pub(super) fn data_in(&mut self, out: &mut [u8]) {
        if self.phase != Phase::DataIn {
            return;
        }
        let at = self.at as usize;
        let len = out.len().min((self.end as usize).saturating_sub(at));
        if let (Some(from), Some(to)) = (self.buffer.get(at..at + len), out.get_mut(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len as u32;
        if self.at >= self.end {
            self.drained();
        }
    }

    /// The data register is written: up to four bytes.
    #[inline]
    pub(super) fn data_out(&mut self, bytes: &[u8]) {
        if self.phase != Phase::DataOut {
            return;
        }
        let at = self.at as usize;
        let len = bytes.len().min((self.end as usize).saturating_sub(at));
        if let (Some(to), Some(from)) = (self.buffer.get_mut(at..at + len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at += len as u32;
        if self.at >= self.end {
            match self.flow {
                Flow::Packet => self.packet(),
                _ => self.disk_filled(),
            }
        }
    }

    /// The host has read the whole block.
    fn drained(&mut self) {
        match self.flow {
            Flow::Read => self.disk_drained(),
            Flow::Reply | Flow::CdRead => self.cd_drained(),
            _ => {
                self.stop();
                self.status = Status::READY;
            }
        }
    }

    /// Returns whether data goes to memory, where the bus master is to move some.
    pub(super) fn dma_to_memory(&self) -> Option<bool> {
        (self.phase == Phase::Dma).then_some(self.flow != Flow::WriteDma)
    }

    /// Returns the bytes that the bus master moves, in either direction.
    pub(super) fn dma_bytes(&mut self) -> &mut [u8] {
        let end = (self.end as usize).min(self.buffer.len());
        self.buffer.get_mut(self.at as usize..end).unwrap_or(&mut [])
    }

    /// The bus master has moved all that [`Drive::dma_bytes`] returned, or, where `whole` is not set, its descriptors have
    /// come to their end before.
    ///
    /// SPEC: bus-master-ide-1.0 :: Bus Master IDE Status Register -> descriptors for less than the drive's data: no interrupt, not active
    pub(super) fn dma_moved(&mut self, whole: bool) {
        if !whole {
            self.stop();
            self.status = Status::READY;
            return;
        }
        match self.flow {
            Flow::ReadDma => self.disk_drained(),
            Flow::WriteDma => self.disk_filled(),
            _ => self.cd_drained(),
        }
    }
}

/// The whole state: what is kept is how the drive was built.
impl Drive {
    pub(super) fn save(&self, out: &mut Vec<u8>) {
        let Self {
            kind,
            names: _,
            medium,
            task,
            status,
            error,
            intrq,
            phase,
            flow,
            request,
            // The numbering of requests restarts.
            asked: _,
            buffer,
            at,
            end,
            lba,
            left,
            block,
            extended,
            disk,
            cd,
        } = self;
        (*kind as u8).put(out);
        medium.map(|medium| medium.bytes).put(out);
        task.put(out);
        status.bits().put(out);
        error.put(out);
        intrq.put(out);
        phase.put(out);
        flow.put(out);
        request.put(out);
        buffer.put(out);
        at.put(out);
        end.put(out);
        lba.put(out);
        left.put(out);
        block.put(out);
        extended.put(out);
        disk.put(out);
        cd.put(out);
    }

    /// Returns this drive in the state that was saved. `None` where the bytes are none, or those of
    /// another kind of drive or a disk of another size.
    pub(super) fn loaded(&self, bytes: &mut &[u8]) -> Option<Self> {
        let kind = u8::get(bytes)?;
        let size: Option<u64> = Codec::get(bytes)?;
        let had = self.medium.map(|medium| medium.bytes);
        if kind != self.kind as u8 || self.kind == Kind::Disk && size != had {
            return None;
        }
        let mut drive = Self {
            kind: self.kind,
            names: self.names.clone(),
            medium: self.medium.filter(|_| size.is_some()),
            task: Codec::get(bytes)?,
            status: Status::from_bits_truncate(Codec::get(bytes)?),
            error: Codec::get(bytes)?,
            intrq: Codec::get(bytes)?,
            phase: Codec::get(bytes)?,
            flow: Codec::get(bytes)?,
            request: Codec::get(bytes)?,
            asked: 0,
            buffer: Codec::get(bytes)?,
            at: Codec::get(bytes)?,
            end: Codec::get(bytes)?,
            lba: Codec::get(bytes)?,
            left: Codec::get(bytes)?,
            block: Codec::get(bytes)?,
            extended: Codec::get(bytes)?,
            disk: Codec::get(bytes)?,
            cd: Codec::get(bytes)?,
        };
        if self.kind == Kind::Cd && size.is_some() && size != had {
            // Another CD lies in the drive, or none: the guest sees that it was changed.
            drive.cd.change(self.medium.is_none());
        }
        Some(drive)
    }
}
