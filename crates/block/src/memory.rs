//! A medium in memory.

use crate::chunks::Chunks;
use crate::{Immediate, Medium, SECTOR};
use device_api::{BlockError, BlockInfo, BlockResult};
use snapshot::Codec;

/// Bytes in memory. What the guest writes is kept apart from them, since it is part of the machine's state and they are not.
#[derive(Debug)]
pub struct Memory {
    bytes: Vec<u8>,
    written: Chunks,
    read_only: bool,
}

impl Memory {
    /// Returns a medium of these bytes. A part of a sector at the end is filled up with zeros.
    pub fn new(bytes: Vec<u8>, read_only: bool) -> Immediate<Self> {
        Immediate::new(Self { bytes, written: Chunks::default(), read_only })
    }
}

/// Copies from `bytes`, which are followed by zeros.
pub(crate) fn read_padded(bytes: &[u8], offset: u64, out: &mut [u8]) {
    let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or(&[]);
    let len = from.len().min(out.len());
    out[..len].copy_from_slice(&from[..len]);
    out[len..].fill(0);
}

impl Medium for Memory {
    fn info(&self) -> BlockInfo {
        let bytes = (self.bytes.len() as u64).next_multiple_of(SECTOR);
        BlockInfo { bytes, read_only: self.read_only }
    }

    fn read(&mut self, offset: u64, len: u32) -> BlockResult {
        let mut out = vec![0; len as usize];
        read_padded(&self.bytes, offset, &mut out);
        self.written.read(offset, &mut out);
        Ok(out)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), BlockError> {
        self.written.write(offset, data);
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.written.put(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let written = Chunks::get(&mut rest)?;
        // A state of a medium that took writes is none of one that does not.
        if self.read_only && !written.is_empty() {
            return None;
        }
        (self.written, *bytes) = (written, rest);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_api::{BlockBackend, BlockOp, RequestId};

    fn ask(medium: &mut dyn BlockBackend, op: BlockOp) -> BlockResult {
        medium.submit(RequestId(1), op);
        let (id, result) = medium.poll().expect("at once");
        assert_eq!((id, medium.poll()), (RequestId(1), None));
        result
    }

    #[test]
    fn sizes_are_rounded_up_with_zeros() {
        let mut medium = Memory::new(vec![5; 700], false);
        assert_eq!(medium.info(), BlockInfo { bytes: 1024, read_only: false });
        let read = ask(&mut medium, BlockOp::Read { offset: 512, len: 600 }).unwrap();
        assert!(read[..188].iter().all(|&byte| byte == 5) && read[188..].iter().all(|&byte| byte == 0));
        let write = BlockOp::Write { offset: 1000, data: vec![6; 24] };
        assert_eq!(ask(&mut medium, write), Ok(vec![]));
        assert_eq!(ask(&mut medium, BlockOp::Read { offset: 999, len: 2 }), Ok(vec![0, 6]));
    }

    #[test]
    fn writes_behind_the_end_and_to_read_only_media_are_errors() {
        let write = |offset| BlockOp::Write { offset, data: vec![0; 2] };
        let mut medium = Memory::new(vec![0; 512], false);
        assert_eq!(ask(&mut medium, write(511)), Err(BlockError::OutOfRange));
        assert_eq!(ask(&mut medium, write(u64::MAX)), Err(BlockError::OutOfRange));
        let mut medium = Memory::new(vec![0; 512], true);
        assert_eq!(ask(&mut medium, write(0)), Err(BlockError::ReadOnly));
        assert_eq!(ask(&mut medium, BlockOp::Flush), Ok(vec![]));
    }

    #[test]
    fn writes_are_saved_and_come_back() {
        let mut medium = Memory::new(vec![1; 512], false);
        ask(&mut medium, BlockOp::Write { offset: 3, data: vec![9] }).unwrap();
        let mut saved = Vec::new();
        medium.save(&mut saved);
        ask(&mut medium, BlockOp::Write { offset: 4, data: vec![9] }).unwrap();
        assert_eq!(medium.load(&mut &saved[..]), Some(()));
        assert_eq!(ask(&mut medium, BlockOp::Read { offset: 2, len: 3 }), Ok(vec![1, 9, 1]));
        assert_eq!(Memory::new(vec![1; 512], true).load(&mut &saved[..]), None);
    }
}
