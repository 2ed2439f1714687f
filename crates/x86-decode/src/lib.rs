#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod decode;
mod feature;
mod format;
mod instruction;
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
pub use op::Op;

#[cfg(test)]
mod tests;
