//! How control leaves one code segment for another: exceptions and interrupts, their return, far transfers, task
//! switches, and the descriptor checks they share with segment loads.
//!
//! Everything is generic over [`SystemContext`], the little that it needs of a machine: the processor's state and linear
//! memory. Nothing changes in the processor before every check and every memory access of an operation has succeeded, so
//! that a fault leaves the state as it was before the instruction.
#![forbid(unsafe_code)]

mod context;
mod deliver;
mod event;
mod iret;
pub mod segments;
mod stack;
mod task;
#[cfg(test)]
mod tests;

pub use context::{Privilege, SystemContext};
pub use deliver::deliver;
pub use event::{Combined, DeliveryFailure, Event, Outcome, SoftwareKind, combine, raise};
pub use iret::iret;
