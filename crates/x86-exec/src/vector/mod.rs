//! MMX and SSE instructions: what each does to lanes ([`VecOp`]), and how it takes and leaves its operands.

mod concrete;
mod convert;
mod crypto;
mod float;
mod forms;
mod integer;
mod lanes;
mod mmx;
mod moves;
mod ops;
mod shuffle;
mod string;
mod table;
#[cfg(test)]
mod tests;

pub use ops::VecOp;

pub(crate) use concrete::exec;
pub(crate) use table::handler;

use x86_state::Cpu;
use x86_types::Exception;

/// The concrete meaning of a lane-wise operation.
pub(crate) fn execute(cpu: &mut Cpu, op: VecOp, a: u128, b: u128, imm: u8) -> Result<u128, Exception> {
    match ops::pure(op, a, b, imm) {
        Some(result) => Ok(result),
        None => float::in_environment(cpu, |env| ops::in_env(op, env, a, b, imm)),
    }
}
