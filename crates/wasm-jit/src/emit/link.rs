//! Links: exits from a region to other compiled code, and edges from page to page within it.

use super::{CODE_ADDRESS, Emitter, LEFT, LINEAR, REASON, RIP, SLOT, mem_arg, table_address};
use crate::abi::{FIRST_FUNCTION, Import, REGION_TYPE};
use crate::layout;
use wasm_encoder::{BlockType, ValType};
use x86_exec::vcpu::compiled::Segments;
use x86_types::{PAGE_SIZE, Seg};

impl Emitter<'_> {
    /// Emits the end of the function, behind the code that stores state: control passes to other compiled code or returns to
    /// the run loop. Likely lookups are inline, the rest is in the module's [`dispatch_thunk`](super::dispatch_thunk).
    ///
    /// SPEC: wasm-3.0-core :: 2.4.2 Control Instructions -> `return_call_indirect` leaves this frame, so that chains of any length take no stack
    pub(super) fn emit_epilogue(&mut self) {
        self.out().local_get(REASON).i64_eqz();
        self.hint_likely();
        self.out().if_(BlockType::Empty);
        let (fixed, count) = (self.placed.fixed, self.placed.count);
        // Probe the jump cache by linear address, in the current mode, which may differ from the region's.
        self.out().local_get(CODE_ADDRESS).i64_eqz().if_(BlockType::Empty);
        let mut linear = RIP;
        if self.region.mode.segments != Segments::Flat {
            linear = LINEAR;
            self.out().local_get(RIP);
            self.add_code_base();
            self.out().local_set(LINEAR);
        }
        table_address::jump(&mut self.out(), fixed, linear);
        self.out().local_tee(SLOT).i64_load(mem_arg(table_address::jumps(fixed), 3));
        table_address::jump_key(&mut self.out(), fixed, linear);
        self.out().i64_eq();
        self.hint_likely();
        self.out().if_(BlockType::Empty);
        if count {
            table_address::count(&mut self.out(), fixed);
        }
        self.vcpu().local_get(LEFT).local_get(SLOT).i64_load(mem_arg(table_address::jumps(fixed) + 8, 3));
        self.out().return_call_indirect(0, REGION_TYPE).end();
        self.vcpu().local_get(LEFT).i64_const(0).return_call(FIRST_FUNCTION).end();
        // Probe the table of entries.
        let entries = table_address::entries(fixed);
        table_address::key(&mut self.out(), fixed, CODE_ADDRESS);
        self.out().local_set(LINEAR);
        table_address::entry(&mut self.out(), fixed, LINEAR);
        self.out().local_tee(SLOT).i64_load(mem_arg(entries, 3)).local_get(LINEAR).i64_eq();
        self.hint_likely();
        self.out().if_(BlockType::Empty);
        if count {
            table_address::count(&mut self.out(), fixed);
        }
        self.vcpu().local_get(LEFT).local_get(SLOT).i64_load(mem_arg(entries + 8, 3));
        self.out().return_call_indirect(0, REGION_TYPE).end();
        self.vcpu().local_get(LEFT).local_get(CODE_ADDRESS).return_call(FIRST_FUNCTION).end();
        self.vcpu().local_get(REASON).i64_store(mem_arg(layout::LEAVE, 3));
        self.out().local_get(LEFT);
    }

    /// Returns the compiled address of code, if it is in one of the region's pages.
    pub(super) fn address(&self, distance: i64) -> Option<u64> {
        let page = self.region.page(distance);
        let base = self.placed.pages.iter().find(|&&(n, _)| n == page)?.1;
        let offset = (self.region.page_offset as i64 + distance).rem_euclid(PAGE_SIZE as i64);
        Some(base.wrapping_add(offset as u64))
    }

    /// Adds the base of CS to the offset on the stack. In flat code the base is 0.
    fn add_code_base(&mut self) {
        if self.region.mode.segments != Segments::Flat {
            let base = layout::SEG_BASE + 8 * Seg::Cs as u64;
            self.vcpu().i64_load(mem_arg(base, 3));
            self.out().i64_add();
            self.wrap_rip();
        }
    }

    /// Emits a check that the page of `distance` is still mapped to the memory from which the region was translated.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.2.2 Caching Translations in TLBs -> code of another page is used only while its translation, as the TLB or a walk gives it, is the one it was compiled for
    pub(super) fn check_page(&mut self, distance: i64, otherwise: impl FnOnce(&mut Self)) {
        let address = self.address(distance).unwrap_or(0);
        self.rip(distance);
        self.add_code_base();
        self.out().local_set(LINEAR);
        self.tlb_slot(LINEAR);
        let (tag, addend) = (self.in_slot(layout::EXEC_TAG), self.in_slot(layout::ADDEND));
        self.out().i64_load(tag);
        self.out().local_get(LINEAR).i64_const(-(PAGE_SIZE as i64)).i64_and().i64_eq();
        self.hint_likely();
        self.out().if_(BlockType::Result(ValType::I64));
        self.out().local_get(SLOT).i64_load(addend).local_get(LINEAR).i64_add();
        self.out().else_();
        self.vcpu().local_get(LINEAR).call(Import::CodeAddress as u32);
        self.out().end();
        self.out().i64_const(address as i64).i64_ne();
        self.begin_unlikely();
        otherwise(self);
        self.end();
    }
}
