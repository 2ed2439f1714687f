//! AES, SHA, carry-less multiplication and GF(2^8).

pub(super) mod aes;
pub(super) mod galois;
pub(super) mod sha;

/// PCLMULQDQ: a product of polynomials over GF(2)
///
/// SPEC: intel-sdm-vol2 :: PCLMULQDQ—Carry-Less Multiplication Quadword -> imm8[0] chooses the half of the first operand, imm8[4] that of the second
pub(super) fn carryless_product(a: u128, b: u128, imm: u8) -> u128 {
    let half = |x: u128, high: u8| if high & 1 != 0 { x >> 64 } else { x & u128::from(u64::MAX) };
    let (a, b) = (half(a, imm), half(b, imm >> 4));
    (0..64).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ a << n)
}
