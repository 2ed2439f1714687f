//! Conversions between formats and integers, rounding to integral values.

use super::{Float, finish, flag_denormals, flushed, nan_result, unpack};
use crate::unpacked::Unpacked;
use crate::{Env, Flags, Rounding};

/// How a conversion to an integer rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// By the rounding mode (CVTSS2SI)
    Current,
    /// Toward zero (CVTTSS2SI)
    TowardZero,
}

/// To a signed integer of `bits` bits; the integer indefinite with IE if it does not fit.
///
/// SPEC: intel-sdm-vol1 :: 4.8.3.7 QNaN Floating-Point Indefinite -> NaNs, infinities and values out of range give the integer indefinite, IE
fn to_integer<T: Float>(env: &mut Env, x: T, bits: u32, truncation: Truncation) -> i64 {
    let indefinite = i64::MIN >> (64 - bits);
    let x = flushed(env, x);
    if x.is_nan() || x.is_infinite() {
        env.raise(Flags::IE);
        return indefinite;
    }
    let Some(value) = unpack(x) else { return 0 };
    let rounding = match truncation {
        Truncation::Current => env.rounding,
        Truncation::TowardZero => Rounding::Zero,
    };
    let limit = (1 << (bits - 1)) - u64::from(!value.sign);
    let integral = value.short().to_integral(rounding);
    let Some((magnitude, inexact, _)) = integral.filter(|(magnitude, ..)| *magnitude <= limit) else {
        env.raise(Flags::IE);
        return indefinite;
    };
    if inexact {
        env.raise(Flags::PE);
    }
    if value.sign { (magnitude as i64).wrapping_neg() } else { magnitude as i64 }
}

/// To a 32-bit integer.
pub fn to_i32<T: Float>(env: &mut Env, x: T, truncation: Truncation) -> i32 {
    to_integer(env, x, 32, truncation) as i32
}

/// To a 64-bit integer.
pub fn to_i64<T: Float>(env: &mut Env, x: T, truncation: Truncation) -> i64 {
    to_integer(env, x, 64, truncation)
}

/// From a 32-bit integer.
pub fn from_i32<T: Float>(env: &mut Env, x: i32) -> T {
    from_i64(env, x.into())
}

/// From a 64-bit integer.
pub fn from_i64<T: Float>(env: &mut Env, x: i64) -> T {
    match Unpacked::from_integer(x < 0, x.unsigned_abs().into()) {
        Some(value) => finish(env, value),
        None => T::zero(false),
    }
}

/// ROUNDSS, ROUNDSD and the packed forms: to an integral value in floating-point format.
///
/// SPEC: intel-sdm-vol2 :: ROUNDPD—Round Packed Double Precision Floating-Point Values -> imm8: RC 1:0, MXCSR.RC if bit 2, precision exception suppressed by bit 3; DE is never raised
pub fn round_to_integral<T: Float>(env: &mut Env, x: T, imm: u8) -> T {
    let x = flushed(env, x);
    if let Some(nan) = nan_result(env, &[x]) {
        return nan;
    }
    let rounding = if imm & 4 != 0 { env.rounding } else { Rounding::from_rc(imm.into()) };
    let value = unpack(x).filter(|value| value.exp < T::FRACTION_BITS as i32);
    let Some((sign, (magnitude, inexact, _))) =
        value.and_then(|value| Some((value.sign, value.short().to_integral(rounding)?)))
    else {
        return x;
    };
    if inexact && imm & 8 == 0 {
        env.raise(Flags::PE);
    }
    match Unpacked::from_integer(sign, magnitude.into()) {
        Some(whole) => exact(whole),
        None => T::zero(x.sign()),
    }
}

/// Returns a value that the format holds exactly as a normal number.
fn exact<T: Float>(value: Unpacked) -> T {
    super::pack(value.sign, value.round(T::PRECISION, Rounding::Zero))
}

/// Returns a NaN in another format: the fraction keeps its high bits.
fn convert_nan<S: Float, D: Float>(env: &mut Env, x: S) -> D {
    if x.is_snan() {
        env.raise(Flags::IE);
    }
    let fraction = x.fraction() << (64 - S::FRACTION_BITS) >> (64 - D::FRACTION_BITS);
    let sign = if x.sign() { D::SIGN } else { 0 };
    D::from_bits(sign | D::EXP_MAX << D::FRACTION_BITS | D::QUIET | fraction)
}

fn convert<S: Float, D: Float>(env: &mut Env, x: S) -> D {
    if x.is_nan() {
        return convert_nan(env, x);
    }
    if x.is_infinite() {
        return D::infinity(x.sign());
    }
    match unpack(x) {
        Some(value) => finish(env, value),
        None => D::zero(x.sign()),
    }
}

/// CVTSS2SD
pub fn single_to_double(env: &mut Env, x: u32) -> u64 {
    let x = flushed(env, x);
    flag_denormals(env, &[x]);
    convert(env, x)
}

/// CVTSD2SS
pub fn double_to_single(env: &mut Env, x: u64) -> u32 {
    let x = flushed(env, x);
    flag_denormals(env, &[x]);
    convert(env, x)
}

/// VCVTPH2PS
///
/// SPEC: intel-sdm-vol2 :: VCVTPH2PS/VCVTPH2PSX—Convert Packed FP16 Values to Single Precision Floating-Point Values -> DAZ is ignored and denormals raise nothing
pub fn half_to_single(env: &mut Env, x: u16) -> u32 {
    convert(env, x)
}

/// VCVTPS2PH; `imm` bit 2 takes MXCSR.RC, else bits 1:0 round.
///
/// SPEC: intel-sdm-vol2 :: VCVTPS2PH—Convert Single Precision FP Value to 16-bit FP Value -> rounding by imm8, FTZ ignored, DE unless DAZ
pub fn single_to_half(env: &mut Env, x: u32, imm: u8) -> u16 {
    let x = flushed(env, x);
    flag_denormals(env, &[x]);
    let mut inner = Env { ftz: false, ..*env };
    if imm & 4 == 0 {
        inner.rounding = Rounding::from_rc(imm.into());
    }
    let half = convert(&mut inner, x);
    env.raise(inner.raised);
    half
}
