//! Media in the host: it completes requests at once if it can, or later.

use crate::host::{self, DiskAnswer};
use block::{Deferred, DeferredHandle, Overlay, check_write};
use device_api::{BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, RequestId};
use std::collections::{BTreeMap, VecDeque};

/// A medium that the host has opened, by the host's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostMedium {
    pub(crate) number: u32,
    pub(crate) info: BlockInfo,
    /// Writes of the guest are kept in memory, independently of the drive's options
    pub(crate) snapshot: bool,
}

/// The machine's end of a medium.
#[derive(Debug)]
struct HostDisk {
    medium: HostMedium,
    done: VecDeque<(RequestId, BlockResult)>,
    later: Deferred,
}

impl BlockBackend for HostDisk {
    fn info(&self) -> BlockInfo {
        self.medium.info
    }

    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let number = self.medium.number;
        let mut out = Vec::new();
        let answer = match &op {
            BlockOp::Read { offset, len } => {
                out.resize(*len as usize, 0);
                host::disk_read(number, *offset, &mut out)
            }
            BlockOp::Write { offset, data } => {
                if let Err(error) = check_write(self.medium.info, *offset, data.len()) {
                    self.done.push_back((id, Err(error)));
                    return;
                }
                host::disk_write(number, *offset, data)
            }
            BlockOp::Flush => host::disk_flush(number),
        };
        match answer {
            DiskAnswer::Later => self.later.submit(id, op),
            DiskAnswer::Done => self.done.push_back((id, Ok(out))),
            DiskAnswer::Failed(error) => self.done.push_back((id, Err(error))),
        }
    }

    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        self.done.pop_front().or_else(|| self.later.poll())
    }
}

/// A request to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Read = 0,
    Write = 1,
    Flush = 2,
    /// No device has the medium any more
    Close = 3,
}

/// Media that the host has opened, and their requests.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    /// Media that no drive has taken yet, by the names of files in the plan
    opened: BTreeMap<String, HostMedium>,
    /// The host's ends of those that drives have
    taken: BTreeMap<u32, DeferredHandle>,
    /// Errors of media that a monitor command has requested
    failures: BTreeMap<String, String>,
}

/// Bytes of a request before its data.
const HEADER: usize = 32;

impl Disks {
    /// Adds a medium that the host has opened.
    pub(crate) fn add(&mut self, name: String, medium: HostMedium) {
        self.opened.insert(name, medium);
    }

    /// Records why a medium cannot be opened.
    pub(crate) fn fail(&mut self, name: String, why: String) {
        self.failures.insert(name, why);
    }

    /// Returns, once, why a medium cannot be opened.
    pub(crate) fn take_failure(&mut self, name: &str) -> Option<String> {
        self.failures.remove(name)
    }

    /// Returns the size of a medium in bytes.
    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        Some(self.opened.get(name)?.info.bytes)
    }

    /// Takes a medium for a drive. What the guest writes stays in memory where it is a `snapshot`.
    pub(crate) fn take(
        &mut self,
        name: &str,
        read_only: bool,
        snapshot: bool,
    ) -> Option<Box<dyn BlockBackend>> {
        let mut medium = self.opened.remove(name)?;
        medium.info.read_only |= read_only;
        let (later, handle) = Deferred::new(medium.info);
        self.taken.insert(medium.number, handle);
        let disk = Box::new(HostDisk { medium, done: VecDeque::new(), later });
        let snapshot = snapshot || medium.snapshot;
        Some(if snapshot && !read_only { Box::new(Overlay::new(disk)) } else { disk })
    }

    /// Returns whether the host has requests to take.
    pub(crate) fn has_requests(&self) -> bool {
        self.taken.values().any(DeferredHandle::has_requests)
    }

    /// Appends the requests that the host has not taken: for each number of the medium, kind, name, offset, length and the
    /// bytes that are to be written, numbers with the lowest byte first.
    pub(crate) fn take_requests(&mut self, out: &mut Vec<u8>) {
        let mut put = |number: u32, kind: Kind, id: u64, offset: u64, len: usize, data: &[u8]| {
            out.reserve(HEADER + data.len());
            out.extend(number.to_le_bytes());
            out.extend((kind as u32).to_le_bytes());
            for word in [id, offset, len as u64] {
                out.extend(word.to_le_bytes());
            }
            out.extend(data);
        };
        for (&number, handle) in &self.taken {
            for request in handle.take_requests() {
                match request.op {
                    BlockOp::Read { offset, len } => {
                        put(number, Kind::Read, request.id, offset, len as usize, &[]);
                    }
                    BlockOp::Write { offset, data } => {
                        put(number, Kind::Write, request.id, offset, data.len(), &data);
                    }
                    BlockOp::Flush => put(number, Kind::Flush, request.id, 0, 0, &[]),
                }
            }
        }
        let closed: Vec<u32> =
            self.taken.iter().filter(|(_, handle)| handle.is_closed()).map(|(&number, _)| number).collect();
        for number in closed {
            self.taken.remove(&number);
            put(number, Kind::Close, 0, 0, 0, &[]);
        }
    }

    /// Answers a request.
    pub(crate) fn answer(&self, number: u32, id: u64, result: BlockResult) {
        if let Some(handle) = self.taken.get(&number) {
            handle.complete(id, result);
        }
    }
}

