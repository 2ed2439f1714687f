//! x87 and MMX-state instructions.

use crate::Vcpu;
use crate::system::Outcome;
use x86_decode::Instruction;
use x86_types::Exception;

/// Executes an x87 instruction.
pub(crate) fn exec(_vm: &mut Vcpu, _insn: &Instruction) -> Outcome {
    Err(Exception::InvalidOpcode)
}
