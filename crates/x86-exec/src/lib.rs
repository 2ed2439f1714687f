//! The x86 instructions, each defined once over a [`Domain`]; and [`Vcpu`], the processor that executes them.
//!
//! [`handler`] returns the handler of an instruction, [`exec`] calls it. With a compiler's domain the same handlers
//! record code.

mod bus;
mod concrete;
mod concrete_operand;
mod domain;
mod features;
mod int;
mod operand;
mod register_effects;
mod select;
mod system;
pub mod vcpu;
pub mod vector;
mod x87;

pub use bus::{NoBus, Pending, VcpuBus};
pub use domain::{
    Arithmetic, Bin, Cmp, ControlFlow, Domain, DomainTypes, ExecutionMode, Flag, FlagDef, FlagsRegister,
    Flow, Format, GeneralRegisters, MemRef, Memory, Mmx, Rmw, SegmentRegisters, Step, Un, Vectors, X87,
};
pub use operand::effective_address;
pub use register_effects::RegisterEffects;
pub use select::{Handler, exec, handler};
pub use vcpu::{CodeUsage, Exit, Raised, Statistics, Vcpu};
pub use x87::{F80Function, F80Op};
