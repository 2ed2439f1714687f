//! Loads and stores: an inlined TLB probe, and helper calls for misses.

use super::blocks::Scope;
use super::{Emitter, LEFT, LINEAR, Label, SLOT, WRITE_ADDRESS, mem_arg};
use crate::abi::Import;
use crate::layout;
use crate::shared_probes::SharedProbe;
use crate::value::Value;
use wasm_encoder::{BlockType, ValType};
use x86_exec::vcpu::compiled::access;
use x86_types::PAGE_SIZE;

/// An access to memory.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) linear: Value,
    pub(super) bytes: u32,
    /// Instructions of the block before the accessing one
    pub(super) before: u32,
    pub(super) share: Option<SharedProbe>,
}

impl Emitter<'_> {
    /// Pushes whether the access in `LINEAR` misses the TLB: one compare for tag, rights and the crossing of pages.
    fn missed(&mut self, bytes: u32, write: bool) {
        self.tlb_slot(LINEAR);
        let tag = self.in_slot(if write { layout::WRITE_TAG } else { layout::READ_TAG });
        self.out().i64_load(tag).local_get(LINEAR);
        if bytes != 1 {
            self.out().i64_const(i64::from(bytes) - 1).i64_add();
        }
        self.out().i64_const(-(PAGE_SIZE as i64)).i64_and().i64_ne();
    }

    /// Pushes whether an access misses the TLB. If it shares a probe, the range's local is 0 then.
    fn look(&mut self, scope: &Scope<'_>, to: Reached, write: bool) {
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
                self.wrap_rip();
            }
            self.out().local_set(LINEAR);
            self.missed(bytes, write);
            self.begin_address();
            self.out().i64_const(0).else_();
            self.hit();
            self.end();
            self.out().local_tee(range);
        } else {
            self.out().local_get(range);
        }
        self.out().i64_eqz();
    }

    /// Pushes the address of an access that hit. Returns the constant offset, which the load or store adds.
    fn found(&mut self, scope: &Scope<'_>, to: Reached) -> u64 {
        match to.share {
            None => {
                self.hit();
                0
            }
            Some(share) => {
                self.out().local_get(scope.shared_range(share));
                share.at
            }
        }
    }

    /// Pushes the address of an access and returns the constant offset, which the load or store adds. A TLB miss is a helper
    /// call. An access that only the interpreter can do exits by `exit`.
    fn locate(&mut self, scope: &mut Scope<'_>, to: Reached, write: bool, exit: u32) -> u64 {
        self.look(scope, to, write);
        self.begin_address();
        self.describe(scope, to);
        let import = if write { Import::FindToWrite } else { Import::Find };
        self.out().call(import as u32).local_tee(SLOT).i64_eqz();
        self.exit_if(scope, exit);
        self.out().local_get(SLOT);
        if let Some(share) = to.share
            && share.at != 0
        {
            self.out().i64_const(share.at as i64).i64_sub();
        }
        self.out().else_();
        let at = self.found(scope, to);
        self.end();
        at
    }

    /// Pushes the arguments of the helper call for an access. The linear address of an access with its own probe is in `LINEAR`.
    fn describe(&mut self, scope: &Scope<'_>, to: Reached) {
        self.vcpu();
        if to.share.is_some() {
            self.value(scope, to.linear);
        } else {
            self.out().local_get(LINEAR);
        }
        self.out().i64_const(access(to.bytes, to.before) as i64).local_get(LEFT);
    }

    /// Begins an unlikely `if` whose result is an address.
    fn begin_address(&mut self) {
        self.hint_unlikely();
        self.begin(Label::Other, |out| {
            out.if_(BlockType::Result(ValType::I64));
        });
    }

    /// Pushes the compiled address of `LINEAR`, whose TLB slot is in `SLOT`.
    fn hit(&mut self) {
        let addend = self.in_slot(layout::ADDEND);
        self.out().local_get(SLOT).i64_load(addend).local_get(LINEAR).i64_add();
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
        let at = self.locate(scope, to, for_write, exit);
        let out = &mut self.out();
        if for_write && to.share.is_none() {
            out.local_tee(WRITE_ADDRESS);
        }
        match (to.bytes, result) {
            (_, None) => out.drop(),
            (4, Some(local)) if low => out.v128_load32_zero(mem_arg(at, 0)).local_set(local),
            (_, Some(local)) if low => out.v128_load64_zero(mem_arg(at, 0)).local_set(local),
            (1, Some(local)) => out.i64_load8_u(mem_arg(at, 0)).local_set(local),
            (2, Some(local)) => out.i64_load16_u(mem_arg(at, 0)).local_set(local),
            (4, Some(local)) => out.i64_load32_u(mem_arg(at, 0)).local_set(local),
            (_, Some(local)) => out.i64_load(mem_arg(at, 0)).local_set(local),
        };
    }

    /// `again` stores back to where a load for writing went. What does not lie there is stored by the processor.
    pub(super) fn store(&mut self, scope: &mut Scope<'_>, to: Reached, value: Value, again: bool, exit: u32) {
        let again = again && to.share.is_none();
        if again {
            // The load read a copy.
            self.out().local_get(WRITE_ADDRESS);
            match self.placed.fixed {
                Some(fixed) => self.out().i64_const((fixed.vcpu + layout::SCRATCH) as i64),
                None => self.vcpu().i64_const(layout::SCRATCH as i64).i64_add(),
            };
            self.out().i64_eq();
        } else {
            self.look(scope, to, true);
        }
        self.begin_unlikely();
        if again {
            self.value(scope, to.linear);
            self.out().local_set(LINEAR);
        }
        self.describe(scope, to);
        self.value(scope, value);
        self.out().call(Import::Store as u32).i64_eqz();
        self.exit_if(scope, exit);
        self.out().else_();
        let at = if again {
            self.out().local_get(WRITE_ADDRESS);
            0
        } else {
            self.found(scope, to)
        };
        self.value(scope, value);
        let out = &mut self.out();
        match to.bytes {
            1 => out.i64_store8(mem_arg(at, 0)),
            2 => out.i64_store16(mem_arg(at, 0)),
            4 => out.i64_store32(mem_arg(at, 0)),
            _ => out.i64_store(mem_arg(at, 0)),
        };
        self.end();
    }

    /// SPEC: wasm-3.0-core :: 2.4.10 Memory Instructions -> `v128.load` and `v128.store` need no alignment; what x86 asks for was looked at before
    pub(super) fn load_vector(&mut self, scope: &mut Scope<'_>, number: u32, to: Reached, exit: u32) {
        let result = scope.result(number);
        let at = self.locate(scope, to, false, exit);
        let out = &mut self.out();
        match result {
            Some(local) => out.v128_load(mem_arg(at, 0)).local_set(local),
            None => out.drop(),
        };
    }

    pub(super) fn store_vector(&mut self, scope: &mut Scope<'_>, to: Reached, value: Value, exit: u32) {
        let at = self.locate(scope, to, true, exit);
        self.value(scope, value);
        self.out().v128_store(mem_arg(at, 0));
    }
}
