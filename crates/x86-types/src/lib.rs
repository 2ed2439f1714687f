#![doc = include_str!("../README.md")]
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
