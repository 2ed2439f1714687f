//! Target profiles: the targets that a block's indirect jump or return was seen to take.

use std::cell::Cell;

/// Targets recorded per block.
const PLACES: usize = 12;
/// A likely target was taken in at least one of this many executions.
const SHARE: u32 = 32;

/// Targets as distances from the block's address, with execution counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetProfile {
    places: [Cell<(i64, u32)>; PLACES],
    others: Cell<u32>,
}

impl TargetProfile {
    /// Records a taken target.
    #[inline]
    pub(super) fn note(&self, distance: i64) {
        for place in &self.places {
            let (at, times) = place.get();
            if times == 0 || at == distance {
                return place.set((distance, times.saturating_add(1)));
            }
        }
        self.others.set(self.others.get().saturating_add(1));
    }

    /// Returns the likely targets, the most frequent first.
    pub(super) fn likely(&self) -> Vec<i64> {
        let mut places: Vec<(i64, u32)> = self.places.iter().map(Cell::get).collect();
        let all = places.iter().fold(self.others.get(), |all, &(_, times)| all.saturating_add(times));
        places.retain(|&(_, times)| times > all / SHARE);
        places.sort_by_key(|&(at, times)| (std::cmp::Reverse(times), at));
        places.into_iter().map(|(at, _)| at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frequent_comes_first_and_what_is_rare_not_at_all() {
        let targets = TargetProfile::default();
        for (distance, times) in [(8, 1), (16, 40), (-64, 60)] {
            (0..times).for_each(|_| targets.note(distance));
        }
        assert_eq!(targets.likely(), [-64, 16]);
    }

    #[test]
    fn a_block_that_goes_anywhere_goes_nowhere_likely() {
        let targets = TargetProfile::default();
        (0..1000).for_each(|n| targets.note(n));
        assert!(targets.likely().is_empty());
    }
}
