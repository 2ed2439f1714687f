//! Single and double precision against the host and against a second library, and tables of special values.

use proptest::prelude::*;
use rustc_apfloat::ieee::{Double, Single};
use rustc_apfloat::{Float, FloatConvert, Round, Status};
use x86_float::sse::{self, FmaSigns, Relation, Truncation};
use x86_float::{Env, Flags};

/// Everything masked, nothing recorded: the integer core works
const SLOW: u32 = 0x1f80;
/// PE recorded: the host's operations may stand in
const FAST: u32 = 0x1fa0;
const NEAR: [u32; 2] = [SLOW, FAST];
const INF: u64 = 0x7ff0_0000_0000_0000;
const INDEFINITE: u64 = 0xfff8_0000_0000_0000;
const MODES: [(u32, Round); 4] = [
    (0, Round::NearestTiesToEven),
    (1, Round::TowardNegative),
    (2, Round::TowardPositive),
    (3, Round::TowardZero),
];

/// Doubles of all kinds, with related exponents often.
fn double() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => any::<u64>(),
        4 => (any::<u64>(), 0x3f0u64..0x420).prop_map(|(x, e)| x & 0x800f_ffff_ffff_ffff | e << 52),
        2 => (any::<u64>(), 0u64..3).prop_map(|(x, e)| x & 0x800f_ffff_ffff_ffff | e << 52),
        2 => (any::<u64>(), 0x7fdu64..0x7ff).prop_map(|(x, e)| x & 0x800f_ffff_ffff_ffff | e << 52),
        1 => any::<u64>().prop_map(|x| x & 0xffff_ffff_0000_0000),
        1 => prop_oneof![Just(0u64), Just(1 << 63), Just(INF), Just(INF | 1 << 63), Just(0x3ff0 << 48)],
    ]
}

fn single() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => any::<u32>(),
        4 => (any::<u32>(), 0x70u32..0x90).prop_map(|(x, e)| x & 0x807f_ffff | e << 23),
        2 => (any::<u32>(), 0u32..3).prop_map(|(x, e)| x & 0x807f_ffff | e << 23),
        2 => (any::<u32>(), 0xfdu32..0xff).prop_map(|(x, e)| x & 0x807f_ffff | e << 23),
        1 => prop_oneof![Just(0u32), Just(1 << 31), Just(0x7f80_0000), Just(0xff80_0000)],
    ]
}

/// Flags that the other library gives the same meaning: it has no DE, finds tininess before rounding, and does not report
/// an overflow that directed rounding makes the largest number.
fn comparable(flags: Flags) -> Flags {
    flags & (Flags::IE | Flags::ZE | Flags::PE)
}

