//! Where compiled code finds the processor's state, and the tables it goes by.

use core::mem::{offset_of, size_of};
use x86_exec::vcpu::compiled::JumpEntry;
use x86_paging::{TLB_ENTRIES, TlbEntry};
use x86_state::{Cpu, F80, Segment, Vector256, X87};
use x86_types::Seg;

pub use x86_exec::vcpu::compiled::layout::*;

/// Offset of general register `n`.
pub const fn gpr(n: u8) -> u64 {
    CPU + (offset_of!(Cpu, gpr) + 8 * (n & 15) as usize) as u64
}

/// Set in the number of a half of a vector register: bits 255:128. Else it is bits 127:0 of the register of that number.
pub const HIGH_HALF: u8 = 16;

/// Offset of half `n` of the vector registers, of which there are 32.
pub const fn vector(n: u8) -> u64 {
    let half = if n & HIGH_HALF == 0 { offset_of!(Vector256, lo) } else { offset_of!(Vector256, hi) };
    CPU + (offset_of!(Cpu, vector) + half + size_of::<Vector256>() * (n & 15) as usize) as u64
}

/// Offset of RIP.
pub const RIP: u64 = CPU + offset_of!(Cpu, rip) as u64;
/// Offset of RFLAGS without its status flags.
pub const SYSTEM_FLAGS: u64 = CPU + offset_of!(Cpu, system_flags) as u64;

/// Offset of CR0.
pub const CR0: u64 = CPU + offset_of!(Cpu, cr0) as u64;

/// Offset of a segment register's selector.
pub const fn selector(seg: Seg) -> u64 {
    CPU + (offset_of!(Cpu, seg) + size_of::<Segment>() * seg as usize + offset_of!(Segment, selector)) as u64
}

const UNIT: u64 = CPU + offset_of!(Cpu, x87) as u64;
/// Offset of the x87 unit's registers, of which there are 8.
pub const X87_REGISTERS: u64 = UNIT + offset_of!(X87, r) as u64;
/// Bytes of one of them, as a power of two.
pub const X87_REGISTER_SHIFT: u64 = size_of::<F80>().trailing_zeros() as u64;
/// Within one of them, sign and exponent.
pub const SIGN_EXPONENT: u64 = offset_of!(F80, sign_exponent) as u64;
/// Offset of the control word.
pub const X87_CONTROL: u64 = UNIT + offset_of!(X87, control) as u64;
/// The status word.
pub const X87_STATUS: u64 = UNIT + offset_of!(X87, status) as u64;
/// The abridged tag word.
pub const X87_TAGS: u64 = UNIT + offset_of!(X87, tags) as u64;
/// FIP: offset of the last instruction's address.
pub const FIP: u64 = UNIT + offset_of!(X87, fip) as u64;
/// FCS: offset of the last instruction's CS selector.
pub const FCS: u64 = UNIT + offset_of!(X87, fcs) as u64;
/// FDP: offset of the last operand's address.
pub const FDP: u64 = UNIT + offset_of!(X87, fdp) as u64;
/// FDS: offset of the last operand's segment selector.
pub const FDS: u64 = UNIT + offset_of!(X87, fds) as u64;

/// Where in a TLB entry the tag for reads is.
pub const READ_TAG: u64 = offset_of!(TlbEntry, read) as u64;
/// The tag for writes.
pub const WRITE_TAG: u64 = offset_of!(TlbEntry, write) as u64;
/// The tag for fetches.
pub const EXEC_TAG: u64 = offset_of!(TlbEntry, exec) as u64;
/// What is added to a linear address to reach its byte.
pub const ADDEND: u64 = offset_of!(TlbEntry, addend) as u64;

/// A linear address shifted right by this and masked is the offset of its entry in a bank.
pub const TLB_SHIFT: u64 = 12 - size_of::<TlbEntry>().trailing_zeros() as u64;
/// The mask.
pub const TLB_MASK: u64 = ((TLB_ENTRIES - 1) * size_of::<TlbEntry>()) as u64;

/// An entry into compiled code: what compiled code looks up when it goes where it has not been linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EntryPoint {
    /// Compiled address of the code, and its mode: see [`entry_key`]. 0 for none
    pub key: u64,
    /// Place in the table of functions
    pub slot: u64,
}

/// Entries in the table, a power of two.
pub const ENTRIES_LEN: usize = 1 << 16;

/// Code at a compiled address in a mode.
pub const fn entry_key(address: u64, mode: u32) -> u64 {
    address ^ (mode as u64) << ENTRY_MODE_SHIFT
}

/// Where in a key the mode is.
pub const ENTRY_MODE_SHIFT: u32 = 48;

/// Which entry of the table a key has: the upper bits of a product, since functions begin at multiples of 16, pages of programs
/// lie anywhere, and a kernel runs the same code in several modes.
pub const fn entry_index(key: u64) -> usize {
    (key.wrapping_mul(ENTRY_FACTOR) >> (u64::BITS - ENTRIES_LEN.trailing_zeros())) as usize
}

/// What the index of the one entry that code may have differs in from that of the other.
pub const OTHER_ENTRY: usize = 1;

/// 2^64 divided by the golden ratio: neighbours lie far apart.
pub const ENTRY_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

const _: () = assert!(
    size_of::<TlbEntry>() == 32
        && size_of::<F80>() == 16
        && size_of::<EntryPoint>() == 16
        && size_of::<JumpEntry>() == 16
);
