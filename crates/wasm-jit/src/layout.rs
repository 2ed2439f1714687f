//! Offsets of the processor's state and tables, as compiled code addresses them.

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

/// Set in the number of a half of a vector register: bits 255:128. If clear, bits 127:0.
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

/// Offset, in a TLB entry, of the tag for reads.
pub const READ_TAG: u64 = offset_of!(TlbEntry, read) as u64;
/// The tag for writes.
pub const WRITE_TAG: u64 = offset_of!(TlbEntry, write) as u64;
/// The tag for fetches.
pub const EXEC_TAG: u64 = offset_of!(TlbEntry, exec) as u64;
/// Offset of the addend: linear address plus addend is the compiled address.
pub const ADDEND: u64 = offset_of!(TlbEntry, addend) as u64;

/// A linear address, shifted right by this and masked by [`TLB_MASK`], is the offset of its entry in a TLB bank.
pub const TLB_SHIFT: u64 = 12 - size_of::<TlbEntry>().trailing_zeros() as u64;
/// The mask for [`TLB_SHIFT`].
pub const TLB_MASK: u64 = ((TLB_ENTRIES - 1) * size_of::<TlbEntry>()) as u64;

/// An entry of the table of entry points, by which compiled code finds the target of an unlinked jump.
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

/// Returns the key of code at a compiled address in a mode.
pub const fn entry_key(address: u64, mode: u32) -> u64 {
    address ^ (mode as u64) << ENTRY_MODE_SHIFT
}

/// Position of the mode in a key.
pub const ENTRY_MODE_SHIFT: u32 = 48;

/// Returns the index of a key's entry (multiplicative hashing, upper bits of the product): addresses of functions are
/// multiples of 16, and kernels run the same code in several modes.
pub const fn entry_index(key: u64) -> usize {
    (key.wrapping_mul(ENTRY_FACTOR) >> (u64::BITS - ENTRIES_LEN.trailing_zeros())) as usize
}

/// The index of the second entry of a key is that of the first, exclusive-or this.
pub const OTHER_ENTRY: usize = 1;

/// 2^64 divided by the golden ratio: hashes of adjacent keys are far apart.
pub const ENTRY_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

const _: () = assert!(
    size_of::<TlbEntry>() == 32
        && size_of::<F80>() == 16
        && size_of::<EntryPoint>() == 16
        && size_of::<JumpEntry>() == 16
);
