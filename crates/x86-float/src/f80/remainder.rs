//! FPREM and FPREM1.

use super::{F80, Operand, finish, flag_denormals, invalid, special};
use crate::Env;
use crate::unpacked::Unpacked;

/// What FPREM and FPREM1 give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// The remainder, or the partially reduced dividend
    pub value: F80,
    /// Low three bits of the quotient (0 while the reduction is incomplete)
    pub quotient: u8,
    /// The reduction is incomplete (C2)
    pub partial: bool,
}

impl F80 {
    /// FPREM (quotient truncated) or FPREM1 (`nearest`: quotient rounded to nearest even)
    ///
    /// SPEC: intel-sdm-vol2 :: FPREM—Partial Remainder -> exact; exponents that differ by 64 or more are reduced by 32 to 63 and C2 is set
    /// SPEC: intel-sdm-vol2 :: FPREM1—Partial Remainder -> the same with the quotient rounded to nearest
    #[must_use]
    pub fn remainder(self, env: &mut Env, divisor: Self, nearest: bool) -> Remainder {
        let whole = |value| Remainder { value, quotient: 0, partial: false };
        let (a, b) = (Operand::from(self), Operand::from(divisor));
        if let Some(special) = special(env, a, b) {
            return whole(special);
        }
        if a.is_infinite() || b.is_zero() {
            return whole(invalid(env));
        }
        flag_denormals(env, &[a, b]);
        match (a.unpack_wide(), b.unpack_wide()) {
            (Some(x), Some(_)) if b.is_infinite() => whole(finish(env, x)),
            (Some(x), Some(y)) => reduce(env, x, y, nearest),
            _ => whole(self),
        }
    }
}

fn reduce(env: &mut Env, a: Unpacked, b: Unpacked, nearest: bool) -> Remainder {
    let distance = a.exp - b.exp;
    if distance < -1 || (distance < 0 && !nearest) {
        return Remainder { value: finish(env, a), quotient: 0, partial: false };
    }
    let (x, y) = (a.sig >> 64, b.sig >> 64);
    if distance >= 64 {
        let by = distance & 31 | 32;
        let rest = (x << by) % y;
        let value = Unpacked::normalized(a.sign, a.exp - by, rest << 64);
        let value = value.map_or(F80::zero(a.sign), |value| finish(env, value));
        return Remainder { value, quotient: 0, partial: true };
    }
    // Both in units of the lesser exponent's last place.
    let (x, y, exp) = if distance < 0 { (x, y << 1, a.exp) } else { (x << distance, y, b.exp) };
    let (mut quotient, mut rest, mut sign) = ((x / y) as u8, x % y, a.sign);
    if nearest && (2 * rest > y || (2 * rest == y && quotient & 1 != 0)) {
        rest = y - rest;
        sign = !sign;
        quotient = quotient.wrapping_add(1);
    }
    let value = Unpacked::normalized(sign, exp, rest << 64);
    let value = value.map_or(F80::zero(a.sign), |value| finish(env, value));
    Remainder { value, quotient: quotient & 7, partial: false }
}
