//! AES rounds.
//!
//! SPEC: intel-sdm-vol1 :: 12.13.1 Little-Endian Architecture and Big-Endian Specification (FIPS 197) -> byte n of the register is byte n of the state, columns first

use super::galois::product;

/// The substitution box: the inverse in GF(2^8) through an affine map.
const fn substitution() -> ([u8; 256], [u8; 256]) {
    let (mut forward, mut backward) = ([0; 256], [0; 256]);
    // p runs through the powers of 3, q through their inverses.
    let (mut p, mut q) = (1u8, 1u8);
    loop {
        p ^= p << 1 ^ if p & 0x80 != 0 { 0x1b } else { 0 };
        q ^= q << 1;
        q ^= q << 2;
        q ^= q << 4;
        if q & 0x80 != 0 {
            q ^= 0x09;
        }
        let s = q ^ q.rotate_left(1) ^ q.rotate_left(2) ^ q.rotate_left(3) ^ q.rotate_left(4) ^ 0x63;
        forward[p as usize] = s;
        backward[s as usize] = p;
        if p == 1 {
            break;
        }
    }
    forward[0] = 0x63;
    backward[0x63] = 0;
    (forward, backward)
}

static BOXES: ([u8; 256], [u8; 256]) = substitution();

type State = [u8; 16];

/// Row r of the state is rotated by r columns.
fn shift_rows(s: State, columns: usize) -> State {
    core::array::from_fn(|n| s[(n + 4 * columns * (n & 3)) & 15])
}

/// Each column times a polynomial, given by the first row of its matrix
fn mix_columns(s: State, row: [u8; 4]) -> State {
    core::array::from_fn(|n| {
        let (column, r) = (n & !3, n & 3);
        (0..4).fold(0, |sum, k| sum ^ product(s[column + k], row[(k + 4 - r) & 3]))
    })
}

/// AESENC and AESENCLAST
pub(in crate::vector) fn encrypt(a: u128, key: u128, last: bool) -> u128 {
    let s = shift_rows(a.to_le_bytes(), 1).map(|x| BOXES.0[usize::from(x)]);
    u128::from_le_bytes(if last { s } else { mix_columns(s, [2, 3, 1, 1]) }) ^ key
}

/// AESDEC and AESDECLAST
pub(in crate::vector) fn decrypt(a: u128, key: u128, last: bool) -> u128 {
    let s = shift_rows(a.to_le_bytes(), 3).map(|x| BOXES.1[usize::from(x)]);
    u128::from_le_bytes(if last { s } else { mix_columns(s, [14, 11, 13, 9]) }) ^ key
}

/// AESIMC
pub(in crate::vector) fn inverse_mix(b: u128) -> u128 {
    u128::from_le_bytes(mix_columns(b.to_le_bytes(), [14, 11, 13, 9]))
}

/// AESKEYGENASSIST
///
/// SPEC: intel-sdm-vol2 :: AESKEYGENASSIST—AES Round Key Generation Assist -> doublewords 1 and 3 substituted, and again rotated with the round constant
pub(in crate::vector) fn key_assist(b: u128, imm: u8) -> u128 {
    let word = |n: u32| {
        let x = (b >> (32 * n)) as u32;
        u32::from_le_bytes(x.to_le_bytes().map(|x| BOXES.0[usize::from(x)]))
    };
    let (low, high) = (word(1), word(3));
    let rotated = |x: u32| x.rotate_right(8) ^ u32::from(imm);
    u128::from(low)
        | u128::from(rotated(low)) << 32
        | u128::from(high) << 64
        | u128::from(rotated(high)) << 96
}

#[cfg(test)]
mod tests {
    use super::super::galois::inverse;
    use super::*;

    #[test]
    fn the_substitution_box_is_the_inverse_through_its_affine_map() {
        for x in 0..=255u8 {
            let q = inverse(x);
            let s = (0..5).fold(0x63, |s, n| s ^ q.rotate_left(n));
            assert_eq!(BOXES.0[usize::from(x)], s, "{x:02x}");
            assert_eq!(BOXES.1[usize::from(s)], x, "{x:02x}");
        }
    }
}
