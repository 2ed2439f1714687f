#![doc = include_str!("../README.md")]

pub mod acpi;
mod board;
pub mod boot;
pub mod bus;
mod firmware;
mod host;
mod random;
mod snapshot;
pub mod time;
mod vm;

pub use self::snapshot::{RestoreError, SavedMachine};
pub use firmware::FirmwareSetup;
pub use host::PciFunctionInfo;
pub use random::Seed;
pub use vm::{MAX_PROCESSORS, Machine, MachineConfig, MachineError, Stop};
