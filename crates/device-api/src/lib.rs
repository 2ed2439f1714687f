//! The interface between devices and the machine. The machine calls devices through these traits only; devices access
//! the machine through [`Ctx`] only.
//!
//! A device is declared once with [`declare_device!`], which submits a [`DeviceDecl`] to `inventory` and emits a link
//! anchor (wasm64 loses unreferenced submissions). Time is an argument, wake-ups are returned, nothing here reads a host
//! clock or names the processor.
#![forbid(unsafe_code)]

mod backend;
pub mod bench;
mod block;
mod capabilities;
mod ctx;
mod decl;
mod device;
mod firmware;
mod input;
mod interrupt;
mod isa_dma;
mod key_code;
mod lines;
mod net;
pub mod pci;
mod property;
mod screen;
mod snapshot;
mod sound;
mod time;

pub use backend::{Backends, CharBackend, Role};
pub use block::{BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, RequestId};
pub use ctx::{Ctx, DmaMemory, HostEvent, MachineEvent, MachineEvents};
pub use decl::{
    Attached, Build, BuildConfig, DeviceDecl, DeviceError, DeviceSpec, MmioRange, PciAddress, PortRange,
    Presence, Stage, declarations,
};
pub use device::{Device, DriveInfo, Drives, HostIo, Mmio, Pio, Timed};
pub use firmware::{FirmwareConfig, FirmwareTables, FixedHardware, InterruptOverride, IoApicEntry};
pub use guest_memory::DeviceId;
pub use input::{InputEvent, PointerButton};
pub use interrupt::{
    CoprocessorError, Delivery, InterruptMessage, IrqInputs, LegacyController, LocalController,
};
pub use inventory;
pub use isa_dma::{DmaController, DmaDirection, DmaPeripheral, DmaTransfer};
pub use key_code::KeyCode;
pub use lines::{Driver, IrqLine, Lines, PIRQA, Pins};
pub use net::NetBackend;
pub use pci::PciFunction;
pub use property::{Properties, Property, PropertyKind, parse_number, parse_size};
pub use screen::{Frame, Rect, Screen, TextScreen, TextStyle};
pub use snapshot::Snapshot;
pub use sound::{SoundBackend, SoundFrame, Voice};
pub use time::VmTime;
pub use x86_types::MsrAccess;
