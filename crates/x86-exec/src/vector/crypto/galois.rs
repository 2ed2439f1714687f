//! Bytes as elements of GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.

/// GF2P8MULB of one byte
pub(in crate::vector) fn product(a: u8, b: u8) -> u8 {
    let mut sum = 0;
    let mut a = a;
    for n in 0..8 {
        if b >> n & 1 != 0 {
            sum ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
    }
    sum
}

/// The inverse; 0 for 0. It is the 254th power.
pub(super) fn inverse(x: u8) -> u8 {
    let (mut power, mut result) = (x, 1);
    for _ in 0..7 {
        power = product(power, power);
        result = product(result, power);
    }
    result
}

/// GF2P8AFFINEQB and GF2P8AFFINEINVQB: bytes of `a` through the bit matrices of `b`, plus a constant
///
/// SPEC: intel-sdm-vol2 :: GF2P8AFFINEQB—Galois Field Affine Transformation -> bit i of a byte is the parity of row 7 - i AND the byte, exclusive-ored with imm8
pub(in crate::vector) fn affine(a: u128, b: u128, imm: u8, invert: bool) -> u128 {
    let (bytes, rows) = (a.to_le_bytes(), b.to_le_bytes());
    u128::from_le_bytes(core::array::from_fn(|n| {
        let x = if invert { inverse(bytes[n]) } else { bytes[n] };
        let bit = |i: usize| ((rows[(n & 8) + 7 - i] & x).count_ones() as u8 & 1) << i;
        (0..8).fold(imm, |out, i| out ^ bit(i))
    }))
}
