//! Guest RAM: one host reservation, touched only where the guest touches it.
//!
//! RAM lies at guest-physical 0 up to [`PCI_HOLE_START`] at most; what is more lies from 4 GiB upwards, as on a PC.
//! This crate is the one place that hands out host pointers to guest memory; everything else asks for bytes.

mod layout;
mod ram;

pub use layout::{HIGH_RAM_START, PCI_HOLE_START, RamLayout};
pub use ram::{GuestRam, RamError};
