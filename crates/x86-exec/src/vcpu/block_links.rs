//! Where blocks went on: a block that was found once behind another need not be looked for again. Of the interpreter's time
//! most is spent waiting for memory; a link is in the line that has just been read. The block it leads to says itself where
//! it lies, so that all links to it are good again once it was found, and none has to be undone when it goes.

use super::block_store::{BlockId, Store};
use x86_types::LinearAddr;

/// A link to a successor block.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Link {
    /// The low half of its address, which selects among the links
    pub(super) low: u32,
    pub(super) block: BlockId,
}

/// What a linear address means, as a number: the same block lies there while this is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Context(pub(super) u64);

impl Context {
    /// Translations last until the TLB is flushed and belong to a bank; a block has a code size. No context is 0.
    #[inline(always)]
    pub(super) fn new(flushes: u32, bank: u8, code_size: u8) -> Context {
        Context(u64::from(flushes) << 16 | u64::from(bank) << 8 | u64::from(code_size) << 1 | 1)
    }
}

/// Entries of [`Store::found`], a power of two.
pub(super) const FOUND_LEN: usize = 1 << 12;

/// Returns the index of the entry for an address.
fn found_index(linear: LinearAddr) -> usize {
    (linear.0 ^ linear.0 >> 12) as usize & (FOUND_LEN - 1)
}

impl Store {
    /// The block at `linear`, if it came behind `from` before, or was found by its address: behind returns, which go anywhere.
    #[inline(always)]
    pub(super) fn behind(&mut self, from: BlockId, linear: LinearAddr, context: Context) -> Option<BlockId> {
        let goes =
            |link: &&Link| link.low == linear.0 as u32 && self.block(link.block).is_at(linear, context);
        if let Some(link) = self.block(from).links.iter().find(goes) {
            return Some(link.block);
        }
        let block = Some(&self.found[found_index(linear)]).filter(goes)?.block;
        self.link(from, linear, block);
        Some(block)
    }

    /// `block` lies at `linear`, and came behind `from`, which keeps the last two.
    #[inline]
    pub(super) fn keep_link(&mut self, from: BlockId, linear: LinearAddr, context: Context, block: BlockId) {
        let to = self.block_mut(block);
        (to.linear, to.context) = (linear.0, context.0);
        self.found[found_index(linear)] = Link { low: linear.0 as u32, block };
        self.link(from, linear, block);
    }

    #[inline(always)]
    fn link(&mut self, from: BlockId, linear: LinearAddr, block: BlockId) {
        let from = self.block_mut(from);
        let link = Link { low: linear.0 as u32, block };
        if !from.returns && !from.links.iter().any(|old| old.low == link.low && old.block == block) {
            from.links = [link, from.links[0]];
        }
    }
}
