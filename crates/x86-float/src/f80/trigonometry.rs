//! FSIN, FCOS, FSINCOS, FPTAN, FPATAN: reduction by the 66-bit pi of the x87, then series.

use super::constants::{PI, PI_2, PI_2_66, PI_4};
use super::elementary::{odd_reciprocals, sum};
use super::{F80, Operand, finish, flag_denormals, invalid, special, special_one};
use crate::Env;
use crate::unpacked::Unpacked;

/// tan(pi / 8), to the bits that choosing a range needs
const TAN_PI_8: Unpacked = Unpacked::constant(-2, 0xd413_cccf_e779_9211 << 64);
/// Terms of sine and cosine: 0.8^36 / 36! is below 2^-140
const SINE_TERMS: u32 = 18;
/// Terms of the arc tangent: 0.1716^54 is below 2^-136
const ATAN_TERMS: u32 = 54;

/// An angle: `quadrant * pi/2 + rest`, |rest| up to pi/4.
struct Reduced {
    quadrant: u8,
    rest: Unpacked,
}

/// Takes multiples of pi/2 off the magnitude of `x`; the sign of the result is that of |x|'s remainder.
fn reduce(x: Unpacked) -> Reduced {
    if x.exp < -1 {
        return Reduced { quadrant: 0, rest: x.with_sign(false) };
    }
    // In units of 2^-65: at most 128 bits, since x is below 2^63.
    let units = (x.sig >> 64) << (x.exp + 2).clamp(0, 64);
    let (quadrant, rest) = ((units / PI_2_66) as u8, units % PI_2_66);
    let (quadrant, rest, sign) = if rest > PI_2_66 / 2 {
        (quadrant.wrapping_add(1), PI_2_66 - rest, true)
    } else {
        (quadrant, rest, false)
    };
    let rest = Unpacked::normalized(sign, 62, rest).unwrap_or(Unpacked::ONE);
    Reduced { quadrant: quadrant & 3, rest }
}

/// `1 - z/((f)(f+1)) (1 - z/((f+2)(f+3)) (...))`
fn alternating(z: Unpacked, first: u32) -> Unpacked {
    (0..SINE_TERMS).rev().fold(Unpacked::ONE, |t, k| {
        let n = u128::from(first + 2 * k);
        let divisor = Unpacked::from_integer(true, n * (n + 1)).unwrap_or(Unpacked::ONE);
        sum(Unpacked::ONE, z.mul(t).div(divisor))
    })
}

fn sine(r: Unpacked) -> Unpacked {
    r.mul(alternating(r.mul(r), 2))
}

fn cosine(r: Unpacked) -> Unpacked {
    alternating(r.mul(r), 1)
}

impl Reduced {
    /// Sine of the angle `turns` quadrants further on
    fn sine(&self, turns: u8) -> Unpacked {
        let quadrant = self.quadrant + turns;
        let value = if quadrant & 1 == 0 { sine(self.rest) } else { cosine(self.rest) };
        if quadrant & 2 == 0 { value } else { value.negate() }
    }
}

/// Operands of the trigonometric instructions after their special cases.
enum Angle {
    Special(F80),
    Zero,
    OutOfRange,
    Finite(Unpacked),
}

fn angle(env: &mut Env, x: F80) -> Angle {
    let a = Operand::from(x);
    if let Some(special) = special_one(env, a) {
        return Angle::Special(special);
    }
    if a.is_infinite() {
        return Angle::Special(invalid(env));
    }
    match a.unpack_wide() {
        None => Angle::Zero,
        Some(value) if value.exp >= 63 => Angle::OutOfRange,
        Some(value) => {
            flag_denormals(env, &[a]);
            Angle::Finite(value)
        }
    }
}

impl F80 {
    /// FSIN; `None` for operands of 2^63 and more (C2).
    ///
    /// SPEC: intel-sdm-vol2 :: FSIN—Sine -> out of range: C2 set, operand unchanged; infinities are invalid
    pub fn sin(self, env: &mut Env) -> Option<Self> {
        match angle(env, self) {
            Angle::Special(value) => Some(value),
            Angle::Zero => Some(self),
            Angle::OutOfRange => None,
            Angle::Finite(x) => {
                let sine = reduce(x).sine(0);
                Some(finish(env, sine.with_sign(sine.sign != x.sign)))
            }
        }
    }

