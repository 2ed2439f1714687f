//! Sum, difference, product, quotient, square root, fused multiply-add.

use super::{Float, HostFloat, finish, flag_denormals, flushed, invalid, nan_result, unpack};
use crate::{Env, Flags, Rounding};

/// Returns whether a host result is surely neither tiny nor overflown. The least binade is left out: a result there may
/// have been tiny before it was rounded.
#[inline(always)]
fn ordinary<T: Float>(x: T) -> bool {
    x.exponent_field().wrapping_sub(2) < T::EXP_MAX - 2
}

/// Normal or zero
#[inline(always)]
fn simple<T: Float>(x: T) -> bool {
    x.is_normal() || x.is_zero()
}

/// `a + b`
#[inline]
pub fn add<T: HostFloat>(env: &mut Env, a: T, b: T) -> T {
    if env.rounds_as_host() && simple(a) && simple(b) {
        let sum = a.host_add(b);
        // A zero sum of such operands is exact.
        if ordinary(sum) || sum.is_zero() {
            return sum;
        }
    }
    add_slow(env, a, b, false)
}

/// `a - b`
#[inline]
pub fn sub<T: HostFloat>(env: &mut Env, a: T, b: T) -> T {
    if env.rounds_as_host() && simple(a) && simple(b) {
        let difference = a.host_sub(b);
        if ordinary(difference) || difference.is_zero() {
            return difference;
        }
    }
    add_slow(env, a, b, true)
}

/// `a * b`
#[inline]
pub fn mul<T: HostFloat>(env: &mut Env, a: T, b: T) -> T {
    if env.rounds_as_host() && simple(a) && simple(b) {
        let product = a.host_mul(b);
        if ordinary(product) || a.is_zero() || b.is_zero() {
            return product;
        }
    }
    mul_slow(env, a, b)
}

/// `a / b`
#[inline]
pub fn div<T: HostFloat>(env: &mut Env, a: T, b: T) -> T {
    if env.rounds_as_host() && a.is_normal() && b.is_normal() {
        let quotient = a.host_div(b);
        if ordinary(quotient) {
            return quotient;
        }
    }
    div_slow(env, a, b)
}

/// Square root of `a`
#[inline]
pub fn sqrt<T: HostFloat>(env: &mut Env, a: T) -> T {
    if env.rounds_as_host() && a.is_normal() && !a.sign() {
        return a.host_sqrt();
    }
    sqrt_slow(env, a)
}

/// Returns the sign of an exact zero sum of two terms with the signs `a` and `b`.
///
/// SPEC: intel-sdm-vol1 :: 4.8.3.1 Signed Zeros -> x - x is +0, but -0 when rounding down
fn zero_sum_sign(env: &Env, a: bool, b: bool) -> bool {
    if a == b { a } else { env.rounding == Rounding::Down }
}

fn add_slow<T: Float>(env: &mut Env, a: T, b: T, negate_b: bool) -> T {
    let (a, b) = (flushed(env, a), flushed(env, b));
    if let Some(nan) = nan_result(env, &[a, b]) {
        return nan;
    }
    let b_sign = b.sign() != negate_b;
    if a.is_infinite() && b.is_infinite() && a.sign() != b_sign {
        return invalid(env);
    }
    flag_denormals(env, &[a, b]);
    if a.is_infinite() {
        return a;
    }
    if b.is_infinite() {
        return T::infinity(b_sign);
    }
    let sum = match (unpack(a), unpack(b).map(|b| b.with_sign(b_sign))) {
        (Some(a), Some(b)) => a.add(b),
        (a, b) => a.or(b),
    };
    match sum {
        Some(sum) => finish(env, sum),
        None => T::zero(zero_sum_sign(env, a.sign(), b_sign)),
    }
}

