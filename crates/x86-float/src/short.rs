//! Arithmetic on numbers of up to 64 bits, which all operands of the x87 are, and the roots of narrower ones. What it gives
//! is for one rounding to at most 64 bits: bits that were lost are jammed into bit 0 of the significand's low half.
//!
//! All of it goes by halves of 64 bits: WebAssembly has neither products nor shifts of 128.

use crate::Rounding;
use crate::unpacked::{Unpacked, join, justified, round_bits};

/// The weight of one half in what follows the units.
const HALF: u64 = 1 << 63;

/// A finite number that is not zero: `(-1)^sign * sig / 2^63 * 2^exp`; bit 63 of `sig` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) sign: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u64,
}

/// Returns the product of two halves, high half first, of four products of 32 bits.
#[inline(always)]
const fn product_by_parts(a: u64, b: u64) -> (u64, u64) {
    const LOW: u64 = u32::MAX as u64;
    let (a1, a0, b1, b0) = (a >> 32, a & LOW, b >> 32, b & LOW);
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> 32);
    let middle = a0 * b1 + (cross & LOW);
    (a1 * b1 + (cross >> 32) + (middle >> 32), middle << 32 | low & LOW)
}

/// Returns the product of two halves, high half first.
#[inline(always)]
pub(crate) const fn product(a: u64, b: u64) -> (u64, u64) {
    if cfg!(target_family = "wasm") {
        product_by_parts(a, b)
    } else {
        let whole = a as u128 * b as u128;
        ((whole >> 64) as u64, whole as u64)
    }
}

/// Returns the next 32 bits of a quotient, and what is left: of `rest * 2^32 + next` by a divisor with bit 63 set that
/// is greater than `rest`. `inverse` is about `2^33 / divisor`.
///
/// The estimate is within 2^-18 of the quotient, and made less than it by more than that: it is the digit or one less.
#[inline(always)]
fn digit(rest: u64, next: u64, divisor: u64, inverse: f64) -> (u64, u64) {
    const LOW: u64 = u32::MAX as u64;
    let estimate = ((rest >> 1) as i64 as f64 * inverse - 1.0 / 65536.0) as i64 as u64;
    let low = estimate * (divisor & LOW);
    let high = estimate * (divisor >> 32) + (low >> 32);
    let (left, borrow) = (rest << 32 | next).overflowing_sub(high << 32 | low & LOW);
    if rest >> 32 != (high >> 32) + borrow as u64 || left >= divisor {
        (estimate + 1, left.wrapping_sub(divisor))
    } else {
        (estimate, left)
    }
}

/// Returns the guard and sticky bits of a rounding: whether the discarded part is at least one half, and whether it is
/// nonzero.
#[inline(always)]
const fn low_half(at_least_half: bool, more: bool) -> u64 {
    (at_least_half as u64) << 63 | more as u64
}

impl Short {
    /// `sig * 2^(exp - 63)` with any `sig`; `None` for zero.
    #[inline(always)]
    pub(crate) const fn normalized(sign: bool, exp: i32, sig: u64) -> Option<Self> {
        if sig == 0 {
            return None;
        }
        let shift = sig.leading_zeros();
        Some(Self { sign, exp: exp - shift as i32, sig: sig << shift })
    }

    #[inline(always)]
    pub(crate) const fn with_sign(self, sign: bool) -> Self {
        Self { sign, ..self }
    }

    /// With a significand of 128 bits.
    #[inline(always)]
    pub(crate) const fn wide(self) -> Unpacked {
        Unpacked { sign: self.sign, exp: self.exp, sig: join(self.sig, 0) }
    }

    /// Sum; `None` for an exact zero.
    #[inline(always)]
    pub(crate) const fn add(self, other: Self) -> Option<Unpacked> {
        let swap = self.exp < other.exp || self.exp == other.exp && self.sig < other.sig;
        let (big, small) = if swap { (other, self) } else { (self, other) };
        let distance = (big.exp - small.exp) as u32;
        let (high, low) = match distance {
            0..=63 => (small.sig >> distance, small.sig << (63 - distance) << 1),
            64 => (0, small.sig),
            65 => (0, small.sig >> 1 | small.sig & 1),
            // Less than half of a last place, even after the shift by one that a borrow may make needful.
            _ => (0, 1),
        };
        let sign = big.sign;
        if self.sign == other.sign {
            let (sum, carry) = big.sig.overflowing_add(high);
            return Some(if carry {
                let sig = join(HALF | sum >> 1, sum << 63 | low >> 1 | low & 1);
                Unpacked { sign, exp: big.exp + 1, sig }
            } else {
                Unpacked { sign, exp: big.exp, sig: join(sum, low) }
            });
        }
        let difference = big.sig - high - (low != 0) as u64;
        let low = low.wrapping_neg();
        if difference & HALF != 0 {
            return Some(Unpacked { sign, exp: big.exp, sig: join(difference, low) });
        }
        if difference == 0 && low == 0 {
            return None;
        }
        let (sig, shift) = justified(join(difference, low));
        Some(Unpacked { sign, exp: big.exp - shift as i32, sig })
    }

