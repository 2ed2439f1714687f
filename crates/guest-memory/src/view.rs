//! The map as accesses see it: one answer for each address.

use crate::Region;
use std::cell::Cell;
use x86_types::GuestPhysAddr;

/// Addresses from the start to the next entry's, with what answers from the start on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    start: u64,
    region: Region,
}

/// Entries that cover all addresses without a gap.
#[derive(Clone, Debug)]
pub(crate) struct View {
    entries: Vec<Entry>,
    /// The entry that was found last: accesses come in runs
    last: Cell<usize>,
}

impl View {
    /// Nothing anywhere.
    pub(crate) fn unassigned() -> Self {
        Self { entries: vec![Entry { start: 0, region: Region::UNASSIGNED }], last: Cell::new(0) }
    }

    /// Puts a region over the addresses `first` to `last`, both included.
    pub(crate) fn put(&mut self, first: u64, last: u64, region: Region) {
        if region.is_opaque() {
            self.put_opaque(first, last, region);
            return;
        }
        let mut from = first;
        loop {
            let (beneath, len) = self.at(from);
            // The last address of the space does not fit into the length of its entry: it takes one more iteration.
            let end = from.saturating_add(len.saturating_sub(1)).min(last);
            self.put_opaque(from, end, region.offset(from - first).over(beneath));
            match end.checked_add(1).filter(|&next| next <= last) {
                Some(next) => from = next,
                None => return,
            }
        }
    }

    fn put_opaque(&mut self, first: u64, last: u64, region: Region) {
        let behind = last.checked_add(1).map(|start| Entry { start, region: self.at(start).0 });
        let from = self.entries.partition_point(|entry| entry.start < first);
        let to = self.entries.partition_point(|entry| entry.start <= last);
        let behind = behind.filter(|next| self.entries.get(to).is_none_or(|entry| entry.start != next.start));
        let new = [Some(Entry { start: first, region }), behind];
        self.entries.splice(from..to, new.into_iter().flatten());
        self.last.set(0);
    }

    fn holds(&self, index: usize, address: u64) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.start <= address)
            && self.entries.get(index + 1).is_none_or(|next| address < next.start)
    }

    fn at(&self, address: u64) -> (Region, u64) {
        let mut index = self.last.get();
        if !self.holds(index, address) {
            index = self.entries.partition_point(|entry| entry.start <= address).saturating_sub(1);
            self.last.set(index);
        }
        let Some(entry) = self.entries.get(index) else { return (Region::UNASSIGNED, 1) };
        let end = self.entries.get(index + 1).map_or(u64::MAX, |next| next.start);
        (entry.region.offset(address - entry.start), end - address)
    }

    /// Returns what answers at `address`, and for how many bytes from it on the same does (the very last address apart).
    #[inline]
    pub(crate) fn find(&self, address: GuestPhysAddr) -> (Region, u64) {
        self.at(address.0)
    }

    /// Start, bytes and region of each entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (GuestPhysAddr, u64, Region)> {
        self.entries.iter().enumerate().map(|(n, entry)| {
            let end = self.entries.get(n + 1).map_or(u64::MAX, |next| next.start);
            (GuestPhysAddr(entry.start), end - entry.start, entry.region)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceId;

    #[test]
    fn regions_split_what_they_cover() {
        let mut view = View::unassigned();
        let region = |n| Region::mmio(DeviceId(n));
        view.put(100, 199, region(1));
        view.put(150, 159, region(2));
        view.put(199, 299, region(3));
        let starts: Vec<_> = view.entries().map(|(start, len, _)| (start.0, len)).collect();
        let behind = (300, u64::MAX - 300);
        assert_eq!(starts, [(0, 100), (100, 50), (150, 10), (160, 39), (199, 101), behind]);
        for (address, expected) in
            [(99, Region::UNASSIGNED), (100, region(1)), (155, region(2)), (160, region(1))]
        {
            assert_eq!(view.find(GuestPhysAddr(address)).0, expected, "{address}");
        }
        assert_eq!(view.find(GuestPhysAddr(199)), (region(3), 101));
        view.put(0, u64::MAX, region(4));
        assert_eq!(view.entries().count(), 1);
        assert_eq!(view.find(GuestPhysAddr(u64::MAX)).0, region(4));
    }
}
