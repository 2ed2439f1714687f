//! Which pages of a region were written.

use x86_types::PAGE_SIZE;

/// A bit for each page of a region, set by writes and cleared when it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirtyLog {
    words: Vec<u64>,
}

impl DirtyLog {
    /// A log for `len` bytes, of which none is written.
    pub fn new(len: u64) -> Self {
        Self { words: vec![0; len.div_ceil(PAGE_SIZE).div_ceil(64) as usize] }
    }

    /// Records a write of `len` bytes at `offset` from the region's start. Bytes outside the region are ignored.
    pub(crate) fn mark(&mut self, offset: u64, len: u64) {
        let Some(last) = len.checked_sub(1) else { return };
        for page in offset / PAGE_SIZE..=offset.saturating_add(last) / PAGE_SIZE {
            let Some(word) = self.words.get_mut((page / 64) as usize) else { return };
            *word |= 1 << (page % 64);
        }
    }

    /// Returns whether the page of the byte at `offset` was written.
    pub fn contains(&self, offset: u64) -> bool {
        let page = offset / PAGE_SIZE;
        self.words.get((page / 64) as usize).is_some_and(|word| word >> (page % 64) & 1 != 0)
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Returns the offsets of the pages that were written, ascending.
    pub fn pages(&self) -> impl Iterator<Item = u64> {
        let bits = |(n, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| (n as u64 * 64 + bit) * PAGE_SIZE)
        };
        self.words.iter().enumerate().flat_map(bits)
    }

    /// Returns the pages written so far, and clears the log.
    pub(crate) fn take(&mut self) -> Self {
        let empty = Self { words: vec![0; self.words.len()] };
        std::mem::replace(self, empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_written_are_told_once() {
        let mut log = DirtyLog::new(100 * PAGE_SIZE);
        log.mark(PAGE_SIZE - 1, 2);
        log.mark(70 * PAGE_SIZE, 1);
        log.mark(0, 0);
        log.mark(1000 * PAGE_SIZE, 1);
        let taken = log.take();
        assert_eq!(taken.pages().collect::<Vec<_>>(), [0, PAGE_SIZE, 70 * PAGE_SIZE]);
        assert!(taken.contains(PAGE_SIZE + 5) && !taken.contains(2 * PAGE_SIZE));
        assert!(log.is_empty() && !taken.is_empty());
    }
}
