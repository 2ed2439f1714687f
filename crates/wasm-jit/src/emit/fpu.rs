//! What a block leaves of the x87 unit, to the processor's state.

use super::blocks::Scope;
use super::{Emitter, SLOT, mem_arg};
use crate::fpu::{C1, C320, EXCEPTIONS, Fpu, STATUS, TOP};
use crate::layout;
use wasm_encoder::{InstructionSink, MemArg};
use x86_types::Seg;

/// The bits of a register that count, where what is above them is not known to be 0.
const REGISTER: u128 = (1 << 80) - 1;

type Store = for<'a, 'b> fn(&'a mut InstructionSink<'b>, MemArg);

fn store8(out: &mut InstructionSink<'_>, at: MemArg) {
    out.i64_store8(at);
}

fn store16(out: &mut InstructionSink<'_>, at: MemArg) {
    out.i64_store16(at);
}

fn store64(out: &mut InstructionSink<'_>, at: MemArg) {
    out.i64_store(at);
}

fn store128(out: &mut InstructionSink<'_>, at: MemArg) {
    out.v128_store(at);
}

impl Emitter<'_> {
    /// Writes what changed. All values are taken before the first is written: they may be what is there.
    pub(super) fn commit_fpu(&mut self, scope: &Scope<'_>, fpu: &Fpu) {
        if fpu.is_same() {
            return;
        }
        let mut stores: Vec<(Store, MemArg)> = Vec::new();
        if fpu.is_stack() {
            self.vcpu().i64_load16_u(mem_arg(layout::X87_STATUS, 1)).i64_const(TOP as i64).i64_shr_u();
            self.out().i64_const(7).i64_and().local_set(SLOT);
        }
        for (n, x) in (0..).zip(&fpu.registers) {
            let &Some(x) = x else { continue };
            self.vcpu().local_get(SLOT);
            if n != 0 {
                self.out().i64_const(n).i64_add().i64_const(7).i64_and();
            }
            self.out().i64_const(layout::X87_REGISTER_SHIFT as i64).i64_shl().i64_add();
            self.value(scope, x);
            self.out().v128_const(REGISTER as i128).v128_and();
            stores.push((store128, mem_arg(layout::X87_REGISTERS, 3)));
        }
        for (n, v) in (0..).zip(&fpu.mmx) {
            let &Some(v) = v else { continue };
            let at = layout::X87_REGISTERS + (n << layout::X87_REGISTER_SHIFT);
            self.vcpu();
            self.value(scope, v);
            stores.push((store64, mem_arg(at, 3)));
            self.vcpu().i64_const(0xffff);
            stores.push((store64, mem_arg(at + layout::SIGN_EXPONENT, 3)));
        }
        if fpu.has_status() {
            self.vcpu();
            self.status(scope, fpu);
            stores.push((store16, mem_arg(layout::X87_STATUS, 1)));
        }
        if let Some(tags) = fpu.tags {
            self.vcpu().i64_const(tags.into());
            stores.push((store8, mem_arg(layout::X87_TAGS, 0)));
        } else if fpu.filled | fpu.emptied != 0 {
            self.vcpu();
            self.tags(fpu);
            stores.push((store8, mem_arg(layout::X87_TAGS, 0)));
        }
        if let Some(control) = fpu.control {
            self.vcpu();
            self.value(scope, control);
            stores.push((store16, mem_arg(layout::X87_CONTROL, 1)));
        }
        if let Some(distance) = fpu.instruction {
            self.vcpu();
            self.rip(distance);
            stores.push((store64, mem_arg(layout::FIP, 3)));
            self.selector(Seg::Cs);
            stores.push((store16, mem_arg(layout::FCS, 1)));
        }
        if let Some((offset, seg)) = fpu.operand {
            self.vcpu();
            self.value(scope, offset);
            stores.push((store64, mem_arg(layout::FDP, 3)));
            self.selector(seg);
            stores.push((store16, mem_arg(layout::FDS, 1)));
        }
        for (store, at) in stores.into_iter().rev() {
            store(&mut self.out(), at);
        }
    }

    /// Pushes the address of the processor and a segment's selector.
    fn selector(&mut self, seg: Seg) {
        self.vcpu();
        self.vcpu().i64_load16_u(mem_arg(layout::selector(seg), 1));
    }

    /// Pushes the status word.
    fn status(&mut self, scope: &Scope<'_>, fpu: &Fpu) {
        let turned = fpu.top != 0 || fpu.is_mmx;
        let cleared = if turned { 7 << TOP } else { 0 }
            | if fpu.c1.is_some() { C1 } else { 0 }
            | if fpu.conditions.is_some() { C320 } else { 0 };
        self.vcpu().i64_load16_u(mem_arg(layout::X87_STATUS, 1));
        self.out().i64_const((!cleared & 0xffff) as i64).i64_and();
        if fpu.top != 0 {
            self.vcpu().i64_load16_u(mem_arg(layout::X87_STATUS, 1));
            self.out().i64_const(i64::from(fpu.top) << TOP).i64_add().i64_const(7 << TOP).i64_and().i64_or();
        }
        let above = match (fpu.raised, fpu.c1) {
            (Some(raised), Some(c1)) if raised == c1 => [(Some(c1), EXCEPTIONS | C1), (None, 0)],
            (raised, c1) => [(raised, EXCEPTIONS), (c1, C1)],
        };
        for (v, mask) in above {
            let Some(v) = v.filter(|&v| scope.block.values.constant(v) != Some(0)) else { continue };
            self.value(scope, v);
            self.out().i64_const(STATUS as i64).i64_shr_u().i64_const(mask as i64).i64_and().i64_or();
        }
        if let Some(conditions) = fpu.conditions {
            self.value(scope, conditions);
            self.out().i64_or();
        }
    }

    /// Pushes the abridged tags; TOP at the entry is in `SLOT`.
    fn tags(&mut self, fpu: &Fpu) {
        // A byte twice, turned to where TOP is.
        let turned = |emitter: &mut Self, bits: u8| {
            emitter.out().i64_const(i64::from(bits) * 0x101).local_get(SLOT).i64_shl();
            emitter.out().i64_const(8).i64_shr_u();
        };
        self.vcpu().i64_load8_u(mem_arg(layout::X87_TAGS, 0));
        if fpu.emptied != 0 {
            turned(self, !fpu.emptied);
            self.out().i64_and();
        }
        if fpu.filled != 0 {
            turned(self, fpu.filled);
            self.out().i64_or();
        }
    }
}
