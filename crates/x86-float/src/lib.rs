//! IEEE and x87 arithmetic with x86 rules: MXCSR, control word, NaNs, exception flags.
//!
//! Values are plain bits (`u16`, `u32`, `u64` for half, single and double precision, [`F80`] for double-extended), and the
//! environment is an argument ([`Env`]): the host's floating-point environment is neither read nor changed. In the common
//! case (round to nearest, ordinary operands, inexact already recorded) single and double precision use the host's own
//! operations, which give the same bits; everything else goes through one integer core with a 128-bit significand.
//!
//! The core is the crate's own because x86 asks for what general soft-float libraries do not offer: tininess detected
//! after rounding, the x87 precision control, bias-adjusted results for unmasked overflow and underflow, and whether a
//! result was rounded up (C1).
#![forbid(unsafe_code)]

mod env;
mod f80;
mod short;
pub mod sse;
mod unpacked;

pub use env::{Env, Flags, Rounding};
pub use f80::{Class, F80, Operand, Remainder};
