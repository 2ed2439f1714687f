#![doc = include_str!("../README.md")]
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
