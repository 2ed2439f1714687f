//! Double-extended precision as the x87 computes.

mod arith;
mod constants;
mod convert;
mod elementary;
mod remainder;
mod trigonometry;

pub use remainder::Remainder;

use crate::sse::{Float, Relation};
use crate::unpacked::{Rounded, Unpacked};
use crate::{Env, Flags, Rounding};

/// Exponent bias; the largest exponent of a finite number
const BIAS: i32 = 16383;
/// Least exponent of a normal number
const EMIN: i32 = -16382;
/// Exponent field of infinities and NaNs
const EXP_MAX: u16 = 0x7fff;
/// The explicit integer bit
const INTEGER: u64 = 1 << 63;
/// The bit that tells quiet from signalling NaNs
const QUIET: u64 = 1 << 62;
/// What the exponent of an unmasked overflow or underflow is adjusted by
const ADJUSTMENT: i32 = 24576;

/// A double-extended value.
///
/// SPEC: intel-sdm-vol1 :: 4.2.2 Floating-Point Data Types -> sign, 15-bit exponent, 64-bit significand with explicit integer bit
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct F80 {
    /// Significand with its explicit integer bit
    pub significand: u64,
    /// Sign in bit 15, biased exponent below
    pub sign_exponent: u16,
}

/// What FXAM tells.
///
/// SPEC: intel-sdm-vol2 :: FXAM—Examine Floating-Point -> class of the value; unsupported encodings are a class of their own
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Class {
    Unsupported,
    Nan,
    Normal,
    Infinity,
    Zero,
    Denormal,
}

impl F80 {
    /// +0
    pub const ZERO: Self = Self::new(0, 0);
    /// +1
    pub const ONE: Self = Self::new(INTEGER, BIAS as u16);
    /// The NaN of masked invalid operations
    pub const INDEFINITE: Self = Self::new(INTEGER | QUIET, 0xffff);

    /// From its two fields.
    pub const fn new(significand: u64, sign_exponent: u16) -> Self {
        Self { significand, sign_exponent }
    }

    /// Sign bit
    #[inline]
    pub const fn sign(self) -> bool {
        self.sign_exponent >> 15 != 0
    }

    /// With another sign (FCHS, FABS).
    #[must_use]
    pub const fn with_sign(self, sign: bool) -> Self {
        Self { sign_exponent: self.sign_exponent & EXP_MAX | (sign as u16) << 15, ..self }
    }

    const fn zero(sign: bool) -> Self {
        Self::ZERO.with_sign(sign)
    }

    const fn infinity(sign: bool) -> Self {
        Self::new(INTEGER, EXP_MAX).with_sign(sign)
    }

    const fn exponent_field(self) -> u16 {
        self.sign_exponent & EXP_MAX
    }

    /// Its class. Pseudo-denormals count as denormals; unnormals, pseudo-NaNs and pseudo-infinities are unsupported.
    ///
    /// SPEC: intel-sdm-vol1 :: 8.2.2 Unsupported Double Extended-Precision Floating-Point Encodings and Pseudo-Denormals -> which encodings raise invalid operation
    pub const fn class(self) -> Class {
        let whole = self.significand & INTEGER != 0;
        match self.exponent_field() {
            0 if self.significand == 0 => Class::Zero,
            0 => Class::Denormal,
            _ if !whole => Class::Unsupported,
            EXP_MAX if self.significand == INTEGER => Class::Infinity,
            EXP_MAX => Class::Nan,
            _ => Class::Normal,
        }
    }

    const fn is_nan(self) -> bool {
        matches!(self.class(), Class::Nan)
    }

    const fn is_snan(self) -> bool {
        self.is_nan() && self.significand & QUIET == 0
    }

    const fn quieted(self) -> Self {
        Self { significand: self.significand | QUIET, ..self }
    }

    /// The value of a finite number; `None` for zero.
    fn unpack(self) -> Option<Unpacked> {
        let exp = match self.exponent_field() {
            0 => EMIN,
            field => field as i32 - BIAS,
        };
        Unpacked::normalized(self.sign(), exp, (self.significand as u128) << 64)
    }

