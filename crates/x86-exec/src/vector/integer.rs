//! Integer operations on lanes.

use super::lanes::{Lane, build, lane, map, zip};

/// All ones or zeros in each lane
#[inline(always)]
pub(super) fn compare<T: Lane + Mask>(a: u128, b: u128, f: impl Fn(&T, &T) -> bool) -> u128 {
    zip(a, b, |x: T, y: T| T::mask(f(&x, &y)))
}

/// A truth value that fills a lane
pub(super) trait Mask {
    /// All ones for true
    fn mask(truth: bool) -> Self;
}

macro_rules! masks {
    ($($t:ty)*) => {$(
        impl Mask for $t {
            #[inline(always)]
            fn mask(truth: bool) -> Self {
                (truth as Self).wrapping_neg()
            }
        }
    )*};
}
masks!(u8 i8 u16 i16 u32 i32 u64 i64);

/// PMULHW
pub(super) fn high_product(a: u128, b: u128) -> u128 {
    zip(a, b, |x: i16, y: i16| ((i32::from(x) * i32::from(y)) >> 16) as i16)
}

/// PMULHUW
pub(super) fn high_product_unsigned(a: u128, b: u128) -> u128 {
    zip(a, b, |x: u16, y: u16| ((u32::from(x) * u32::from(y)) >> 16) as u16)
}

/// PMULHRSW
///
/// SPEC: intel-sdm-vol2 :: PMULHRSW—Packed Multiply High With Round and Scale -> bits 16:1 of (product >> 14) + 1
pub(super) fn rounded_product(a: u128, b: u128) -> u128 {
    zip(a, b, |x: i16, y: i16| ((((i32::from(x) * i32::from(y)) >> 14) + 1) >> 1) as i16)
}

/// PMULUDQ
pub(super) fn wide_product_unsigned(a: u128, b: u128) -> u128 {
    zip(a, b, |x: u64, y: u64| u64::from(x as u32) * u64::from(y as u32))
}

/// PMULDQ
pub(super) fn wide_product(a: u128, b: u128) -> u128 {
    zip(a, b, |x: i64, y: i64| i64::from(x as i32) * i64::from(y as i32))
}

/// PMADDWD: 32-bit sums of the products of adjacent words
pub(super) fn multiply_add(a: u128, b: u128) -> u128 {
    zip(a, b, |x: i32, y: i32| {
        let low = i32::from(x as i16) * i32::from(y as i16);
        let high = (x >> 16) * (y >> 16);
        low.wrapping_add(high)
    })
}

/// PMADDUBSW: unsigned bytes of `a` times signed bytes of `b`
pub(super) fn multiply_add_bytes(a: u128, b: u128) -> u128 {
    zip(a, b, |x: i16, y: i16| {
        let low = i32::from(x as u8) * i32::from(y as i8);
        let high = i32::from((x >> 8) as u8) * i32::from(y >> 8);
        (low + high).clamp(-0x8000, 0x7fff) as i16
    })
}

/// PSADBW: sum of absolute differences of eight bytes
pub(super) fn sum_of_differences(a: u128, b: u128) -> u128 {
    zip(a, b, |x: u64, y: u64| {
        x.to_le_bytes().iter().zip(y.to_le_bytes()).map(|(&x, y)| u64::from(x.abs_diff(y))).sum()
    })
}

/// MPSADBW: sums over four bytes of `b` and eight sliding windows of `a`
///
/// SPEC: intel-sdm-vol2 :: MPSADBW—Compute Multiple Packed Sums of Absolute Difference -> imm8[1:0] chooses the block of the source, imm8[2] the start in the destination
pub(super) fn multiple_sums(a: u128, b: u128, imm: u8) -> u128 {
    let (from, block) = (usize::from(imm >> 2 & 1) * 4, usize::from(imm & 3) * 4);
    build(|n| {
        let difference = |k| lane::<u8>(a, from + n + k).abs_diff(lane::<u8>(b, block + k));
        (0..4).map(|k| u16::from(difference(k))).sum::<u16>()
    })
}

/// PAVGB
pub(super) fn average_bytes(a: u128, b: u128) -> u128 {
    zip(a, b, |x: u8, y: u8| ((u16::from(x) + u16::from(y) + 1) >> 1) as u8)
}

/// PAVGW
pub(super) fn average_words(a: u128, b: u128) -> u128 {
    zip(a, b, |x: u16, y: u16| ((u32::from(x) + u32::from(y) + 1) >> 1) as u16)
}

macro_rules! psign {
    ($($name:ident: $t:ty;)*) => {$(
        /// Negated, zero or as it is by the sign of `b`
        pub(super) fn $name(a: u128, b: u128) -> u128 {
            zip(a, b, |x: $t, y: $t| x.wrapping_mul(y.signum()))
        }
    )*};
}
psign! { sign_bytes: i8; sign_words: i16; sign_doublewords: i32; }

macro_rules! shift {
    ($($name:ident: $t:ty;)*) => {$(
        /// Logical shifts: a count of the width or more gives 0
        pub(super) fn $name(a: u128, count: u64, f: fn($t, u32) -> $t) -> u128 {
            if count >= u64::from(<$t>::BITS) { 0 } else { map(a, |x: $t| f(x, count as u32)) }
        }
    )*};
}
shift! { shift_words: u16; shift_doublewords: u32; shift_quadwords: u64; }

macro_rules! shift_each {
    ($($name:ident: $t:ty;)*) => {$(
        /// Logical shifts of each lane by the lane of `b`: a count of the width or more gives 0
        pub(super) fn $name(a: u128, b: u128, f: fn($t, u32) -> Option<$t>) -> u128 {
            zip(a, b, |x: $t, count: $t| u32::try_from(count).ok().and_then(|count| f(x, count)).unwrap_or(0))
        }
    )*};
}
shift_each! { shift_each_doubleword: u32; shift_each_quadword: u64; }

/// PSRAW: a count of 16 or more gives copies of the sign
pub(super) fn arithmetic_shift_words(a: u128, count: u64) -> u128 {
    map(a, |x: i16| x >> count.min(15))
}

/// PSRAD
pub(super) fn arithmetic_shift_doublewords(a: u128, count: u64) -> u128 {
    map(a, |x: i32| x >> count.min(31))
}

/// PHMINPOSUW: the least word, and the index of its first place
pub(super) fn least_word(b: u128) -> u128 {
    let least = (0..8).map(|n| (lane::<u16>(b, n), n as u16)).min().unwrap_or_default();
    u128::from(least.0) | u128::from(least.1) << 16
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: the sign of each lane
pub(super) fn signs<T: Lane>(b: u128, is_negative: impl Fn(T) -> bool) -> u128 {
    let lanes = T::split(b);
    lanes.as_ref().iter().enumerate().fold(0, |mask, (n, &lane)| mask | u128::from(is_negative(lane)) << n)
}

/// ZF and CF at their places in RFLAGS
///
/// SPEC: intel-sdm-vol2 :: PTEST—Logical Compare -> ZF if a AND b is 0, CF if NOT a AND b is 0, the others 0
pub(super) fn test(a: u128, b: u128) -> u128 {
    u128::from(a & b == 0) << 6 | u128::from(!a & b == 0)
}

/// VTESTPS and VTESTPD: as PTEST, of the sign bits alone
pub(super) fn test_signs(a: u128, b: u128, signs: u128) -> u128 {
    test(a | !signs, b & signs)
}
