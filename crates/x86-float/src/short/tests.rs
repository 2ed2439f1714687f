//! The operations by halves against those on whole significands, rounded in every way.

use super::*;
use crate::unpacked::{Rounded, shift_right_jam};
use proptest::prelude::*;

/// Reference rounding, by integer arithmetic.
fn round_whole(value: Unpacked, precision: u32, rounding: Rounding) -> (i32, u64, bool, bool) {
    let unit = 1u128 << (128 - precision);
    let low = value.sig & (unit - 1);
    let up = match rounding {
        Rounding::NearestEven => low > unit / 2 || (low == unit / 2 && value.sig & unit != 0),
        Rounding::Down => value.sign && low != 0,
        Rounding::Up => !value.sign && low != 0,
        Rounding::Zero => false,
    };
    match (value.sig - low).checked_add(if up { unit } else { 0 }) {
        Some(sum) => (value.exp, (sum >> 64) as u64, low != 0, up),
        None => (value.exp + 1, 1 << 63, low != 0, up),
    }
}

const ROUNDINGS: [Rounding; 4] = [Rounding::NearestEven, Rounding::Down, Rounding::Up, Rounding::Zero];

fn parts(rounded: Rounded) -> (i32, u64, bool, bool) {
    (rounded.exp, rounded.sig, rounded.inexact, rounded.up)
}

/// Checks that both round to the same value, for every precision of the x87 and of its stores.
fn same(ours: Unpacked, whole: Unpacked) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.sig >> 127, 1);
    for precision in [1, 11, 24, 53, 63, 64] {
        for rounding in ROUNDINGS {
            let (ours, whole) = (
                parts(round_bits(ours.sign, ours.exp, ours.sig, precision, rounding)),
                round_whole(whole, precision, rounding),
            );
            prop_assert_eq!(ours, whole, "{} bits, {:?}", precision, rounding);
        }
    }
    Ok(())
}

/// The jammed root of a whole radicand.
fn root_whole(x: Short) -> Unpacked {
    let (radicand, exp) = match x.exp & 1 {
        0 => (u128::from(x.sig) << 63, x.exp),
        _ => (u128::from(x.sig) << 64, x.exp - 1),
    };
    let root = radicand.isqrt();
    let rest = radicand - root * root;
    let sig = root << 64 | u128::from(rest > root) << 63 | u128::from(rest != 0);
    Unpacked { sign: false, exp: exp / 2, sig }
}

fn quotient_whole(a: Short, b: Short) -> Unpacked {
    let (a64, b64) = (u128::from(a.sig), u128::from(b.sig));
    let (quotient, rest) = ((a64 << 63) / b64, (a64 << 63) % b64);
    let more = (rest << 63) / b64;
    let sticky = u128::from((rest << 63) % b64 != 0);
    let sig = quotient << 63 | more;
    let exp = a.exp - b.exp;
    // 63 bits more of the quotient make 127, of which the first may be 0.
    let sign = a.sign != b.sign;
    if sig >> 126 == 0 {
        Unpacked { sign, exp: exp - 1, sig: sig << 2 | sticky }
    } else {
        Unpacked { sign, exp, sig: sig << 1 | sticky }
    }
}

fn check(a: Short, b: Short) -> Result<(), TestCaseError> {
    match (a.add(b), a.wide().add(b.wide())) {
        (Some(ours), Some(whole)) => same(ours, whole)?,
        (ours, whole) => prop_assert_eq!(ours, whole),
    }
    same(a.mul(b), a.wide().mul(b.wide()))?;
    prop_assert_eq!(a.mul(b), a.wide().mul(b.wide()));
    same(a.div(b), quotient_whole(a, b))?;
    same(a.div(b), a.wide().div(b.wide()))?;
    prop_assert_eq!(a.with_sign(false).sqrt(), root_whole(a));
    let whole = u128::from(a.sig) * u128::from(b.sig);
    prop_assert_eq!(product_by_parts(a.sig, b.sig), ((whole >> 64) as u64, whole as u64));
    prop_assert_eq!(product(a.sig, b.sig), product_by_parts(a.sig, b.sig));
    for rounding in ROUNDINGS {
        let integral = match a.exp {
            64.. => None,
            exp => {
                let grid = shift_right_jam(a.wide().sig, 63_u32.saturating_add_signed(-exp));
                let value = Unpacked { sign: a.sign, exp: 0, sig: grid };
                let (exp, magnitude, inexact, up) = round_whole(value, 64, rounding);
                (exp == 0).then_some((magnitude, inexact, up))
            }
        };
        prop_assert_eq!(a.to_integral(rounding), integral, "{:?}", rounding);
    }
    Ok(())
}