/// Returns the error that the host's number and text mean.
pub(crate) fn error(code: u32, text: String) -> BlockError {
    match code {
        host::NO_SPACE => BlockError::NoSpace(text),
        host::READ_ONLY => BlockError::ReadOnly,
        _ => BlockError::Io(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks() -> Disks {
        let info = BlockInfo { bytes: 4096, read_only: false };
        let mut disks = Disks::default();
        disks.add("block:hda".to_owned(), HostMedium { number: 7, info, snapshot: false });
        disks
    }

    fn requests(disks: &mut Disks) -> Vec<u8> {
        let mut out = Vec::new();
        disks.take_requests(&mut out);
        out
    }

    #[test]
    fn what_the_host_cannot_do_at_once_is_asked_for_later() {
        let mut disks = disks();
        assert_eq!((disks.size("block:hda"), disks.size("block:hdb")), (Some(4096), None));
        assert!(disks.take("block:hdb", false, false).is_none());
        let mut disk = disks.take("block:hda", false, false).unwrap();
        disk.submit(RequestId(1), BlockOp::Write { offset: 512, data: vec![1, 2] });
        disk.submit(RequestId(2), BlockOp::Write { offset: 4095, data: vec![1, 2] });
        assert_eq!(disk.poll(), Some((RequestId(2), Err(BlockError::OutOfRange))));
        assert!(disks.has_requests());
        let out = requests(&mut disks);
        let word = |at: usize| u64::from_le_bytes(out[at..at + 8].try_into().unwrap());
        assert_eq!((&out[..8], word(16), word(24)), (&[7, 0, 0, 0, 1, 0, 0, 0][..], 512, 2));
        assert_eq!(&out[HEADER..], [1, 2]);
        assert!(!disks.has_requests());
        let id = word(8);
        disks.answer(7, id, Err(error(host::NO_SPACE, "full".to_owned())));
        assert_eq!(disk.poll(), Some((RequestId(1), Err(BlockError::NoSpace("full".to_owned())))));
    }

    #[test]
    fn a_medium_that_no_drive_has_any_more_is_closed_once() {
        let mut disks = disks();
        let disk = disks.take("block:hda", false, true).unwrap();
        assert!(requests(&mut disks).is_empty());
        drop(disk);
        assert_eq!(requests(&mut disks)[..8], [7, 0, 0, 0, 3, 0, 0, 0]);
        assert!(requests(&mut disks).is_empty());
    }

    #[test]
    fn a_medium_that_is_only_read_takes_no_writes() {
        let mut disks = disks();
        let mut disk = disks.take("block:hda", true, true).unwrap();
        assert!(disk.info().read_only);
        disk.submit(RequestId(1), BlockOp::Write { offset: 0, data: vec![1] });
        assert_eq!(disk.poll(), Some((RequestId(1), Err(BlockError::ReadOnly))));
    }
}