fn flags_of(status: Status) -> Flags {
    let mut flags = Flags::empty();
    for (bit, flag) in
        [(Status::INVALID_OP, Flags::IE), (Status::DIV_BY_ZERO, Flags::ZE), (Status::INEXACT, Flags::PE)]
    {
        flags.set(flag, status.contains(bit));
    }
    flags
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// SPEC: intel-sdm-vol1 :: 4.8.4 Rounding -> basic operations are correctly rounded, as the host's are
    #[test]
    fn nearest_results_are_the_hosts(a in double(), b in double()) {
        let (x, y) = (f64::from_bits(a), f64::from_bits(b));
        prop_assume!(!x.is_nan() && !y.is_nan());
        for mxcsr in NEAR {
            let mut env = Env::from_mxcsr(mxcsr);
            let pairs = [
                (sse::add(&mut env, a, b), x + y),
                (sse::sub(&mut env, a, b), x - y),
                (sse::mul(&mut env, a, b), x * y),
                (sse::div(&mut env, a, b), x / y),
                (sse::sqrt(&mut env, a), x.sqrt()),
                (sse::fma(&mut env, a, b, a, FmaSigns::default()), x.mul_add(y, x)),
            ];
            for (n, (ours, host)) in pairs.into_iter().enumerate() {
                let host = if host.is_nan() { INDEFINITE } else { host.to_bits() };
                prop_assert_eq!(ours, host, "operation {} of {:x} {:x}", n, a, b);
            }
        }
    }

    #[test]
    fn single_results_are_the_hosts(a in single(), b in single(), c in single()) {
        let (x, y, z) = (f32::from_bits(a), f32::from_bits(b), f32::from_bits(c));
        prop_assume!(!x.is_nan() && !y.is_nan() && !z.is_nan());
        for mxcsr in NEAR {
            let mut env = Env::from_mxcsr(mxcsr);
            let pairs = [
                (sse::add(&mut env, a, b), x + y),
                (sse::sub(&mut env, a, b), x - y),
                (sse::mul(&mut env, a, b), x * y),
                (sse::div(&mut env, a, b), x / y),
                (sse::sqrt(&mut env, a), x.sqrt()),
                (sse::fma(&mut env, a, b, c, FmaSigns::default()), x.mul_add(y, z)),
            ];
            for (n, (ours, host)) in pairs.into_iter().enumerate() {
                let host = if host.is_nan() { 0xffc0_0000 } else { host.to_bits() };
                prop_assert_eq!(ours, host, "operation {} of {:x} {:x} {:x}", n, a, b, c);
            }
        }
    }

    /// PE is raised exactly where the error of an operation, computed without one, is not zero.
    #[test]
    fn inexact_is_exact(a in any::<u64>(), b in any::<u64>(), shift in 0u64..60) {
        // Exponents near 1023: no error term can underflow.
        let few = |x: u64, bits: u64| x & (((1 << bits) - 1) << (52 - bits));
        let a = few(a, 52 - shift % 50) | 0x3ff << 52;
        let b = few(b, shift % 53) | (0x3f0 + shift / 2) << 52;
        let (x, y) = (f64::from_bits(a), f64::from_bits(b));
        let mut env = Env::from_mxcsr(SLOW);
        let sum = f64::from_bits(sse::add(&mut env, a, b));
        let part = sum - x;
        let error = (x - (sum - part)) + (y - part);
        prop_assert_eq!(env.raised.contains(Flags::PE), error != 0.0);
        let mut env = Env::from_mxcsr(SLOW);
        let product = f64::from_bits(sse::mul(&mut env, a, b));
        prop_assert_eq!(env.raised.contains(Flags::PE), x.mul_add(y, -product) != 0.0);
        let mut env = Env::from_mxcsr(SLOW);
        let quotient = f64::from_bits(sse::div(&mut env, a, b));
        prop_assert_eq!(env.raised.contains(Flags::PE), quotient.mul_add(-y, x) != 0.0);
        let mut env = Env::from_mxcsr(SLOW);
        let root = f64::from_bits(sse::sqrt(&mut env, a & !(1 << 63)));
        prop_assert_eq!(env.raised.contains(Flags::PE), root.mul_add(-root, x.abs()) != 0.0);
    }

    #[test]
    fn all_rounding_modes_agree_with_a_second_library(a in double(), b in double(), c in double()) {
        let (x, y, z) = (Double::from_bits(a.into()), Double::from_bits(b.into()), Double::from_bits(c.into()));
        prop_assume!(!x.is_nan() && !y.is_nan() && !z.is_nan());
        for (rc, round) in MODES {
            let env = || Env::from_mxcsr(SLOW | rc << 13);
            let mut envs = [env(), env(), env(), env()];
            let [e0, e1, e2, e3] = &mut envs;
            let ours = [
                sse::add(e0, a, b),
                sse::mul(e1, a, b),
                sse::div(e2, a, b),
                sse::fma(e3, a, b, c, FmaSigns::default()),
            ];
            let theirs = [x.add_r(y, round), x.mul_r(y, round), x.div_r(y, round), x.mul_add_r(y, z, round)];
            for n in 0..4 {
                if !theirs[n].value.is_nan() {
                    prop_assert_eq!(u128::from(ours[n]), theirs[n].value.to_bits(), "operation {} rc {}", n, rc);
                }
                prop_assert_eq!(comparable(envs[n].raised), flags_of(theirs[n].status), "flags of {} rc {}", n, rc);
            }
        }
    }

    #[test]
    fn conversions_agree_with_a_second_library(a in double()) {
        let x = Double::from_bits(a.into());
        prop_assume!(!x.is_nan());
        for (rc, round) in MODES {
            let mut env = Env::from_mxcsr(SLOW | rc << 13);
            let narrow = sse::double_to_single(&mut env, a);
            let mut loses = false;
            let theirs: rustc_apfloat::StatusAnd<Single> = x.convert_r(round, &mut loses);
            prop_assert_eq!(u128::from(narrow), theirs.value.to_bits());
            prop_assert_eq!(comparable(env.raised), flags_of(theirs.status));

            let mut env = Env::from_mxcsr(SLOW | rc << 13);
            let whole = sse::to_i64(&mut env, a, Truncation::Current);
            let mut exact = false;
            let theirs = x.to_i128_r(64, round, &mut exact);
            let expected = if theirs.status.contains(Status::INVALID_OP) { i64::MIN.into() } else { theirs.value };
            prop_assert_eq!(i128::from(whole), expected);
            prop_assert_eq!(comparable(env.raised), flags_of(theirs.status));

            let mut env = Env::from_mxcsr(SLOW);
            let integral = sse::round_to_integral(&mut env, a, rc as u8);
            prop_assert_eq!(u128::from(integral), x.round_to_integral(round).value.to_bits());
        }
    }

    #[test]
    fn integers_convert_as_the_hosts(a in any::<i64>(), by in 0u32..64) {
        let a = a >> by;
        let mut env = Env::from_mxcsr(SLOW);
        prop_assert_eq!(sse::from_i64::<u64>(&mut env, a), (a as f64).to_bits());
        prop_assert_eq!(sse::from_i64::<u32>(&mut env, a), (a as f32).to_bits());
        prop_assert_eq!(sse::from_i32::<u32>(&mut env, a as i32), (a as i32 as f32).to_bits());
    }
}

