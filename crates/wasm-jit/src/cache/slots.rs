//! Places in the table of functions. Modules take ranges of any length and give them back at any time: neighbours that are
//! free become one again, or else what is left in an hour would be pieces too short for anything.

use std::collections::BTreeMap;

/// A range: its first slot, and how many there are.
pub(crate) type Slots = (u32, u32);

pub(crate) struct SlotTable {
    /// Free ranges below `end`, lengths by first slot; none touches another or `end`
    free: BTreeMap<u32, u32>,
    /// From here on all are free
    end: u32,
}

impl SlotTable {
    pub(crate) fn new(first: u32) -> Self {
        Self { free: BTreeMap::new(), end: first }
    }

    /// The first of `count` slots that were free: the lowest there are, so that the table stays short.
    pub(crate) fn take(&mut self, count: u32) -> u32 {
        let found = self.free.iter().find(|&(_, &have)| have >= count);
        let Some((first, have)) = found.map(|(&first, &have)| (first, have)) else {
            let first = self.end;
            self.end += count;
            return first;
        };
        self.free.remove(&first);
        if have > count {
            self.free.insert(first + count, have - count);
        }
        first
    }

    pub(crate) fn give_back(&mut self, (mut first, mut count): Slots) {
        if let Some((&before, &len)) = self.free.range(..first).next_back()
            && before + len == first
        {
            self.free.remove(&before);
            (first, count) = (before, len + count);
        }
        if let Some(len) = self.free.remove(&(first + count)) {
            count += len;
        }
        if first + count == self.end {
            self.end = first;
        } else {
            self.free.insert(first, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one() {
        let mut table = SlotTable::new(1);
        let ranges: Vec<Slots> = [3, 1, 2, 5].map(|count| (table.take(count), count)).into();
        assert_eq!(ranges, [(1, 3), (4, 1), (5, 2), (7, 5)]);
        for n in [0, 2, 1] {
            table.give_back(ranges[n]);
        }
        assert_eq!(table.take(6), 1);
        table.give_back((1, 6));
        table.give_back(ranges[3]);
        assert_eq!((table.end, table.free.len()), (1, 0));
    }

    #[test]
    fn pieces_do_not_pile_up() {
        // Modules of more and more functions, which come while those before them go.
        let mut table = SlotTable::new(1);
        let mut taken = std::collections::VecDeque::new();
        for count in [1, 2, 3, 5, 8, 13, 21, 32] {
            for _ in 0..20 * 32 / count {
                taken.push_back((table.take(count), count));
                let mut used: u32 = taken.iter().map(|&(_, count)| count).sum();
                while used > 20 * 32 {
                    let Some(slots) = taken.pop_front() else { break };
                    table.give_back(slots);
                    used -= slots.1;
                }
            }
        }
        assert!(table.end < 2 * 20 * 32, "{} slots", table.end);
    }
}