fn mul_slow<T: Float>(env: &mut Env, a: T, b: T) -> T {
    let (a, b) = (flushed(env, a), flushed(env, b));
    if let Some(nan) = nan_result(env, &[a, b]) {
        return nan;
    }
    if (a.is_infinite() && b.is_zero()) || (a.is_zero() && b.is_infinite()) {
        return invalid(env);
    }
    flag_denormals(env, &[a, b]);
    let sign = a.sign() != b.sign();
    if a.is_infinite() || b.is_infinite() {
        return T::infinity(sign);
    }
    match (unpack(a), unpack(b)) {
        (Some(a), Some(b)) => finish(env, a.mul(b)),
        _ => T::zero(sign),
    }
}

fn div_slow<T: Float>(env: &mut Env, a: T, b: T) -> T {
    let (a, b) = (flushed(env, a), flushed(env, b));
    if let Some(nan) = nan_result(env, &[a, b]) {
        return nan;
    }
    if (a.is_infinite() && b.is_infinite()) || (a.is_zero() && b.is_zero()) {
        return invalid(env);
    }
    let sign = a.sign() != b.sign();
    // SPEC: intel-sdm-vol1 :: 4.9.2 Floating-Point Exception Priority -> divide by zero comes before the denormal operand
    if b.is_zero() && !a.is_infinite() {
        env.raise(Flags::ZE);
        return T::infinity(sign);
    }
    flag_denormals(env, &[a, b]);
    if a.is_infinite() {
        return T::infinity(sign);
    }
    if b.is_infinite() {
        return T::zero(sign);
    }
    match (unpack(a), unpack(b)) {
        (Some(a), Some(b)) => finish(env, a.div(b)),
        _ => T::zero(sign),
    }
}

fn sqrt_slow<T: Float>(env: &mut Env, a: T) -> T {
    let a = flushed(env, a);
    if let Some(nan) = nan_result(env, &[a]) {
        return nan;
    }
    if a.is_zero() {
        return a;
    }
    if a.sign() {
        return invalid(env);
    }
    flag_denormals(env, &[a]);
    match unpack(a) {
        Some(value) if !a.is_infinite() => finish(env, value.short().sqrt()),
        _ => a,
    }
}

/// Which terms of a fused multiply-add are negated: VFMADD none, VFMSUB the addend, VFNMADD the product, VFNMSUB both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FmaSigns {
    /// Negate the product
    pub product: bool,
    /// Negate the addend
    pub addend: bool,
}

/// `±(a * b) ± c` with one rounding. NaNs are taken in the order a, b, c and never negated.
///
/// SPEC: intel-sdm-vol1 :: 14.5.2 Fused-Multiply-ADD (FMA) Numeric Behavior -> order of NaN operands, infinities, sign of exact zeros
pub fn fma<T: Float>(env: &mut Env, a: T, b: T, c: T, negate: FmaSigns) -> T {
    let (a, b, c) = (flushed(env, a), flushed(env, b), flushed(env, c));
    if let Some(nan) = nan_result(env, &[a, b, c]) {
        return nan;
    }
    let product_sign = (a.sign() != b.sign()) != negate.product;
    let c_sign = c.sign() != negate.addend;
    let infinite_product = a.is_infinite() || b.is_infinite();
    if (infinite_product && (a.is_zero() || b.is_zero()))
        || (infinite_product && c.is_infinite() && product_sign != c_sign)
    {
        return invalid(env);
    }
    flag_denormals(env, &[a, b, c]);
    if infinite_product {
        return T::infinity(product_sign);
    }
    if c.is_infinite() {
        return T::infinity(c_sign);
    }
    let product = match (unpack(a), unpack(b)) {
        (Some(a), Some(b)) => Some(a.mul(b).with_sign(product_sign)),
        _ => None,
    };
    let sum = match (product, unpack(c).map(|c| c.with_sign(c_sign))) {
        (Some(product), Some(c)) => product.add(c),
        (product, c) => product.or(c),
    };
    match sum {
        Some(sum) => finish(env, sum),
        None => T::zero(zero_sum_sign(env, product_sign, c_sign)),
    }
}
