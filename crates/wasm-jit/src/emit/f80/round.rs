//! Rounding to nearest.

use super::{C1, EXP, EXP_MASK, HIGH, LOW, PE, SIGN, TOP, UP, exit_if, pair};
use wasm_encoder::{BlockType, InstructionSink};

/// Pushes the result: 128 bits of which bit 127 is set, rounded to 64.
pub(super) fn round(out: &mut InstructionSink<'_>) {
    // Rounding may make it one more.
    out.local_get(EXP).i64_const(1).i64_sub().i64_const(EXP_MASK - 2).i64_ge_u();
    exit_if(out);
    up(out, HIGH, LOW);
    out.local_get(HIGH).local_get(UP).i64_add().local_tee(HIGH).i64_eqz().if_(BlockType::Empty);
    out.i64_const(TOP).local_set(HIGH);
    out.local_get(EXP).i64_const(1).i64_add().local_set(EXP).end();
    pair(out, HIGH, |out| {
        out.local_get(EXP).local_get(SIGN).i64_or();
        flags(out, LOW);
        out.i64_or();
    });
}

/// Sets whether what is kept grows: the rest is more than half of the last place, or half of it where that is odd.
pub(super) fn up(out: &mut InstructionSink<'_>, kept: u32, rest: u32) {
    out.local_get(rest).i64_const(TOP).local_get(kept).i64_const(1).i64_and().i64_sub();
    out.i64_gt_u().i64_extend_i32_u().local_set(UP);
}

/// Pushes PE and C1.
pub(super) fn flags(out: &mut InstructionSink<'_>, rest: u32) {
    out.local_get(rest).i64_eqz().i32_eqz().i64_extend_i32_u().i64_const(PE).i64_shl();
    out.local_get(UP).i64_const(C1).i64_shl().i64_or();
}
