//! The x87 unit, which x87 instructions use in addition to [`Domain`].

use super::{Domain, MemRef};
use crate::F80Op;
use x86_decode::Instruction;
use x86_types::Width;

/// Format of a number in memory, and how a conversion to an integer rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single or double precision, by width
    Float,
    /// A signed integer; to it, rounded by RC
    Integer,
    /// A signed integer; to it, rounded toward zero
    Truncated,
}

/// The x87 unit. `ST(i)` is relative to the current TOP.
///
/// Compiled code exits before an instruction that would find an empty register, a full stack, or an unmasked exception.
/// So in a recording domain registers are always in use, the stack is never full, and every operation has a result.
pub trait X87: Domain {
    /// A number in double-extended format
    type F: Copy;

    /// Checks that control instructions may execute.
    ///
    /// # Errors
    /// #NM by CR0.
    fn x87_available(&mut self) -> Result<(), Self::Fault>;
    /// Checks that numeric instructions may execute. Returns the argument `ready` of [`X87::x87_executed`].
    ///
    /// # Errors
    /// #NM by CR0, #MF if an exception is pending.
    fn x87_ready(&mut self) -> Result<u16, Self::Fault>;
    /// Executes FWAIT.
    ///
    /// # Errors
    /// #NM by CR0, #MF if an exception is pending.
    fn x87_wait(&mut self) -> Result<(), Self::Fault>;
    /// Records a numeric instruction that was executed in the last-instruction pointers.
    fn x87_executed(&mut self, insn: &Instruction, operand: Option<&MemRef<Self::V>>, ready: u16);

    /// Returns whether ST(i) is in use
    fn st_in_use(&mut self, i: u8) -> bool;
    /// Returns whether a push would overflow
    fn st_full(&mut self) -> bool;
    /// Returns the value in ST(i)
    fn st(&mut self, i: u8) -> Self::F;
    /// Replaces ST(i), which is in use.
    fn replace_st(&mut self, i: u8, x: Self::F);
    /// Sets ST(i), whether it was in use or not.
    fn set_st(&mut self, i: u8, x: Self::F);
    /// Pushes a value.
    fn st_push(&mut self, x: Self::F);
    /// Pops.
    fn st_pop(&mut self);
    /// Sets the flags of a stack fault. Returns whether it is masked.
    fn st_fault(&mut self, overflow: bool) -> bool;

    /// Returns whether this is D9 D8+i, an FSTP that the manuals no longer list: with ST(0) empty, processors pop
    /// without a stack fault and do not write ST(i). Called only if ST(0) is empty
    fn is_quiet_pop(&mut self, insn: &Instruction) -> bool;

    /// Returns the status word
    fn x87_status(&mut self) -> Self::V;
    /// Returns the control word
    fn x87_control(&mut self) -> Self::V;
    /// Sets the control word. Unmasking a flagged exception makes it pending.
    fn set_x87_control(&mut self, word: Self::V);
    /// Clears C1.
    fn clear_c1(&mut self);
    /// Sets C3, C2 and C0, at their places in the status word.
    fn set_conditions(&mut self, value: Self::V);
    /// Returns the state that a faulting store has to restore, for [`X87::restore_x87`].
    fn x87_before_store(&mut self) -> u32;
    /// Restores it.
    fn restore_x87(&mut self, before: u32);

    /// Returns a constant
    fn f80(&mut self, x: x86_float::F80) -> Self::F;
    /// Returns the value with its sign inverted (`negate`) or cleared
    fn f80_sign(&mut self, x: Self::F, negate: bool) -> Self::F;
    /// Returns `yes` if `c` is not 0, else `no`
    fn f80_select(&mut self, c: Self::V, yes: Self::F, no: Self::F) -> Self::F;
    /// Returns the result of an operation, and sets exception flags and C1. Returns `None` if an unmasked exception
    /// suppresses the result.
    fn f80_compute(&mut self, op: F80Op, a: Self::F, b: Self::F) -> Option<Self::F>;
    /// Returns the relation of two numbers: CF, PF and ZF at their places in RFLAGS. `None` as for
    /// [`X87::f80_compute`].
    fn f80_compare(&mut self, a: Self::F, b: Self::F, signaling: bool) -> Option<Self::V>;
    /// Returns a number of this format in memory, as an operand
    fn f80_operand(&mut self, bits: Self::V, w: Width, format: Format) -> Self::F;
    /// Returns the same as a value to be pushed. `None` as for [`X87::f80_compute`].
    fn f80_load(&mut self, bits: Self::V, w: Width, format: Format) -> Option<Self::F>;
    /// Returns a number in this format, to be stored to memory. `None` as for [`X87::f80_compute`].
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
