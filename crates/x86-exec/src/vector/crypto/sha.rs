//! SHA-1 and SHA-256 steps.

use crate::vector::lanes::Lane;

/// Lanes, highest first, as the manual writes them
fn words(x: u128) -> [u32; 4] {
    let [d, c, b, a] = u32::split(x);
    [a, b, c, d]
}

fn join([a, b, c, d]: [u32; 4]) -> u128 {
    u32::join([d, c, b, a])
}

/// SHA1NEXTE
///
/// SPEC: intel-sdm-vol2 :: SHA1NEXTE—Calculate SHA1 State Variable E After Four Rounds -> the rotated A is added to the highest word
pub(in crate::vector) fn sha1_next_e(a: u128, b: u128) -> u128 {
    let [mut w, x, y, z] = words(b);
    w = w.wrapping_add(words(a)[0].rotate_left(30));
    join([w, x, y, z])
}

/// SHA1MSG1
pub(in crate::vector) fn sha1_message1(a: u128, b: u128) -> u128 {
    let ([w0, w1, w2, w3], [w4, w5, ..]) = (words(a), words(b));
    join([w2 ^ w0, w3 ^ w1, w4 ^ w2, w5 ^ w3])
}

/// SHA1MSG2
pub(in crate::vector) fn sha1_message2(a: u128, b: u128) -> u128 {
    let ([a0, a1, a2, a3], [_, w13, w14, w15]) = (words(a), words(b));
    let w16 = (a0 ^ w13).rotate_left(1);
    join([w16, (a1 ^ w14).rotate_left(1), (a2 ^ w15).rotate_left(1), (a3 ^ w16).rotate_left(1)])
}

/// SHA1RNDS4
///
/// SPEC: intel-sdm-vol2 :: SHA1RNDS4—Perform Four Rounds of SHA1 Operation -> imm8[1:0] chooses function and constant; E comes added to the first message word
pub(in crate::vector) fn sha1_rounds(state: u128, message: u128, imm: u8) -> u128 {
    let [mut a, mut b, mut c, mut d] = words(state);
    let mut e = 0u32;
    for w in words(message) {
        let (f, k) = match imm & 3 {
            0 => (b & c ^ !b & d, 0x5a82_7999u32),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c ^ b & d ^ c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let next = f.wrapping_add(a.rotate_left(5)).wrapping_add(w).wrapping_add(e).wrapping_add(k);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    join([a, b, c, d])
}

/// SHA256MSG1
pub(in crate::vector) fn sha256_message1(a: u128, b: u128) -> u128 {
    let sigma = |x: u32| x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
    let [w3, w2, w1, w0] = words(a);
    let w4 = b as u32;
    join([
        w3.wrapping_add(sigma(w4)),
        w2.wrapping_add(sigma(w3)),
        w1.wrapping_add(sigma(w2)),
        w0.wrapping_add(sigma(w1)),
    ])
}

/// SHA256MSG2
pub(in crate::vector) fn sha256_message2(a: u128, b: u128) -> u128 {
    let sigma = |x: u32| x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
    let ([a3, a2, a1, a0], [w15, w14, ..]) = (words(a), words(b));
    let w16 = a0.wrapping_add(sigma(w14));
    let w17 = a1.wrapping_add(sigma(w15));
    join([a3.wrapping_add(sigma(w17)), a2.wrapping_add(sigma(w16)), w17, w16])
}

/// SHA256RNDS2: two rounds of C, D, G, H in `a` and A, B, E, F in `b` with the message words in `wk`
///
/// SPEC: intel-sdm-vol2 :: SHA256RNDS2—Perform Two Rounds of SHA256 Operation -> the new A, B, E, F; message words and constants summed in XMM0
pub(in crate::vector) fn sha256_rounds(a: u128, b: u128, wk: u64) -> u128 {
    let ([mut c, mut d, mut g, mut h], [mut a, mut b, mut e, mut f]) = (words(a), words(b));
    for wk in [wk as u32, (wk >> 32) as u32] {
        let choose = e & f ^ !e & g;
        let majority = a & b ^ a & c ^ b & c;
        let sigma1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sigma0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t = choose.wrapping_add(sigma1).wrapping_add(wk).wrapping_add(h);
        (a, b, c, d, e, f, g, h) =
            (t.wrapping_add(majority).wrapping_add(sigma0), a, b, c, t.wrapping_add(d), e, f, g);
    }
    join([a, b, e, f])
}
