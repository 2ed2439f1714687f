//! x87 arithmetic: functions of each module for normal numbers. Other operands call [`F80Function::apply`].
//!
//! All have one type: `(vcpu, a, b, control, function) -> result`, of numbers as registers hold them: the significand below,
//! of what is above it 16 bits count. The result is as `apply` gives it.

mod compare;
mod convert;
mod quotient;
mod round;
mod sum;

use super::mem_arg;
use crate::abi::{F80_FUNCTION, Import};
use crate::layout;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use x86_exec::{F80Function, F80Op, Format};
use x86_types::Width;

// Parameters.
const VCPU: u32 = 0;
const A: u32 = 1;
const B: u32 = 2;
const CONTROL: u32 = 3;
const FUNCTION: u32 = 4;
/// Significands and what is above them, then exponents
const A_LOW: u32 = 5;
const A_HIGH: u32 = 6;
const B_LOW: u32 = 7;
const B_HIGH: u32 = 8;
const A_EXP: u32 = 9;
const B_EXP: u32 = 10;
/// What is to be rounded: 128 bits, biased exponent, sign
const HIGH: u32 = 11;
const LOW: u32 = 12;
const EXP: u32 = 13;
const SIGN: u32 = 14;
const UP: u32 = 15;
/// Others
const T: u32 = 16;
const U: u32 = 17;
const V: u32 = 18;
const W: u32 = 19;
/// Integers among the locals
const INTEGERS: u32 = 15;
const INVERSE: u32 = A_LOW + INTEGERS;

/// The highest bit
const TOP: i64 = i64::MIN;
/// The low half
const HALF: i64 = u32::MAX as i64;
const SIGN_BIT: i64 = 1 << 15;
const EXP_MASK: i64 = 0x7fff;
const BIAS: i64 = 16383;
/// Where PE and C1 are in the upper half of a result
const PE: i64 = 16 + 5;
const C1: i64 = 16 + 9;
/// Rounding and precision control
const ROUNDING: i64 = 0xc00;
const PRECISION: i64 = 0x300;

/// The functions, in order.
pub(crate) fn functions() -> [Function; 7] {
    [
        exact(),
        function(sum::sum),
        function(product),
        function(quotient::quotient),
        function(compare::compare),
        function(convert::load),
        function(convert::store),
    ]
}

/// The function of a module that computes what has this number.
pub(crate) fn function_of(number: u8) -> u32 {
    let kind = match F80Function::ALL.get(usize::from(number)) {
        Some(F80Function::Compute(F80Op::Sum(..))) => 1,
        Some(F80Function::Compute(F80Op::Product)) => 2,
        Some(F80Function::Compute(F80Op::Quotient(_))) => 3,
        Some(F80Function::Compare(_)) => 4,
        Some(F80Function::Load(_)) => 5,
        Some(F80Function::Store(..)) => 6,
        _ => 0,
    };
    F80_FUNCTION + kind
}

/// The number of a function.
fn number(function: F80Function) -> i64 {
    function.number() as i64
}

