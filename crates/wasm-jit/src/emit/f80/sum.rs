//! Sums and differences.

use super::round::round;
use super::{
    A_EXP, A_HIGH, A_LOW, B_EXP, B_HIGH, B_LOW, EXP, FUNCTION, HIGH, LOW, SIGN, SIGN_BIT, T, TOP, U, V,
    exit_unless_normal, number, take_both,
};
use wasm_encoder::{BlockType, InstructionSink, ValType};
use x86_exec::{F80Function, F80Op};

/// What is added to a number of a sum for each operand that is negated.
const NEGATED: [i64; 2] = [1, 2];

pub(super) fn sum(out: &mut InstructionSink<'_>) {
    let of = |a, b| number(F80Function::Compute(F80Op::Sum(a, b)));
    assert_eq!([of(false, false), of(true, false), of(false, true)], [0, NEGATED[0], NEGATED[1]]);
    take_both(out);
    exit_unless_normal(out);
    // The bits of the function's number, where signs are.
    for (high, shift) in [(A_HIGH, 15), (B_HIGH, 14)] {
        out.local_get(high).local_get(FUNCTION).i64_const(shift).i64_shl().i64_xor();
        out.i64_const(SIGN_BIT).i64_and().local_set(high);
    }
    order(out);
    // The larger is A.
    out.local_get(A_EXP).local_set(EXP).local_get(A_HIGH).local_set(SIGN);
    align(out);
    out.local_get(A_HIGH).local_get(B_HIGH).i64_eq().if_(BlockType::Empty);
    add(out);
    out.else_();
    subtract(out);
    out.end();
    round(out);
}

/// Exchanges the operands where the second is the larger.
fn order(out: &mut InstructionSink<'_>) {
    out.local_get(A_EXP).local_get(B_EXP).i64_lt_u();
    out.local_get(A_EXP).local_get(B_EXP).i64_eq();
    out.local_get(A_LOW).local_get(B_LOW).i64_lt_u().i32_and().i32_or();
    out.if_(BlockType::Empty);
    for (a, b) in [(A_LOW, B_LOW), (A_HIGH, B_HIGH), (A_EXP, B_EXP)] {
        out.local_get(a).local_get(b).local_set(a).local_set(b);
    }
    out.end();
}

/// Shifts the smaller one to where the larger one is: `V` and `LOW`.
fn align(out: &mut InstructionSink<'_>) {
    out.local_get(A_EXP)
        .local_get(B_EXP)
        .i64_sub()
        .local_tee(T)
        .i64_const(64)
        .i64_lt_u()
        .if_(BlockType::Empty);
    out.local_get(B_LOW).local_get(T).i64_shr_u().local_set(V);
    out.local_get(B_LOW).i64_const(63).local_get(T).i64_sub().i64_shl().i64_const(1).i64_shl().local_set(LOW);
    out.else_();
    // At 64 all its bits count, at 65 all but the last; beyond it is less than half of a last place whatever it is.
    out.i64_const(0).local_set(V);
    out.local_get(B_LOW);
    out.local_get(B_LOW).i64_const(1).i64_shr_u().local_get(B_LOW).i64_const(1).i64_and().i64_or();
    out.i64_const(1);
    out.local_get(T).i64_const(65).i64_eq().select();
    out.local_get(T).i64_const(64).i64_eq().select().local_set(LOW);
    out.end();
}

fn add(out: &mut InstructionSink<'_>) {
    out.local_get(A_LOW).local_get(V).i64_add().local_tee(HIGH).local_get(A_LOW).i64_lt_u();
    out.if_(BlockType::Empty);
    out.local_get(HIGH).i64_const(63).i64_shl().local_get(LOW).i64_const(1).i64_shr_u().i64_or();
    out.local_get(LOW).i64_const(1).i64_and().i64_or().local_set(LOW);
    out.local_get(HIGH).i64_const(1).i64_shr_u().i64_const(TOP).i64_or().local_set(HIGH);
    out.local_get(EXP).i64_const(1).i64_add().local_set(EXP);
    out.end();
}

fn subtract(out: &mut InstructionSink<'_>) {
    out.local_get(A_LOW).local_get(V).i64_sub();
    out.local_get(LOW).i64_eqz().i32_eqz().i64_extend_i32_u().i64_sub().local_tee(HIGH);
    out.i64_const(0).local_get(LOW).i64_sub().local_set(LOW);
    out.i64_const(0).i64_ge_s().if_(BlockType::Empty);
    // An exact zero is positive.
    out.local_get(HIGH).local_get(LOW).i64_or().i64_eqz().if_(BlockType::Empty);
    out.v128_const(0).return_().end();
    out.local_get(HIGH).i64_eqz().if_(BlockType::Result(ValType::I64));
    out.local_get(LOW).i64_clz().local_set(U);
    out.local_get(LOW).local_get(U).i64_shl().local_set(HIGH);
    out.i64_const(0).local_set(LOW);
    out.local_get(U).i64_const(64).i64_add();
    out.else_();
    // At least by one.
    out.local_get(HIGH).i64_clz().local_set(U);
    out.local_get(HIGH).local_get(U).i64_shl();
    out.local_get(LOW).i64_const(64).local_get(U).i64_sub().i64_shr_u().i64_or().local_set(HIGH);
    out.local_get(LOW).local_get(U).i64_shl().local_set(LOW);
    out.local_get(U);
    out.end().local_set(U);
    out.local_get(EXP).local_get(U).i64_sub().local_set(EXP);
    out.end();
}
