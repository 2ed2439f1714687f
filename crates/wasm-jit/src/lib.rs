//! Guest code to WebAssembly, by a [`Domain`](x86_exec::Domain) that records instead of executing.
//!
//! `x86-exec` says what instructions mean; run over the recording domain, the same functions give expressions over the
//! state at the block's entry, and [`module`] writes those as functions over a 64-bit memory that holds a `repr(C)`
//! [`Cpu`](x86_state::Cpu). This crate knows no opcode.
//!
//! A block's function takes the addresses of the `Cpu` and of a [`layout::Context`] and returns a [`layout::Leave`].
//! Registers and flags live in wasm locals and are written back where the block is left. What may fault leaves
//! *before* the instruction with everything stored, so that the interpreter raises the exception; so does what compiled
//! code cannot do.
//!
//! Modules import, from `env`, `memory` and three functions:
//! - `load(cpu: i64, seg: i32, offset: i64, size: i32) -> i64`, zero-extended; it sets [`layout::Context::refused`]
//!   if the access cannot be made;
//! - `load_for_write`, the same, checked as a write;
//! - `store(cpu: i64, seg: i32, offset: i64, size: i32, value: i64) -> i32`, a [`layout::StoreStatus`]; of `value` the
//!   low `size` bytes count.
#![forbid(unsafe_code)]

mod block;
mod domain;
mod emit;
mod flags;
mod host;
pub mod layout;
mod lower;
mod value;

pub use block::{Block, End};
pub use emit::module;
pub use host::{CodeHost, HostError, Slot};

use x86_decode::Instruction;
use x86_types::{CodeSize, Width};

/// A block ends after so many instructions at the latest.
pub const MAX_INSTRUCTIONS: usize = 256;

/// What is fixed while code is translated, and part of a block's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode {
    /// Default sizes of the code
    pub code_size: CodeSize,
    /// Width of the stack pointer
    pub stack_width: Width,
}

/// Why there is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    /// No instructions were given
    #[error("there are no instructions to translate")]
    Empty,
    /// The first instruction can only be interpreted
    #[error("the first instruction can only be interpreted")]
    Interpret,
}

/// Records a block: as many of `insns`, which follow each other in memory, as have a meaning in recorded values.
///
/// # Errors
/// [`TranslateError`], where that is none.
pub fn record(insns: &[Instruction], mode: Mode) -> Result<Block, TranslateError> {
    if insns.is_empty() {
        return Err(TranslateError::Empty);
    }
    let block = domain::record(insns, mode);
    if block.instructions() == 0 { Err(TranslateError::Interpret) } else { Ok(block) }
}

/// Translates one block to a module of its own, with the one function `b0`.
///
/// # Errors
/// As [`record`].
pub fn translate(
    insns: &[Instruction],
    code_size: CodeSize,
    stack_width: Width,
) -> Result<Vec<u8>, TranslateError> {
    Ok(module(&[record(insns, Mode { code_size, stack_width })?]))
}
