//! Guest-physical memory: the host's bytes behind it, and the map that says what lies at each address.
//!
//! Host bytes come in blocks (RAM, firmware images, memory of devices), numbered through by [`RamAddr`]. The map
//! ([`Region`]s over one another) says which of them, which device, or nothing answers a read, a write and a fetch at a
//! guest-physical address. This crate is the one place that hands out host pointers to guest memory; everything else
//! asks for bytes.
#![cfg_attr(target_arch = "wasm64", feature(simd_wasm64))]

mod blocks;
mod bytes;
mod dirty;
mod layout;
mod map;
mod memory;
#[cfg_attr(not(target_family = "wasm"), path = "reserve/native.rs")]
#[cfg_attr(target_family = "wasm", path = "reserve/wasm.rs")]
mod reserve;
mod view;

pub use dirty::DirtyLog;
pub use layout::{HIGH_RAM_START, PCI_HOLE_START, RamLayout};
pub use map::{Backing, DeviceId, MapError, MapId, Priority, Region};
pub use memory::{GuestMemory, MemoryError, PageBacking};
