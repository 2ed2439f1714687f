#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod decode;
mod evex;
mod feature;
#[cfg(feature = "fmt")]
mod format;
mod instruction;
mod instructions;
mod memory;
mod op;
mod operands;
mod prefix;
mod register;
mod table;
mod vex_pairs;
mod window;

pub use decode::{decode, decode_into};
pub use feature::Feature;
#[cfg(feature = "fmt")]
pub use format::{Display, FormatOptions, MemorySizes, Numbers, Symbol, SymbolResolver, Syntax};
pub use instruction::{DecodeError, DecodeFn, InsnFlags, Instruction, MemSize, NO_REG, Operand, OperandKind};
pub use instructions::{Decoded, Instructions};
pub use op::{Op, UnknownOp};
pub use operands::{MemoryOperand, OperandValue};
pub use register::{Register, RegisterKind};
/// What the interface names of `x86-types`
pub use x86_types::{CodeSize, Cond, Seg, Width};

#[cfg(test)]
mod tests;
