//! Square root, remainders, rounding, scaling, transcendental functions.

use super::stack::Stack;
use super::status;
use crate::{F80Op, Flow, MemRef, X87};
use x86_decode::{Instruction, Op};
use x86_float::{Env, F80};

pub(super) fn is_one(op: Op) -> bool {
    use Op::{F2xm1, Fcos, Fpatan, Fprem, Fprem1, Fptan, Fscale, Fsin, Fsincos, Fxtract, Fyl2x, Fyl2xp1};
    matches!(op, F2xm1 | Fcos | Fpatan | Fprem | Fprem1 | Fptan | Fscale | Fsin | Fsincos)
        || matches!(op, Fxtract | Fyl2x | Fyl2xp1)
}

pub(super) fn exec(stack: &mut Stack<'_>, op: Op) -> Option<Flow> {
    match op {
        Op::F2xm1 => rare(stack, &mut F80::exp2_m1),
        Op::Fscale => binary(stack, 0, |x, y, env| x.scale(env, y)),
        Op::Fyl2x => binary(stack, 1, |x, y, env| x.y_log2(env, y)),
        Op::Fyl2xp1 => binary(stack, 1, |x, y, env| x.y_log2_p1(env, y)),
        Op::Fpatan => binary(stack, 1, |x, y, env| x.atan(env, y)),
        Op::Fprem => remainder(stack, false),
        Op::Fprem1 => remainder(stack, true),
        Op::Fsin => trigonometric(stack, F80::sin),
        Op::Fcos => trigonometric(stack, F80::cos),
        Op::Fptan => pushing(stack, true, F80::tan),
        Op::Fsincos => pushing(stack, true, F80::sin_cos),
        Op::Fxtract => pushing(stack, false, |x, env| Some(x.extract(env))),
        _ => return None,
    }
    Some(Flow::Next)
}

/// Instructions that are not inlined into their handlers.
#[inline(never)]
fn rare(stack: &mut Stack<'_>, function: &mut dyn FnMut(F80, &mut Env) -> F80) {
    unary(stack, function);
}

#[inline(always)]
fn unary(stack: &mut Stack<'_>, function: impl FnOnce(F80, &mut Env) -> F80) {
    if stack.is_empty(0) {
        stack.underflow(0);
        return;
    }
    let mut env = stack.env();
    let result = function(stack.get(0), &mut env);
    if stack.commit_exceptions(&env) {
        stack.replace(0, result);
    }
}

/// From ST(0) and ST(1) into ST(to); into ST(1) pops.
fn binary(stack: &mut Stack<'_>, to: u8, function: fn(F80, F80, &mut Env) -> F80) {
    let result = if stack.is_empty(0) || stack.is_empty(1) {
        stack.fault(false).then_some(F80::INDEFINITE)
    } else {
        let mut env = stack.env();
        let result = function(stack.get(0), stack.get(1), &mut env);
        stack.commit_exceptions(&env).then_some(result)
    };
    if let Some(result) = result {
        stack.set(to, result);
        if to == 1 {
            stack.pop();
        }
    }
}

/// FCHS, FABS, FSQRT and FRNDINT.
#[inline(always)]
pub(super) fn simple<D: X87>(
    d: &mut D,
    _: &Instruction,
    _: Option<&MemRef<D::V>>,
    op: Op,
) -> Result<(), D::Fault> {
    if !d.st_in_use(0) {
        super::arith::underflow(d, 0);
        return Ok(());
    }
    let x = d.st(0);
    let result = match op {
        Op::Fsqrt => d.f80_compute(F80Op::Sqrt, x, x),
        Op::Frndint => d.f80_compute(F80Op::Round, x, x),
        _ => {
            d.clear_c1();
            Some(d.f80_sign(x, op == Op::Fchs))
        }
    };
    if let Some(result) = result {
        d.replace_st(0, result);
    }
    Ok(())
}

/// SPEC: intel-sdm-vol2 :: FPREM—Partial Remainder -> C2 tells an incomplete reduction; else C0, C3 and C1 are the quotient's bits 2, 1 and 0
fn remainder(stack: &mut Stack<'_>, nearest: bool) {
    if stack.is_empty(0) || stack.is_empty(1) {
        stack.set_conditions(status::C2, 0);
        stack.underflow(0);
        return;
    }
    let mut env = stack.env();
    let result = stack.get(0).remainder(&mut env, stack.get(1), nearest);
    if stack.commit_exceptions(&env) {
        stack.set(0, result.value);
        let bit = |n: u8, condition| if result.quotient >> n & 1 != 0 { condition } else { 0 };
        let quotient = bit(2, status::C0) | bit(1, status::C3) | bit(0, status::C1);
        let partial = if result.partial { status::C2 } else { 0 };
        stack.set_conditions(status::C3 | status::C2 | status::C1 | status::C0, quotient | partial);
    }
}

/// FSIN and FCOS: C2 reports an operand out of range.
fn trigonometric(stack: &mut Stack<'_>, function: fn(F80, &mut Env) -> Option<F80>) {
    stack.set_conditions(status::C2, 0);
    let mut in_range = true;
    rare(stack, &mut |x, env| {
        function(x, env).unwrap_or_else(|| {
            in_range = false;
            x
        })
    });
    if !in_range {
        stack.set_conditions(status::C2, status::C2);
    }
}

/// Instructions that replace ST(0) and push a second result.
///
/// SPEC: intel-sdm-vol2 :: FSINCOS—Sine and Cosine -> an empty ST(0) underflows, a full stack overflows; masked, both results are the indefinite
fn pushing(stack: &mut Stack<'_>, ranged: bool, function: fn(F80, &mut Env) -> Option<(F80, F80)>) {
    if ranged {
        stack.set_conditions(status::C2, 0);
    }
    let results = if stack.is_empty(0) {
        stack.fault(false).then_some((F80::INDEFINITE, F80::INDEFINITE))
    } else if stack.is_full() {
        stack.fault(true).then_some((F80::INDEFINITE, F80::INDEFINITE))
    } else {
        let mut env = stack.env();
        match function(stack.get(0), &mut env) {
            Some(results) => stack.commit_exceptions(&env).then_some(results),
            None => {
                stack.set_conditions(status::C2 | status::C1, status::C2);
                None
            }
        }
    };
    if let Some((first, second)) = results {
        stack.set(0, first);
        stack.push(second);
    }
}
