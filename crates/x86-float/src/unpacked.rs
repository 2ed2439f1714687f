//! The integer core: finite non-zero numbers with a 128-bit significand, and rounding.
//!
//! Bits that fall off the low end are or-ed into bit 0 ("jammed"), which keeps rounding to at most 125 bits exact as long
//! as the operands are (the usual guard-and-sticky argument). The transcendental functions use the same operations as a
//! 126-bit floating-point arithmetic.

use crate::Rounding;

/// `(-1)^sign * sig / 2^127 * 2^exp`; bit 127 of `sig` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    pub(crate) sign: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u128,
}

/// `sig` shifted right, bits lost kept as a sticky bit 0.
#[inline]
pub(crate) const fn shift_right_jam(sig: u128, by: u32) -> u128 {
    match by {
        0 => sig,
        1..=127 => sig >> by | (sig << (128 - by) != 0) as u128,
        _ => (sig != 0) as u128,
    }
}

/// A significand rounded to some precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounded {
    /// Exponent of bit 63 of `sig`
    pub(crate) exp: i32,
    /// Left-justified significand
    pub(crate) sig: u64,
    /// Bits were lost
    pub(crate) inexact: bool,
    /// The magnitude grew
    pub(crate) up: bool,
}

/// Rounds `sig` (not necessarily normalised) to its `precision` (1 to 64) highest bits.
fn round_bits(sign: bool, exp: i32, sig: u128, precision: u32, rounding: Rounding) -> Rounded {
    let unit = 1u128 << (128 - precision);
    let low = sig & (unit - 1);
    let up = match rounding {
        Rounding::NearestEven => low > unit / 2 || (low == unit / 2 && sig & unit != 0),
        Rounding::Down => sign && low != 0,
        Rounding::Up => !sign && low != 0,
        Rounding::Zero => false,
    };
    let kept = sig - low;
    let inexact = low != 0;
    match kept.checked_add(if up { unit } else { 0 }) {
        Some(sum) => Rounded { exp, sig: (sum >> 64) as u64, inexact, up },
        None => Rounded { exp: exp + 1, sig: 1 << 63, inexact, up },
    }
}

impl Unpacked {
    /// `sig * 2^(exp - 127)` with any `sig`; `None` for zero.
    #[inline]
    pub(crate) const fn normalized(sign: bool, exp: i32, sig: u128) -> Option<Self> {
        if sig == 0 {
            return None;
        }
        let shift = sig.leading_zeros();
        Some(Self { sign, exp: exp - shift as i32, sig: sig << shift })
    }

    /// An integer; `None` for zero.
    pub(crate) const fn from_integer(sign: bool, magnitude: u128) -> Option<Self> {
        Self::normalized(sign, 127, magnitude)
    }

    /// A constant of the mathematical functions.
    pub(crate) const fn constant(exp: i32, sig: u128) -> Self {
        Self { sign: false, exp, sig }
    }

    pub(crate) const ONE: Self = Self::constant(0, 1 << 127);

    pub(crate) const fn negate(self) -> Self {
        Self { sign: !self.sign, ..self }
    }

    pub(crate) const fn with_sign(self, sign: bool) -> Self {
        Self { sign, ..self }
    }

    /// Times `2^n`.
    pub(crate) const fn scale(self, n: i32) -> Self {
        Self { exp: self.exp + n, ..self }
    }

    /// Whether `|self| < |other|`.
    pub(crate) const fn less_magnitude(self, other: Self) -> bool {
        self.exp < other.exp || (self.exp == other.exp && self.sig < other.sig)
    }

    /// Rounds to `precision` bits as if the exponent had no bounds.
    pub(crate) fn round(self, precision: u32, rounding: Rounding) -> Rounded {
        round_bits(self.sign, self.exp, self.sig, precision, rounding)
    }

    /// Rounds to the grid of numbers whose least exponent is `emin`. Bit 63 of the result is clear for a denormal.
    pub(crate) fn round_denormal(self, precision: u32, emin: i32, rounding: Rounding) -> Rounded {
        let sig = shift_right_jam(self.sig, emin.saturating_sub(self.exp).max(0) as u32);
        round_bits(self.sign, self.exp.max(emin), sig, precision, rounding)
    }

