//! Double-extended precision against a second library, known values, and identities.

use proptest::prelude::*;
use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};
use x86_float::{Class, Env, F80, Flags, Operand};

const INTEGER: u64 = 1 << 63;
const INF: F80 = F80::new(INTEGER, 0x7fff);
const PI: F80 = F80::new(0xc90f_daa2_2168_c235, 0x4000);

fn env() -> Env {
    Env::from_x87_control(0x37f)
}

fn f80(x: f64) -> F80 {
    F80::from_double(&mut env(), x.to_bits())
}

/// Normal numbers, often with exponents that matter.
fn normal() -> impl Strategy<Value = F80> {
    let exponent =
        prop_oneof![4 => 0x3fe0u16..0x4040, 1 => 1u16..0x7fff, 1 => 1u16..4, 1 => 0x7ffcu16..0x7fff];
    let significand = prop_oneof![any::<u64>(), any::<u64>().prop_map(|x| x << 40), (0u64..4)];
    (significand, exponent, any::<bool>()).prop_map(|(s, e, n)| F80::new(s | INTEGER, e).with_sign(n))
}

fn apfloat(x: F80) -> X87DoubleExtended {
    X87DoubleExtended::from_bits(u128::from(x.significand) | u128::from(x.sign_exponent) << 64)
}

