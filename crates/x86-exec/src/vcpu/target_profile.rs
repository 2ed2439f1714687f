//! Where a block goes on whose code does not tell: what its last instruction was seen to jump to.

use std::cell::Cell;

/// Places kept of a block.
const PLACES: usize = 12;
/// Of so many runs one at least must go to a place that is likely.
const SHARE: u32 = 32;

/// Distances from the block's own address, and how often each was gone to.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetProfile {
    places: [Cell<(i64, u32)>; PLACES],
    others: Cell<u32>,
}

impl TargetProfile {
    /// It went there.
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

    /// Where it goes often, the most frequent first.
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
