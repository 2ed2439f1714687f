//! Copy-on-write in memory: what is written stays here, what was not written comes from the back end below.

use crate::chunks::Chunks;
use crate::immediate::check_write;
use device_api::{BlockBackend, BlockInfo, BlockOp, BlockResult, RequestId};
use snapshot::Codec;
use std::collections::{BTreeMap, VecDeque};

/// Changes in memory over another back end, which is only read: `-snapshot`.
#[derive(Debug)]
pub struct Overlay {
    base: Box<dyn BlockBackend>,
    written: Chunks,
    /// Reads on their way at the back end below, by where they begin
    reading: BTreeMap<RequestId, u64>,
    done: VecDeque<(RequestId, BlockResult)>,
}

impl Overlay {
    /// Returns an overlay without changes.
    pub fn new(base: Box<dyn BlockBackend>) -> Self {
        Self { base, written: Chunks::default(), reading: BTreeMap::new(), done: VecDeque::new() }
    }
}

impl BlockBackend for Overlay {
    fn info(&self) -> BlockInfo {
        BlockInfo { read_only: false, ..self.base.info() }
    }

    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let result = match op {
            BlockOp::Read { offset, len } => {
                let mut out = vec![0; len as usize];
                if !self.written.read(offset, &mut out) {
                    self.reading.insert(id, offset);
                    self.base.submit(id, BlockOp::Read { offset, len });
                    return;
                }
                Ok(out)
            }
            BlockOp::Write { offset, data } => check_write(self.info(), offset, data.len()).map(|()| {
                self.written.write(offset, &data);
                Vec::new()
            }),
            BlockOp::Flush => Ok(Vec::new()),
        };
        self.done.push_back((id, result));
    }

    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        if let Some(done) = self.done.pop_front() {
            return Some(done);
        }
        let (id, mut result) = self.base.poll()?;
        if let (Some(offset), Ok(out)) = (self.reading.remove(&id), &mut result) {
            self.written.read(offset, out);
        }
        Some((id, result))
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.base.save(out);
        self.written.put(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        self.base.load(&mut rest)?;
        self.written = Chunks::get(&mut rest)?;
        *bytes = rest;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deferred, Memory};
    use device_api::BlockError;

    #[test]
    fn writes_stay_above_and_are_seen_by_later_reads() {
        let mut overlay = Overlay::new(Box::new(Memory::new(vec![1; 1024], true)));
        assert_eq!(overlay.info(), BlockInfo { bytes: 1024, read_only: false });
        for (id, op, result) in [
            (1, BlockOp::Write { offset: 510, data: vec![2; 4] }, Ok(vec![])),
            (2, BlockOp::Read { offset: 509, len: 6 }, Ok(vec![1, 2, 2, 2, 2, 1])),
            (3, BlockOp::Read { offset: 511, len: 2 }, Ok(vec![2, 2])),
            (4, BlockOp::Write { offset: 1023, data: vec![2; 4] }, Err(BlockError::OutOfRange)),
            (5, BlockOp::Flush, Ok(vec![])),
        ] {
            overlay.submit(RequestId(id), op);
            assert_eq!(overlay.poll(), Some((RequestId(id), result)));
        }
    }

    #[test]
    fn the_back_end_below_may_answer_later_and_changes_are_saved() {
        let (base, handle) = Deferred::new(BlockInfo { bytes: 512, read_only: true });
        let mut overlay = Overlay::new(Box::new(base));
        overlay.submit(RequestId(1), BlockOp::Write { offset: 1, data: vec![9] });
        overlay.submit(RequestId(2), BlockOp::Read { offset: 0, len: 3 });
        assert_eq!(overlay.poll(), Some((RequestId(1), Ok(vec![]))));
        assert_eq!(overlay.poll(), None);
        let request = handle.take_requests().pop().unwrap();
        handle.complete(request.id, Ok(vec![1, 1, 1]));
        assert_eq!(overlay.poll(), Some((RequestId(2), Ok(vec![1, 9, 1]))));

        let mut saved = Vec::new();
        overlay.save(&mut saved);
        let other = Overlay::new(Box::new(Memory::new(vec![1; 512], true)));
        let mut state = Vec::new();
        other.save(&mut state);
        assert_ne!(state, saved);
        let (base, _) = Deferred::new(BlockInfo { bytes: 512, read_only: true });
        let mut other = Overlay::new(Box::new(base));
        assert_eq!(other.load(&mut &saved[..]), Some(()));
        other.submit(RequestId(3), BlockOp::Read { offset: 1, len: 1 });
        assert_eq!(other.poll(), Some((RequestId(3), Ok(vec![9]))));
    }
}
