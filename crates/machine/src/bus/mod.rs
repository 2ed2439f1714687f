//! The set of devices and the buses between them and the processor.

mod dispatch;
mod env;
mod host;
mod instances;
mod interrupts;
mod isa_dma;
mod pci;
#[cfg(test)]
mod routing_tests;
mod set;
mod snapshot;
#[cfg(test)]
mod tests;

pub use env::{BusCall, BusEnv};
pub use set::{BoardConfig, BusError, Conflict, DeviceSet};
