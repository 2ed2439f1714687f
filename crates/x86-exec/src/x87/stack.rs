//! The register stack and the status word as numeric instructions use them.

use super::{status, summarize};
use x86_float::{Env, F80, Flags};
use x86_state::X87;

/// The register stack, by position relative to TOP.
///
/// SPEC: intel-sdm-vol1 :: 8.1.2 x87 FPU Data Registers -> ST(i) is physical register (TOP + i) mod 8; loads decrement TOP
pub(crate) struct Stack<'a> {
    x87: &'a mut X87,
}

impl<'a> Stack<'a> {
    #[inline(always)]
    pub(crate) fn new(x87: &'a mut X87) -> Self {
        Self { x87 }
    }

    #[inline(always)]
    fn place(&self, i: u8) -> usize {
        usize::from(self.x87.top().wrapping_add(i) & 7)
    }

    /// The arithmetic environment of the control word.
    #[inline(always)]
    pub(crate) fn env(&self) -> Env {
        Env::from_x87_control(self.x87.control)
    }

    /// Whether ST(i) is empty.
    #[inline(always)]
    pub(crate) fn is_empty(&self, i: u8) -> bool {
        self.x87.tags >> self.place(i) & 1 == 0
    }

    /// Whether a push would overflow.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        !self.is_empty(7)
    }

    /// The value in ST(i).
    #[inline(always)]
    pub(crate) fn get(&self, i: u8) -> F80 {
        let x = self.x87.r[self.place(i)];
        F80::new(x.significand, x.sign_exponent)
    }

    /// Sets ST(i), which is in use.
    #[inline(always)]
    pub(crate) fn replace(&mut self, i: u8, value: F80) {
        // Reserved fields are 0 already.
        let register = &mut self.x87.r[self.place(i)];
        (register.significand, register.sign_exponent) = (value.significand, value.sign_exponent);
    }

    /// Sets ST(i), whether it was empty or not.
    #[inline(always)]
    pub(crate) fn set(&mut self, i: u8, value: F80) {
        self.replace(i, value);
        self.x87.tags |= 1 << self.place(i);
    }

    /// Marks ST(i) empty.
    #[inline(always)]
    pub(crate) fn free(&mut self, i: u8) {
        self.x87.tags &= !(1 << self.place(i));
    }

    /// Adds to TOP.
    #[inline(always)]
    pub(crate) fn rotate(&mut self, by: u8) {
        let top = u16::from(self.x87.top().wrapping_add(by) & 7);
        self.x87.status = self.x87.status & !status::TOP | top << 11;
    }

    /// Pushes a value; the caller has checked for overflow.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: F80) {
        self.rotate(7);
        self.set(0, value);
    }

    /// Pops.
    #[inline(always)]
    pub(crate) fn pop(&mut self) {
        self.free(0);
        self.rotate(1);
    }

    /// Sets the condition bits of `mask` to those of `value`.
    #[inline(always)]
    pub(crate) fn set_conditions(&mut self, mask: u16, value: u16) {
        self.x87.status = self.x87.status & !mask | value & mask;
    }

    /// Sets the flags of a stack fault. Returns whether it is masked, so that the result is the indefinite.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.5.1.1 Stack Overflow or Underflow Exception (#IS) -> IE and SF set; C1 tells overflow from underflow
    #[cold]
    #[inline(never)]
    pub(crate) fn fault(&mut self, overflow: bool) -> bool {
        self.set_conditions(status::C1, if overflow { status::C1 } else { 0 });
        self.x87.status |= status::IE | status::SF;
        summarize(self.x87);
        self.x87.control & status::IE != 0
    }

    /// Handles stack underflow of an instruction that computes into ST(to). Returns whether the indefinite was written.
    #[cold]
    #[inline(never)]
    pub(crate) fn underflow(&mut self, to: u8) -> bool {
        let masked = self.fault(false);
        if masked {
            self.set(to, F80::INDEFINITE);
        }
        masked
    }

    /// Accumulates the exceptions of a computation, and C1. Returns whether its result may be written to a register.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.5 x87 FPU Floating-Point Exception Conditions -> unmasked invalid, denormal and divide-by-zero exceptions leave the operands; C1 tells whether an inexact result was rounded up
    #[inline(always)]
    pub(crate) fn commit_exceptions(&mut self, env: &Env) -> bool {
        let unmasked = env.unmasked();
        let aborted = unmasked.intersects(Flags::IE | Flags::DE | Flags::ZE);
        let raised = if aborted { env.raised & (Flags::IE | Flags::DE | Flags::ZE) } else { env.raised };
        let up = !aborted && env.raised.contains(Flags::PE) && env.rounded_up;
        self.set_conditions(status::C1, if up { status::C1 } else { 0 });
        if !raised.is_empty() {
            self.x87.status |= u16::from(raised.bits());
            summarize(self.x87);
        }
        !aborted
    }

    /// The same for a result that goes to memory, where unmasked overflow and underflow prevent the store too.
    #[inline(always)]
    pub(crate) fn commit_store_exceptions(&mut self, env: &Env) -> bool {
        let range = env.unmasked().intersects(Flags::OE | Flags::UE);
        self.commit_exceptions(env) && !range
    }
}
