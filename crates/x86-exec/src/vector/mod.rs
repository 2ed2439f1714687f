//! Vector instructions over [`Domain`].

use crate::{Domain, Handler};
use x86_decode::Instruction;
use x86_state::Cpu;
use x86_types::Exception;

/// A lane-wise operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VecOp {}

/// The concrete meaning of a lane-wise operation.
pub(crate) fn execute(_cpu: &mut Cpu, op: VecOp, _a: u128, _b: u128, _imm: u8) -> Result<u128, Exception> {
    match op {}
}

/// The handler of a vector instruction.
pub(crate) fn handler<D: Domain>(_insn: &Instruction) -> Option<Handler<D>> {
    None
}
