//! Sum, difference, product, quotient, square root, scaling, extraction, rounding to integer.

use super::{
    BIAS, Class, F80, Operand, aside, finish, finish_at, flag_denormals, invalid, special, special_one,
};
use crate::short::Short;
use crate::sse::Float;
use crate::unpacked::Unpacked;
use crate::{Env, Flags, Rounding};

/// Rounds by precision control.
///
/// SPEC: intel-sdm-vol1 :: 8.1.5.2 Precision Control Field -> FADD, FSUB, FMUL, FDIV and FSQRT round the significand to 24, 53 or 64 bits
#[inline(always)]
fn controlled(env: &mut Env, value: Unpacked) -> F80 {
    let precision = env.precision.into();
    finish_at(env, value, precision)
}

#[inline(always)]
fn add(env: &mut Env, a: Operand, b: Operand, negate_a: bool, negate_b: bool) -> F80 {
    if let (Some(x), Some(y)) = (a.ordinary(), b.ordinary())
        && let Some(sum) = x.with_sign(x.sign != negate_a).add(y.with_sign(y.sign != negate_b))
    {
        return controlled(env, sum);
    }
    let ((a, a_denormal), (b, b_denormal)) = (a.parts(), b.parts());
    aside(env, move |mut env| {
        let (a, b) = (Operand::from_parts(a, a_denormal), Operand::from_parts(b, b_denormal));
        (add_special(&mut env, a, b, negate_a, negate_b), env)
    })
}

/// Operands and results that are no normal numbers.
#[inline(never)]
fn add_special(env: &mut Env, a: Operand, b: Operand, negate_a: bool, negate_b: bool) -> F80 {
    if let Some(special) = special(env, a, b) {
        return special;
    }
    let (a_sign, b_sign) = (a.sign() != negate_a, b.sign() != negate_b);
    if a.is_infinite() && b.is_infinite() && a_sign != b_sign {
        return invalid(env);
    }
    flag_denormals(env, &[a, b]);
    if a.is_infinite() {
        return F80::infinity(a_sign);
    }
    if b.is_infinite() {
        return F80::infinity(b_sign);
    }
    let (x, y) = (a.unpack().map(|x| x.with_sign(a_sign)), b.unpack().map(|y| y.with_sign(b_sign)));
    let sum = match (x, y) {
        (Some(x), Some(y)) => x.add(y),
        (x, y) => x.or(y).map(Short::wide),
    };
    match sum {
        Some(sum) => controlled(env, sum),
        None if a_sign == b_sign => F80::zero(a_sign),
        None => F80::zero(env.rounding == Rounding::Down),
    }
}

#[inline(always)]
fn mul(env: &mut Env, a: Operand, b: Operand) -> F80 {
    if let (Some(x), Some(y)) = (a.ordinary(), b.ordinary()) {
        return controlled(env, x.mul(y));
    }
    let ((a, a_denormal), (b, b_denormal)) = (a.parts(), b.parts());
    aside(env, move |mut env| {
        let (a, b) = (Operand::from_parts(a, a_denormal), Operand::from_parts(b, b_denormal));
        (mul_special(&mut env, a, b), env)
    })
}

/// Operands and results that are no normal numbers.
#[inline(never)]
fn mul_special(env: &mut Env, a: Operand, b: Operand) -> F80 {
    if let Some(special) = special(env, a, b) {
        return special;
    }
    if (a.is_infinite() && b.is_zero()) || (a.is_zero() && b.is_infinite()) {
        return invalid(env);
    }
    flag_denormals(env, &[a, b]);
    let sign = a.sign() != b.sign();
    if a.is_infinite() || b.is_infinite() {
        return F80::infinity(sign);
    }
    match (a.unpack(), b.unpack()) {
        (Some(a), Some(b)) => controlled(env, a.mul(b)),
        _ => F80::zero(sign),
    }
}

