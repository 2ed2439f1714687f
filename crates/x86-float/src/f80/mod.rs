//! Double-extended precision as the x87 computes.

mod arith;
mod constants;
mod convert;
mod elementary;
mod remainder;
mod trigonometry;

pub use remainder::Remainder;

use crate::short::Short;
use crate::sse::{Float, Relation};
use crate::unpacked::{Rounded, Unpacked, join, round_bits};
use crate::{Env, Flags, Rounding};

/// Exponent bias; the largest exponent of a finite number
const BIAS: i32 = 16383;
/// Least exponent of a normal number
const EMIN: i32 = -16382;
/// Exponent field of infinities and NaNs
const EXP_MAX: u16 = 0x7fff;
/// The explicit integer bit
const INTEGER: u64 = 1 << 63;
/// The bit that is set in quiet NaNs and clear in signaling ones
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

/// The classes of FXAM.
///
/// SPEC: intel-sdm-vol2 :: FXAM—Examine Floating-Point -> class of the value; unsupported encodings are a class of their own
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An encoding that processors since the 387 do not support: a pseudo-NaN, pseudo-infinity or unnormal
    Unsupported,
    /// Not a number, quiet or signaling
    Nan,
    /// Finite and normal
    Normal,
    /// Plus or minus infinity
    Infinity,
    /// Plus or minus zero
    Zero,
    /// Denormal or pseudo-denormal
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

    /// Returns the value of a finite number; `None` for zero.
    fn unpack(self) -> Option<Short> {
        let exp = match self.exponent_field() {
            0 => EMIN,
            field => i32::from(field) - BIAS,
        };
        Short::normalized(self.sign(), exp, self.significand)
    }

    /// A value within the exponents of normal numbers.
    #[inline(always)]
    const fn from_short(x: Short) -> Self {
        Self::new(x.sig, (x.exp + BIAS) as u16 | (x.sign as u16) << 15)
    }

    #[inline(always)]
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
    #[inline(always)]
    fn from(value: F80) -> Self {
        Self { value, denormal: value.exponent_field() == 0 && value.significand != 0 }
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

    /// From what [`parts`](Self::parts) gave, or from a register with `denormal` unset.
    #[inline(always)]
    pub fn from_parts(value: F80, denormal: bool) -> Self {
        let here = Self::from(value);
        Self { denormal: here.denormal || denormal, ..here }
    }

    /// Its value, and whether it was denormal where it came from.
    #[inline(always)]
    pub const fn parts(self) -> (F80, bool) {
        (self.value, self.denormal)
    }

    fn from_float<T: Float>(x: T) -> Self {
        let value = if x.is_nan() || x.is_infinite() {
            let significand = INTEGER | x.fraction() << (63 - T::FRACTION_BITS);
            F80::new(significand, EXP_MAX).with_sign(x.sign())
        } else {
            let exp = (x.exponent_field() as i32).max(1) - T::EMAX;
            let whole = if x.exponent_field() == 0 { 0 } else { T::FRACTION + 1 };
            let significand = (whole | x.fraction()) << (64 - T::PRECISION);
            Short::normalized(x.sign(), exp, significand).map_or(F80::zero(x.sign()), F80::from_short)
        };
        Self { value, denormal: x.is_denormal() }
    }

    /// Returns the value of a normal number that was no denormal before either; `None` for all others.
    #[inline(always)]
    fn ordinary(self) -> Option<Short> {
        let (sig, field) = (self.value.significand, self.value.exponent_field());
        let ordinary = sig & INTEGER != 0 && field.wrapping_sub(1) < EXP_MAX - 1 && !self.denormal;
        ordinary.then(|| Short { sign: self.value.sign(), exp: i32::from(field) - BIAS, sig })
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

    fn unpack(self) -> Option<Short> {
        self.value.unpack()
    }

    /// Returns the same with a wide significand.
    fn unpack_wide(self) -> Option<Unpacked> {
        self.unpack().map(Short::wide)
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

/// Returns the same for one operand.
fn special_one(env: &mut Env, a: Operand) -> Option<F80> {
    special(env, a, Operand { value: F80::ONE, denormal: false })
}

/// DE if an operand is denormal.
fn flag_denormals(env: &mut Env, operands: &[Operand]) {
    if operands.iter().any(|x| x.denormal) {
        env.raise(Flags::DE);
    }
}

/// What a function gives that is not in line. It takes a copy of the environment and gives one back, and takes all else by
/// parts, so that neither the environment nor numbers have to be in memory where it is not called.
#[inline(always)]
fn aside(env: &mut Env, function: impl FnOnce(Env) -> (F80, Env)) -> F80 {
    let (result, after) = function(*env);
    *env = after;
    result
}

/// Rounds a result to `precision` bits and the double-extended exponent range.
#[inline(always)]
fn finish_at(env: &mut Env, value: Unpacked, precision: u32) -> F80 {
    let rounded = round_bits(value.sign, value.exp, value.sig, precision, env.rounding);
    if value.exp < EMIN || rounded.exp > BIAS {
        let (high, low) = ((value.sig >> 64) as u64, value.sig as u64);
        let Unpacked { sign, exp, .. } = value;
        return aside(env, move |env| out_of_range_of_parts(env, sign, exp, high, low, precision));
    }
    if rounded.inexact {
        env.raise(Flags::PE);
    }
    env.rounded_up = rounded.up;
    F80::from_short(Short { sign: value.sign, exp: rounded.exp, sig: rounded.sig })
}

#[cold]
#[inline(never)]
fn out_of_range_of_parts(
    mut env: Env,
    sign: bool,
    exp: i32,
    high: u64,
    low: u64,
    precision: u32,
) -> (F80, Env) {
    let result = out_of_range(&mut env, Unpacked { sign, exp, sig: join(high, low) }, precision);
    (result, env)
}

/// Returns the same where the exponent may not fit.
///
/// SPEC: intel-sdm-vol1 :: 8.5.4 Numeric Overflow Exception (#O) -> unmasked with a register destination: rounded, exponent divided by 2^24576
/// SPEC: intel-sdm-vol1 :: 8.5.5 Numeric Underflow Exception (#U) -> unmasked with a register destination: rounded, exponent multiplied by 2^24576
fn out_of_range(env: &mut Env, value: Unpacked, precision: u32) -> F80 {
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
    } else {
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
    flag_denormals(env, &[a, b]);
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
