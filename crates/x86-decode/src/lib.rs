#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod decode;
mod evex;
mod feature;
mod format;
mod instruction;
mod instructions;
mod memory;
mod op;
mod prefix;
mod table;
mod vex_pairs;
mod window;

pub use decode::{decode, decode_into};
pub use feature::Feature;
pub use format::Display;
pub use instruction::{DecodeError, DecodeFn, InsnFlags, Instruction, MemSize, NO_REG, Operand, OperandKind};
pub use instructions::{Decoded, Instructions};
pub use op::{Op, UnknownOp};
/// What the interface names of `x86-types`
pub use x86_types::{CodeSize, Cond, Seg, Width};

#[cfg(test)]
mod tests;
