//! What x87 instructions need beyond [`Domain`].

use super::{Domain, MemRef};
use crate::F80Op;
use x86_decode::Instruction;
use x86_types::Width;

/// How a number lies in memory, or an integer is made of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single or double precision, by width
    Float,
    /// A signed integer; to it, rounded by RC
    Integer,
    /// A signed integer; to it, rounded toward zero
    Truncated,
}

/// The x87 unit. `ST(i)` counts from the present TOP.
///
/// A domain that records leaves code before an instruction that would meet an empty register, a full stack, or an unmasked
/// exception: for it registers are always in use, the stack is never full, and results are always there.
pub trait X87: Domain {
    /// A number in double-extended format
    type F: Copy;

    /// Whether control instructions may execute.
    ///
    /// # Errors
    /// #NM by CR0.
    fn x87_available(&mut self) -> Result<(), Self::Fault>;
    /// Whether numeric instructions may execute. Returns what [`X87::x87_executed`] wants.
    ///
    /// # Errors
    /// #NM by CR0, #MF where an exception waits.
    fn x87_ready(&mut self) -> Result<u16, Self::Fault>;
    /// What FWAIT does.
    ///
    /// # Errors
    /// #NM by CR0, #MF where an exception waits.
    fn x87_wait(&mut self) -> Result<(), Self::Fault>;
    /// Records a numeric instruction that was executed in the last-instruction pointers.
    fn x87_executed(&mut self, insn: &Instruction, operand: Option<&MemRef<Self::V>>, ready: u16);

    /// Whether ST(i) is in use
    fn st_in_use(&mut self, i: u8) -> bool;
    /// Whether a push would overflow
    fn st_full(&mut self) -> bool;
    /// The value in ST(i)
    fn st(&mut self, i: u8) -> Self::F;
    /// Replaces ST(i), which is in use.
    fn replace_st(&mut self, i: u8, x: Self::F);
    /// Sets ST(i), whether it was in use or not.
    fn set_st(&mut self, i: u8, x: Self::F);
    /// Pushes a value.
    fn st_push(&mut self, x: Self::F);
    /// Pops.
    fn st_pop(&mut self);
    /// Notes a stack fault. Returns whether it is masked.
    fn st_fault(&mut self, overflow: bool) -> bool;

    /// Whether this is D9 D8+i, an FSTP that the manuals no longer list: with ST(0) empty, processors pop without a stack
    /// fault and leave ST(i) alone. Asked where it is empty
    fn is_quiet_pop(&mut self, insn: &Instruction) -> bool;

    /// The status word
    fn x87_status(&mut self) -> Self::V;
    /// The control word
    fn x87_control(&mut self) -> Self::V;
    /// Sets the control word. Unmasking a flagged exception makes it pending.
    fn set_x87_control(&mut self, word: Self::V);
    /// Clears C1.
    fn clear_c1(&mut self);
    /// Sets C3, C2 and C0, at their places in the status word.
    fn set_conditions(&mut self, value: Self::V);
    /// What [`X87::restore_x87`] brings back of the state: what a store to memory that faults changed before.
    fn x87_before_store(&mut self) -> u32;
    /// Brings it back.
    fn restore_x87(&mut self, before: u32);

    /// A constant
    fn f80(&mut self, x: x86_float::F80) -> Self::F;
    /// The same value with its sign changed, or cleared
    fn f80_sign(&mut self, x: Self::F, negate: bool) -> Self::F;
    /// `yes` where `c` is not 0, else `no`
    fn f80_select(&mut self, c: Self::V, yes: Self::F, no: Self::F) -> Self::F;
    /// Computes, and notes exceptions and C1. `None` where an unmasked one leaves the operands as they are.
    fn f80_compute(&mut self, op: F80Op, a: Self::F, b: Self::F) -> Option<Self::F>;
    /// Compares: CF, PF and ZF at their places in RFLAGS. `None` likewise.
    fn f80_compare(&mut self, a: Self::F, b: Self::F, signaling: bool) -> Option<Self::V>;
    /// What a number of this format in memory is as an operand
    fn f80_operand(&mut self, bits: Self::V, w: Width, format: Format) -> Self::F;
    /// The same as a value to be pushed. `None` as of [`X87::f80_compute`].
    fn f80_load(&mut self, bits: Self::V, w: Width, format: Format) -> Option<Self::F>;
    /// A number of this format, to be stored to memory. `None` likewise.
    fn f80_store(&mut self, x: Self::F, w: Width, format: Format) -> Option<Self::V>;

    /// Loads ten bytes.
    ///
    /// # Errors
    /// As [`Memory::load`](super::Memory::load).
    fn load80(&mut self, m: &MemRef<Self::V>, addrsize: Width) -> Result<Self::F, Self::Fault>;
    /// Stores ten bytes, or none of them.
    ///
    /// # Errors
    /// As [`Memory::store`](super::Memory::store).
    fn store80(&mut self, m: &MemRef<Self::V>, addrsize: Width, x: Self::F) -> Result<(), Self::Fault>;
}
