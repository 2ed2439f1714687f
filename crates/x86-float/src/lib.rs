#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod env;
mod f80;
mod short;
pub mod sse;
mod unpacked;

pub use env::{Env, Flags, Rounding};
pub use f80::{Class, F80, Operand, Remainder};
