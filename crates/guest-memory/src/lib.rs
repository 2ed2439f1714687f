//! Guest-physical memory: its host memory, and the map of the address space.
//!
//! Host memory consists of blocks (RAM, firmware images, memory of devices), addressed by [`RamAddr`](x86_types::RamAddr). The map,
//! [`Region`]s with priorities, assigns to reads, writes and fetches at a guest-physical address a block, a device, or
//! nothing. Only this crate returns host pointers to guest memory; all other code reads and writes bytes through it.
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
