//! Where blocks are found by place and code size: a table of sets, each as large as a line of most hosts' caches and lying
//! on one, since most of what finding a block takes is to wait for that line.

use super::block_store::BlockId;
use std::ops::{Index, IndexMut};

const BITS: u32 = 17;
/// Places, a power of two.
pub(super) const LEN: usize = 1 << BITS;
/// Places for a block. One that loses its place is decoded again, and whatever was counted of it is lost: of blocks that
/// run by turns few may be rivals.
pub(super) const WAYS: usize = 4;
/// The key of a place that is free.
pub(super) const NO_KEY: u64 = u64::MAX;

pub(super) struct Entry {
    pub(super) key: u64,
    pub(super) block: BlockId,
}

impl Entry {
    const FREE: Entry = Entry { key: NO_KEY, block: BlockId::NONE };

    /// Frees the place. Gives the block that had it.
    pub(super) fn remove(&mut self) -> BlockId {
        std::mem::replace(self, Self::FREE).block
    }
}

#[repr(C, align(64))]
struct Set([Entry; WAYS]);

const _: () = assert!(size_of::<Set>() == 64);

/// Entries by number; those of a set follow each other.
pub(super) struct Table {
    sets: Vec<Set>,
}

impl Table {
    /// With all places free.
    pub(super) fn new() -> Self {
        Self { sets: (0..LEN / WAYS).map(|_| Set([Entry::FREE; WAYS])).collect() }
    }

    /// Frees all places.
    pub(super) fn clear(&mut self) {
        self.sets.fill_with(|| Set([Entry::FREE; WAYS]));
    }

    /// The number of the set in which a block with this key may lie.
    #[inline(always)]
    pub(super) fn set_of(key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS)) as usize / WAYS
    }

    /// The block with this key.
    #[inline(always)]
    pub(super) fn find(&self, key: u64) -> Option<BlockId> {
        let entry = self.sets[Self::set_of(key)].0.iter().find(|entry| entry.key == key)?;
        Some(entry.block)
    }

    /// The number of the first entry where a block with this key may lie, and all of them.
    pub(super) fn places(&self, key: u64) -> (usize, &[Entry; WAYS]) {
        let set = Self::set_of(key);
        (set * WAYS, &self.sets[set].0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.sets.iter().flat_map(|set| &set.0)
    }
}

impl Index<usize> for Table {
    type Output = Entry;
    fn index(&self, n: usize) -> &Entry {
        &self.sets[n / WAYS].0[n % WAYS]
    }
}

impl IndexMut<usize> for Table {
    fn index_mut(&mut self, n: usize) -> &mut Entry {
        &mut self.sets[n / WAYS].0[n % WAYS]
    }
}
