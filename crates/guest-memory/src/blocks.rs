//! The host's bytes, in blocks that never move and are never given back while the machine exists.

use crate::reserve::Reserved;
use x86_types::{PAGE_SIZE, RamAddr};

struct Block {
    start: RamAddr,
    len: u64,
    host: Reserved,
}

/// Blocks of host memory, in the order of their addresses. Between two of them a page is left out, so that no run of
/// bytes reaches from one into the next.
pub(crate) struct Blocks(Vec<Block>);

impl Blocks {
    /// Returns the first block, which begins at address 0.
    pub(crate) fn new(len: u64) -> std::io::Result<Self> {
        let mut blocks = Self(Vec::new());
        blocks.add(len)?;
        Ok(blocks)
    }

    /// Adds a block of `len` bytes, rounded up to whole pages. Returns the address of its first byte.
    pub(crate) fn add(&mut self, len: u64) -> std::io::Result<RamAddr> {
        let len = len.next_multiple_of(PAGE_SIZE);
        let host = Reserved::new(usize::try_from(len).map_err(std::io::Error::other)?)?;
        let start = self.0.last().map_or(0, |last| last.start.0 + last.len + PAGE_SIZE);
        self.0.push(Block { start: RamAddr(start), len, host });
        Ok(RamAddr(start))
    }

    /// Host pointer to the byte at `at`, and how many bytes of its block follow from it; `None` outside all blocks.
    #[inline(always)]
    pub(crate) fn host_ptr(&self, at: RamAddr) -> Option<(*mut u8, u64)> {
        let block = match self.0.first() {
            Some(ram) if at.0 < ram.len => ram,
            _ => self.0.iter().rev().find(|block| block.start <= at)?,
        };
        let offset = at.0 - block.start.0;
        (offset < block.len).then(|| (block.host.start().wrapping_add(offset as usize), block.len - offset))
    }

    /// Address and bytes of each block.
    pub(crate) fn list(&self) -> impl Iterator<Item = (RamAddr, u64)> {
        self.0.iter().map(|block| (block.start, block.len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_apart_and_outside_them_is_nothing() {
        let mut blocks = Blocks::new(1 << 20).unwrap();
        let second = blocks.add(100).unwrap();
        assert_eq!(second, RamAddr((1 << 20) + PAGE_SIZE));
        assert_eq!(blocks.host_ptr(RamAddr((1 << 20) - 1)).map(|(_, len)| len), Some(1));
        assert_eq!(blocks.host_ptr(RamAddr(1 << 20)), None, "the page between");
        assert_eq!(blocks.host_ptr(second.wrapping_add(4)).map(|(_, len)| len), Some(PAGE_SIZE - 4));
        assert_eq!(blocks.host_ptr(second.wrapping_add(PAGE_SIZE)), None);
        assert_eq!(blocks.host_ptr(RamAddr(u64::MAX)), None);
        assert_eq!(blocks.list().count(), 2);
    }
}
