//! Guest RAM: one host reservation, touched only where the guest touches it.
//!
//! RAM lies at guest-physical 0 up to [`PCI_HOLE_START`] at most; what is more lies from 4 GiB upwards, as on a PC.
//! This crate is the one place that hands out host pointers to guest memory; everything else asks for bytes.
#![cfg_attr(target_arch = "wasm64", feature(simd_wasm64))]

mod layout;
mod ram;
#[cfg_attr(not(target_family = "wasm"), path = "reserve/native.rs")]
#[cfg_attr(target_family = "wasm", path = "reserve/wasm.rs")]
mod reserve;

pub use layout::{HIGH_RAM_START, PCI_HOLE_START, RamLayout};
pub use ram::{GuestRam, RamError};