    fn pack(sign: bool, rounded: Rounded) -> Self {
        let field = if rounded.sig & INTEGER != 0 { (rounded.exp + BIAS) as u16 } else { 0 };
        Self::new(rounded.sig, field).with_sign(sign)
    }
}

/// An operand of an x87 instruction. Single- and double-precision operands keep the fact that they were denormal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    value: F80,
    denormal: bool,
}

impl From<F80> for Operand {
    fn from(value: F80) -> Self {
        Self { value, denormal: matches!(value.class(), Class::Denormal) }
    }
}

impl Operand {
    /// A memory operand in single precision; a signalling NaN stays one.
    pub fn from_single(bits: u32) -> Self {
        Self::from_float(bits)
    }

    /// A memory operand in double precision; a signalling NaN stays one.
    pub fn from_double(bits: u64) -> Self {
        Self::from_float(bits)
    }

    /// An integer memory operand.
    pub fn from_integer(x: i64) -> Self {
        Self { value: F80::from_integer(x), denormal: false }
    }

    fn from_float<T: Float>(x: T) -> Self {
        let value = if x.is_nan() || x.is_infinite() {
            let significand = INTEGER | x.fraction() << (63 - T::FRACTION_BITS);
            F80::new(significand, EXP_MAX).with_sign(x.sign())
        } else {
            match crate::sse::unpack(x) {
                Some(value) => F80::pack(value.sign, value.round(64, Rounding::Zero)),
                None => F80::zero(x.sign()),
            }
        };
        Self { value, denormal: x.is_denormal() }
    }

    /// The value of a normal number that was no denormal before either; `None` for all others.
    #[inline]
    fn ordinary(self) -> Option<Unpacked> {
        let F80 { significand, .. } = self.value;
        let field = self.value.exponent_field();
        let ordinary = significand & INTEGER != 0 && field != 0 && field != EXP_MAX && !self.denormal;
        let sign = self.value.sign();
        ordinary.then(|| Unpacked { sign, exp: i32::from(field) - BIAS, sig: u128::from(significand) << 64 })
    }

    fn class(self) -> Class {
        self.value.class()
    }

    fn sign(self) -> bool {
        self.value.sign()
    }

    fn is_infinite(self) -> bool {
        self.class() == Class::Infinity
    }

    fn is_zero(self) -> bool {
        self.class() == Class::Zero
    }

    fn unpack(self) -> Option<Unpacked> {
        self.value.unpack()
    }
}

/// IE and the indefinite.
fn invalid(env: &mut Env) -> F80 {
    env.raise(Flags::IE);
    F80::INDEFINITE
}

/// Deals with unsupported encodings and NaNs; `None` when both operands are ordinary.
///
/// SPEC: intel-sdm-vol1 :: 4.8.3.5 Operating on SNaNs and QNaNs -> the x87 gives the NaN with the larger significand, a QNaN before an SNaN
fn special(env: &mut Env, a: Operand, b: Operand) -> Option<F80> {
    if a.class() == Class::Unsupported || b.class() == Class::Unsupported {
        return Some(invalid(env));
    }
    let (a, b) = (a.value, b.value);
    if a.is_snan() || b.is_snan() {
        env.raise(Flags::IE);
    }
    let nan = match (a.is_nan(), b.is_nan()) {
        (false, false) => return None,
        (true, false) => a,
        (false, true) => b,
        (true, true) if a.is_snan() != b.is_snan() => {
            if a.is_snan() {
                b
            } else {
                a
            }
        }
        (true, true) => match a.significand.cmp(&b.significand) {
            core::cmp::Ordering::Less => b,
            core::cmp::Ordering::Greater => a,
            core::cmp::Ordering::Equal if a.sign() => b,
            core::cmp::Ordering::Equal => a,
        },
    };
    Some(nan.quieted())
}

/// The same for one operand.
fn special_one(env: &mut Env, a: Operand) -> Option<F80> {
    special(env, a, Operand { value: F80::ONE, denormal: false })
}

