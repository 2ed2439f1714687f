//! Translates guest code to WebAssembly, by a [`Domain`](x86_exec::Domain) that records instead of executing.
//!
//! `x86-exec` defines the instructions. Run over the recording domain, its handlers return expressions over the state
//! at a block's entry. This crate contains no opcodes.
//!
//! [`select_region`] builds a [`Region`] from a hot address and the code that static control flow reaches from it, as
//! far as it has been executed. A region becomes one function: registers and flags are locals, loops are WebAssembly
//! loops, and memory accesses probe the TLB in line. [`module`] emits regions; [`Translator`] holds compiled regions
//! and drops them when their bytes are written. A [`CodeHost`] runs modules: V8, or a native runtime.
//!
//! An instruction that would fault exits *before* it has an effect, with all state stored; the interpreter raises the
//! exception. Instructions that cannot be recorded are helper calls to the interpreter.
#![forbid(unsafe_code)]

mod abi;
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
mod placement;
mod region;
mod select;
mod shared_probes;
mod translator;
mod value;

pub use abi::{IMPORTS, Import};
pub use cache::SlotTable;
pub use host::{Clock, CodeHost, HostError, Installed, MemorySize};
pub use module::module;
pub use placement::{Fixed, Placed};
pub use region::Region;
pub use select::{CodeSource, MAX_INSTRUCTIONS, select_region};
pub use translator::{Counts, Settings, Translator};

/// The example of the readme is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
