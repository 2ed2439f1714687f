//! Slots of a table of functions. Modules take ranges of any length and return them at any time: free ranges that touch are
//! merged, so that the table does not fragment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A range: its first slot, and how many there are.
pub(crate) type Slots = (u32, u32);

/// Allocates the slots of one table of functions. Clones allocate from the same table: translators whose functions lie in one
/// table share one.
#[derive(Clone, Debug)]
pub struct SlotTable(Rc<RefCell<FreeSlots>>);

#[derive(Debug)]
struct FreeSlots {
    /// Free ranges below `end`, lengths by first slot; none touches another or `end`
    free: BTreeMap<u32, u32>,
    /// From here on all are free
    end: u32,
}

impl SlotTable {
    /// Returns a table whose slots from `first` on are free.
    pub fn new(first: u32) -> Self {
        Self(Rc::new(RefCell::new(FreeSlots { free: BTreeMap::new(), end: first })))
    }

    /// Returns the first of `count` slots that were free: the lowest there are, so that the table stays short.
    pub(crate) fn take(&self, count: u32) -> u32 {
        self.0.borrow_mut().take(count)
    }

    pub(crate) fn give_back(&self, slots: Slots) {
        self.0.borrow_mut().give_back(slots);
    }
}

impl FreeSlots {
    fn take(&mut self, count: u32) -> u32 {
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

    fn give_back(&mut self, (mut first, mut count): Slots) {
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
        let table = SlotTable::new(1);
        let ranges: Vec<Slots> = [3, 1, 2, 5].map(|count| (table.take(count), count)).into();
        assert_eq!(ranges, [(1, 3), (4, 1), (5, 2), (7, 5)]);
        for n in [0, 2, 1] {
            table.give_back(ranges[n]);
        }
        assert_eq!(table.take(6), 1);
        table.give_back((1, 6));
        table.give_back(ranges[3]);
        let free = table.0.borrow();
        assert_eq!((free.end, free.free.len()), (1, 0));
    }

    #[test]
    fn clones_never_give_out_the_same_slot() {
        let one = SlotTable::new(5);
        let other = one.clone();
        assert_eq!((one.take(2), other.take(3), one.take(1)), (5, 7, 10));
        other.give_back((7, 3));
        assert_eq!((one.take(3), other.take(1)), (7, 11));
    }

    #[test]
    fn pieces_do_not_pile_up() {
        // Modules of more and more functions, which come while those before them go.
        let table = SlotTable::new(1);
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
        let end = table.0.borrow().end;
        assert!(end < 2 * 20 * 32, "{end} slots");
    }
}
