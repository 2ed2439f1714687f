//! Quotients, by two digits of 32 bits.

use super::round::round;
use super::{
    A_EXP, A_HIGH, A_LOW, B_EXP, B_HIGH, B_LOW, BIAS, EXP, FUNCTION, HALF, HIGH, INVERSE, LOW, SIGN,
    SIGN_BIT, T, U, V, W, exit_unless_normal, number, take_both,
};
use wasm_encoder::{BlockType, InstructionSink};
use x86_exec::{F80Function, F80Op};

/// What is left of the dividend
const REST: u32 = A_HIGH;
/// Digits
const QUOTIENT: u32 = HIGH;

pub(super) fn quotient(out: &mut InstructionSink<'_>) {
    let reversed = number(F80Function::Compute(F80Op::Quotient(true)));
    take_both(out);
    exit_unless_normal(out);
    out.local_get(FUNCTION).i64_const(reversed).i64_eq().if_(BlockType::Empty);
    for (a, b) in [(A_LOW, B_LOW), (A_EXP, B_EXP)] {
        out.local_get(a).local_get(b).local_set(a).local_set(b);
    }
    out.end();
    out.local_get(A_HIGH).local_get(B_HIGH).i64_xor().i64_const(SIGN_BIT).i64_and().local_set(SIGN);
    // A dividend that makes 64 bits of quotient: its high half is less than the divisor.
    out.local_get(A_LOW).local_get(B_LOW).i64_lt_u().i64_extend_i32_u().local_set(T);
    out.local_get(A_EXP)
        .local_get(B_EXP)
        .i64_sub()
        .i64_const(BIAS)
        .i64_add()
        .local_get(T)
        .i64_sub()
        .local_set(EXP);
    out.i64_const(1).local_get(T).i64_sub().local_set(U);
    out.local_get(A_LOW).local_get(U).i64_shr_u().local_set(REST);
    out.local_get(A_LOW).local_get(U).i64_and().i64_const(31).i64_shl().local_set(LOW);
    out.f64_const(4_294_967_296.0.into())
        .local_get(B_LOW)
        .i64_const(1)
        .i64_shr_u()
        .f64_convert_i64_s()
        .f64_div();
    out.local_set(INVERSE);
    digit(out);
    out.local_get(V).i64_const(32).i64_shl().local_set(QUOTIENT);
    out.i64_const(0).local_set(LOW);
    digit(out);
    out.local_get(QUOTIENT).local_get(V).i64_or().local_set(QUOTIENT);
    // Whether at least half a place is left, and whether it is not just that or nothing.
    out.local_get(B_LOW).local_get(REST).i64_sub().local_set(T);
    out.local_get(REST).local_get(T).i64_ge_u().i64_extend_i32_u().i64_const(63).i64_shl();
    out.local_get(REST)
        .i64_eqz()
        .i32_eqz()
        .local_get(REST)
        .local_get(T)
        .i64_ne()
        .i32_and()
        .i64_extend_i32_u();
    out.i64_or().local_set(LOW);
    round(out);
}

/// The next digit, of `REST * 2^32 + LOW`: to `V`, and what is left. The estimate is the digit or one less: see
/// `x86_float`'s own division.
fn digit(out: &mut InstructionSink<'_>) {
    out.local_get(REST).i64_const(1).i64_shr_u().f64_convert_i64_s().local_get(INVERSE).f64_mul();
    out.f64_const((1.0 / 65536.0).into()).f64_sub().i64_trunc_sat_f64_s().local_set(V);
    // The digit times the divisor: `T` from bit 32 on, and the low bits of `U`.
    out.local_get(V).local_get(B_LOW).i64_const(HALF).i64_and().i64_mul().local_set(U);
    out.local_get(V).local_get(B_LOW).i64_const(32).i64_shr_u().i64_mul();
    out.local_get(U).i64_const(32).i64_shr_u().i64_add().local_set(T);
    out.local_get(T).i64_const(32).i64_shl().local_get(U).i64_const(HALF).i64_and().i64_or().local_set(U);
    out.local_get(REST).i64_const(32).i64_shl().local_get(LOW).i64_or().local_tee(W);
    out.local_get(U).i64_lt_u().i64_extend_i32_u();
    out.local_get(T).i64_const(32).i64_shr_u().i64_add();
    out.local_get(REST).i64_const(32).i64_shr_u().i64_ne();
    out.local_get(W).local_get(U).i64_sub().local_tee(REST).local_get(B_LOW).i64_ge_u().i32_or();
    out.if_(BlockType::Empty);
    out.local_get(V).i64_const(1).i64_add().local_set(V);
    out.local_get(REST).local_get(B_LOW).i64_sub().local_set(REST);
    out.end();
}
