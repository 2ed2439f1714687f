//! The x87 unit in the recording domain.

use super::{NotRecorded, Recorder};
use crate::block::{Access, Action};
use crate::fpu::{C1, C320, ES, EXCEPTIONS, STATUS, TOP};
use crate::value::vector::{VectorNode, VectorTwo};
use crate::value::{Entry, Op1, Op2, Value};
use x86_decode::Instruction;
use x86_exec::vcpu::compiled::Segments;
use x86_exec::{Arithmetic, F80Function, F80Op, Format, MemRef, X87};
use x86_float::F80;
use x86_state::Cr0;
use x86_types::{CodeSize, Width};

/// Bias of the double-extended exponent
const BIAS: u64 = 16383;

impl Recorder {
    /// Exits if CR0 does not allow x87 or MMX instructions, or (`waits`) if an exception is pending.
    fn exit_if_unavailable(&mut self, waits: bool) -> Result<(), NotRecorded> {
        // In some 16-bit modes the instruction and operand pointers are linear addresses, and wrap.
        if self.mode.code_size == CodeSize::Bits16 || self.mode.segments == Segments::Real {
            return Err(NotRecorded);
        }
        let (cr0, bits) = (self.values.entry(Entry::Cr0), self.values.imm((Cr0::EM | Cr0::TS).bits()));
        let mut condition = self.values.two(Op2::And, cr0, bits);
        if waits {
            let (status, es) = (self.values.entry(Entry::X87Status), self.values.imm(ES));
            let waiting = self.values.two(Op2::And, status, es);
            condition = self.values.two(Op2::Or, condition, waiting);
        }
        self.exit_if(condition);
        Ok(())
    }

    pub(super) fn exit_if_no_mmx(&mut self) -> Result<(), NotRecorded> {
        if self.state.fpu.is_stack() {
            return Err(NotRecorded);
        }
        self.exit_if_unavailable(true)
    }

    pub(super) fn mmx(&mut self, r: u8) -> Value {
        match self.state.fpu.mmx.get(usize::from(r & 7)) {
            Some(&Some(v)) => v,
            _ => self.values.entry(Entry::Mmx(r & 7)),
        }
    }

    /// Returns the position of ST(i): its register number less TOP at the entry, modulo 8.
    fn position(&self, i: u8) -> u8 {
        self.state.fpu.top.wrapping_add(i) & 7
    }

    /// Returns TOP at the entry.
    fn entry_top(&mut self) -> Value {
        let (status, shift) = (self.values.entry(Entry::X87Status), self.values.imm(TOP));
        let top = self.values.two(Op2::ShrU, status, shift);
        let seven = self.values.imm(7);
        self.values.two(Op2::And, top, seven)
    }

    /// Returns a nonzero value if the register at a position was in use at the entry.
    fn entry_tag(&mut self, position: u8) -> Value {
        let (tags, top, up) = (self.values.entry(Entry::X87Tags), self.entry_top(), self.values.imm(8));
        let again = self.values.two(Op2::Shl, tags, up);
        let twice = self.values.two(Op2::Or, tags, again);
        let turned = self.values.two(Op2::ShrU, twice, top);
        let bit = self.values.imm(1 << position);
        self.values.two(Op2::And, turned, bit)
    }

    /// Requires ST(i) to be in use (or empty). Exits if it is not, unless that is known already.
    fn require(&mut self, i: u8, in_use: bool) {
        let position = self.position(i);
        let fpu = &self.state.fpu;
        let (filled, emptied) = (fpu.filled >> position & 1 != 0, fpu.emptied >> position & 1 != 0);
        if filled || emptied {
            // A mismatch is certainly a stack fault.
            self.unsupported |= filled != in_use;
            return;
        }
        let tag = self.entry_tag(position);
        let condition = if in_use {
            let zero = self.values.imm(0);
            self.values.two(Op2::Eq, tag, zero)
        } else {
            tag
        };
        self.exit_if(condition);
    }

