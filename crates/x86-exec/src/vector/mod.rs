//! MMX, SSE and AVX instructions: what each does to lanes ([`VecOp`]), and how it takes and leaves its operands.

mod concrete;
mod convert;
mod crypto;
mod float;
mod fma;
mod forms;
mod gather;
mod integer;
mod lanes;
mod masked;
mod mmx;
mod moves;
mod ops;
mod shuffle;
mod string;
mod table;
#[cfg(test)]
mod tests;
mod wide;

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

/// The lower and the upper half of a 256-bit value
pub type Pair<X> = [X; 2];

/// The concrete meaning of a lane-wise operation on both halves of 256 bits. Its exceptions are those of all lanes.
pub(crate) fn execute_pair(
    cpu: &mut Cpu,
    op: VecOp,
    a: Pair<u128>,
    b: Pair<u128>,
    imm: Pair<u8>,
) -> Result<Pair<u128>, Exception> {
    match (ops::pure(op, a[0], b[0], imm[0]), ops::pure(op, a[1], b[1], imm[1])) {
        (Some(low), Some(high)) => Ok([low, high]),
        _ => float::in_environment(cpu, |env| [0, 1].map(|n| ops::in_env(op, env, a[n], b[n], imm[n]))),
    }
}