/// DE if an operand is denormal.
fn note_denormals(env: &mut Env, operands: &[Operand]) {
    if operands.iter().any(|x| x.denormal) {
        env.raise(Flags::DE);
    }
}

/// Rounds a result to `precision` bits and the double-extended exponent range.
///
/// SPEC: intel-sdm-vol1 :: 8.5.4 Numeric Overflow Exception (#O) -> unmasked with a register destination: rounded, exponent divided by 2^24576
/// SPEC: intel-sdm-vol1 :: 8.5.5 Numeric Underflow Exception (#U) -> unmasked with a register destination: rounded, exponent multiplied by 2^24576
fn finish_at(env: &mut Env, value: Unpacked, precision: u32) -> F80 {
    let mut rounded = value.round(precision, env.rounding);
    if rounded.exp > BIAS {
        env.raise(Flags::OE);
        if env.masks.contains(Flags::OE) {
            return overflow(env, value.sign, precision);
        }
        if rounded.exp - ADJUSTMENT > BIAS {
            // FSCALE only: too large even for the adjusted exponent.
            env.raise(Flags::PE);
            env.rounded_up = true;
            return F80::infinity(value.sign);
        }
        rounded.exp -= ADJUSTMENT;
    } else if rounded.exp < EMIN && !env.masks.contains(Flags::UE) {
        env.raise(Flags::UE);
        rounded.exp += ADJUSTMENT;
        if rounded.exp < EMIN {
            env.raise(Flags::PE);
            return F80::zero(value.sign);
        }
    } else if value.exp < EMIN {
        let tiny = rounded.exp < EMIN;
        rounded = value.round_denormal(precision, EMIN, env.rounding);
        if tiny && rounded.inexact {
            env.raise(Flags::UE);
        }
    }
    if rounded.inexact {
        env.raise(Flags::PE);
    }
    env.rounded_up = rounded.up;
    F80::pack(value.sign, rounded)
}

fn overflow(env: &mut Env, sign: bool, precision: u32) -> F80 {
    env.raise(Flags::PE);
    let to_infinity = match env.rounding {
        Rounding::NearestEven => true,
        Rounding::Down => sign,
        Rounding::Up => !sign,
        Rounding::Zero => false,
    };
    env.rounded_up = to_infinity;
    if to_infinity {
        F80::infinity(sign)
    } else {
        F80::new(u64::MAX << (64 - precision), EXP_MAX - 1).with_sign(sign)
    }
}

/// Rounds the result of an instruction that ignores precision control.
fn finish(env: &mut Env, value: Unpacked) -> F80 {
    finish_at(env, value, 64)
}

/// Compares. `signaling` comparisons (FCOM) raise IE for every NaN, FUCOM for signalling ones only.
fn compare(env: &mut Env, a: Operand, b: Operand, signaling: bool) -> Relation {
    use core::cmp::Ordering;
    if a.class() == Class::Unsupported || b.class() == Class::Unsupported {
        env.raise(Flags::IE);
        return Relation::Unordered;
    }
    let (x, y) = (a.value, b.value);
    if x.is_nan() || y.is_nan() {
        if signaling || x.is_snan() || y.is_snan() {
            env.raise(Flags::IE);
        }
        return Relation::Unordered;
    }
    note_denormals(env, &[a, b]);
    if a.is_zero() && b.is_zero() {
        return Relation::Equal;
    }
    if x.sign() != y.sign() {
        return if x.sign() { Relation::Less } else { Relation::Greater };
    }
    // A pseudo-denormal has the exponent of the least normal number.
    let key = |v: F80| (v.exponent_field().max(1), v.significand);
    let order = if x.sign() { key(y).cmp(&key(x)) } else { key(x).cmp(&key(y)) };
    match order {
        Ordering::Less => Relation::Less,
        Ordering::Equal => Relation::Equal,
        Ordering::Greater => Relation::Greater,
    }
}

impl F80 {
    /// FCOM (`signaling`) and FUCOM
    pub fn compare(env: &mut Env, a: Self, b: impl Into<Operand>, signaling: bool) -> Relation {
        compare(env, a.into(), b.into(), signaling)
    }
}
