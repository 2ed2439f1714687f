//! The x87 unit of the processor that executes.

use super::Vcpu;
use crate::x87::stack::Stack;
use crate::x87::{self, status, stored};
use crate::{F80Op, Format, MemRef, Raised, X87};
use x86_decode::Instruction;
use x86_float::{F80, Operand};
use x86_types::Width;

impl Vcpu {
    #[inline(always)]
    fn stack(&mut self) -> Stack<'_> {
        Stack::new(&mut self.cpu.x87)
    }
}

impl X87 for Vcpu {
    type F = Operand;

    #[inline(always)]
    fn x87_available(&mut self) -> Result<(), Raised> {
        x87::available(&self.cpu).map_err(Raised::from)
    }

    #[inline(always)]
    fn x87_ready(&mut self) -> Result<u16, Raised> {
        x87::ready(self)
    }

    fn x87_wait(&mut self) -> Result<(), Raised> {
        x87::wait(self).map_err(Raised::from)
    }

    #[inline(always)]
    fn x87_executed(&mut self, insn: &Instruction, operand: Option<&MemRef<u64>>, ready: u16) {
        x87::executed(self, insn, operand, ready);
    }

    #[inline(always)]
    fn st_in_use(&mut self, i: u8) -> bool {
        !self.stack().is_empty(i)
    }

    #[inline(always)]
    fn st_full(&mut self) -> bool {
        self.stack().is_full()
    }

    #[inline(always)]
    fn st(&mut self, i: u8) -> Operand {
        self.stack().get(i).into()
    }

    #[inline(always)]
    fn replace_st(&mut self, i: u8, x: Operand) {
        self.stack().replace(i, x.parts().0);
    }

    #[inline(always)]
    fn set_st(&mut self, i: u8, x: Operand) {
        self.stack().set(i, x.parts().0);
    }

    #[inline(always)]
    fn st_push(&mut self, x: Operand) {
        self.stack().push(x.parts().0);
    }

    #[inline(always)]
    fn st_pop(&mut self) {
        self.stack().pop();
    }

    #[inline(always)]
    fn st_fault(&mut self, overflow: bool) -> bool {
        self.stack().fault(overflow)
    }

    #[cold]
    fn is_quiet_pop(&mut self, insn: &Instruction) -> bool {
        x87::opcode(self, insn) & 0x7f8 == 0x1d8
    }

    #[inline(always)]
    fn x87_status(&mut self) -> u64 {
        self.cpu.x87.status.into()
    }

    #[inline(always)]
    fn x87_control(&mut self) -> u64 {
        self.cpu.x87.control.into()
    }

    fn set_x87_control(&mut self, word: u64) {
        x87::load_control_word(self, word as u16);
    }

    #[inline(always)]
    fn clear_c1(&mut self) {
        self.stack().set_conditions(status::C1, 0);
    }

    #[inline(always)]
    fn set_conditions(&mut self, value: u64) {
        self.stack().set_conditions(status::C3 | status::C2 | status::C0, value as u16);
    }

    #[inline(always)]
    fn x87_before_store(&mut self) -> u32 {
        u32::from(self.cpu.x87.status) | u32::from(self.cpu.x87.tags) << 16
    }

    fn restore_x87(&mut self, before: u32) {
        (self.cpu.x87.status, self.cpu.x87.tags) = (before as u16, (before >> 16) as u8);
    }

    #[inline(always)]
    fn f80(&mut self, x: F80) -> Operand {
        x.into()
    }

    #[inline(always)]
    fn f80_sign(&mut self, x: Operand, negate: bool) -> Operand {
        let (x, _) = x.parts();
        x.with_sign(negate && !x.sign()).into()
    }

    #[inline(always)]
    fn f80_select(&mut self, c: u64, yes: Operand, no: Operand) -> Operand {
        if c != 0 { yes } else { no }
    }

    #[inline(always)]
    fn f80_compute(&mut self, op: F80Op, a: Operand, b: Operand) -> Option<Operand> {
        let mut stack = self.stack();
        let mut env = stack.env();
        let result = op.apply(&mut env, a.parts().0, b);
        stack.commit_exceptions(&env).then(|| result.into())
    }

    #[inline(always)]
    fn f80_compare(&mut self, a: Operand, b: Operand, signaling: bool) -> Option<u64> {
        let (b, denormal) = b.parts();
        x87::compared(&mut self.cpu.x87, a.parts().0, b, denormal, signaling)
    }

    #[inline(always)]
    fn f80_operand(&mut self, bits: u64, w: Width, format: Format) -> Operand {
        match (format, w) {
            (Format::Float, Width::B8) => Operand::from_double(bits),
            (Format::Float, _) => Operand::from_single(bits as u32),
            _ => Operand::from_integer(w.sext(bits) as i64),
        }
    }

    #[inline(always)]
    fn f80_load(&mut self, bits: u64, w: Width, format: Format) -> Option<Operand> {
        let mut stack = self.stack();
        let mut env = stack.env();
        let value = match (format, w) {
            (Format::Float, Width::B8) => F80::from_double(&mut env, bits),
            (Format::Float, _) => F80::from_single(&mut env, bits as u32),
            _ => F80::from_integer(w.sext(bits) as i64),
        };
        stack.commit_exceptions(&env).then(|| value.into())
    }

    #[inline(always)]
    fn f80_store(&mut self, x: Operand, w: Width, format: Format) -> Option<u64> {
        let mut stack = self.stack();
        let mut env = stack.env();
        let bits = stored(&mut env, x.parts().0, w, format);
        stack.commit_store_exceptions(&env).then_some(bits)
    }

    #[inline(always)]
    fn load80(&mut self, m: &MemRef<u64>, addrsize: Width) -> Result<Operand, Raised> {
        let (significand, sign_exponent) = self.load80_ref(m, addrsize)?;
        Ok(F80::new(significand, sign_exponent).into())
    }

    #[inline(always)]
    fn store80(&mut self, m: &MemRef<u64>, addrsize: Width, x: Operand) -> Result<(), Raised> {
        let (x, _) = x.parts();
        self.store80_ref(m, addrsize, x.significand, x.sign_exponent)
    }
}
