//! Words every crate of the workspace shares: addresses, widths, segment names, exceptions.
//!
//! Nothing here behaves; it names. The crate is `no_std` and depends on nothing but `bitflags`.
#![no_std]
#![forbid(unsafe_code)]

mod addr;
mod exception;
mod msr;
mod width;

pub use addr::{GuestPhysAddr, LinearAddr, PAGE_SIZE, RamAddr};
pub use exception::{Exception, PageFaultCode, vector};
pub use msr::MsrAccess;
pub use width::{CodeSize, Cond, Seg, Width};
