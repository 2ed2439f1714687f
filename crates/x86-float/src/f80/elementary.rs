//! F2XM1, FYL2X, FYL2XP1: series in 126-bit arithmetic, rounded once.
//!
//! SPEC: intel-sdm-vol1 :: 8.3.10 Transcendental Instruction Accuracy -> errors below 1 ulp in extended precision; results here are within a hair of half an ulp

use super::constants::{LN_2, LOG2_E};
use super::{Class, F80, Operand, finish, flag_denormals, invalid, special, special_one};
use crate::unpacked::Unpacked;
use crate::{Env, Flags};

/// Square root of 2, to the bits that choosing a range needs
const SQRT_2: Unpacked = Unpacked::constant(0, 0xb504_f333_f9de_6484 << 64);

/// Terms of the exponential: 0.7^34 / 34! is below 2^-140
const EXP_TERMS: u32 = 34;
/// Terms of the logarithm: 0.0295^27 is below 2^-136
const LOG_TERMS: u32 = 27;

/// `1 / n`
fn reciprocal_of(n: u32) -> Unpacked {
    Unpacked::from_integer(false, n.into()).map_or(Unpacked::ONE, |n| Unpacked::ONE.div(n))
}

/// Sum that cannot vanish where it is used; 1 in the impossible case.
pub(super) fn sum(a: Unpacked, b: Unpacked) -> Unpacked {
    a.add(b).unwrap_or(Unpacked::ONE)
}

/// `1 + z/3 + z^2/5 + ...` with `terms` terms: atanh(s)/s for z = s^2, atan(s)/s for z = -s^2
pub(super) fn odd_reciprocals(z: Unpacked, terms: u32) -> Unpacked {
    (0..terms).rev().fold(reciprocal_of(2 * terms + 1), |t, k| sum(reciprocal_of(2 * k + 1), z.mul(t)))
}

/// e^y - 1 for |y| up to 0.7
fn exp_m1(y: Unpacked) -> Unpacked {
    // 1 + y/2 (1 + y/3 (1 + ...))
    let series =
        (2..=EXP_TERMS).rev().fold(Unpacked::ONE, |t, k| sum(Unpacked::ONE, y.mul(t).mul(reciprocal_of(k))));
    y.mul(series)
}

/// log2 of (1 + s) / (1 - s)
fn log2_ratio(s: Unpacked) -> Unpacked {
    s.scale(1).mul(odd_reciprocals(s.mul(s).with_sign(false), LOG_TERMS)).mul(LOG2_E)
}

/// log2 of a positive number; `None` for 1
fn log2(x: Unpacked) -> Option<Unpacked> {
    let mantissa = Unpacked { exp: 0, ..x };
    let (mantissa, exp) =
        if SQRT_2.less_magnitude(mantissa) { (mantissa.scale(-1), x.exp + 1) } else { (mantissa, x.exp) };
    let whole = Unpacked::from_integer(exp < 0, exp.unsigned_abs().into());
    let fraction =
        mantissa.add(Unpacked::ONE.negate()).map(|above| log2_ratio(above.div(sum(mantissa, Unpacked::ONE))));
    match (whole, fraction) {
        (Some(whole), Some(fraction)) => whole.add(fraction),
        (whole, fraction) => whole.or(fraction),
    }
}

/// log2(1 + x) for x above -1
fn log2_p1(x: Unpacked) -> Option<Unpacked> {
    let two = Unpacked::ONE.scale(1);
    // Within 1/4 of zero the series applies without forming 1 + x.
    if x.exp < -2 { Some(log2_ratio(x.div(sum(two, x)))) } else { log2(Unpacked::ONE.add(x)?) }
}

