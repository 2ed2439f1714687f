//! The integer core: finite non-zero numbers with a 128-bit significand, and rounding.
//!
//! Bits that fall off the low end are or-ed into bit 0 ("jammed"), which keeps rounding to at most 125 bits exact as long
//! as the operands are (the usual guard-and-sticky argument). The transcendental functions use the same operations as a
//! 126-bit floating-point arithmetic.

use crate::Rounding;
use crate::short::{Short, product};

/// `(-1)^sign * sig / 2^127 * 2^exp`; bit 127 of `sig` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    pub(crate) sign: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u128,
}

#[inline(always)]
pub(crate) const fn join(high: u64, low: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

/// `sig` shifted right, bits lost kept as a sticky bit 0. By halves: shifts of 128 bits are calls on some targets.
#[inline]
pub(crate) const fn shift_right_jam(sig: u128, by: u32) -> u128 {
    let (high, low) = ((sig >> 64) as u64, sig as u64);
    match by {
        0 => sig,
        1..=63 => join(high >> by, low >> by | high << (64 - by)) | (low << (64 - by) != 0) as u128,
        64 => high as u128 | (low != 0) as u128,
        65..=127 => (high >> (by - 64)) as u128 | (low != 0 || high << (128 - by) != 0) as u128,
        _ => (sig != 0) as u128,
    }
}

/// `sig` shifted left until bit 127 is set, and by how much. It is not 0.
#[inline]
pub(crate) const fn justified(sig: u128) -> (u128, u32) {
    let (high, low) = ((sig >> 64) as u64, sig as u64);
    if high == 0 {
        let by = low.leading_zeros();
        return (join(low << (by & 63), 0), 64 + by);
    }
    match high.leading_zeros() {
        0 => (sig, 0),
        by => (join(high << by | low >> (64 - by), low << by), by),
    }
}

/// Quotient and remainder of `high * 2^64 + low` and a divisor with bit 63 set that is greater than `high`: by two
/// halves of 32 bits. (D. Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.)
const fn divide(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    const HALF: u64 = u32::MAX as u64;
    let (d1, d0) = (divisor >> 32, divisor & HALF);
    let (mut rest, mut quotient) = (high, 0);
    let halves = [low >> 32, low & HALF];
    let mut n = 0;
    while n < 2 {
        let (mut q, mut r) = (rest / d1, rest % d1);
        while q > HALF || q * d0 > (r << 32 | halves[n]) {
            q -= 1;
            r += d1;
            if r > HALF {
                break;
            }
        }
        rest = (rest << 32 | halves[n]).wrapping_sub(q.wrapping_mul(divisor));
        quotient = quotient << 32 | q;
        n += 1;
    }
    (quotient, rest)
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
#[inline(always)]
pub(crate) const fn round_bits(
    sign: bool,
    exp: i32,
    sig: u128,
    precision: u32,
    rounding: Rounding,
) -> Rounded {
    let (high, low) = ((sig >> 64) as u64, sig as u64);
    // What is rounded off, as a fraction of the last place kept: its highest bits, and whether there is more.
    let (unit, rest) = match precision {
        64 => (1, low),
        _ => (1 << (64 - precision), high << precision | (low != 0) as u64),
    };
    let kept = high & !(unit - 1);
    let inexact = rest != 0;
    let up = match rounding {
        Rounding::NearestEven => rest > 1 << 63 || rest == 1 << 63 && kept & unit != 0,
        Rounding::Down => sign && inexact,
        Rounding::Up => !sign && inexact,
        Rounding::Zero => false,
    };
    let (sum, carried) = kept.overflowing_add(if up { unit } else { 0 });
    let (sig, exp) = if carried { (1 << 63, exp + 1) } else { (sum, exp) };
    Rounded { exp, sig, inexact, up }
}

impl Unpacked {
    /// `sig * 2^(exp - 127)` with any `sig`; `None` for zero.
    #[inline]
    pub(crate) const fn normalized(sign: bool, exp: i32, sig: u128) -> Option<Self> {
        if sig == 0 {
            return None;
        }
        let (sig, shift) = justified(sig);
        Some(Self { sign, exp: exp - shift as i32, sig })
    }

    /// Returns an integer; `None` for zero.
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

    /// Returns whether `|self| < |other|`.
    pub(crate) const fn less_magnitude(self, other: Self) -> bool {
        self.exp < other.exp || (self.exp == other.exp && self.sig < other.sig)
    }

    /// Rounds to `precision` bits as if the exponent had no bounds.
    #[inline(never)]
    pub(crate) fn round(self, precision: u32, rounding: Rounding) -> Rounded {
        round_bits(self.sign, self.exp, self.sig, precision, rounding)
    }

    /// Rounds to the grid of numbers with the least exponent `emin`. Bit 63 of the result is clear for a denormal.
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
    pub(crate) const fn mul(self, other: Self) -> Self {
        let sign = self.sign != other.sign;
        let (a1, a0) = ((self.sig >> 64) as u64, self.sig as u64);
        let (b1, b0) = ((other.sig >> 64) as u64, other.sig as u64);
        let (h, l) = product(a1, b1);
        let sig = if a0 | b0 == 0 {
            join(h, l)
        } else {
            let ((m1, x), (m2, y), (z, low)) = (product(a1, b0), product(a0, b1), product(a0, b0));
            let middle = x as u128 + y as u128 + z as u128;
            let dropped = (low | middle as u64) != 0;
            (join(h, l) + m1 as u128 + m2 as u128 + (middle >> 64)) | dropped as u128
        };
        // The product of significands in [1, 2) lies in [1, 4): bit 127 or bit 126 leads.
        let exp = self.exp + other.exp + 1;
        if sig >> 127 == 0 { Self { sign, exp: exp - 1, sig: sig << 1 } } else { Self { sign, exp, sig } }
    }

    /// Quotient: correctly jammed if the divisor has up to 64 bits, else within 2^-125 of it.
    pub(crate) fn div(self, other: Self) -> Self {
        if other.sig as u64 != 0 {
            return self.mul(other.reciprocal());
        }
        let sign = self.sign != other.sign;
        let divisor = (other.sig >> 64) as u64;
        let half = self.sig >> 1;
        let (q1, r1) = divide((half >> 64) as u64, half as u64, divisor);
        let (q0, r0) = divide(r1, (self.sig as u64 & 1) << 63, divisor);
        let (sig, shift) = justified(join(q1, q0) | (r0 != 0) as u128);
        Self { sign, exp: self.exp - other.exp - shift as i32, sig }
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

    /// Returns the same without the lower half of the significand, which is 0.
    #[inline(always)]
    pub(crate) const fn short(self) -> Short {
        Short { sign: self.sign, exp: self.exp, sig: (self.sig >> 64) as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_and_quotients_by_halves_are_those_of_whole_numbers() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u128;
        for n in 0..20_000_u32 {
            state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(n.into());
            let sig = state >> (n % 127);
            for by in [0, 1, 31, 63, 64, 65, 127, 128, 200] {
                let lost = by != 0 && sig.checked_shl(128_u32.saturating_sub(by)).unwrap_or(sig) != 0;
                assert_eq!(
                    shift_right_jam(sig, by),
                    sig.checked_shr(by).unwrap_or(0) | u128::from(lost),
                    "{sig:x} {by}"
                );
            }
            if sig != 0 {
                assert_eq!(justified(sig), (sig << sig.leading_zeros(), sig.leading_zeros()));
            }
            let divisor = (state >> 13) as u64 | 1 << 63;
            let high = ((state >> 64) as u64 | u64::from(n % 3 == 0) << 63) % divisor;
            let whole = join(high, sig as u64);
            let (q, r) = divide(high, sig as u64, divisor);
            assert_eq!(
                (u128::from(q), u128::from(r)),
                (whole / u128::from(divisor), whole % u128::from(divisor))
            );
        }
        let (q, r) = divide(u64::MAX - 1, u64::MAX, u64::MAX);
        assert_eq!((q, r), (u64::MAX, u64::MAX - 1));
    }
}
