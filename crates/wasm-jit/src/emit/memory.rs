//! Loads and stores: the TLB in line, everything else by the processor.

use super::blocks::Scope;
use super::{Emitter, LINEAR, OPENED, SLOT, VCPU, place};
use crate::layout;
use crate::module::Import;
use crate::region::rip_mask;
use crate::sharing::Share;
use crate::value::Value;
use wasm_encoder::{BlockType, ValType};
use x86_types::PAGE_SIZE;

/// What an access reaches.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) linear: Value,
    pub(super) bytes: u32,
    pub(super) share: Option<Share>,
}

impl Emitter<'_> {
    /// Pushes whether the access in `LINEAR` misses the TLB: one compare for tag, rights and the crossing of pages.
    fn missed(&mut self, bytes: u32, write: bool) {
        self.tlb_slot(LINEAR);
        self.out().i64_load(place(if write { layout::WRITE_TAG } else { layout::READ_TAG }, 3));
        self.out().local_get(LINEAR);
        if bytes != 1 {
            self.out().i64_const(i64::from(bytes) - 1).i64_add();
        }
        self.out().i64_const(-(PAGE_SIZE as i64)).i64_and().i64_ne();
    }

    /// Pushes whether an access has to be made by the processor. Else [`Emitter::found`] is where it goes.
    fn lost(&mut self, scope: &Scope<'_>, to: Reached, write: bool) {
        let Some(share) = to.share else {
            self.value(scope, to.linear);
            self.out().local_set(LINEAR);
            return self.missed(to.bytes, write);
        };
        let range = scope.shared_range(share);
        if let Some(bytes) = share.look {
            self.value(scope, to.linear);
            if share.at != 0 {
                self.out().i64_const(share.at as i64).i64_sub();
                let mask = rip_mask(self.region.mode.code_size);
                if mask != u64::MAX {
                    self.out().i64_const(mask as i64).i64_and();
                }
            }
            self.out().local_set(LINEAR);
            self.missed(bytes, write);
            self.seldom();
            self.out().if_(BlockType::Result(ValType::I64)).i64_const(0).else_();
            self.out().local_get(SLOT).i64_load(place(layout::ADDEND, 3)).local_get(LINEAR).i64_add();
            self.out().end().local_tee(range);
        } else {
            self.out().local_get(range);
        }
        self.out().i64_eqz();
    }

    /// Pushes where an access that is not lost goes, but for the offset that it gives.
    fn found(&mut self, scope: &Scope<'_>, to: Reached) -> u64 {
        match to.share {
            Some(share) => {
                self.out().local_get(scope.shared_range(share));
                share.at
            }
            None => {
                self.out().local_get(SLOT).i64_load(place(layout::ADDEND, 3)).local_get(LINEAR).i64_add();
                0
            }
        }
    }

    /// Pushes processor and linear address for a call.
    fn whom_and_where(&mut self, scope: &Scope<'_>, to: Reached) {
        self.out().local_get(VCPU);
        if to.share.is_some() {
            self.value(scope, to.linear);
        } else {
            self.out().local_get(LINEAR);
        }
    }

    fn leave_if_refused(&mut self, scope: &mut Scope<'_>, exit: u32) {
        self.out().local_get(VCPU).i32_load(place(layout::REFUSED, 2));
        self.leave(scope, exit);
    }

    pub(super) fn load(
        &mut self,
        scope: &mut Scope<'_>,
        number: u32,
        to: Reached,
        for_write: bool,
        exit: u32,
    ) {
        let (result, low) = (scope.result(number), scope.is_low_load(number));
        let opens = for_write && to.share.is_none();
        self.lost(scope, to, for_write);
        self.begin_seldom();
        let import = if for_write { Import::LoadForWrite } else { Import::Load };
        self.whom_and_where(scope, to);
        self.out().i64_const(to.bytes.into()).call(import as u32);
        match result {
            Some(local) if low => self.low_lane(to.bytes, local),
            Some(local) => {
                self.out().local_set(local);
            }
            None => {
                self.out().drop();
            }
        }
        if opens {
            self.out().i64_const(0).local_set(OPENED);
        }
        self.leave_if_refused(scope, exit);
        if opens || result.is_some() {
            self.out().else_();
            let at = self.found(scope, to);
            if opens {
                self.out().local_tee(OPENED);
            }
            let out = &mut self.out();
            match (to.bytes, result) {
                (_, None) => out.drop(),
                (4, Some(local)) if low => out.v128_load32_zero(place(at, 0)).local_set(local),
                (_, Some(local)) if low => out.v128_load64_zero(place(at, 0)).local_set(local),
                (1, Some(local)) => out.i64_load8_u(place(at, 0)).local_set(local),
                (2, Some(local)) => out.i64_load16_u(place(at, 0)).local_set(local),
                (4, Some(local)) => out.i64_load32_u(place(at, 0)).local_set(local),
                (_, Some(local)) => out.i64_load(place(at, 0)).local_set(local),
            };
        }
        self.end();
    }

    pub(super) fn store(&mut self, scope: &mut Scope<'_>, to: Reached, value: Value, again: bool, exit: u32) {
        let opened = again && to.share.is_none();
        if opened {
            self.value(scope, to.linear);
            self.out().local_set(LINEAR).local_get(OPENED).i64_eqz();
        } else {
            self.lost(scope, to, true);
        }
        self.begin_seldom();
        self.whom_and_where(scope, to);
        self.out().i64_const(to.bytes.into());
        self.value(scope, value);
        self.out().call(Import::Store as u32);
        self.leave_if_refused(scope, exit);
        self.out().else_();
        let at = if opened {
            self.out().local_get(OPENED);
            0
        } else {
            self.found(scope, to)
        };
        self.value(scope, value);
        let out = &mut self.out();
        match to.bytes {
            1 => out.i64_store8(place(at, 0)),
            2 => out.i64_store16(place(at, 0)),
            4 => out.i64_store32(place(at, 0)),
            _ => out.i64_store(place(at, 0)),
        };
        self.end();
    }

    /// SPEC: wasm-3.0-core :: 2.4.10 Memory Instructions -> `v128.load` and `v128.store` need no alignment; what x86 asks for was looked at before
    pub(super) fn load_vector(&mut self, scope: &mut Scope<'_>, number: u32, to: Reached, exit: u32) {
        let result = scope.result(number);
        self.lost(scope, to, false);
        self.begin_seldom();
        self.whom_and_where(scope, to);
        self.out().call(Import::LoadVector as u32);
        if let Some(local) = result {
            self.out().local_get(VCPU).v128_load(place(layout::SCRATCH, 4)).local_set(local);
        }
        self.leave_if_refused(scope, exit);
        if let Some(local) = result {
            self.out().else_();
            let at = self.found(scope, to);
            self.out().v128_load(place(at, 0)).local_set(local);
        }
        self.end();
    }

    pub(super) fn store_vector(&mut self, scope: &mut Scope<'_>, to: Reached, value: Value, exit: u32) {
        self.lost(scope, to, true);
        self.begin_seldom();
        self.out().local_get(VCPU);
        self.value(scope, value);
        self.out().v128_store(place(layout::SCRATCH, 4));
        self.whom_and_where(scope, to);
        self.out().call(Import::StoreVector as u32);
        self.leave_if_refused(scope, exit);
        self.out().else_();
        let at = self.found(scope, to);
        self.value(scope, value);
        self.out().v128_store(place(at, 0));
        self.end();
    }
}
