//! Where entries of the TLB lie.

use super::{Emitter, RIP, SLOT, TLB, place};
use crate::layout;
use wasm_encoder::MemArg;

impl Emitter<'_> {
    /// Keeps the bank that the present mode looks into, where code does not know it.
    pub(super) fn choose_bank(&mut self) {
        if self.placed.fixed.is_none() {
            self.vcpu().i64_load(place(layout::BANK, 3)).local_set(TLB);
        }
    }

    /// Pushes what leads, by [`Emitter::in_slot`], to the entry for the linear address in a local; it is kept in `SLOT` too.
    pub(super) fn tlb_slot(&mut self, linear: u32) {
        self.slot_in_bank(linear);
        if self.placed.fixed.is_none() {
            self.out().local_get(TLB).i64_add();
        }
        self.out().local_tee(SLOT);
    }

    /// A field of that entry.
    pub(super) fn in_slot(&self, offset: u64) -> MemArg {
        place(self.placed.fixed.map_or(0, |fixed| fixed.bank) + offset, 3)
    }

    /// Pushes the address of the entry for RIP in the mode that is now, which need not be the code's own; it is kept in
    /// `SLOT` too.
    pub(super) fn slot_of_now(&mut self) {
        self.slot_in_bank(RIP);
        self.vcpu().i64_load(place(layout::BANK, 3)).i64_add().local_tee(SLOT);
    }

    fn slot_in_bank(&mut self, linear: u32) {
        self.out().local_get(linear).i64_const(layout::TLB_SHIFT as i64).i64_shr_u();
        self.out().i64_const(layout::TLB_MASK as i64).i64_and();
    }
}
