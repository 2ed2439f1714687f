//! The interface between handlers, which define instructions, and the engines.
//!
//! Handlers are functions over a [`Domain`]. In the processor's domain ([`crate::Vcpu`]) values are numbers, and a handler
//! executes. In a compiler's domain values are expressions, and the same handler records code.
//!
//! `Domain` is made of one trait for each topic. Handlers are bounded by `D: Domain`, which brings all methods into scope.

mod arithmetic;
mod control_flow;
mod flags;
mod memory;
mod operation;
mod registers;
mod vectors;
mod x87;

pub use arithmetic::Arithmetic;
pub use control_flow::ControlFlow;
pub use flags::FlagsRegister;
pub use memory::{MemRef, Memory};
pub use operation::{Bin, Cmp, Flag, FlagDef, Rmw, Un};
pub use registers::{ExecutionMode, GeneralRegisters, SegmentRegisters};
pub use vectors::{Mmx, Vectors};
pub use x87::{Format, X87};

use x86_decode::Instruction;

/// How an instruction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Flow {
    /// Continue with the next instruction of the block
    Next,
    /// The block ends here: RIP was changed, or the run loop has to check for events
    End,
}

/// The result of one instruction.
pub type Step<D> = Result<Flow, <D as DomainTypes>::Fault>;

/// The types of a domain.
pub trait DomainTypes: Sized {
    /// An integer of up to 64 bits, zero-extended from the width that it was made with
    type V: Copy;
    /// A 128-bit vector
    type X: Copy;
    /// What ends an instruction early: an exception; in a compiler the refusal to record the instruction
    type Fault;
}

/// Everything that a handler can use.
pub trait Domain:
    Arithmetic
    + ExecutionMode
    + GeneralRegisters
    + SegmentRegisters
    + FlagsRegister
    + Memory
    + Vectors
    + Mmx
    + ControlFlow
{
    /// Whether an instruction has one handler for each operand size and shape. That is faster to execute, and larger.
    const BY_SHAPE: bool;

    /// Executes an instruction that has no generic handler: a rare or complex one.
    ///
    /// # Errors
    /// Whatever the instruction raises.
    fn concrete(&mut self, insn: &Instruction) -> Step<Self>;

    /// Returns the handler of such an instruction: [`Domain::concrete`], or a function specialized for this instruction.
    fn concrete_handler(_insn: &Instruction) -> crate::Handler<Self> {
        |d, i| d.concrete(i)
    }

    /// Executes a repeated string instruction; `body` is one iteration.
    ///
    /// # Errors
    /// Whatever an iteration raises; the iterations before it have taken effect.
    fn repeat(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Self::Fault>,
    ) -> Step<Self>;
}
