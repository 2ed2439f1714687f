#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod control;
mod cpu;
pub mod cpuid;
mod flags;
mod fpu;
mod mode;
mod saved;
mod segment;

pub use control::{Cr0, Cr4, Dr6, Dr7, Efer, RFlags, Xcr0};
pub use cpu::{
    Activity, Cpu, DEBUGCTL_BTF, DEBUGCTL_LBR, LIMIT_CPUID_MAXVAL, Msrs, Shadow, XD_BIT_DISABLE, gpr,
};
pub use flags::ArithFlags;
pub use fpu::{F80, Mxcsr, Vector256, X87};
pub use mode::CpuMode;
pub use segment::{DescriptorKind, DescriptorTable, RawDescriptor, SegAttr, Segment, Selector};