fn bits(x: F80) -> u128 {
    apfloat(x).to_bits()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn basic_operations_agree_with_a_second_library(a in normal(), b in normal(), rc in 0u16..4) {
        let round = [Round::NearestTiesToEven, Round::TowardNegative, Round::TowardPositive, Round::TowardZero]
            [usize::from(rc)];
        let mut env = Env::from_x87_control(0x37f | rc << 10);
        let (x, y) = (apfloat(a), apfloat(b));
        prop_assert_eq!(bits(F80::add(&mut env, a, b)), x.add_r(y, round).value.to_bits());
        prop_assert_eq!(bits(F80::sub(&mut env, a, b)), x.sub_r(y, round).value.to_bits());
        prop_assert_eq!(bits(F80::sub_reversed(&mut env, a, b)), y.sub_r(x, round).value.to_bits());
        prop_assert_eq!(bits(F80::mul(&mut env, a, b)), x.mul_r(y, round).value.to_bits());
        prop_assert_eq!(bits(F80::div(&mut env, a, b)), x.div_r(y, round).value.to_bits());
        prop_assert_eq!(bits(F80::div_reversed(&mut env, a, b)), y.div_r(x, round).value.to_bits());
        prop_assert_eq!(bits(a.round_to_integral(&mut env)), x.round_to_integral(round).value.to_bits());
    }

    #[test]
    fn remainders_agree_with_a_second_library(a in normal(), b in normal()) {
        let whole = |nearest: bool| {
            let mut rest = a;
            // Each incomplete step takes at least 32 off an exponent difference of at most 2^15.
            for _ in 0..1100 {
                let step = rest.remainder(&mut env(), b, nearest);
                rest = step.value;
                if !step.partial {
                    break;
                }
            }
            bits(rest)
        };
        prop_assert_eq!(whole(false), apfloat(a).c_fmod(apfloat(b)).value.to_bits());
        // The nearest quotient's steps are truncated, so only near operands are comparable.
        let distance = i32::from(a.sign_exponent & 0x7fff) - i32::from(b.sign_exponent & 0x7fff);
        if distance < 64 {
            prop_assert_eq!(whole(true), apfloat(a).ieee_rem(apfloat(b)).value.to_bits());
        }
    }

    /// With 53-bit precision control and ordinary exponents the x87 computes doubles.
    #[test]
    fn precision_control_gives_double_results(a in any::<u64>(), b in any::<u64>()) {
        let scale = |x: u64| x & 0x800f_ffff_ffff_ffff | (0x3e0 + (x >> 52 & 63)) << 52;
        let (x, y) = (f64::from_bits(scale(a)), f64::from_bits(scale(b)));
        let mut env = Env::from_x87_control(0x27f);
        let (p, q) = (f80(x), f80(y));
        prop_assert_eq!(F80::add(&mut env, p, q), f80(x + y));
        prop_assert_eq!(F80::mul(&mut env, p, q), f80(x * y));
        prop_assert_eq!(F80::div(&mut env, p, q), f80(x / y));
        prop_assert_eq!(f80(x.abs()).sqrt(&mut env), f80(x.abs().sqrt()));
    }

    #[test]
    fn doubles_singles_and_integers_round_trip(x in any::<u64>(), n in any::<i64>(), by in 0u32..64) {
        let (d, s, n) = (f64::from_bits(x), f32::from_bits(x as u32), n >> by);
        let mut env = env();
        if !d.is_nan() {
            prop_assert_eq!(f80(d).to_double(&mut env), x);
        }
        if !s.is_nan() {
            prop_assert_eq!(F80::from_single(&mut env, x as u32).to_single(&mut env), x as u32);
        }
        prop_assert_eq!(F80::from_integer(n).to_integer(&mut env, 64, false), n);
        let digits = n % 1_000_000_000_000_000_000;
        prop_assert_eq!(F80::from_bcd(F80::from_integer(digits).to_bcd(&mut env)), F80::from_integer(digits));
    }

    /// The elementary functions are far better than the host's double-precision ones: they must agree to its precision.
    #[test]
    fn functions_agree_with_the_host(a in -700.0f64..700.0, b in 0.001f64..1000.0, u in -0.999f64..0.999) {
        let close = |ours: F80, host: f64| {
            let ours = f64::from_bits(ours.to_double(&mut env()));
            (ours - host).abs() <= host.abs() * 1e-14 + 1e-16
        };
        let (x, y, small) = (f80(a), f80(b), f80(u));
        let mut env = env();
        prop_assert!(close(small.exp2_m1(&mut env), (u * std::f64::consts::LN_2).exp_m1()));
        prop_assert!(close(y.y_log2(&mut env, x), a * b.log2()) || (b - 1.0).abs() < 0.1);
        prop_assert!(close(f80(u / 4.0).y_log2_p1(&mut env, x), a * (u / 4.0).ln_1p() / std::f64::consts::LN_2));
        prop_assert!(close(y.atan(&mut env, x), a.atan2(b)));
        prop_assert!(close(x.atan(&mut env, y), b.atan2(a)));
        let (sin, cos) = x.sin_cos(&mut env).unwrap();
        prop_assert!(close(sin, a.sin()) || a.sin().abs() < 1e-3);
        prop_assert!(close(cos, a.cos()) || a.cos().abs() < 1e-3);
        prop_assert_eq!(x.sin(&mut env), Some(sin));
        prop_assert_eq!(x.cos(&mut env), Some(cos));
        prop_assert!(close(f80(u).tan(&mut env).unwrap().0, u.tan()));
    }
}

