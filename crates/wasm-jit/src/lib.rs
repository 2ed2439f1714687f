//! Translates guest code to WebAssembly, by a [`Domain`](x86_exec::Domain) that records instead of executing.
//!
//! `x86-exec` says what instructions mean; run over the recording domain, the same functions give expressions over the
//! state at a block's entry. This crate knows no opcode.
//!
//! [`select_region`] takes a hot place and what static control flow reaches from it, as far as the interpreter has been, and makes
//! a [`Region`] of it: one function, in which registers and flags live in locals, loops are loops, and memory is reached
//! through the TLB in line. [`module`] writes regions down; [`Translator`] decides what is hot, keeps what was made,
//! and drops it when its bytes are written. Running modules is a [`CodeHost`]'s business: V8's, or a native runtime's.
//!
//! An instruction that would fault exits *before* it has an effect, with all state stored, so that the interpreter raises the
//! exception. Instructions that cannot be recorded are helper calls to the interpreter.
#![forbid(unsafe_code)]

mod block;
mod cache;
mod domain;
mod dump;
mod emit;
mod flags;
mod fpu;
mod graph;
mod host;
pub mod layout;
mod local_allocation;
mod lower;
mod module;
mod region;
mod shared_probes;
mod translator;
mod value;

pub use cache::SlotTable;
pub use host::{Clock, CodeHost, HostError, Installed, MemorySize};
pub use module::{Fixed, IMPORTS, Import, Placed, module};
pub use region::{CodeSource, MAX_INSTRUCTIONS, Region, select_region};
pub use translator::{Counts, Settings, Translator};

/// The example of the readme is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