impl F80 {
    /// F2XM1: 2^x - 1 for |x| up to 1. Other operands, for which the manual leaves the result open, are returned as they
    /// are, with PE, as processors do.
    ///
    /// SPEC: intel-sdm-vol2 :: F2XM1—Compute 2^x–1 -> defined from -1 to 1; zeros keep their sign
    #[must_use]
    pub fn exp2_m1(self, env: &mut Env) -> Self {
        let a = Operand::from(self);
        if let Some(special) = special_one(env, a) {
            return special;
        }
        flag_denormals(env, &[a]);
        match a.unpack_wide() {
            None => self,
            _ if a.is_infinite() => {
                if a.sign() {
                    Self::ONE.with_sign(true)
                } else {
                    self
                }
            }
            Some(x) if x.exp == 0 && x.sig == 1 << 127 => {
                if x.sign {
                    finish(env, x.scale(-1))
                } else {
                    self
                }
            }
            Some(x) if x.exp >= 0 => {
                env.raise(Flags::PE);
                self
            }
            Some(x) => finish(env, exp_m1(x.mul(LN_2))),
        }
    }

    /// FYL2X: y * log2(self)
    ///
    /// SPEC: intel-sdm-vol2 :: FYL2X—Compute y * log2x -> table of results for zeros, infinities and negative operands
    #[must_use]
    pub fn y_log2(self, env: &mut Env, y: Self) -> Self {
        let (a, b) = (Operand::from(self), Operand::from(y));
        if let Some(special) = special(env, a, b) {
            return special;
        }
        if a.sign() && !a.is_zero() {
            return invalid(env);
        }
        if a.is_zero() {
            return match b.class() {
                Class::Zero => invalid(env),
                Class::Infinity => Self::infinity(!b.sign()),
                _ => {
                    env.raise(Flags::ZE);
                    Self::infinity(!b.sign())
                }
            };
        }
        let log = if a.is_infinite() { None } else { a.unpack_wide().and_then(log2) };
        if (a.is_infinite() && b.is_zero()) || (self == Self::ONE && b.is_infinite()) {
            return invalid(env);
        }
        flag_denormals(env, &[a, b]);
        if a.is_infinite() {
            return Self::infinity(b.sign());
        }
        product(env, log, b)
    }

    /// FYL2XP1: y * log2(self + 1)
    ///
    /// SPEC: intel-sdm-vol2 :: FYL2XP1—Compute y * log2(x +1) -> defined for |x| up to 1 - sqrt(2)/2; table of results for zeros and infinities
    #[must_use]
    pub fn y_log2_p1(self, env: &mut Env, y: Self) -> Self {
        let (a, b) = (Operand::from(self), Operand::from(y));
        if let Some(special) = special(env, a, b) {
            return special;
        }
        let x = if a.is_infinite() { None } else { a.unpack_wide() };
        if (a.is_infinite() && a.sign())
            || (a.is_zero() && b.is_infinite())
            || (a.is_infinite() && b.is_zero())
        {
            return invalid(env);
        }
        flag_denormals(env, &[a, b]);
        if a.is_infinite() {
            return Self::infinity(b.sign());
        }
        match x {
            // At -1 and below the manual leaves the result open; processors give the operand, with PE.
            Some(x) if x.sign && x.exp >= 0 && !b.is_zero() => {
                env.raise(Flags::PE);
                self
            }
            Some(x) if b.is_zero() => Self::zero(x.sign != b.sign()),
            Some(x) => product(env, log2_p1(x), b),
            None => Self::zero(a.sign() != b.sign()),
        }
    }
}

/// `log * y`, where `None` stands for +0 and y is no NaN; infinite y was checked against a zero logarithm.
fn product(env: &mut Env, log: Option<Unpacked>, y: Operand) -> F80 {
    let sign = log.is_some_and(|log| log.sign) != y.sign();
    if y.is_infinite() {
        return F80::infinity(sign);
    }
    match (log, y.unpack_wide()) {
        (Some(log), Some(y)) => {
            // Processors report even the logarithms of powers of two as inexact.
            env.raise(Flags::PE);
            finish(env, log.mul(y))
        }
        _ => F80::zero(sign),
    }
}