/// NaNs, invalid operations, denormals: operation, MXCSR, operands, result, flags.
#[test]
fn special_values() {
    use x86_float::sse::{add, div, max, min, mul, sqrt, sub};
    type Op = fn(&mut Env, u64, u64) -> u64;
    let root: Op = |env, a, _| sqrt(env, a);
    const QNAN: u64 = 0x7ff8_0000_0000_0005;
    const SNAN: u64 = 0x7ff0_0000_0000_0009;
    const QUIETED: u64 = 0x7ff8_0000_0000_0009;
    const ONE: u64 = 0x3ff0 << 48;
    const TINY: u64 = 1;
    const LEAST: u64 = 1 << 52;
    const MINUS: u64 = 1 << 63;
    const MAX: u64 = INF - 1;
    const DAZ: u32 = SLOW | 1 << 6;
    const FTZ: u32 = SLOW | 1 << 15;
    const UNMASKED: u32 = 0;
    let (ie, de, ze, oe, ue, pe) = (Flags::IE, Flags::DE, Flags::ZE, Flags::OE, Flags::UE, Flags::PE);
    let none = Flags::empty();
    let rows: &[(Op, u32, u64, u64, u64, Flags)] = &[
        (add, SLOW, QNAN, SNAN, QNAN, ie),
        (add, SLOW, SNAN, QNAN, QUIETED, ie),
        (add, SLOW, ONE, QNAN, QNAN, none),
        (add, SLOW, QNAN, TINY, QNAN, none),
        (add, SLOW, INF, INF | MINUS, INDEFINITE, ie),
        (sub, SLOW, INF, INF, INDEFINITE, ie),
        (sub, SLOW, ONE, ONE, 0, none),
        (sub, SLOW | 1 << 13, ONE, ONE, MINUS, none),
        (add, SLOW, MINUS, MINUS, MINUS, none),
        (add, SLOW, INF, TINY, INF, de),
        (mul, SLOW, INF, 0, INDEFINITE, ie),
        (mul, SLOW, MAX, MAX, INF, oe | pe),
        (mul, SLOW | 3 << 13, MAX, MAX, MAX, oe | pe),
        (mul, SLOW | 1 << 13, MAX, MAX, MAX, oe | pe),
        (mul, SLOW | 1 << 13, MAX, MAX | MINUS, INF | MINUS, oe | pe),
        (div, SLOW, 0, MINUS, INDEFINITE, ie),
        (div, SLOW, ONE, MINUS, INF | MINUS, ze),
        (div, SLOW, TINY, 0, INF, ze),
        (div, SLOW, INF, 0, INF, none),
        (root, SLOW, MINUS, 0, MINUS, none),
        (root, SLOW, ONE | MINUS, 0, INDEFINITE, ie),
        // Exact denormal results do not underflow while masked, unmasked they do.
        (sub, SLOW, LEAST + 1, LEAST, TINY, none),
        (sub, UNMASKED, LEAST + 1, LEAST, TINY, ue),
        (sub, FTZ, LEAST + 1, LEAST, 0, ue | pe),
        (sub, FTZ, LEAST, LEAST + 1, MINUS, ue | pe),
        (mul, SLOW, LEAST, LEAST, 0, ue | pe),
        // Tininess is detected after rounding: (1 - 2^-53) * 2^-1022 rounds to the least normal number either way, ...
        (mul, SLOW, LEAST | 1, 0x3fef_ffff_ffff_ffff, LEAST, pe),
        // ... half an ulp less is tiny.
        (mul, SLOW, LEAST, 0x3fef_ffff_ffff_ffff, LEAST, ue | pe),
        (add, SLOW, TINY, ONE, ONE, de | pe),
        (add, DAZ, TINY, ONE, ONE, none),
        (mul, DAZ, TINY | MINUS, ONE, MINUS, none),
        (min, SLOW, QNAN, ONE, ONE, ie),
        (min, SLOW, ONE, QNAN, QNAN, ie),
        (min, SLOW, ONE, SNAN, SNAN, ie),
        (min, SLOW, 0, MINUS, MINUS, none),
        (max, SLOW, MINUS, 0, 0, none),
        (max, SLOW, ONE, TINY, ONE, de),
        (max, DAZ, TINY | MINUS, TINY, 0, none),
    ];
    for (n, &(op, mxcsr, a, b, result, flags)) in rows.iter().enumerate() {
        let mut env = Env::from_mxcsr(mxcsr);
        assert_eq!(op(&mut env, a, b), result, "result of row {n}");
        assert_eq!(env.raised, flags, "flags of row {n}");
        // What may take the host's operations gives the same, PE aside.
        if mxcsr & 0x1f80 == 0x1f80 {
            let mut env = Env::from_mxcsr(mxcsr | 0x20);
            assert_eq!(op(&mut env, a, b), result, "fast result of row {n}");
            assert_eq!(env.raised | pe, flags | pe, "fast flags of row {n}");
        }
    }
}

