//! Ages of translations: a cache of data derived from translations compares them to check that its entries are valid.

use super::slots::SlotSet;
use super::{TLB_ENTRIES, slot_of, tag_of};
use crate::MmuIndex;
use x86_types::LinearAddr;

/// PCIDs that there are.
const PCIDS: usize = 1 << 12;

pub(super) struct Ages {
    /// Times that translations of global pages in the upper half may have gone
    upper: u32,
    /// Times that those of every PCID may have gone
    all: u32,
    /// Times that those of one may have, others apart
    by_pcid: Box<[u32; PCIDS]>,
    /// Hashes of the pages with derived data since their last invalidation, for the lower and the upper half
    noted: [SlotSet; 2],
}

/// Sizes of pages, as powers of two.
const SHIFTS: [u8; 4] = [12, 21, 22, 30];

/// Where the page of an address is noted if it is of such a size.
fn hash(lin: LinearAddr, shift: u8) -> usize {
    let page = (lin.0 >> shift ^ u64::from(shift) << 57).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (page >> (u64::BITS - TLB_ENTRIES.trailing_zeros())) as usize
}

/// Returns whether an address lies in the upper half of the linear addresses, be they of 32 bits or of 64.
pub(super) fn is_upper(lin: LinearAddr) -> bool {
    lin.0 >> 63 != 0 || lin.0 >> 31 == 1
}

impl Ages {
    pub(super) fn new() -> Ages {
        Ages { upper: 0, all: 0, by_pcid: Box::new([0; PCIDS]), noted: [SlotSet::EMPTY; 2] }
    }

    pub(super) fn all(&mut self) {
        self.upper = self.upper.wrapping_add(1);
        self.noted[1] = SlotSet::EMPTY;
        self.not_global();
    }

    pub(super) fn not_global(&mut self) {
        self.all = self.all.wrapping_add(1);
        // What lies in the upper half may be global.
        self.noted[0] = SlotSet::EMPTY;
    }

    pub(super) fn pcid(&mut self, pcid: u16) {
        let age = &mut self.by_pcid[usize::from(pcid) % PCIDS];
        *age = age.wrapping_add(1);
    }

    pub(super) fn page(&mut self, lin: LinearAddr) {
        let half = usize::from(is_upper(lin));
        if SHIFTS.iter().any(|&shift| self.noted[half].contains(hash(lin, shift))) {
            if half == 1 { self.all() } else { self.not_global() }
        }
    }

    /// Something is derived from the translation of a page of this size; of any, where it is not known.
    fn note(&mut self, lin: LinearAddr, shift: Option<u8>) {
        let noted = &mut self.noted[usize::from(is_upper(lin))];
        let sizes = SHIFTS.into_iter().filter(|&size| shift.is_none_or(|shift| size == shift));
        sizes.for_each(|size| noted.insert(hash(lin, size)));
    }
}

impl super::Tlb {
    /// Records that data is derived from the translation of an address. The ages below change when it becomes invalid;
    /// for pages that were not recorded they need not.
    pub fn note(&mut self, index: MmuIndex, lin: LinearAddr) {
        let side = &self.side[index as usize][slot_of(lin)];
        let shift = (side.slow == tag_of(lin)).then_some(side.page_shift);
        self.ages.note(lin, shift);
    }

    /// Changes whenever translations of global pages in the upper half, where kernels are, may have been invalidated: of
    /// linear addresses with bit 63 set, or with bit 31 if they have 32 bits.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.2.4 Global Pages -> neither MOV to CR3 nor INVPCID of a single PCID invalidates them
    pub fn age_of_kernel(&self) -> u64 {
        self.ages.upper.into()
    }

    /// Changes whenever any translation that is used under a PCID may have been invalidated, global pages apart.
    pub fn age_of(&self, pcid: u16) -> u64 {
        u64::from(self.ages.all) << 32 | u64::from(self.ages.by_pcid[usize::from(pcid) % PCIDS])
    }
}
