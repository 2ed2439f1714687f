//! Comparisons.

use super::{
    A_EXP, A_HIGH, A_LOW, B_EXP, B_HIGH, B_LOW, SIGN_BIT, T, U, exit_if, is_no_number, pair, take_both,
};
use wasm_encoder::InstructionSink;

/// CF and ZF at their places
const LESS: i64 = 1;
const EQUAL: i64 = 0x40;

/// Of normal numbers and zeros.
pub(super) fn compare(out: &mut InstructionSink<'_>) {
    take_both(out);
    is_no_number(out, A_LOW, A_EXP);
    is_no_number(out, B_LOW, B_EXP);
    out.i32_or();
    exit_if(out);
    for high in [A_HIGH, B_HIGH] {
        out.local_get(high).i64_const(SIGN_BIT).i64_and().local_set(high);
    }
    // By magnitude, turned round for negative numbers
    out.local_get(A_EXP).local_get(B_EXP).i64_lt_u();
    out.local_get(A_EXP).local_get(B_EXP).i64_eq();
    out.local_get(A_LOW).local_get(B_LOW).i64_lt_u().i32_and().i32_or();
    out.local_get(A_HIGH).i64_eqz().i32_eqz().i32_xor().i64_extend_i32_u().local_set(T);
    // By sign, where that differs
    out.local_get(A_HIGH).i64_eqz().i32_eqz().i64_extend_i32_u();
    out.local_get(T);
    out.local_get(A_HIGH).local_get(B_HIGH).i64_ne().select().i64_const(LESS).i64_mul().local_set(T);
    // Equal: all is the same, or both are zeros.
    out.local_get(A_LOW).local_get(B_LOW).i64_xor().local_get(A_EXP).local_get(B_EXP).i64_xor().i64_or();
    out.local_get(A_HIGH).local_get(B_HIGH).i64_xor();
    out.local_get(A_LOW)
        .i64_eqz()
        .i64_extend_i32_u()
        .i64_const(15)
        .i64_shl()
        .i64_const(-1)
        .i64_xor()
        .i64_and();
    out.i64_or().local_set(U);
    out.i64_const(EQUAL).local_get(T).local_get(U).i64_eqz().select().local_set(T);
    pair(out, T, |out| {
        out.i64_const(0);
    });
}
