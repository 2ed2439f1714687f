//! Offsets within [`Vcpu`], for compiled code.

use super::{Shared, Vcpu};
use std::mem::offset_of;
use x86_state::{Cpu, Segment};
use x86_types::Seg;

/// The architectural state
pub const CPU: u64 = offset_of!(Vcpu, cpu) as u64;
/// CPL, a byte
pub const CPL: u64 = CPU + offset_of!(Cpu, cpl) as u64;
/// Number of GS among the segments
pub const GS: u64 = Seg::Gs as u64;
/// Base of GS; what derives from it is in [`SEG_BASE`]
pub const GS_BASE: u64 =
    CPU + (offset_of!(Cpu, seg) + offset_of!(Segment, base)) as u64 + GS * size_of::<Segment>() as u64;
/// IA32_KERNEL_GS_BASE
pub const KERNEL_GS_BASE: u64 = CPU + offset_of!(Cpu, msr.kernel_gs_base) as u64;
/// 32 bits; not 0 where the run loop has to look up
pub const ATTENTION: u64 = offset_of!(Vcpu, run_state.attention) as u64;
/// Bases by segment register
pub const SEG_BASE: u64 = offset_of!(Vcpu, mem.seg_base) as u64;
/// The selector in ES; those of the others follow at distances of [`SEGMENT`]
pub const SELECTOR: u64 = CPU + (offset_of!(Cpu, seg) + offset_of!(Segment, selector)) as u64;
/// The base in ES, likewise
pub const BASE: u64 = CPU + (offset_of!(Cpu, seg) + offset_of!(Segment, base)) as u64;
/// Bytes of a segment register
pub const SEGMENT: u64 = size_of::<Segment>() as u64;
/// One past the last offset that may be loaded from, by segment register; then the same for stores
pub const SEG_ENDS: u64 = offset_of!(Vcpu, mem.seg_ends) as u64;
/// What cuts linear addresses
pub const LINEAR_MASK: u64 = offset_of!(Vcpu, mem.linear_mask) as u64;
/// One past the last offset of code
pub const CODE_END: u64 = offset_of!(Vcpu, mem.compiled_end) as u64;
/// [`Shared`]
pub const SHARED: u64 = offset_of!(Vcpu, code.shared) as u64;
/// `Shared::flags_kind` and the fields behind it
pub const FLAGS_KIND: u64 = SHARED + offset_of!(Shared, flags_kind) as u64;
/// `Shared::flags_a`
pub const FLAGS_A: u64 = SHARED + offset_of!(Shared, flags_a) as u64;
/// `Shared::flags_b`
pub const FLAGS_B: u64 = SHARED + offset_of!(Shared, flags_b) as u64;
/// `Shared::flags_result`
pub const FLAGS_RESULT: u64 = SHARED + offset_of!(Shared, flags_result) as u64;
/// `Shared::flags_carry`
pub const FLAGS_CARRY: u64 = SHARED + offset_of!(Shared, flags_carry) as u64;
/// `Shared::leave`
pub const LEAVE: u64 = SHARED + offset_of!(Shared, leave) as u64;
/// `Shared::bank`
pub const BANK: u64 = SHARED + offset_of!(Shared, bank) as u64;
/// `Shared::entries`
pub const ENTRIES: u64 = SHARED + offset_of!(Shared, entries) as u64;
/// `Shared::jumps`
pub const JUMPS: u64 = SHARED + offset_of!(Shared, jumps) as u64;
/// `Shared::jump_key`
pub const JUMP_KEY: u64 = SHARED + offset_of!(Shared, jump_key) as u64;
/// `Shared::code_key`
pub const CODE_KEY: u64 = SHARED + offset_of!(Shared, code_key) as u64;
/// `Shared::scratch`
pub const SCRATCH: u64 = SHARED + offset_of!(Shared, scratch) as u64;
/// `Shared::chained`
pub const CHAINED: u64 = SHARED + offset_of!(Shared, chained) as u64;
