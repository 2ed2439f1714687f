//! Operations that move lanes: packs, unpacks, shuffles, blends, extensions.

use super::lanes::{Lane, build, lane};

/// Words to bytes, those of `a` below, those of `b` above
pub(super) fn pack_words(a: u128, b: u128, f: impl Fn(i16) -> u8) -> u128 {
    build(|n| f(lane(if n < 8 { a } else { b }, n)))
}

/// Doublewords to words
pub(super) fn pack_doublewords(a: u128, b: u128, f: impl Fn(i32) -> u16) -> u128 {
    build(|n| f(lane(if n < 4 { a } else { b }, n)))
}

/// Signed saturation to a signed byte
pub(super) fn signed_byte(x: i16) -> u8 {
    x.clamp(-0x80, 0x7f) as u8
}

/// Signed saturation to an unsigned byte
pub(super) fn unsigned_byte(x: i16) -> u8 {
    x.clamp(0, 0xff) as u8
}

/// Signed saturation to a signed word
pub(super) fn signed_word(x: i32) -> u16 {
    x.clamp(-0x8000, 0x7fff) as u16
}

/// Signed saturation to an unsigned word
pub(super) fn unsigned_word(x: i32) -> u16 {
    x.clamp(0, 0xffff) as u16
}

/// Lanes of the low halves in turn, `a` first
#[inline(always)]
pub(super) fn unpack_low<T: Lane + Default>(a: u128, b: u128) -> u128 {
    build(|n| lane::<T>(if n & 1 == 0 { a } else { b }, n >> 1))
}

/// Lanes of the high halves in turn, `a` first
#[inline(always)]
pub(super) fn unpack_high<T: Lane + Default>(a: u128, b: u128) -> u128 {
    unpack_low::<T>(a >> 64, b >> 64)
}

/// PSHUFB
pub(super) fn bytes(a: u128, b: u128) -> u128 {
    let (from, control) = (a.to_le_bytes(), b.to_le_bytes());
    u128::from_le_bytes(control.map(|c| if c & 0x80 != 0 { 0 } else { from[usize::from(c & 15)] }))
}

/// Two bits of `imm` for lane `n`
#[inline(always)]
fn selector(imm: u8, n: usize) -> usize {
    usize::from(imm >> (2 * (n & 3)) & 3)
}

/// PSHUFD
pub(super) fn doublewords(b: u128, imm: u8) -> u128 {
    build(|n| lane::<u32>(b, selector(imm, n)))
}

/// PSHUFLW
pub(super) fn low_words(b: u128, imm: u8) -> u128 {
    build(|n| lane::<u16>(b, if n < 4 { selector(imm, n) } else { n }))
}

/// PSHUFHW
pub(super) fn high_words(b: u128, imm: u8) -> u128 {
    build(|n| lane::<u16>(b, if n < 4 { n } else { 4 + selector(imm, n) }))
}

/// SHUFPS: two lanes of `a`, two of `b`
pub(super) fn singles(a: u128, b: u128, imm: u8) -> u128 {
    build(|n| lane::<u32>(if n < 2 { a } else { b }, selector(imm, n)))
}

/// SHUFPD
pub(super) fn doubles(a: u128, b: u128, imm: u8) -> u128 {
    build(|n| lane::<u64>(if n == 0 { a } else { b }, usize::from(imm >> n & 1)))
}

/// VPERMILPS by a register: bits 1:0 of each lane of the control choose
pub(super) fn permute_singles(a: u128, b: u128) -> u128 {
    build(|n| lane::<u32>(a, lane::<u32>(b, n) as usize & 3))
}

/// VPERMILPD by a register: bit 1 of each lane of the control chooses
pub(super) fn permute_doubles(a: u128, b: u128) -> u128 {
    build(|n| lane::<u64>(a, lane::<u64>(b, n) as usize >> 1 & 1))
}

/// Lanes of `b` where `imm` has a one, else of `a`
#[inline(always)]
pub(super) fn blend<T: Lane + Default>(a: u128, b: u128, imm: u8) -> u128 {
    build(|n| lane::<T>(if imm >> n & 1 != 0 { b } else { a }, n))
}

/// PSRLDQ
pub(super) fn right(a: u128, bytes: u8) -> u128 {
    a.checked_shr(8 * u32::from(bytes)).unwrap_or(0)
}

/// PSLLDQ
pub(super) fn left(a: u128, bytes: u8) -> u128 {
    a.checked_shl(8 * u32::from(bytes)).unwrap_or(0)
}

/// PALIGNR: 16 bytes out of `a:b`
pub(super) fn align(a: u128, b: u128, bytes: u8) -> u128 {
    match bytes {
        0 => b,
        1..=15 => right(b, bytes) | left(a, 16 - bytes),
        _ => right(a, bytes - 16),
    }
}

/// INSERTPS
///
/// SPEC: intel-sdm-vol2 :: INSERTPS—Insert Scalar Single Precision Floating-Point Value -> COUNT_S imm8[7:6], COUNT_D imm8[5:4], ZMASK imm8[3:0]
pub(super) fn insert_single(a: u128, b: u128, imm: u8) -> u128 {
    let from = lane::<u32>(b, usize::from(imm >> 6));
    build(|n| match n {
        n if imm >> n & 1 != 0 => 0,
        n if n == usize::from(imm >> 4 & 3) => from,
        n => lane::<u32>(a, n),
    })
}

macro_rules! extend {
    ($($name:ident: $from:ty => $to:ty;)*) => {$(
        /// The low lanes, extended
        pub(super) fn $name(b: u128) -> u128 {
            build(|n| <$to>::from(lane::<$from>(b, n)))
        }
    )*};
}
extend! {
    sxbw: i8 => i16; sxbd: i8 => i32; sxbq: i8 => i64; sxwd: i16 => i32; sxwq: i16 => i64; sxdq: i32 => i64;
    zxbw: u8 => u16; zxbd: u8 => u32; zxbq: u8 => u64; zxwd: u16 => u32; zxwq: u16 => u64; zxdq: u32 => u64;
}