    /// Product: exact.
    #[inline(always)]
    pub(crate) const fn mul(self, other: Self) -> Unpacked {
        let sign = self.sign != other.sign;
        let (high, low) = product(self.sig, other.sig);
        // The product of significands in [1, 2) lies in [1, 4): bit 127 or bit 126 leads.
        let exp = self.exp + other.exp;
        if high & HALF == 0 {
            Unpacked { sign, exp, sig: join(high << 1 | low >> 63, low << 1) }
        } else {
            Unpacked { sign, exp: exp + 1, sig: join(high, low) }
        }
    }

    /// Quotient.
    #[inline(always)]
    pub(crate) fn div(self, other: Self) -> Unpacked {
        let sign = self.sign != other.sign;
        let less = self.sig < other.sig;
        // A dividend that makes 64 bits of quotient: its high half is less than the divisor.
        let (rest, next) = if less { (self.sig, 0) } else { (self.sig >> 1, self.sig << 63 >> 32) };
        let inverse = 4_294_967_296.0 / (other.sig >> 1) as i64 as f64;
        let (high, rest) = digit(rest, next, other.sig, inverse);
        let (low, rest) = digit(rest, 0, other.sig, inverse);
        let low_half = low_half(rest >= other.sig - rest, rest != 0 && rest != other.sig - rest);
        let exp = self.exp - other.exp - less as i32;
        Unpacked { sign, exp, sig: join(high << 32 | low, low_half) }
    }

    /// Square root of a positive number.
    pub(crate) fn sqrt(self) -> Unpacked {
        // sig / 2^63 * 2^exp: make the exponent even and the radicand a 128-bit integer.
        let even = self.exp & 1 == 0;
        let (high, low) = if even { (self.sig >> 1, self.sig << 63) } else { (self.sig, 0) };
        // The estimate is within 2^12 of the root, and made less than it.
        let scale = if even { 4_611_686_018_427_387_904.0 } else { 9_223_372_036_854_775_808.0 };
        let near = ((self.sig >> 1) as i64 as f64 * scale).sqrt();
        let root = ((near as i64 as u64) << 1).wrapping_sub(1 << 13);
        let (h, l) = product(root, root);
        let (left, borrow) = low.overflowing_sub(l);
        let above = high.wrapping_sub(h).wrapping_sub(borrow as u64);
        // One step of Newton's; what is missing is below 2^14, and the step gives it or one less.
        let step = (above << 47 | left >> 17) as i64 as f64 * 32_768.0 / near - 1.0 / 1024.0;
        let root = root.wrapping_add(step as i64 as u64);
        let (h, l) = product(root, root);
        let (left, borrow) = low.overflowing_sub(l);
        let above = high.wrapping_sub(h).wrapping_sub(borrow as u64);
        // More than twice the root is left where the root is one too small.
        let twice = (root >> 63, root << 1);
        let (root, left, above) = if above > twice.0 || above == twice.0 && left > twice.1 {
            let (left, borrow) = left.overflowing_sub(twice.1 | 1);
            (root + 1, left, above.wrapping_sub(twice.0 + borrow as u64))
        } else {
            (root, left, above)
        };
        // The fraction of the root is above one half exactly if what is left is greater than the root.
        let low_half = low_half(above != 0 || left > root, above != 0 || left != 0);
        Unpacked { sign: false, exp: (self.exp - !even as i32) / 2, sig: join(root, low_half) }
    }

    /// Rounds to an integer: magnitude, whether inexact, whether rounded up. `None` for magnitudes of 2^64 and more.
    #[inline(always)]
    pub(crate) const fn to_integral(self, rounding: Rounding) -> Option<(u64, bool, bool)> {
        let (high, low) = match self.exp {
            0..=63 => (self.sig >> (63 - self.exp), self.sig << self.exp << 1),
            64.. => return None,
            -1 => (0, self.sig),
            _ => (0, 1),
        };
        let rounded = round_bits(self.sign, 0, join(high, low), 64, rounding);
        // A carry makes 2^64.
        if rounded.exp == 0 { Some((rounded.sig, rounded.inexact, rounded.up)) } else { None }
    }
}

#[cfg(test)]
mod tests;
