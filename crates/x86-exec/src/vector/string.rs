//! PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM.

use super::lanes::lane;

/// What a string comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// One bit for each element of the second operand
    pub(super) bits: u32,
    /// How many elements the operands have: 16 or 8
    pub(super) elements: u32,
    /// Status flags at their places in RFLAGS
    pub(super) flags: u64,
}

/// Number of elements before the first zero element
pub(super) fn implicit_length(x: u128, imm: u8) -> u32 {
    let n = elements(imm);
    (0..n).find(|&k| element(x, k, imm) == 0).unwrap_or(n)
}

/// An explicit length: its magnitude, at most the number of elements
pub(super) fn explicit_length(register: i64, imm: u8) -> u32 {
    register.unsigned_abs().min(elements(imm).into()) as u32
}

fn elements(imm: u8) -> u32 {
    if imm & 1 != 0 { 8 } else { 16 }
}

/// Returns element `n`, extended by the format in imm8[1:0]
fn element(x: u128, n: u32, imm: u8) -> i32 {
    let n = n as usize;
    match imm & 3 {
        0 => lane::<u8>(x, n).into(),
        1 => lane::<u16>(x, n).into(),
        2 => lane::<i8>(x, n).into(),
        _ => lane::<i16>(x, n).into(),
    }
}

/// Compares the first `a_len` elements of `a` with the first `b_len` of `b`.
///
/// SPEC: intel-sdm-vol1 :: 12.10.2 Imm8 Control Byte for PCMPESTRI/PCMPESTRM/PCMPISTRI/PCMPISTRM -> format 1:0, aggregation 3:2, polarity 5:4
/// SPEC: intel-sdm-vol2 :: 4.1.6 Valid/Invalid Override of Comparisons -> what comparisons with elements beyond the end count as
pub(super) fn compare(a: u128, a_len: u32, b: u128, b_len: u32, imm: u8) -> Comparison {
    let n = elements(imm);
    let at = |x, k| element(x, k, imm);
    let result = |j: u32| match imm >> 2 & 3 {
        // Equal any
        0 => j < b_len && (0..a_len).any(|i| at(a, i) == at(b, j)),
        // Ranges
        1 => {
            let inside = |i: u32| at(a, i) <= at(b, j) && at(b, j) <= at(a, i + 1);
            j < b_len && (0..a_len / 2).any(|i| inside(2 * i))
        }
        // Equal each
        2 => {
            let (a_valid, b_valid) = (j < a_len, j < b_len);
            if a_valid && b_valid { at(a, j) == at(b, j) } else { a_valid == b_valid }
        }
        // Equal ordered
        _ => (0..a_len.min(n - j)).all(|i| j + i < b_len && at(a, i) == at(b, j + i)),
    };
    let all = (1 << n) - 1;
    let plain = (0..n).fold(0, |bits, j| bits | u32::from(result(j)) << j);
    let bits = match imm >> 4 & 3 {
        1 => !plain & all,
        3 => plain ^ ((1 << b_len) - 1),
        _ => plain,
    };
    // SPEC: intel-sdm-vol2 :: PCMPISTRI—Packed Compare Implicit Length Strings, Return Index -> CF result not 0, ZF end in the second operand, SF end in the first, OF bit 0; AF and PF 0
    let flags = u64::from(bits != 0)
        | u64::from(b_len < n) << 6
        | u64::from(a_len < n) << 7
        | u64::from(bits & 1) << 11;
    Comparison { bits, elements: n, flags }
}

impl Comparison {
    /// The index that goes to ECX: of the least or greatest bit, or the number of elements if there is none
    pub(super) fn index(self, imm: u8) -> u32 {
        match self.bits {
            0 => self.elements,
            bits if imm & 0x40 != 0 => bits.ilog2(),
            bits => bits.trailing_zeros(),
        }
    }

    /// The mask that goes to XMM0: bits, or full elements
    pub(super) fn mask(self, imm: u8) -> u128 {
        if imm & 0x40 == 0 {
            return self.bits.into();
        }
        let width = 128 / self.elements;
        let ones = u128::MAX >> (128 - width);
        (0..self.elements).filter(|n| self.bits >> n & 1 != 0).fold(0, |mask, n| mask | ones << (width * n))
    }
}