/// Functions at points where the true value is known to more than 64 bits.
#[test]
fn functions_at_known_points() {
    let mut env = env();
    let (one, two, ten) = (F80::ONE, F80::from_integer(2), F80::from_integer(10));
    assert_eq!(F80::pi(&env), PI);
    assert_eq!(F80::log2_10(&env), F80::new(0xd49a_784b_cd1b_8afe, 0x4000));
    assert_eq!(F80::log2_e(&env), F80::new(0xb8aa_3b29_5c17_f0bc, 0x3fff));
    assert_eq!(F80::log10_2(&env), F80::new(0x9a20_9a84_fbcf_f799, 0x3ffd));
    assert_eq!(F80::ln_2(&env), F80::new(0xb172_17f7_d1cf_79ac, 0x3ffe));
    assert_eq!(F80::pi(&Env::from_x87_control(0xf7f)).significand, PI.significand - 1);
    assert_eq!(ten.y_log2(&mut env, one), F80::log2_10(&env));
    let ln_2 = F80::ln_2(&env);
    assert_eq!(two.y_log2(&mut env, ln_2), ln_2);
    assert_eq!(one.y_log2(&mut env, ten), F80::ZERO);
    // atan2(1, 1) = pi/4, atan2(1, -1) = 3 pi/4, atan2(0, -1) = pi.
    assert_eq!(one.atan(&mut env, one), F80::new(PI.significand, 0x3ffe));
    assert_eq!(F80::ZERO.atan(&mut env, one), F80::new(PI.significand, 0x3fff));
    assert_eq!(one.with_sign(true).atan(&mut env, F80::ZERO), PI);
    assert_eq!(one.with_sign(true).atan(&mut env, one), F80::new(0x96cb_e3f9_990e_91a8, 0x4000));
    // sin 1, cos 1, tan 1, 2^0.5 - 1.
    assert_eq!(one.sin(&mut env), Some(F80::new(0xd76a_a478_4867_7021, 0x3ffe)));
    assert_eq!(one.cos(&mut env), Some(F80::new(0x8a51_407d_a834_5c92, 0x3ffe)));
    assert_eq!(one.tan(&mut env), Some((F80::new(0xc759_22e5_f71d_2dc5, 0x3fff), one)));
    assert_eq!(f80(0.5).exp2_m1(&mut env), F80::new(0xd413_cccf_e779_9211, 0x3ffd));
    assert_eq!(one.exp2_m1(&mut env), one);
    assert_eq!(one.with_sign(true).exp2_m1(&mut env), f80(-0.5));
    // PI is 0x3243f6a8885a308d4 * 2^-64, the 66-bit pi of the reduction one unit less.
    assert_eq!(PI.sin(&mut env), Some(F80::new(INTEGER, 0x3fff - 64).with_sign(true)));
    assert_eq!(F80::new(INTEGER, 0x3fff + 63).sin(&mut env), None);
}

#[test]
fn classes_and_unsupported_encodings() {
    for (value, class) in [
        (F80::ZERO, Class::Zero),
        (F80::new(1, 0), Class::Denormal),
        (F80::new(INTEGER, 0), Class::Denormal),
        (F80::ONE, Class::Normal),
        (INF, Class::Infinity),
        (F80::new(INTEGER | 1, 0x7fff), Class::Nan),
        (F80::new(1, 0x3fff), Class::Unsupported),
        (F80::new(0, 0x7fff), Class::Unsupported),
        (F80::new(1, 0x7fff), Class::Unsupported),
    ] {
        assert_eq!(value.class(), class);
        let mut env = env();
        let sum = F80::add(&mut env, value, F80::ONE);
        assert_eq!(sum == F80::INDEFINITE, class == Class::Unsupported);
        assert_eq!(env.raised.contains(Flags::DE), class == Class::Denormal);
    }
}

/// SPEC: intel-sdm-vol1 :: 4.8.3.5 Operating on SNaNs and QNaNs -> larger significand, QNaN before SNaN
#[test]
fn nans_are_chosen_by_significand() {
    let quiet = |n: u64| F80::new(3 << 62 | n, 0x7fff);
    let signalling = |n: u64| F80::new(INTEGER | n, 0x7fff);
    for (a, b, result, flags) in [
        (quiet(1), quiet(2), quiet(2), Flags::empty()),
        (quiet(2), quiet(1), quiet(2), Flags::empty()),
        (signalling(9), quiet(1), quiet(1), Flags::IE),
        (quiet(1), signalling(9), quiet(1), Flags::IE),
        (signalling(3), signalling(9), quiet(9), Flags::IE),
        (signalling(3), F80::ONE, quiet(3), Flags::IE),
        (quiet(1).with_sign(true), quiet(1), quiet(1), Flags::empty()),
    ] {
        let mut env = env();
        assert_eq!(F80::mul(&mut env, a, b), result);
        assert_eq!(env.raised, flags);
    }
    // A signalling NaN in memory is still one as an operand.
    let mut env = env();
    assert_eq!(F80::add(&mut env, F80::ONE, Operand::from_single(0x7f80_0001)), quiet(1 << 40));
    assert_eq!(env.raised, Flags::IE);
}

