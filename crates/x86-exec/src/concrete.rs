//! Concrete instructions: those without a generic handler, which execute on the processor only.
//!
//! Compiled code executes them by helper calls.

use crate::concrete_operand::ConcreteResult;
use crate::{Vcpu, system, vector, x87};
use x86_decode::Instruction;

/// Executes a concrete instruction.
pub(crate) fn exec(vm: &mut Vcpu, i: &Instruction) -> ConcreteResult {
    system::check_privilege(vm, i)?;
    system::exec(vm, i).or_else(|| vector::exec(vm, i)).unwrap_or_else(|| x87::exec(vm, i))
}
