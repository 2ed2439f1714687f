//! Where compiled code finds the processor's state, and what it says when it returns.

use core::mem::{offset_of, size_of};
use x86_state::{ArithFlags, Cpu, Segment};
use x86_types::Seg;

/// Offset of general register `n` within [`Cpu`].
pub const fn gpr(n: u8) -> u64 {
    (offset_of!(Cpu, gpr) + 8 * (n & 15) as usize) as u64
}

/// Offset of RIP.
pub const RIP: u64 = offset_of!(Cpu, rip) as u64;
/// Offset of the lazy flags' result.
pub const FLAGS_RESULT: u64 = (offset_of!(Cpu, arith) + offset_of!(ArithFlags, result)) as u64;
/// Offset of the lazy flags' carries.
pub const FLAGS_AUX: u64 = (offset_of!(Cpu, arith) + offset_of!(ArithFlags, aux)) as u64;
/// Offset of RFLAGS without its status flags.
pub const SYSTEM_FLAGS: u64 = offset_of!(Cpu, system_flags) as u64;
/// Offset of the limit of CS, 32 bits.
pub const CS_LIMIT: u64 =
    (offset_of!(Cpu, seg) + Seg::Cs as usize * size_of::<Segment>() + offset_of!(Segment, limit)) as u64;

/// What compiled code shares with the functions it imports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Context {
    /// Set by `load` and `load_for_write`: not 0 where the access was not made, and the instruction has to be left to
    /// the interpreter (a fault, or a device). The host clears it before it enters code again.
    pub refused: u32,
}

/// Offset of [`Context::refused`].
pub const REFUSED: u64 = offset_of!(Context, refused) as u64;

/// What the imported `store` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum StoreStatus {
    /// Stored
    Done = 0,
    /// Nothing was stored: the instruction has to be left to the interpreter
    Refused = 1,
    /// Stored, but the block may not go on after this instruction (code was written, or an interrupt may be due)
    Leave = 2,
}

/// What a compiled block returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave(pub u32);

impl Leave {
    /// Bit: the instruction at RIP has to be interpreted; the state is as before it
    pub const INTERPRET: u32 = 1 << 31;

    /// Instructions of the block that have taken effect.
    pub const fn retired(self) -> u32 {
        self.0 & !Self::INTERPRET
    }

    /// Whether the instruction at RIP has to be interpreted, since it faults or is not for compiled code.
    pub const fn interpret(self) -> bool {
        self.0 & Self::INTERPRET != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_where_the_fields_are() {
        let cpu = Cpu::new(x86_state::cpuid::CpuModel::MAX);
        let base = core::ptr::from_ref(&cpu) as u64;
        let at = |field: u64| field - base;
        assert_eq!(at(core::ptr::from_ref(&cpu.gpr[15]) as u64), gpr(15));
        assert_eq!(at(core::ptr::from_ref(&cpu.arith.aux) as u64), FLAGS_AUX);
        assert_eq!(at(core::ptr::from_ref(&cpu.arith.result) as u64), FLAGS_RESULT);
        assert_eq!(at(core::ptr::from_ref(&cpu.segment(Seg::Cs).limit) as u64), CS_LIMIT);
        assert_eq!(at(core::ptr::from_ref(&cpu.rip) as u64), RIP);
        assert_eq!(at(core::ptr::from_ref(&cpu.system_flags) as u64), SYSTEM_FLAGS);
    }
}
