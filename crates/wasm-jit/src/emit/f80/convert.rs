//! Numbers from and to what they are in memory.

use super::round::{flags, up};
use super::{
    A, A_EXP, A_HIGH, A_LOW, BIAS, CONTROL, EXP, F80Function, FUNCTION, Format, HIGH, LOW, ROUNDING,
    SIGN_BIT, T, TOP, U, UP, V, Width, exit_if, is_no_number, number, pair, take,
};
use wasm_encoder::{BlockType, InstructionSink};

/// Bits of fractions, largest exponents, bias and bits, of single and double precision.
struct Float {
    fraction: i64,
    exponents: i64,
    bits: i64,
}

const FLOATS: [(Width, Float); 2] = [
    (Width::B4, Float { fraction: 23, exponents: 0xff, bits: 32 }),
    (Width::B8, Float { fraction: 52, exponents: 0x7ff, bits: 64 }),
];

impl Float {
    /// What is added to its exponents.
    fn rebias(&self) -> i64 {
        BIAS - self.exponents / 2
    }
}

/// Floats that are normal numbers or zeros are exact.
pub(super) fn load(out: &mut InstructionSink<'_>) {
    out.local_get(A).f64x2_extract_lane(0).i64_reinterpret_f64().local_set(A_LOW);
    for (w, float) in FLOATS {
        out.local_get(FUNCTION).i64_const(number(F80Function::Load(w))).i64_eq().if_(BlockType::Empty);
        out.local_get(A_LOW)
            .i64_const(float.bits - 16)
            .i64_shr_u()
            .i64_const(SIGN_BIT)
            .i64_and()
            .local_set(A_HIGH);
        out.local_get(A_LOW)
            .i64_const(64 - float.bits + 1)
            .i64_shl()
            .local_tee(T)
            .i64_eqz()
            .if_(BlockType::Empty);
        pair(out, T, |out| {
            out.local_get(A_HIGH);
        });
        out.return_().end();
        out.local_get(A_LOW).i64_const(float.fraction).i64_shr_u();
        out.i64_const(float.exponents).i64_and().local_tee(EXP);
        out.i64_const(1).i64_sub().i64_const(float.exponents - 1).i64_ge_u();
        exit_if(out);
        out.local_get(A_LOW).i64_const(63 - float.fraction).i64_shl().i64_const(TOP).i64_or().local_set(T);
        pair(out, T, |out| {
            out.local_get(EXP).i64_const(float.rebias()).i64_add().local_get(A_HIGH).i64_or();
        });
        out.return_().end();
    }
    out.i32_const(1);
    exit_if(out);
    out.unreachable();
}

pub(super) fn store(out: &mut InstructionSink<'_>) {
    take(out, A, [A_LOW, A_HIGH, A_EXP]);
    is_no_number(out, A_LOW, A_EXP);
    exit_if(out);
    for (w, float) in FLOATS {
        let function = number(F80Function::Store(w, Format::Float));
        out.local_get(FUNCTION).i64_const(function).i64_eq().if_(BlockType::Empty);
        store_float(out, &float);
        out.return_().end();
    }
    store_integer(out);
}

fn store_float(out: &mut InstructionSink<'_>, float: &Float) {
    out.local_get(A_HIGH)
        .i64_const(SIGN_BIT)
        .i64_and()
        .i64_const(float.bits - 16)
        .i64_shl()
        .local_set(A_HIGH);
    out.local_get(A_LOW).i64_eqz().if_(BlockType::Empty);
    pair(out, A_HIGH, |out| {
        out.i64_const(0);
    });
    out.return_().end();
    // To nearest, within the exponents of normal numbers; rounding may make it one more.
    out.local_get(CONTROL).i64_const(ROUNDING).i64_and().i64_eqz().i32_eqz();
    out.local_get(A_EXP).i64_const(float.rebias() + 1).i64_sub().local_tee(EXP);
    out.i64_const(float.exponents - 2).i64_ge_u().i32_or();
    exit_if(out);
    out.local_get(A_LOW).i64_const(63 - float.fraction).i64_shr_u().local_set(HIGH);
    out.local_get(A_LOW).i64_const(float.fraction + 1).i64_shl().local_set(LOW);
    up(out, HIGH, LOW);
    // The integer bit, and a carry, go to the exponent.
    out.local_get(EXP).i64_const(float.fraction).i64_shl().local_get(HIGH).i64_add().local_get(UP).i64_add();
    out.local_get(A_HIGH).i64_or().local_set(T);
    pair(out, T, |out| flags(out, LOW));
}

fn store_integer(out: &mut InstructionSink<'_>) {
    let of = |w, format| number(F80Function::Store(w, format));
    let (first, truncated) = (of(Width::B2, Format::Integer), of(Width::B2, Format::Truncated));
    assert_eq!(
        [of(Width::B4, Format::Integer), of(Width::B8, Format::Integer), truncated],
        [first + 1, first + 2, first + 3]
    );
    // `T`: toward zero, U: 0 to 2 by width.
    out.local_get(FUNCTION).i64_const(truncated).i64_ge_u().i64_extend_i32_u().local_set(T);
    out.local_get(FUNCTION)
        .i64_const(first)
        .i64_sub()
        .local_get(T)
        .i64_const(3)
        .i64_mul()
        .i64_sub()
        .local_set(U);
    out.local_get(CONTROL).i64_const(ROUNDING).i64_and().local_set(V);
    out.local_get(V).i64_const(ROUNDING).i64_eq().i64_extend_i32_u().local_get(T).i64_or().local_set(T);
    // Toward zero or to nearest, and less than 2^63.
    out.local_get(V).i64_eqz().i64_extend_i32_u().local_get(T).i64_or().i64_eqz();
    out.local_get(A_EXP).i64_const(BIAS).i64_sub().local_tee(EXP).i64_const(62).i64_gt_s().i32_or();
    exit_if(out);
    out.local_get(EXP).i64_const(0).i64_ge_s().if_(BlockType::Empty);
    out.local_get(A_LOW).i64_const(63).local_get(EXP).i64_sub().i64_shr_u().local_set(HIGH);
    out.local_get(A_LOW).local_get(EXP).i64_shl().i64_const(1).i64_shl().local_set(LOW);
    out.else_();
    // Less than 1: of one half or more all bits count, of less that it is not nothing.
    out.i64_const(0).local_set(HIGH);
    out.local_get(A_LOW).local_get(A_LOW).i64_eqz().i32_eqz().i64_extend_i32_u();
    out.local_get(EXP).i64_const(-1).i64_eq().select().local_set(LOW);
    out.end();
    up(out, HIGH, LOW);
    out.i64_const(0).local_get(UP).local_get(T).i64_eqz().i32_eqz().select().local_set(UP);
    out.local_get(HIGH).local_get(UP).i64_add().local_tee(HIGH);
    out.i64_const(1).i64_const(16).local_get(U).i64_shl().i64_const(1).i64_sub().i64_shl().i64_ge_u();
    exit_if(out);
    out.i64_const(0).local_get(HIGH).i64_sub().local_get(HIGH);
    out.local_get(A_HIGH).i64_const(SIGN_BIT).i64_and().i64_eqz().i32_eqz().select().local_set(T);
    pair(out, T, |out| flags(out, LOW));
}