#[test]
fn fused_operations_have_signs_and_nan_order() {
    const ONE: u64 = 0x3ff0 << 48;
    let minus = |x: u64| x ^ 1 << 63;
    for (product, addend, expected) in
        [(false, false, 2.0), (false, true, 0.0), (true, false, 0.0), (true, true, -2.0)]
    {
        let mut env = Env::from_mxcsr(SLOW);
        let result = sse::fma(&mut env, ONE, ONE, ONE, FmaSigns { product, addend });
        assert_eq!(f64::from_bits(result), expected);
    }
    let nan = |n: u64| 0x7ff8 << 48 | n;
    let mut env = Env::from_mxcsr(SLOW);
    assert_eq!(sse::fma(&mut env, nan(1), nan(2), nan(3), FmaSigns::default()), nan(1));
    assert_eq!(sse::fma(&mut env, ONE, ONE, nan(3), FmaSigns { product: true, addend: true }), nan(3));
    assert_eq!(sse::fma(&mut env, INF, 0, nan(3), FmaSigns::default()), nan(3));
    assert!(env.raised.is_empty());
    assert_eq!(sse::fma(&mut env, INF, ONE, minus(INF), FmaSigns::default()), INDEFINITE);
    assert_eq!(env.raised, Flags::IE);
}