    fn fill(&mut self, position: u8, x: Value) {
        let fpu = &mut self.state.fpu;
        if let Some(register) = fpu.registers.get_mut(usize::from(position)) {
            *register = Some(x);
        }
    }

    fn mark(&mut self, position: u8, in_use: bool) {
        let (bit, fpu) = (1 << position, &mut self.state.fpu);
        fpu.filled &= !bit;
        fpu.emptied &= !bit;
        *(if in_use { &mut fpu.filled } else { &mut fpu.emptied }) |= bit;
    }

    /// Records the call of an x87 function, and accumulates its exceptions and C1. Returns its result.
    fn function(&mut self, function: F80Function, a: Value, b: Value) -> Value {
        let control = self.x87_control();
        let number = function.number() as u8;
        let result = self.values.vector(VectorNode::F80(number, a, b, control));
        let above = self.values.lane(Width::B8, 1, result);
        self.state.fpu.c1 = Some(above);
        for raised in [&mut self.state.fpu.raised, &mut self.unchecked] {
            *raised = Some(match *raised {
                Some(before) => self.values.two(Op2::Or, before, above),
                None => above,
            });
        }
        result
    }

    /// Exits if an unmasked exception was raised since the checkpoint.
    pub(super) fn exit_if_unmasked(&mut self) {
        let Some(raised) = self.unchecked.take() else { return };
        let (control, all, shift) =
            (self.x87_control(), self.values.imm(EXCEPTIONS), self.values.imm(STATUS));
        let shifted = self.values.two(Op2::ShrU, raised, shift);
        let (masks, all) = (self.values.two(Op2::And, control, all), all);
        let unmasked = self.values.two(Op2::Xor, masks, all);
        let condition = self.values.two(Op2::And, shifted, unmasked);
        self.exit_if(condition);
    }

    /// Returns a memory operand as a number. Conversions that raise an exception are detected by the caller.
    fn float_number(&mut self, bits: Value, w: Width) -> Value {
        let wide = self.wide(w, bits);
        let (function, control) = (F80Function::Load(w).number() as u8, self.x87_control());
        self.values.vector(VectorNode::F80(function, wide, wide, control))
    }

    /// The low bits of an integer in the lowest lane of a vector
    fn wide(&mut self, w: Width, v: Value) -> Value {
        let zero = self.values.bits128(0);
        self.values.with_lane(w, 0, zero, v)
    }

    /// Returns a signed integer as a number, which is exact.
    fn integer(&mut self, bits: Value, w: Width) -> Value {
        let value = self.sext(w, Width::B8, bits);
        let (shift, zero, last) = (self.values.imm(63), self.values.imm(0), self.values.imm(BIAS + 63));
        let negative = self.values.two(Op2::ShrS, value, shift);
        let turned = self.values.two(Op2::Xor, value, negative);
        let magnitude = self.values.two(Op2::Sub, turned, negative);
        let zeros = self.values.one(Op1::Clz, magnitude);
        let significand = self.values.two(Op2::Shl, magnitude, zeros);
        let exponent = self.values.two(Op2::Sub, last, zeros);
        let sign = self.values.imm(1 << 15);
        let sign = self.values.two(Op2::And, negative, sign);
        let above = self.values.two(Op2::Or, exponent, sign);
        let above = self.values.select(value, above, zero);
        let wide = self.wide(Width::B8, significand);
        self.values.with_lane(Width::B8, 1, wide, above)
    }
}

impl X87 for Recorder {
    type F = Value;

    fn x87_available(&mut self) -> Result<(), NotRecorded> {
        if self.state.fpu.is_mmx() {
            return Err(NotRecorded);
        }
        self.exit_if_unavailable(false)
    }

    fn x87_ready(&mut self) -> Result<u16, NotRecorded> {
        if self.state.fpu.is_mmx() {
            return Err(NotRecorded);
        }
        self.exit_if_unavailable(true)?;
        Ok(0)
    }

