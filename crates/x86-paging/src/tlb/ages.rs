//! How old what was derived from translations is: whoever keeps such things asks whether they are still good.

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
}

/// Whether an address lies in the upper half of the linear addresses, be they of 32 bits or of 64.
pub(super) fn is_upper(lin: LinearAddr) -> bool {
    lin.0 >> 63 != 0 || lin.0 >> 31 == 1
}

impl Ages {
    pub(super) fn new() -> Ages {
        Ages { upper: 0, all: 0, by_pcid: Box::new([0; PCIDS]) }
    }

    pub(super) fn all(&mut self) {
        self.upper = self.upper.wrapping_add(1);
        self.not_global();
    }

    pub(super) fn not_global(&mut self) {
        self.all = self.all.wrapping_add(1);
    }

    pub(super) fn pcid(&mut self, pcid: u16) {
        let age = &mut self.by_pcid[usize::from(pcid) % PCIDS];
        *age = age.wrapping_add(1);
    }

    pub(super) fn page(&mut self, lin: LinearAddr) {
        if is_upper(lin) {
            self.upper = self.upper.wrapping_add(1);
        }
        self.not_global();
    }
}

impl super::Tlb {
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
