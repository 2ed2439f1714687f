//! The set of devices and the buses between them and the processor.

mod dispatch;
mod env;
mod interrupts;
#[cfg(test)]
mod routing_tests;
mod set;
mod snapshot;
#[cfg(test)]
mod tests;

pub use env::BusEnv;
pub use set::{BusError, Conflict, DeviceSet};
