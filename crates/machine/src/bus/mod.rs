//! The set of devices and the buses between them and the processor.

mod dispatch;
mod set;
#[cfg(test)]
mod tests;

pub use dispatch::BusEnv;
pub use set::{BusError, DeviceSet};