    /// Sum; `None` for an exact zero.
    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let (big, small) = if self.less_magnitude(other) { (other, self) } else { (self, other) };
        let distance = (big.exp - small.exp) as u32;
        if self.sign == other.sign {
            // One bit of headroom for the carry.
            let sum = shift_right_jam(big.sig, 1) + shift_right_jam(small.sig, distance.saturating_add(1));
            Self::normalized(big.sign, big.exp + 1, sum)
        } else {
            Self::normalized(big.sign, big.exp, big.sig - shift_right_jam(small.sig, distance))
        }
    }

    /// Product: exact for significands of up to 64 bits.
    pub(crate) fn mul(self, other: Self) -> Self {
        let sign = self.sign != other.sign;
        let (a1, a0) = ((self.sig >> 64) as u64 as u128, self.sig as u64 as u128);
        let (b1, b0) = ((other.sig >> 64) as u64 as u128, other.sig as u64 as u128);
        let high = a1 * b1;
        let sig = if a0 | b0 == 0 {
            high
        } else {
            let (m1, m2, low) = (a1 * b0, a0 * b1, a0 * b0);
            let middle = (low >> 64) + (m1 as u64 as u128) + (m2 as u64 as u128);
            let dropped = (low as u64 | middle as u64) != 0;
            (high + (m1 >> 64) + (m2 >> 64) + (middle >> 64)) | dropped as u128
        };
        // The product of significands in [1, 2) lies in [1, 4): bit 127 or bit 126 leads.
        let exp = self.exp + other.exp + 1;
        let shift = sig.leading_zeros();
        Self { sign, exp: exp - shift as i32, sig: sig << shift }
    }

    /// Quotient: correctly jammed if the divisor has up to 64 bits, else within 2^-125 of it.
    pub(crate) fn div(self, other: Self) -> Self {
        if other.sig as u64 != 0 {
            return self.mul(other.reciprocal());
        }
        let sign = self.sign != other.sign;
        let divisor = other.sig >> 64;
        let half = self.sig >> 1;
        let (q1, r1) = (half / divisor, half % divisor);
        let next = r1 << 64 | (self.sig & 1) << 63;
        let (q0, r0) = (next / divisor, next % divisor);
        let sig = q1 << 64 | q0 | (r0 != 0) as u128;
        let shift = sig.leading_zeros();
        Self { sign, exp: self.exp - other.exp - shift as i32, sig: sig << shift }
    }

    /// 1 / self to about 126 bits: one Newton step from a 64-bit approximation.
    fn reciprocal(self) -> Self {
        let coarse = Self { sig: self.sig >> 64 << 64, ..self };
        let x = Self::ONE.div(coarse);
        // x * (2 - self * x)
        match Self::ONE.scale(1).add(self.mul(x).negate()) {
            Some(correction) => x.mul(correction),
            None => x,
        }
    }

    /// Square root of a positive number of up to 64 bits, correctly jammed.
    pub(crate) fn sqrt(self) -> Self {
        // sig / 2^127 * 2^exp: make the exponent even and the radicand a 128-bit integer.
        let (radicand, exp) =
            if self.exp & 1 == 0 { (self.sig >> 1, self.exp) } else { (self.sig, self.exp - 1) };
        let root = radicand.isqrt();
        let rest = radicand - root * root;
        // The fraction of the root is above one half exactly if rest > root.
        let sig = root << 64 | ((rest > root) as u128) << 63 | (rest != 0) as u128;
        Self { sign: false, exp: exp / 2, sig }
    }

    /// Rounds to an integer: magnitude (saturated far beyond 64 bits), whether inexact, whether rounded up. The
    /// significand has up to 64 bits.
    pub(crate) fn to_integral(self, rounding: Rounding) -> (u128, bool, bool) {
        if self.exp >= 100 {
            return (u128::MAX, false, false);
        }
        if self.exp > 63 {
            return (self.sig >> (127 - self.exp), false, false);
        }
        // The integers are the grid of a format with least exponent 63 and 64 bits of precision.
        let rounded = self.round_denormal(64, 63, rounding);
        let magnitude = if rounded.exp > 63 { 1 << 64 } else { rounded.sig as u128 };
        (magnitude, rounded.inexact, rounded.up)
    }
}
