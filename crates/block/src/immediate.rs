//! Synchronous back ends: requests complete when they are submitted.

use device_api::{BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, RequestId};
use std::collections::VecDeque;
use std::fmt::Debug;

/// A medium that answers at once.
pub trait Medium: Send + Debug {
    /// Returns size and kind.
    fn info(&self) -> BlockInfo;
    /// Returns `len` bytes from `offset` on; bytes behind the end are zeros.
    ///
    /// # Errors
    /// The host cannot read.
    fn read(&mut self, offset: u64, len: u32) -> BlockResult;
    /// Writes bytes. The range was checked against [`Medium::info`].
    ///
    /// # Errors
    /// The host cannot write.
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), BlockError>;
    /// Makes writes last.
    ///
    /// # Errors
    /// The host cannot write.
    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }
    /// Appends what belongs to the machine's state.
    fn save(&self, _out: &mut Vec<u8>) {}
    /// Reads back what `save` wrote.
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

/// A [`Medium`] as a back end.
#[derive(Debug)]
pub struct Immediate<M> {
    medium: M,
    done: VecDeque<(RequestId, BlockResult)>,
}

impl<M: Medium> Immediate<M> {
    /// Returns the back end of a medium.
    pub fn new(medium: M) -> Self {
        Self { medium, done: VecDeque::new() }
    }
}

/// Checks that a write is possible on such a medium.
///
/// # Errors
/// The medium is read-only, or ends before the last byte.
pub fn check_write(info: BlockInfo, offset: u64, len: usize) -> Result<(), BlockError> {
    if info.read_only {
        return Err(BlockError::ReadOnly);
    }
    match offset.checked_add(len as u64) {
        Some(end) if end <= info.bytes => Ok(()),
        _ => Err(BlockError::OutOfRange),
    }
}

impl<M: Medium> BlockBackend for Immediate<M> {
    fn info(&self) -> BlockInfo {
        self.medium.info()
    }

    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let result = match op {
            BlockOp::Read { offset, len } => self.medium.read(offset, len),
            BlockOp::Write { offset, data } => check_write(self.medium.info(), offset, data.len())
                .and_then(|()| self.medium.write(offset, &data))
                .map(|()| Vec::new()),
            BlockOp::Flush => self.medium.flush().map(|()| Vec::new()),
        };
        self.done.push_back((id, result));
    }

    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        self.done.pop_front()
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.medium.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.medium.load(bytes)
    }
}