    fn x87_wait(&mut self) -> Result<(), NotRecorded> {
        self.exit_if_unavailable(true)
    }

    fn x87_executed(&mut self, _: &Instruction, operand: Option<&MemRef<Value>>, _: u16) {
        self.state.fpu.instruction = Some(self.offset);
        if let Some(m) = operand {
            self.state.fpu.operand = Some((m.offset, m.seg));
        }
    }

    fn st_in_use(&mut self, i: u8) -> bool {
        self.require(i, true);
        true
    }

    fn st_full(&mut self) -> bool {
        self.require(7, false);
        false
    }

    fn st(&mut self, i: u8) -> Value {
        let position = self.position(i);
        if let Some(&Some(x)) = self.state.fpu.registers.get(usize::from(position)) {
            return x;
        }
        let (top, distance, seven) = (self.entry_top(), self.values.imm(position.into()), self.values.imm(7));
        let number = self.values.two(Op2::Add, top, distance);
        let number = self.values.two(Op2::And, number, seven);
        self.values.vector(VectorNode::X87Register(number))
    }

    fn replace_st(&mut self, i: u8, x: Value) {
        self.fill(self.position(i), x);
    }

    fn set_st(&mut self, i: u8, x: Value) {
        let position = self.position(i);
        self.fill(position, x);
        self.mark(position, true);
    }

    fn st_push(&mut self, x: Value) {
        self.state.fpu.top = self.position(7);
        self.set_st(0, x);
    }

    fn st_pop(&mut self) {
        self.mark(self.position(0), false);
        self.state.fpu.top = self.position(1);
    }

    fn st_fault(&mut self, _: bool) -> bool {
        self.unsupported = true;
        false
    }

    fn is_quiet_pop(&mut self, _: &Instruction) -> bool {
        self.unsupported = true;
        false
    }

    fn x87_status(&mut self) -> Value {
        let fpu = self.state.fpu.clone();
        let mut status = self.values.entry(Entry::X87Status);
        if fpu.top != 0 {
            let (by, mask) = (self.values.imm(u64::from(fpu.top) << TOP), self.values.imm(7 << TOP));
            let sum = self.values.two(Op2::Add, status, by);
            let changed = self.values.two(Op2::Xor, sum, status);
            let changed = self.values.two(Op2::And, changed, mask);
            status = self.values.two(Op2::Xor, status, changed);
        }
        let mut bits = Vec::new();
        let shift = self.values.imm(STATUS);
        for (above, mask) in [(fpu.raised, EXCEPTIONS), (fpu.c1, C1)] {
            if let Some(above) = above {
                let (shifted, mask) = (self.values.two(Op2::ShrU, above, shift), self.values.imm(mask));
                bits.push(self.values.two(Op2::And, shifted, mask));
            }
        }
        bits.extend(fpu.conditions);
        let cleared = if fpu.c1.is_some() { C1 } else { 0 } | if fpu.conditions.is_some() { C320 } else { 0 };
        let kept = self.values.imm(!cleared & 0xffff);
        status = self.values.two(Op2::And, status, kept);
        bits.into_iter().fold(status, |status, bits| self.values.two(Op2::Or, status, bits))
    }

    fn x87_control(&mut self) -> Value {
        match self.state.fpu.control {
            Some(control) => control,
            None => self.values.entry(Entry::X87Control),
        }
    }

    fn set_x87_control(&mut self, word: Value) {
        self.exit_if_unmasked();
        let (kept, one, all) = (self.values.imm(0x1f3f), self.values.imm(0x40), self.values.imm(EXCEPTIONS));
        let word = self.values.two(Op2::And, word, kept);
        let word = self.values.two(Op2::Or, word, one);
        let masks = self.values.two(Op2::And, word, all);
        let unmasked = self.values.two(Op2::Xor, masks, all);
        let status = self.x87_status();
        let pending = self.values.two(Op2::And, status, unmasked);
        self.exit_if(pending);
        self.state.fpu.control = Some(word);
    }

