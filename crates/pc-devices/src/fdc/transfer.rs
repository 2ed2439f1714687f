//! The execution phase of commands that move data: sector by sector between a medium, the controller's buffer and the
//! host.

use super::drive::Drive;
use super::end::End;
use super::geometry::Format;
use super::spec::*;
use crate::codec::{codec_enum, codec_struct};
use device_api::BlockError;

/// What is done with the sectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    ReadDeleted,
    ReadTrack,
    Write,
    WriteDeleted,
    Format,
    ScanEqual,
    ScanLowOrEqual,
    ScanHighOrEqual,
}
codec_enum!(Kind {
    Read,
    ReadDeleted,
    ReadTrack,
    Write,
    WriteDeleted,
    Format,
    ScanEqual,
    ScanLowOrEqual,
    ScanHighOrEqual
});

/// What the transfer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The medium
    Medium,
    /// Bytes from or to the host
    Host,
    /// A sector is complete: a terminal count ends the command, another byte continues with the next sector
    Between,
}
codec_enum!(State { Medium, Host, Between });

/// A request to a medium: one sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Io {
    pub(super) unit: u8,
    pub(super) offset: u64,
    pub(super) write: bool,
}

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    kind: Kind,
    state: State,
    /// Both sides of the cylinder
    multi: bool,
    mfm: bool,
    skip: bool,
    unit: u8,
    head: u8,
    /// C, H, R and N of the sector
    cylinder: u8,
    side: u8,
    sector: u8,
    code: u8,
    /// EOT, or sectors of the track for FORMAT TRACK
    last: u8,
    /// DTL, STP, or the fill byte
    extra: u8,
    /// Sectors left to format
    left: u8,
    /// The head moved to get here
    pub(super) seeks: bool,
    /// The terminal count has come
    counted: bool,
    /// READ TRACK has not met the sector that the command names
    missed: bool,
    /// SCAN: whether all bytes were equal so far, and whether they satisfied the condition
    equal: bool,
    satisfied: bool,
    /// Bytes of the sector that went from or to the host
    position: u16,
    /// Identification of a sector to format
    id: [u8; 4],
    buffer: [u8; SECTOR],
}
codec_struct!(Transfer {
    kind,
    state,
    multi,
    mfm,
    skip,
    unit,
    head,
    cylinder,
    side,
    sector,
    code,
    last,
    extra,
    left,
    seeks,
    counted,
    missed,
    equal,
    satisfied,
    position,
    id,
    buffer
});

impl Transfer {
    /// Returns the transfer of a command with its parameters, not begun.
    pub(super) fn new(kind: Kind, fifo: &[u8]) -> Self {
        let [first, select, cylinder, side, sector, code, last, _, extra] =
            fifo.first_chunk().copied().unwrap_or_default();
        let transfer = Self {
            kind,
            state: State::Medium,
            multi: first & MT != 0,
            mfm: first & MFM != 0,
            skip: first & SK != 0,
            unit: select & St0::UNIT.bits(),
            head: select >> 2 & 1,
            cylinder,
            side,
            sector,
            code,
            last,
            extra,
            left: 0,
            seeks: false,
            counted: false,
            missed: false,
            equal: true,
            satisfied: true,
            position: 0,
            id: [0; 4],
            buffer: [0; SECTOR],
        };
        match kind {
            // N, SC, GPL and D
            Kind::Format => {
                Self { code: cylinder, last: side, left: side, extra: code, multi: false, ..transfer }
            }
            _ => transfer,
        }
    }

    pub(super) fn unit(&self) -> u8 {
        self.unit
    }

    pub(super) fn cylinder(&self) -> u8 {
        self.cylinder
    }

    pub(super) fn last_sector(&self) -> u8 {
        self.last
    }

    /// Returns whether bytes go to the host.
    pub(super) fn reads(&self) -> bool {
        matches!(self.kind, Kind::Read | Kind::ReadDeleted | Kind::ReadTrack)
    }

    fn writes(&self) -> bool {
        matches!(self.kind, Kind::Write | Kind::WriteDeleted | Kind::Format)
    }

    fn scans(&self) -> bool {
        matches!(self.kind, Kind::ScanEqual | Kind::ScanLowOrEqual | Kind::ScanHighOrEqual)
    }