#[inline(always)]
fn div(env: &mut Env, a: Operand, b: Operand) -> F80 {
    if let (Some(x), Some(y)) = (a.ordinary(), b.ordinary()) {
        return controlled(env, x.div(y));
    }
    let ((a, a_denormal), (b, b_denormal)) = (a.parts(), b.parts());
    aside(env, move |mut env| {
        let (a, b) = (Operand::from_parts(a, a_denormal), Operand::from_parts(b, b_denormal));
        (div_special(&mut env, a, b), env)
    })
}

/// Operands and results that are no normal numbers.
#[inline(never)]
fn div_special(env: &mut Env, a: Operand, b: Operand) -> F80 {
    if let Some(special) = special(env, a, b) {
        return special;
    }
    if (a.is_infinite() && b.is_infinite()) || (a.is_zero() && b.is_zero()) {
        return invalid(env);
    }
    let sign = a.sign() != b.sign();
    if b.is_zero() && !a.is_infinite() {
        env.raise(Flags::ZE);
        return F80::infinity(sign);
    }
    flag_denormals(env, &[a, b]);
    if a.is_infinite() {
        return F80::infinity(sign);
    }
    if b.is_infinite() {
        return F80::zero(sign);
    }
    match (a.unpack(), b.unpack()) {
        (Some(a), Some(b)) => controlled(env, a.div(b)),
        _ => F80::zero(sign),
    }
}

impl F80 {
    /// Returns the sum of `a` and `b`, each negated if its flag is set. A NaN is not negated.
    #[inline(always)]
    pub fn sum(env: &mut Env, a: Self, b: impl Into<Operand>, negate_a: bool, negate_b: bool) -> Self {
        add(env, a.into(), b.into(), negate_a, negate_b)
    }

    /// `a + b`
    pub fn add(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        Self::sum(env, a, b, false, false)
    }

    /// `a - b`
    pub fn sub(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        Self::sum(env, a, b, false, true)
    }

    /// `b - a`, with the NaN rules and the sign of zero of that difference
    pub fn sub_reversed(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        Self::sum(env, a, b, true, false)
    }

    /// `a * b`
    #[inline(always)]
    pub fn mul(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        mul(env, a.into(), b.into())
    }

    /// `a / b`
    pub fn div(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        Self::quotient(env, a, b, false)
    }

    /// `b / a`
    pub fn div_reversed(env: &mut Env, a: Self, b: impl Into<Operand>) -> Self {
        Self::quotient(env, a, b, true)
    }

    /// `a / b`, or `b / a` where `reversed`
    #[inline(always)]
    pub fn quotient(env: &mut Env, a: Self, b: impl Into<Operand>, reversed: bool) -> Self {
        let (a, b) = (a.into(), b.into());
        let (a, b) = if reversed { (b, a) } else { (a, b) };
        div(env, a, b)
    }

    /// FSQRT
    #[must_use]
    #[inline(always)]
    pub fn sqrt(self, env: &mut Env) -> Self {
        let ordinary = Operand::from(self).ordinary().filter(|value| !value.sign);
        match ordinary {
            Some(value) => controlled(env, value.sqrt()),
            None => aside(env, move |mut env| (self.sqrt_special(&mut env), env)),
        }
    }

    /// Operands that are no positive normal numbers.
    fn sqrt_special(self, env: &mut Env) -> Self {
        let a = Operand::from(self);
        if let Some(special) = special_one(env, a) {
            return special;
        }
        if a.is_zero() {
            return self;
        }
        if a.sign() {
            return invalid(env);
        }
        flag_denormals(env, &[a]);
        match a.unpack() {
            Some(value) if !a.is_infinite() => controlled(env, value.sqrt()),
            _ => self,
        }
    }

