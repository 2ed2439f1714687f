//! A set of slot numbers.

use super::TLB_ENTRIES;

const WORDS: usize = TLB_ENTRIES / 64;

/// One bit for each slot. Going through it costs what it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotSet([u64; WORDS]);

impl SlotSet {
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    #[inline]
    pub(crate) fn insert(&mut self, slot: usize) {
        self.0[slot / 64 % WORDS] |= 1 << (slot % 64);
    }

    #[inline]
    pub(crate) fn remove(&mut self, slot: usize) {
        self.0[slot / 64 % WORDS] &= !(1 << (slot % 64));
    }

    #[inline]
    pub(crate) fn remove_all(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word &= !other;
        }
    }

    #[inline]
    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.0[slot / 64 % WORDS] >> (slot % 64) & 1 != 0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Lowest first, of the set as it is now: it may be changed while going through it.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        let words = self.0;
        (0..WORDS).flat_map(move |i| {
            let mut word = words[i];
            core::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(64 * i + bit)
            })
        })
    }
}
