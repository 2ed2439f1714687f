//! Conversions between integers and floating point, and between precisions.

use super::lanes::{Lane, build, lane, map, with_low};
use x86_float::Env;
use x86_float::sse::{self, Float, Truncation};

/// How a conversion rounds: CVTT... toward zero
fn truncation(truncate: bool) -> Truncation {
    if truncate { Truncation::TowardZero } else { Truncation::Current }
}

/// CVTDQ2PS
pub(super) fn integers_to_singles(e: &mut Env, b: u128) -> u128 {
    map(b, |x: u32| sse::from_i32(e, x as i32))
}

/// CVTPI2PS: the low two lanes; the others are those of `a`
pub(super) fn two_integers_to_singles(e: &mut Env, a: u128, b: u128) -> u128 {
    build(|n| if n < 2 { sse::from_i32::<u32>(e, lane(b, n)) } else { lane(a, n) })
}

/// CVTPS2DQ and CVTTPS2DQ
pub(super) fn singles_to_integers(e: &mut Env, b: u128, truncate: bool) -> u128 {
    map(b, |x: u32| sse::to_i32(e, x, truncation(truncate)) as u32)
}

/// CVTDQ2PD: from the low two doublewords
pub(super) fn integers_to_doubles(e: &mut Env, b: u128) -> u128 {
    build(|n| sse::from_i32::<u64>(e, lane(b, n)))
}

/// CVTPD2DQ and CVTTPD2DQ: to the low two doublewords, the others zero
pub(super) fn doubles_to_integers(e: &mut Env, b: u128, truncate: bool) -> u128 {
    build(|n| if n < 2 { sse::to_i32(e, lane::<u64>(b, n), truncation(truncate)) } else { 0 })
}

/// CVTPS2PD: from the low two lanes
pub(super) fn singles_to_doubles(e: &mut Env, b: u128) -> u128 {
    build(|n| sse::single_to_double(e, lane(b, n)))
}

/// CVTPD2PS: to the low two lanes, the others zero
pub(super) fn doubles_to_singles(e: &mut Env, b: u128) -> u128 {
    build(|n| if n < 2 { sse::double_to_single(e, lane(b, n)) } else { 0 })
}

/// VCVTPH2PS: from the low four words
pub(super) fn halves_to_singles(e: &mut Env, b: u128) -> u128 {
    build(|n| sse::half_to_single(e, lane(b, n)))
}

/// VCVTPS2PH: to the low four words, the others zero
pub(super) fn singles_to_halves(e: &mut Env, b: u128, imm: u8) -> u128 {
    build(|n| if n < 4 { sse::single_to_half(e, lane(b, n), imm) } else { 0 })
}

/// CVTSS2SD
pub(super) fn single_to_double(e: &mut Env, a: u128, b: u128) -> u128 {
    with_low(a, sse::single_to_double(e, lane(b, 0)))
}

/// CVTSD2SS
pub(super) fn double_to_single(e: &mut Env, a: u128, b: u128) -> u128 {
    with_low(a, sse::double_to_single(e, lane(b, 0)))
}

/// CVTSI2SS and CVTSI2SD from a doubleword
pub(super) fn from_i32<T: Lane + Float>(e: &mut Env, a: u128, b: u128) -> u128 {
    with_low::<T>(a, sse::from_i32(e, b as i32))
}

/// CVTSI2SS and CVTSI2SD from a quadword
pub(super) fn from_i64<T: Lane + Float>(e: &mut Env, a: u128, b: u128) -> u128 {
    with_low::<T>(a, sse::from_i64(e, b as i64))
}

/// CVTSS2SI, CVTSD2SI and the truncating forms, to a doubleword
pub(super) fn to_i32<T: Lane + Float + Default>(e: &mut Env, b: u128, truncate: bool) -> u128 {
    (sse::to_i32(e, lane::<T>(b, 0), truncation(truncate)) as u32).into()
}

/// CVTSS2SI, CVTSD2SI and the truncating forms, to a quadword
pub(super) fn to_i64<T: Lane + Float + Default>(e: &mut Env, b: u128, truncate: bool) -> u128 {
    (sse::to_i64(e, lane::<T>(b, 0), truncation(truncate)) as u64).into()
}