/// Significands of few bits, of many, with long carries.
fn significand() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => any::<u64>(),
        1 => (0u32..64, any::<u64>()).prop_map(|(n, x)| x << n),
        1 => (0u32..64).prop_map(|n| u64::MAX << n),
        1 => (0u32..64, 0u64..4).prop_map(|(n, x)| (u64::MAX >> n).wrapping_add(x).wrapping_sub(2)),
        1 => (0u32..64, 0u64..4).prop_map(|(n, x)| u64::MAX.wrapping_sub(1 << n).wrapping_add(x)),
        1 => (1u64..=u32::MAX.into()).prop_map(|x| x * x),
    ]
}

fn short() -> impl Strategy<Value = Short> {
    let exp = prop_oneof![2 => -3i32..68, 1 => -70i32..200, 1 => -16382i32..16384];
    (any::<bool>(), exp, significand()).prop_map(|(sign, exp, sig)| Short { sign, exp, sig: sig | HALF })
}

/// Pairs, of which many cancel.
fn pair() -> impl Strategy<Value = (Short, Short)> {
    prop_oneof![
        2 => (short(), short()),
        2 => (short(), short(), -70i32..70).prop_map(|(a, b, n)| (a, Short { exp: a.exp + n, ..b })),
        1 => (short(), -2i32..3, -1i32..2, any::<bool>()).prop_map(|(a, by, n, sign)| {
            let sig = a.sig.wrapping_add_signed(by.into()) | HALF;
            (a, Short { sign, exp: a.exp + n, sig })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn halves_round_as_the_whole((a, b) in pair()) {
        check(a, b)?;
    }

    #[test]
    fn any_bits_round_as_the_whole(sign in any::<bool>(), sig in any::<u128>(), keep in 0u32..128, n in 0u32..3) {
        // Ties, and what is next to them.
        let tie = (sig >> keep | 1) << keep;
        let sig = match n { 0 => sig, 1 => tie, _ => tie.wrapping_add(1) };
        for precision in 1..=64 {
            for rounding in ROUNDINGS {
                let whole = round_whole(Unpacked { sign, exp: 5, sig }, precision, rounding);
                prop_assert_eq!(parts(round_bits(sign, 5, sig, precision, rounding)), whole);
            }
        }
    }
}

/// Where an estimate is nearest to an integer, or to the end of its range.
#[test]
fn edges_of_quotients_and_roots() {
    let edges = [0, 1, 2, 3, 1 << 31, 1 << 32, (1 << 32) - 1, (1 << 32) + 1, HALF - 1, HALF - 2, HALF - 3];
    let more = edges.map(|x: u64| x << 11 & !HALF);
    let all: Vec<u64> = edges.iter().chain(&more).map(|x| x | HALF).collect();
    for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
        for (sign, exp) in
            [(false, 0), (true, 1), (false, 62), (true, 63), (false, 64), (true, -1), (true, -2)]
        {
            check(Short { sign, exp, sig: a }, Short { sign: false, exp: 0, sig: b }).unwrap();
        }
    }
}

/// Squares and adjacent numbers: exact or almost exact roots are the hardest to round.
#[test]
fn roots_next_to_squares() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for n in 0..200_000_u64 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(n << 1 | 1);
        let root = state >> 32 | 1 << 31;
        for sig in [root * root, root * root - 1, root * root + 1, root << 32, u64::MAX - (root >> 20)] {
            for exp in [0, 1] {
                let Some(x) = Short::normalized(false, exp, sig) else { continue };
                assert_eq!(x.sqrt(), root_whole(x), "{x:?}");
            }
        }
    }
}