    /// Returns whether the host has to transfer a byte, or to signal terminal count.
    pub(super) fn needs_host(&self) -> bool {
        self.state != State::Medium
    }

    fn drive<'a>(&self, drives: &'a [Drive; 4]) -> &'a Drive {
        &drives[usize::from(self.unit & 3)]
    }

    fn format(&self, drives: &[Drive; 4]) -> Option<Format> {
        self.drive(drives).medium.map(|medium| medium.format)
    }

    /// Returns the request that the transfer waits for.
    pub(super) fn io(&self, drives: &[Drive; 4]) -> Option<Io> {
        let format = self.format(drives).filter(|_| self.state == State::Medium)?;
        let track = u64::from(self.cylinder) * u64::from(format.heads) + u64::from(self.head);
        let sector = track * u64::from(format.sectors) + u64::from(self.sector.saturating_sub(1));
        Some(Io { unit: self.unit, offset: sector * SECTOR as u64, write: self.writes() })
    }

    /// The sector to write.
    pub(super) fn sector(&self) -> &[u8] {
        &self.buffer
    }

    /// Looks for the first sector, with this data rate. Returns how the command ends where it does at once.
    pub(super) fn begin(&mut self, drives: &[Drive; 4], rate: u8) -> Option<End> {
        let Some(medium) = self.drive(drives).medium else { return Some(End::error(St1::MISSING_MARK)) };
        let format = medium.format;
        if !self.mfm || rate != format.rate || self.head >= format.heads {
            return Some(End::error(St1::MISSING_MARK));
        }
        // SPEC: intel-82077aa :: WRITE DELETED DATA -> images hold no data marks, so nothing is written
        if self.kind == Kind::WriteDeleted || self.writes() && medium.read_only {
            return Some(End::error(St1::NOT_WRITABLE));
        }
        match self.kind {
            Kind::Format => {
                let fits = self.code == SECTOR_CODE && self.left == format.sectors;
                let Some(cylinder) = self.drive(drives).cylinder(&format).filter(|_| fits) else {
                    // The image has no place for other tracks.
                    return Some(End::error(St1::NOT_WRITABLE));
                };
                self.cylinder = cylinder;
            }
            // SPEC: intel-82077aa :: READ TRACK -> sectors in the order of the track from the index on; no data where none is the one named
            Kind::ReadTrack => {
                self.missed = self.lookup(drives).is_some() || self.sector > self.last;
                self.cylinder = self.drive(drives).cylinder(&format).unwrap_or(u8::MAX);
                self.sector = 1;
                if self.cylinder >= format.tracks {
                    return Some(End::error(St1::MISSING_MARK));
                }
            }
            _ => {
                if let Some(end) = self.lookup(drives) {
                    return Some(end);
                }
            }
        }
        // SPEC: intel-82077aa :: READ DELETED DATA -> with SK sectors with a normal mark are skipped: here all
        if self.kind == Kind::ReadDeleted && self.skip {
            loop {
                if let Some(end) = self.next_sector(drives) {
                    return Some(end.with(St2::CONTROL_MARK));
                }
            }
        }
        self.state = if self.writes() { State::Host } else { State::Medium };
        None
    }

    /// Compares the address marks on the track with the requested sector.
    ///
    /// SPEC: intel-82077aa :: READ DATA -> no data where none is equal; wrong cylinder where theirs is another
    fn lookup(&self, drives: &[Drive; 4]) -> Option<End> {
        let drive = self.drive(drives);
        let Some(format) = self.format(drives) else { return Some(End::error(St1::MISSING_MARK)) };
        if drive.cylinder(&format).is_none() {
            return Some(End::error(St1::MISSING_MARK));
        }
        if !drive.is_at(&format, self.cylinder) {
            return Some(End::error(St1::NO_DATA).with(St2::WRONG_CYLINDER));
        }
        let there =
            self.side == self.head && self.code == SECTOR_CODE && (1..=format.sectors).contains(&self.sector);
        (!there).then(|| End::error(St1::NO_DATA))
    }

    /// Advances to the next sector. Returns the command's result if there is none.
    ///
    /// SPEC: intel-82077aa :: READ DATA -> sectors up to EOT; with MT side 1 follows side 0; beyond it end of cylinder
    pub(super) fn next_sector(&mut self, drives: &[Drive; 4]) -> Option<End> {
        let Some(format) = self.format(drives) else { return Some(End::error(St1::MISSING_MARK)) };
        let step = if self.scans() && self.extra == 2 { 2 } else { 1 };
        if u16::from(self.sector) + step > u16::from(self.last) {
            if !self.multi || self.head == 1 || format.heads == 1 {
                return Some(End::error(St1::END_OF_CYLINDER));
            }
            (self.head, self.side, self.sector) = (1, 1, 1);
        } else {
            self.sector += step as u8;
        }
        (!(1..=format.sectors).contains(&self.sector)).then(|| End::error(St1::NO_DATA))
    }

    /// Continues after a complete sector, for another byte.
    fn continue_transfer(&mut self, drives: &[Drive; 4]) -> Option<End> {
        if self.format(drives).is_none() {
            return Some(End::error(St1::MISSING_MARK));
        }
        // SPEC: intel-82077aa :: READ DELETED DATA -> without SK a sector with a normal mark is read, and is the last
        if self.kind == Kind::ReadDeleted {
            return Some(End::normal().with(St2::CONTROL_MARK));
        }
        if let Some(end) = self.next_sector(drives) {
            let not_satisfied = self.scans() && end.is_end_of_cylinder();
            return Some(if not_satisfied { self.scan_ended() } else { end });
        }
        self.position = 0;
        (self.equal, self.satisfied) = (true, true);
        self.state = if self.writes() { State::Host } else { State::Medium };
        None
    }

    /// Continues without a terminal count at the end of a sector.
    pub(super) fn without_count(&mut self, drives: &[Drive; 4]) -> Option<End> {
        if self.state == State::Between { self.continue_transfer(drives) } else { None }
    }

    /// Gives bytes to the host. Returns how many.
    pub(super) fn give(&mut self, bytes: &mut [u8]) -> usize {
        if self.state != State::Host || !self.reads() {
            return 0;
        }
        let from = self.buffer.get(usize::from(self.position)..).unwrap_or_default();
        let len = from.len().min(bytes.len());
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        self.position += len as u16;
        if usize::from(self.position) >= SECTOR {
            self.state = State::Between;
        }
        len
    }

    /// Takes bytes from the host, up to the end of the sector. Returns how many.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        if self.state != State::Host || self.reads() {
            return 0;
        }
        let kind = self.kind;
        let at = usize::from(self.position);
        let to: &mut [u8] = if kind == Kind::Format { &mut self.id } else { &mut self.buffer };
        let to = to.get_mut(at..).unwrap_or_default();
        let len = to.len().min(bytes.len());
        for (there, byte) in to.iter_mut().zip(bytes) {
            // SPEC: intel-8272a :: Scan Commands -> FFh from the host matches anything
            match kind {
                Kind::Write | Kind::WriteDeleted | Kind::Format => *there = *byte,
                _ if *byte == 0xff => {}
                _ => {
                    self.equal &= *there == *byte;
                    self.satisfied &= match kind {
                        Kind::ScanLowOrEqual => *there <= *byte,
                        Kind::ScanHighOrEqual => *there >= *byte,
                        _ => *there == *byte,
                    };
                }
            }
        }
        self.position += len as u16;
        len
    }

    /// Looks whether the host has given all that a sector needs.
    pub(super) fn received(&mut self, drives: &[Drive; 4]) -> Option<End> {
        let needed = if self.kind == Kind::Format { self.id.len() } else { SECTOR };
        if self.state != State::Host || self.reads() || usize::from(self.position) < needed {
            return None;
        }
        match self.kind {
            Kind::Format => {
                let [cylinder, side, sector, code] = self.id;
                let Some(format) = self.format(drives) else { return Some(End::error(St1::MISSING_MARK)) };
                let there = cylinder == self.cylinder
                    && side == self.head
                    && code == SECTOR_CODE
                    && (1..=format.sectors).contains(&sector);
                if !there {
                    return Some(End::error(St1::NOT_WRITABLE));
                }
                (self.side, self.sector) = (side, sector);
                self.buffer = [self.extra; SECTOR];
                self.state = State::Medium;
                None
            }
            Kind::Write | Kind::WriteDeleted => {
                self.state = State::Medium;
                None
            }
            _ if self.satisfied => Some(self.scan_ended()),
            _ => {
                self.state = State::Between;
                None
            }
        }
    }

    /// SPEC: intel-8272a :: Scan Commands -> SH where all bytes are equal, SN where no sector satisfies
    fn scan_ended(&self) -> End {
        End::normal().with(match (self.equal, self.satisfied) {
            (true, _) => St2::SCAN_EQUAL,
            (false, true) => St2::empty(),
            (false, false) => St2::SCAN_NOT_SATISFIED,
        })
    }

    /// SPEC: intel-82077aa :: Data Transfer Termination -> TC ends the command behind the sector; what is missing of one that is written is zeros
    pub(super) fn terminal_count(&mut self, drives: &[Drive; 4]) -> Option<End> {
        match self.state {
            State::Medium => {
                self.counted = true;
                None
            }
            State::Between | State::Host if self.kind == Kind::ReadDeleted => {
                Some(End::normal().with(St2::CONTROL_MARK))
            }
            State::Between if self.scans() => Some(self.scan_ended()),
            State::Between => Some(End::normal()),
            State::Host if self.reads() => Some(End::normal()),
            State::Host if self.scans() => Some(End::normal().with(St2::SCAN_NOT_SATISFIED)),
            // The track is not finished.
            State::Host if self.kind == Kind::Format => Some(End::error(St1::OVERRUN)),
            State::Host => {
                let at = usize::from(self.position);
                self.buffer.iter_mut().skip(at).for_each(|byte| *byte = 0);
                self.position = SECTOR as u16;
                self.counted = true;
                self.received(drives)
            }
        }
    }

    /// The medium has answered.
    pub(super) fn io_done(&mut self, result: Result<Vec<u8>, BlockError>) -> Option<End> {
        if self.state != State::Medium {
            return None;
        }
        let data = match result {
            Ok(data) => data,
            Err(BlockError::ReadOnly) => return Some(End::error(St1::NOT_WRITABLE)),
            Err(_) if self.writes() => {
                let end = End::error(St1::empty());
                return Some(end.with_equipment_check());
            }
            Err(_) => return Some(End::error(St1::DATA_ERROR).with(St2::DATA_FIELD)),
        };
        self.position = 0;
        match self.kind {
            Kind::Format => {
                self.left = self.left.saturating_sub(1);
                match (self.left, self.counted) {
                    (0, _) => return Some(End::normal()),
                    (_, true) => return Some(End::error(St1::OVERRUN)),
                    _ => self.state = State::Host,
                }
            }
            Kind::Write | Kind::WriteDeleted if self.counted => return Some(End::normal()),
            Kind::Write | Kind::WriteDeleted => self.state = State::Between,
            _ => {
                let bytes = data.into_iter().chain(std::iter::repeat(0));
                self.buffer.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
                self.state = State::Host;
            }
        }
        None
    }

    /// Returns the seven bytes of the result phase.
    ///
    /// SPEC: intel-82077aa :: Table 5-6. Result Phase Table -> the sector behind the last one: the next, or the first of the other side or of the next cylinder
    pub(super) fn result(&self, end: End) -> [u8; 7] {
        let seek = if self.seeks { St0::SEEK_END } else { St0::empty() };
        let missed = if self.missed { St1::NO_DATA } else { St1::empty() };
        let [mut cylinder, mut side, mut sector] = [self.cylinder, self.side, self.sector];
        let through = end.st0.is_empty() || end.is_end_of_cylinder();
        if through && !self.scans() {
            if sector == self.last {
                sector = 1;
                if self.multi {
                    side ^= 1;
                }
                if !self.multi || self.head == 1 {
                    cylinder = cylinder.wrapping_add(1);
                }
            } else {
                sector = sector.wrapping_add(1);
            }
        }
        let st0 = (end.st0 | seek).bits() | self.head << 2 | self.unit;
        let st1 = end.st1 | missed;
        [st0, st1.bits(), end.st2.bits(), cylinder, side, sector, SECTOR_CODE]
    }
}
