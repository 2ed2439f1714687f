//! The dispatch thunk: a function of each module that does the slow lookups for exits to other compiled code.

use super::{mem_arg, table_address};
use crate::abi::{Import, REGION_TYPE};
use crate::layout;
use crate::placement::Fixed;
use wasm_encoder::{BlockType, Function, ValType};
use x86_exec::vcpu::compiled::ExitReason;
use x86_types::{PAGE_SIZE, Seg};

// Parameters, the processor's address before them, and locals.
const LEFT: u32 = 1;
/// Compiled address of the code at RIP, where it is known; else 0
const CODE_ADDRESS: u32 = 2;
/// Linear address of RIP if it was needed, else 0
const LINEAR: u32 = 3;
/// Address of a TLB slot, then of an entry in the table of entries
const SLOT: u32 = 4;
/// Key of the code address and mode in the table of entries
const KEY: u32 = 5;

/// Returns the thunk, `(vcpu, left, code address) -> left`; state is stored. Both ways of the set-associative table are probed.
///
/// SPEC: wasm-3.0-core :: 2.4.2 Control Instructions -> `return_call_indirect` leaves this frame, so that chains of any length take no stack
pub(crate) fn dispatch_thunk(fixed: Option<Fixed>, count: bool) -> Function {
    let mut function = Function::new([(3, ValType::I64)]);
    let mut out = function.instructions();
    // Translate RIP.
    out.local_get(CODE_ADDRESS).i64_eqz().if_(BlockType::Empty);
    table_address::vcpu(&mut out, fixed);
    out.i64_load(mem_arg(layout::RIP, 3));
    table_address::vcpu(&mut out, fixed);
    out.i64_load(mem_arg(layout::SEG_BASE + 8 * Seg::Cs as u64, 3)).i64_add();
    table_address::vcpu(&mut out, fixed);
    out.i64_load(mem_arg(layout::LINEAR_MASK, 3)).i64_and().local_set(LINEAR);
    table_address::tlb_slot_offset_in_current_bank(&mut out, fixed, LINEAR);
    out.local_tee(SLOT).i64_load(mem_arg(layout::EXEC_TAG, 3));
    out.local_get(LINEAR).i64_const(-(PAGE_SIZE as i64)).i64_and().i64_eq().if_(BlockType::Empty);
    out.local_get(SLOT)
        .i64_load(mem_arg(layout::ADDEND, 3))
        .local_get(LINEAR)
        .i64_add()
        .local_set(CODE_ADDRESS)
        .else_();
    // With an empty budget nothing is fetched, so no page fault may occur.
    out.local_get(LEFT).i64_const(0).i64_gt_s().if_(BlockType::Empty);
    table_address::vcpu(&mut out, fixed);
    out.local_get(LINEAR).call(Import::CodeAddress as u32).local_set(CODE_ADDRESS);
    out.end().end().end();
    // Probe the table of entries.
    table_address::key(&mut out, fixed, CODE_ADDRESS);
    out.local_set(KEY);
    table_address::entry(&mut out, fixed, KEY);
    out.local_set(SLOT);
    let entries = table_address::entries(fixed);
    for first in [true, false] {
        if !first {
            out.local_get(SLOT).i64_const((layout::OTHER_ENTRY << 4) as i64).i64_xor().local_set(SLOT);
        }
        out.local_get(SLOT).i64_load(mem_arg(entries, 3)).local_get(KEY);
        out.i64_eq().if_(BlockType::Empty);
        if count {
            table_address::count(&mut out, fixed);
        }
        out.local_get(LINEAR).i64_eqz().i32_eqz().if_(BlockType::Empty);
        table_address::vcpu(&mut out, fixed);
        out.local_get(SLOT).i64_load(mem_arg(entries + 8, 3)).call(Import::JumpFound as u32).end();
        table_address::vcpu(&mut out, fixed);
        out.local_get(LEFT).local_get(SLOT).i64_load(mem_arg(entries + 8, 3));
        out.return_call_indirect(0, REGION_TYPE).end();
    }
    table_address::vcpu(&mut out, fixed);
    out.i64_const(ExitReason::Miss as i64).i64_store(mem_arg(layout::LEAVE, 3)).local_get(LEFT).end();
    function
}