    /// FCOS; `None` for operands of 2^63 and more (C2).
    pub fn cos(self, env: &mut Env) -> Option<Self> {
        match angle(env, self) {
            Angle::Special(value) => Some(value),
            Angle::Zero => Some(Self::ONE),
            Angle::OutOfRange => None,
            Angle::Finite(x) => Some(finish(env, reduce(x).sine(1))),
        }
    }

    /// FSINCOS: sine and cosine; `None` for operands of 2^63 and more (C2).
    pub fn sin_cos(self, env: &mut Env) -> Option<(Self, Self)> {
        match angle(env, self) {
            Angle::Special(value) => Some((value, value)),
            Angle::Zero => Some((self, Self::ONE)),
            Angle::OutOfRange => None,
            Angle::Finite(x) => {
                let reduced = reduce(x);
                let sine = reduced.sine(0);
                let sine = finish(env, sine.with_sign(sine.sign != x.sign));
                Some((sine, finish(env, reduced.sine(1))))
            }
        }
    }

    /// FPTAN: the tangent and what is pushed after it, 1 or the same NaN; `None` for operands of 2^63 and more (C2).
    ///
    /// SPEC: intel-sdm-vol2 :: FPTAN—Partial Tangent -> tangent replaces ST(0), then 1.0 is pushed
    pub fn tan(self, env: &mut Env) -> Option<(Self, Self)> {
        match angle(env, self) {
            Angle::Special(value) => Some((value, value)),
            Angle::Zero => Some((self, Self::ONE)),
            Angle::OutOfRange => None,
            Angle::Finite(x) => {
                let reduced = reduce(x);
                let tangent = reduced.sine(0).div(reduced.sine(1));
                Some((finish(env, tangent.with_sign(tangent.sign != x.sign)), Self::ONE))
            }
        }
    }

    /// FPATAN: the angle of the point (x = `self`, `y`)
    ///
    /// SPEC: intel-sdm-vol2 :: FPATAN—Partial Arctangent -> table of results for zeros and infinities; the sign is that of y
    #[must_use]
    pub fn atan(self, env: &mut Env, y: Self) -> Self {
        let (a, b) = (Operand::from(self), Operand::from(y));
        if let Some(special) = special(env, a, b) {
            return special;
        }
        flag_denormals(env, &[a, b]);
        let x = if a.is_infinite() { None } else { a.unpack_wide() };
        let height = if b.is_infinite() { None } else { b.unpack_wide() };
        let magnitude = match (b.is_infinite(), a.is_infinite()) {
            (true, true) if a.sign() => Some(sum(PI_2, PI_4)),
            (true, true) => Some(PI_4),
            (true, false) => Some(PI_2),
            (false, true) => a.sign().then_some(PI),
            (false, false) => match (height, x) {
                (None, _) => a.sign().then_some(PI),
                (Some(_), None) => Some(PI_2),
                (Some(y), Some(x)) => Some(arc(x, y.with_sign(false))),
            },
        };
        match magnitude {
            Some(magnitude) => finish(env, magnitude.with_sign(y.sign())),
            None => Self::zero(y.sign()),
        }
    }
}

/// Angle of a point in the upper half plane.
fn arc(x: Unpacked, y: Unpacked) -> Unpacked {
    let width = x.with_sign(false);
    if y.less_magnitude(width) {
        let t = first_octant(width, y);
        if x.sign { sum(PI, t.negate()) } else { t }
    } else {
        let t = first_octant(y, width);
        sum(PI_2, t.with_sign(!x.sign))
    }
}

/// atan(y / x) for 0 < y <= x
fn first_octant(x: Unpacked, y: Unpacked) -> Unpacked {
    let q = y.div(x);
    if !TAN_PI_8.less_magnitude(q) {
        return series(q);
    }
    // atan(q) = pi/4 - atan((x - y) / (x + y))
    match x.add(y.negate()) {
        Some(difference) => sum(PI_4, series(difference.div(sum(x, y))).negate()),
        None => PI_4,
    }
}

fn series(s: Unpacked) -> Unpacked {
    s.mul(odd_reciprocals(s.mul(s).with_sign(true), ATAN_TERMS))
}