#[test]
fn overflow_and_underflow_masked_and_not() {
    let (max, least) = (F80::new(u64::MAX, 0x7ffe), F80::new(INTEGER, 1));
    let mut env = env();
    assert_eq!(F80::mul(&mut env, max, max), INF);
    assert_eq!(env.raised, Flags::OE | Flags::PE);
    assert!(env.rounded_up);
    // Unmasked, the exponent of a register result is adjusted by 24576.
    let mut env = Env::from_x87_control(0x360);
    assert_eq!(
        F80::mul(&mut env, F80::new(INTEGER, 0x7ffe), F80::from_integer(4)),
        F80::new(INTEGER, 0x2000)
    );
    assert_eq!(env.raised, Flags::OE);
    let mut env = Env::from_x87_control(0x360);
    assert_eq!(F80::div(&mut env, least, F80::from_integer(4)), F80::new(INTEGER, 0x5fff));
    assert_eq!(env.raised, Flags::UE);
    // Masked, an exact denormal raises nothing.
    let mut env = Env::from_x87_control(0x37f);
    assert_eq!(F80::div(&mut env, least, F80::from_integer(4)), F80::new(1 << 61, 0));
    assert!(env.raised.is_empty());
    // C1 is set if rounding was upwards.
    for (control, last_digit) in [(0x37f, 0xb), (0xb7f, 0xb), (0x77f, 0xa), (0xf7f, 0xa)] {
        let mut env = Env::from_x87_control(control);
        let third = F80::div(&mut env, F80::ONE, F80::from_integer(3));
        assert_eq!(third.significand, 0xaaaa_aaaa_aaaa_aaa0 | last_digit);
        assert_eq!(env.rounded_up, last_digit == 0xb);
    }
}

#[test]
fn scale_and_extract() {
    let mut env = env();
    assert_eq!(f80(3.0).scale(&mut env, f80(-2.9)), f80(0.75));
    assert_eq!(f80(1.0).scale(&mut env, f80(1e6)), INF);
    assert_eq!(F80::ZERO.scale(&mut env, INF), F80::INDEFINITE);
    assert_eq!(f80(12.0).extract(&mut env), (f80(3.0), f80(1.5)));
    assert_eq!(f80(-0.0).extract(&mut env), (INF.with_sign(true), f80(-0.0)));
    assert!(env.raised.contains(Flags::ZE));
}

#[test]
fn remainder_quotients() {
    let of = |a: f64, b: f64, nearest| f80(a).remainder(&mut env(), f80(b), nearest);
    let truncated = of(29.0, 4.0, false);
    assert_eq!((truncated.value, truncated.quotient, truncated.partial), (f80(1.0), 7, false));
    let nearest = of(31.0, 4.0, true);
    assert_eq!((nearest.value, nearest.quotient), (f80(-1.0), 0));
    assert_eq!(of(10.0, 4.0, true).value, f80(2.0));
    assert_eq!(of(3.0, 2.0, true).value, f80(-1.0));
    assert!(of(1e30, 3.0, false).partial);
}

#[test]
fn integers_and_bcd_out_of_range() {
    let mut env = env();
    assert_eq!(f80(32768.0).to_integer(&mut env, 16, false), -32768);
    assert_eq!(env.raised, Flags::IE);
    env.raised = Flags::empty();
    assert_eq!(f80(-32768.4).to_integer(&mut env, 16, false), -32768);
    assert_eq!(env.raised, Flags::PE);
    assert_eq!(f80(2.5).to_integer(&mut env, 32, false), 2);
    assert_eq!(f80(-2.9).to_integer(&mut env, 32, true), -2);
    assert_eq!(f80(1e18).to_bcd(&mut env), [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff]);
    assert_eq!(f80(-120_345.0).to_bcd(&mut env), [0x45, 0x03, 0x12, 0, 0, 0, 0, 0, 0, 0x80]);
}