#[test]
fn predicates_and_relations() {
    const QNAN: u64 = 0x7ff8 << 48;
    const SNAN: u64 = INF | 1;
    let (one, two) = (1.0f64.to_bits(), 2.0f64.to_bits());
    let pairs = [(one, two, 0), (one, one, 1), (two, one, 2), (QNAN, one, 3)];
    // Results for less, equal, greater, unordered; then whether a QNaN signals.
    let table = [
        ("0100", false),
        ("1000", true),
        ("1100", true),
        ("0001", false),
        ("1011", false),
        ("0111", true),
        ("0011", true),
        ("1110", false),
        ("0101", false),
        ("1001", true),
        ("1101", true),
        ("0000", false),
        ("1010", false),
        ("0110", true),
        ("0010", true),
        ("1111", false),
    ];
    for imm in 0..32u8 {
        let (row, signals) = table[usize::from(imm & 15)];
        for (a, b, n) in pairs {
            let mut env = Env::from_mxcsr(SLOW);
            let expected = row.as_bytes()[n] == b'1';
            assert_eq!(sse::predicate(&mut env, a, b, imm), expected, "predicate {imm} of pair {n}");
            assert_eq!(env.raised.contains(Flags::IE), n == 3 && signals != (imm >= 16), "{imm}");
        }
        let mut env = Env::from_mxcsr(SLOW);
        sse::predicate(&mut env, SNAN, one, imm);
        assert_eq!(env.raised, Flags::IE);
    }
    let mut env = Env::from_mxcsr(SLOW);
    assert_eq!(sse::compare(&mut env, 0u64, 1 << 63, true), Relation::Equal);
    assert_eq!(sse::compare(&mut env, (-2.0f64).to_bits(), (-1.0f64).to_bits(), true), Relation::Less);
    assert_eq!(sse::compare(&mut env, QNAN, one, false), Relation::Unordered);
    assert!(env.raised.is_empty());
    sse::compare(&mut env, QNAN, one, true);
    assert_eq!(env.raised, Flags::IE);
    assert_eq!(Relation::Unordered.eflags(), 0x45);
}

#[test]
fn half_precision_round_trips() {
    for half in 0..=u16::MAX {
        let mut env = Env::from_mxcsr(SLOW);
        let wide = sse::half_to_single(&mut env, half);
        let back = sse::single_to_half(&mut env, wide, 0);
        let nan = half & 0x7fff > 0x7c00;
        assert_eq!(back, if nan { half | 0x200 } else { half });
        assert_eq!(env.raised.contains(Flags::IE), nan && half & 0x200 == 0, "{half:x}");
    }
    // 65519 is the largest that rounds to a finite half; 65520 overflows.
    let mut env = Env::from_mxcsr(SLOW);
    assert_eq!(sse::single_to_half(&mut env, 65519.0f32.to_bits(), 0), 0x7bff);
    assert_eq!(env.raised, Flags::PE);
    assert_eq!(sse::single_to_half(&mut env, 65520.0f32.to_bits(), 0), 0x7c00);
    assert_eq!(env.raised, Flags::OE | Flags::PE);
    assert_eq!(sse::single_to_half(&mut env, 65520.0f32.to_bits(), 3), 0x7bff);
}

#[test]
fn integers_out_of_range_are_indefinite() {
    let mut env = Env::from_mxcsr(SLOW);
    for x in [2_147_483_648.0, -2_147_483_649.0, f64::NAN, f64::INFINITY] {
        env.raised = Flags::empty();
        assert_eq!(sse::to_i32(&mut env, x.to_bits(), Truncation::Current), i32::MIN);
        assert_eq!(env.raised, Flags::IE);
    }
    env.raised = Flags::empty();
    assert_eq!(sse::to_i32(&mut env, 2_147_483_647.5f64.to_bits(), Truncation::TowardZero), i32::MAX);
    assert_eq!(env.raised, Flags::PE);
    assert_eq!(sse::to_i32(&mut env, (-2_147_483_648.0f64).to_bits(), Truncation::Current), i32::MIN);
    assert_eq!(env.raised, Flags::PE);
}
