//! What a device is. The machine knows devices only through these traits; devices know the machine only through [`Ctx`].
//!
//! A device is declared once with [`declare_device!`], which submits a [`DeviceDecl`] to `inventory` and emits a link
//! anchor (wasm64 loses unreferenced submissions). Time is an argument, wake-ups are returned, nothing here reads a host
//! clock or names the processor.
#![forbid(unsafe_code)]

mod ctx;
mod decl;
mod device;
mod interrupt;
mod lines;
mod snapshot;
mod time;

pub use ctx::{Ctx, DmaMemory, HostEvent, MachineEvent, MachineEvents, SerialPort};
pub use decl::{
    Build, BuildConfig, DeviceDecl, DeviceError, DynamicPorts, MmioRange, PortRange, Stage, declarations,
};
pub use device::{Device, Mmio, PciFunction, Pio, Timed};
pub use interrupt::{
    CoprocessorError, Delivery, InterruptMessage, IrqInputs, LegacyController, LocalController, MsrAccess,
};
pub use inventory;
pub use lines::{Driver, IrqLine, Lines, Pins};
pub use snapshot::Snapshot;
pub use time::VmTime;