fn function(body: fn(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new([(INTEGERS, ValType::I64), (1, ValType::F64)]);
    let mut out = function.instructions();
    body(&mut out);
    out.end();
    function
}

/// Calls the interpreter's function.
fn exact() -> Function {
    let mut function = Function::new([]);
    let mut out = function.instructions();
    out.local_get(VCPU);
    out.local_get(FUNCTION).local_get(CONTROL).i64_const(8).i64_shl().i64_or();
    for x in [A, B] {
        out.local_get(x).i64x2_extract_lane(0);
        out.local_get(x).i64x2_extract_lane(1);
    }
    out.call(Import::F80 as u32).i64x2_splat();
    out.local_get(VCPU).i64_load(mem_arg(layout::SCRATCH, 3)).i64x2_replace_lane(1).end();
    function
}

/// Calls the interpreter's function if the i32 on the stack is not 0.
fn exit_if(out: &mut InstructionSink<'_>) {
    out.if_(BlockType::Empty);
    for parameter in [VCPU, A, B, CONTROL, FUNCTION] {
        out.local_get(parameter);
    }
    out.return_call(F80_FUNCTION).end();
}

/// Takes an operand apart.
fn take(out: &mut InstructionSink<'_>, x: u32, [low, high, exp]: [u32; 3]) {
    out.local_get(x).f64x2_extract_lane(0).i64_reinterpret_f64().local_set(low);
    out.local_get(x).i64x2_extract_lane(1).local_tee(high).i64_const(EXP_MASK).i64_and().local_set(exp);
}

fn take_both(out: &mut InstructionSink<'_>) {
    take(out, A, [A_LOW, A_HIGH, A_EXP]);
    take(out, B, [B_LOW, B_HIGH, B_EXP]);
}

/// Pushes whether an exponent is not that of a normal number.
fn is_no_normal_exponent(out: &mut InstructionSink<'_>, exp: u32) {
    out.local_get(exp).i64_const(1).i64_sub().i64_const(EXP_MASK - 1).i64_ge_u();
}

/// Leaves what are not two normal numbers to be rounded to nearest, to 64 bits.
fn exit_unless_normal(out: &mut InstructionSink<'_>) {
    out.local_get(A_LOW).local_get(B_LOW).i64_and().i64_const(0).i64_ge_s();
    is_no_normal_exponent(out, A_EXP);
    is_no_normal_exponent(out, B_EXP);
    out.local_get(CONTROL).i64_const(ROUNDING | PRECISION).i64_and().i64_const(PRECISION).i64_ne();
    out.i32_or().i32_or().i32_or();
    exit_if(out);
}

/// Pushes whether the number in locals is neither a normal one nor a zero.
fn is_no_number(out: &mut InstructionSink<'_>, low: u32, exp: u32) {
    out.local_get(low).i64_const(0).i64_ge_s();
    is_no_normal_exponent(out, exp);
    out.i32_or();
    out.local_get(low).local_get(exp).i64_or().i64_eqz().i32_eqz().i32_and();
}

/// Pushes the vector of the i64 below and the one above.
fn pair(out: &mut InstructionSink<'_>, low: u32, high: impl FnOnce(&mut InstructionSink<'_>)) {
    out.local_get(low).i64x2_splat();
    high(out);
    out.i64x2_replace_lane(1);
}

/// The product of significands is exact.
fn product(out: &mut InstructionSink<'_>) {
    take_both(out);
    exit_unless_normal(out);
    out.local_get(A_EXP).local_get(B_EXP).i64_add().i64_const(BIAS - 1).i64_sub().local_set(EXP);
    out.local_get(A_HIGH).local_get(B_HIGH).i64_xor().i64_const(SIGN_BIT).i64_and().local_set(SIGN);
    // Of four products of halves.
    out.local_get(A_LOW).i64_const(HALF).i64_and().local_set(T);
    out.local_get(B_LOW).i64_const(HALF).i64_and().local_set(U);
    out.local_get(A_LOW).i64_const(32).i64_shr_u().local_set(V);
    out.local_get(B_LOW).i64_const(32).i64_shr_u().local_set(W);
    out.local_get(T).local_get(U).i64_mul().local_set(LOW);
    out.local_get(V)
        .local_get(U)
        .i64_mul()
        .local_get(LOW)
        .i64_const(32)
        .i64_shr_u()
        .i64_add()
        .local_set(HIGH);
    out.local_get(T).local_get(W).i64_mul().local_get(HIGH).i64_const(HALF).i64_and().i64_add().local_set(T);
    out.local_get(V).local_get(W).i64_mul().local_get(HIGH).i64_const(32).i64_shr_u().i64_add();
    out.local_get(T).i64_const(32).i64_shr_u().i64_add().local_set(HIGH);
    out.local_get(T).i64_const(32).i64_shl().local_get(LOW).i64_const(HALF).i64_and().i64_or().local_set(LOW);
    // It lies in [1, 4): bit 127 or bit 126 leads.
    out.local_get(HIGH).i64_const(0).i64_ge_s().if_(BlockType::Empty);
    out.local_get(HIGH)
        .i64_const(1)
        .i64_shl()
        .local_get(LOW)
        .i64_const(63)
        .i64_shr_u()
        .i64_or()
        .local_set(HIGH);
    out.local_get(LOW).i64_const(1).i64_shl().local_set(LOW);
    out.local_get(EXP).i64_const(1).i64_sub().local_set(EXP).end();
    round::round(out);
}