    /// FRNDINT
    ///
    /// SPEC: intel-sdm-vol2 :: FRNDINT—Round to Integer -> by RC; PE if the source is not integral
    #[must_use]
    pub fn round_to_integral(self, env: &mut Env) -> Self {
        let a = Operand::from(self);
        if let Some(special) = special_one(env, a) {
            return special;
        }
        flag_denormals(env, &[a]);
        let Some(value) = a.unpack().filter(|value| value.exp < 63) else { return self };
        let Some((magnitude, inexact, up)) = value.to_integral(env.rounding) else { return self };
        if inexact {
            env.raise(Flags::PE);
        }
        env.rounded_up = up;
        Short::normalized(value.sign, 63, magnitude).map_or(Self::zero(value.sign), Self::from_short)
    }

    /// FSCALE: `self * 2^trunc(by)`
    ///
    /// SPEC: intel-sdm-vol2 :: FSCALE—Scale -> table of results for zeros and infinities; 0 * 2^inf and inf * 2^-inf are invalid
    #[must_use]
    pub fn scale(self, env: &mut Env, by: Self) -> Self {
        let (a, b) = (Operand::from(self), Operand::from(by));
        if let Some(special) = special(env, a, b) {
            return special;
        }
        if b.is_infinite() && if b.sign() { a.is_infinite() } else { a.is_zero() } {
            return invalid(env);
        }
        flag_denormals(env, &[a, b]);
        if b.is_infinite() && !a.is_infinite() && !a.is_zero() {
            return if b.sign() { Self::zero(a.sign()) } else { Self::infinity(a.sign()) };
        }
        match a.unpack() {
            Some(value) if !a.is_infinite() => {
                let n = b.unpack().map_or(0, |b| {
                    let integral = b.to_integral(Rounding::Zero);
                    // Beyond this the result overflows or underflows in any case.
                    let n = integral.map_or(u64::MAX, |(magnitude, ..)| magnitude).min(0x1_0000) as i32;
                    if b.sign { -n } else { n }
                });
                finish(env, value.wide().scale(n))
            }
            _ => self,
        }
    }

    /// FXTRACT: exponent and significand. ZE and minus infinity for the exponent of zero.
    ///
    /// SPEC: intel-sdm-vol2 :: FXTRACT—Extract Exponent and Significand -> unbiased exponent, significand with exponent 0; zero: -inf and zero, ZE; infinity: +inf and the infinity
    pub fn extract(self, env: &mut Env) -> (Self, Self) {
        let a = Operand::from(self);
        if let Some(special) = special_one(env, a) {
            return (special, special);
        }
        match (a.class(), a.unpack()) {
            (Class::Infinity, _) => (Self::infinity(false), self),
            (_, Some(value)) => {
                flag_denormals(env, &[a]);
                let significand = Self::new(value.sig, BIAS as u16).with_sign(value.sign);
                (Self::from_integer(value.exp.into()), significand)
            }
            (_, None) => {
                env.raise(Flags::ZE);
                (Self::infinity(true), self)
            }
        }
    }

    /// FST to single or double precision.
    ///
    /// SPEC: intel-sdm-vol2 :: FST/FSTP—Store Floating-Point Value -> rounded by RC; NaNs truncated and made quiet; no denormal-operand exception
    fn to_float<T: Float>(self, env: &mut Env) -> T {
        match self.class() {
            Class::Unsupported => {
                env.raise(Flags::IE);
                T::indefinite()
            }
            Class::Nan => {
                if self.is_snan() {
                    env.raise(Flags::IE);
                }
                let fraction = self.quieted().significand << 1 >> (64 - T::FRACTION_BITS);
                T::from_bits(T::infinity(self.sign()).into() | fraction)
            }
            Class::Infinity => T::infinity(self.sign()),
            _ => match self.unpack() {
                Some(value) => crate::sse::finish(env, value.wide()),
                None => T::zero(self.sign()),
            },
        }
    }

    /// To single precision.
    pub fn to_single(self, env: &mut Env) -> u32 {
        self.to_float(env)
    }

    /// To double precision.
    pub fn to_double(self, env: &mut Env) -> u64 {
        self.to_float(env)
    }
}