    fn clear_c1(&mut self) {
        self.state.fpu.c1 = Some(self.values.imm(0));
    }

    fn set_conditions(&mut self, value: Value) {
        self.state.fpu.conditions = Some(value);
    }

    fn x87_before_store(&mut self) -> u32 {
        0
    }

    fn restore_x87(&mut self, _: u32) {}

    fn f80(&mut self, x: F80) -> Value {
        self.values.bits128(u128::from(x.significand) | u128::from(x.sign_exponent) << 64)
    }

    fn f80_sign(&mut self, x: Value, negate: bool) -> Value {
        let sign = self.values.bits128(1 << 79);
        self.values.vector_two(if negate { VectorTwo::Xor } else { VectorTwo::AndNot }, x, sign)
    }

    fn f80_select(&mut self, c: Value, yes: Value, no: Value) -> Value {
        self.values.select(c, yes, no)
    }

    fn f80_compute(&mut self, op: F80Op, a: Value, b: Value) -> Option<Value> {
        Some(self.function(F80Function::Compute(op), a, b))
    }

    fn f80_compare(&mut self, a: Value, b: Value, signaling: bool) -> Option<Value> {
        let result = self.function(F80Function::Compare(signaling), a, b);
        let relation = self.values.lane(Width::B8, 0, result);
        let flags = self.values.imm(0x45);
        Some(self.values.two(Op2::And, relation, flags))
    }

    fn f80_operand(&mut self, bits: Value, w: Width, format: Format) -> Value {
        if format != Format::Float {
            return self.integer(bits, w);
        }
        // A denormal or a signaling NaN is detected by the exceptions that the conversion reports.
        let number = self.float_number(bits, w);
        let above = self.values.lane(Width::B8, 1, number);
        let shift = self.values.imm(STATUS);
        let raised = self.values.two(Op2::ShrU, above, shift);
        self.exit_if(raised);
        number
    }

    fn f80_load(&mut self, bits: Value, w: Width, format: Format) -> Option<Value> {
        if format != Format::Float {
            self.clear_c1();
            return Some(self.integer(bits, w));
        }
        let wide = self.wide(w, bits);
        Some(self.function(F80Function::Load(w), wide, wide))
    }

    fn f80_store(&mut self, x: Value, w: Width, format: Format) -> Option<Value> {
        let result = self.function(F80Function::Store(w, format), x, x);
        Some(self.values.lane(w, 0, result))
    }

    fn load80(&mut self, m: &MemRef<Value>, addrsize: Width) -> Result<Value, NotRecorded> {
        let low = self.read_memory(m, Width::B8, false);
        let above = self.behind(m, addrsize, 8);
        let high = self.read_memory(&above, Width::B2, false);
        let x = self.wide(Width::B8, low);
        Ok(self.values.with_lane(Width::B8, 1, x, high))
    }

    fn store80(&mut self, m: &MemRef<Value>, addrsize: Width, x: Value) -> Result<(), NotRecorded> {
        self.exit_if_unmasked();
        // Both parts are translated before any byte is stored.
        let above = self.behind(m, addrsize, 8);
        let opened = Access { linear: self.linear(&above, 2, true), w: Width::B2 };
        self.read_memory(&above, Width::B2, true);
        self.opened = None;
        let refused = self.exit_before();
        let low = Access { linear: self.linear(m, 8, true), w: Width::B8 };
        let (significand, sign_exponent) =
            (self.values.lane(Width::B8, 0, x), self.values.lane(Width::B2, 4, x));
        self.act(Action::Store { access: low, value: significand, again: false, refused });
        self.act(Action::Store { access: opened, value: sign_exponent, again: false, refused });
        self.stored = true;
        Ok(())
    }
}
