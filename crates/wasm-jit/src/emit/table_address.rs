//! Addresses of the processor and of entries in its tables: TLB, table of entries, jump cache.

use super::{Emitter, SLOT, TLB, VCPU, mem_arg};
use crate::layout;
use crate::placement::Fixed;
use wasm_encoder::{InstructionSink, MemArg};
use x86_exec::vcpu::compiled::{JUMP_CACHE_LEN, JUMP_HASH_SHIFT, JumpEntry};

/// An entry of either table has 2 to this power bytes.
const ROW: u32 = 4;

const _: () = assert!(size_of::<layout::EntryPoint>() == 1 << ROW && size_of::<JumpEntry>() == 1 << ROW);

/// Pushes the address of the processor.
pub(super) fn vcpu(out: &mut InstructionSink<'_>, fixed: Option<Fixed>) {
    match fixed {
        Some(fixed) => out.i64_const(fixed.vcpu as i64),
        None => out.local_get(VCPU),
    };
}

/// Pushes the offset within a bank of the TLB slot for the linear address in a local.
pub(super) fn slot(out: &mut InstructionSink<'_>, linear: u32) {
    out.local_get(linear).i64_const(layout::TLB_SHIFT as i64).i64_shr_u();
    out.i64_const(layout::TLB_MASK as i64).i64_and();
}

/// Pushes the address of that slot in the bank of the current mode.
pub(super) fn tlb_slot_offset_in_current_bank(
    out: &mut InstructionSink<'_>,
    fixed: Option<Fixed>,
    linear: u32,
) {
    slot(out, linear);
    vcpu(out, fixed);
    out.i64_load(mem_arg(layout::BANK, 3)).i64_add();
}

/// Adds the address of a table, which is at offset `table` in the processor, unless it is a constant of the code.
fn add_table_address(out: &mut InstructionSink<'_>, fixed: Option<Fixed>, table: u64) {
    if fixed.is_none() {
        vcpu(out, fixed);
        out.i64_load(mem_arg(table, 3)).i64_add();
    }
}

/// Pushes what leads, with [`entries`], to the first entry for the key in a local.
pub(super) fn entry(out: &mut InstructionSink<'_>, fixed: Option<Fixed>, key: u32) {
    let bits = layout::ENTRIES_LEN.trailing_zeros();
    out.local_get(key).i64_const(layout::ENTRY_FACTOR as i64).i64_mul();
    out.i64_const(i64::from(u64::BITS - bits - ROW)).i64_shr_u().i64_const(-1 << ROW).i64_and();
    add_table_address(out, fixed, layout::ENTRIES);
}

/// Returns the constant part of an entry's address, for the offset of a load.
pub(super) fn entries(fixed: Option<Fixed>) -> u64 {
    fixed.map_or(0, |fixed| fixed.entries)
}

/// Pushes the key of the code at the compiled address in a local, with the current mode. Code without floating point has the
/// same mode for every MXCSR.
pub(super) fn key(out: &mut InstructionSink<'_>, fixed: Option<Fixed>, at: u32) {
    vcpu(out, fixed);
    out.i64_load32_u(mem_arg(layout::CODE_KEY, 2)).i64_const(layout::ENTRY_MODE_SHIFT.into()).i64_shl();
    out.local_get(at).i64_xor();
}

/// Pushes what leads, with [`jumps`], to the jump for the linear address in a local.
pub(super) fn jump(out: &mut InstructionSink<'_>, fixed: Option<Fixed>, linear: u32) {
    out.local_get(linear).local_get(linear).i64_const(JUMP_HASH_SHIFT.into()).i64_shr_u().i64_xor();
    out.i64_const(JUMP_CACHE_LEN as i64 - 1).i64_and().i64_const(ROW.into()).i64_shl();
    add_table_address(out, fixed, layout::JUMPS);
}

/// Returns the constant part of the address of a jump-cache entry, for the offset of a load.
pub(super) fn jumps(fixed: Option<Fixed>) -> u64 {
    fixed.map_or(0, |fixed| fixed.jumps)
}

/// Pushes the jump-cache key of the linear address in a local, in the current mode.
pub(super) fn jump_key(out: &mut InstructionSink<'_>, fixed: Option<Fixed>, linear: u32) {
    vcpu(out, fixed);
    out.i64_load(mem_arg(layout::JUMP_KEY, 3)).local_get(linear).i64_xor();
}

/// Counts a link, for `--stats`.
pub(super) fn count(out: &mut InstructionSink<'_>, fixed: Option<Fixed>) {
    vcpu(out, fixed);
    vcpu(out, fixed);
    out.i64_load(mem_arg(layout::CHAINED, 3)).i64_const(1).i64_add().i64_store(mem_arg(layout::CHAINED, 3));
}

impl Emitter<'_> {
    /// Loads the TLB bank of the code's mode into its local, unless it is a constant of the code.
    pub(super) fn load_bank(&mut self) {
        if self.placed.fixed.is_none() {
            self.vcpu().i64_load(mem_arg(layout::BANK, 3)).local_set(TLB);
        }
    }

    /// Pushes what leads, by [`Emitter::in_slot`], to the entry for the linear address in a local; it is kept in `SLOT` too.
    pub(super) fn tlb_slot(&mut self, linear: u32) {
        slot(&mut self.out(), linear);
        if self.placed.fixed.is_none() {
            self.out().local_get(TLB).i64_add();
        }
        self.out().local_tee(SLOT);
    }

    /// Returns the operand of a load from a field of that slot.
    pub(super) fn in_slot(&self, offset: u64) -> MemArg {
        mem_arg(self.placed.fixed.map_or(0, |fixed| fixed.bank) + offset, 3)
    }
}
