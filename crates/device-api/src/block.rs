//! The host's end of a disk, a CD or a floppy: bytes by offset, and requests that complete later.

use std::fmt::Debug;
use thiserror::Error;

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Size in bytes. It may be no multiple of a sector: the device decides what it does with the rest
    pub bytes: u64,
    /// Writes are refused
    pub read_only: bool,
}

/// Names a request of one device until it has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What is done with a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockOp {
    /// Read `len` bytes from `offset` on; bytes behind the end read as zeros
    Read {
        /// First byte
        offset: u64,
        /// How many
        len: u32,
    },
    /// Write bytes from `offset` on; bytes behind the end are an error
    Write {
        /// First byte
        offset: u64,
        /// The bytes
        data: Vec<u8>,
    },
    /// Make what was written before last: complete when it does
    Flush,
}

/// Why a request failed. The text reaches the user as one line, the kind reaches the guest as the drive's error.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BlockError {
    /// The medium does not take writes
    #[error("the medium is read-only")]
    ReadOnly,
    /// The request reaches behind the end of the medium
    #[error("the request reaches behind the end of the medium")]
    OutOfRange,
    /// There is no room left on the host
    #[error("no space is left: {0}")]
    NoSpace(String),
    /// The host cannot read or write
    #[error("{0}")]
    Io(String),
}

/// What a request gave: the bytes read, or none.
pub type BlockResult = Result<Vec<u8>, BlockError>;

/// A medium on the host. A request completes when [`BlockBackend::poll`] returns it: at once where the host can, later
/// where it has to wait (a download, a browser's file).
///
/// Requests complete in any order. A write has happened for later reads once it was submitted; a flush covers all
/// writes that had completed when it was submitted.
pub trait BlockBackend: Send + Debug {
    /// Returns size and kind of the medium.
    fn info(&self) -> BlockInfo;
    /// Starts a request. `id` is none that is on its way.
    fn submit(&mut self, id: RequestId, op: BlockOp);
    /// Returns a request that has completed since the last call.
    fn poll(&mut self) -> Option<(RequestId, BlockResult)>;
    /// Appends what belongs to the machine's state because it is nowhere else: an overlay in memory. Nothing by default.
    fn save(&self, _out: &mut Vec<u8>) {}
    /// Reads back what `save` wrote. Returns `None` where the bytes are not of such a medium.
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}
