//! Loads, integers and packed BCD.

use super::{Class, F80, Operand};
use crate::short::Short;
use crate::{Env, Flags, Rounding};

impl F80 {
    /// FILD
    pub fn from_integer(x: i64) -> Self {
        Short::normalized(x < 0, 63, x.unsigned_abs()).map_or(Self::ZERO, Self::from_short)
    }

    /// FLD of single precision: exact, but denormals raise DE and signalling NaNs IE.
    pub fn from_single(env: &mut Env, bits: u32) -> Self {
        load(env, Operand::from_single(bits))
    }

    /// FLD of double precision.
    pub fn from_double(env: &mut Env, bits: u64) -> Self {
        load(env, Operand::from_double(bits))
    }

    /// FIST (by the rounding mode) and FISTTP (`truncate`) to `bits` bits, 16, 32 or 64; the integer indefinite with IE
    /// if the value does not fit.
    ///
    /// SPEC: intel-sdm-vol2 :: FIST/FISTP—Store Integer -> NaN, infinity, unsupported or out of range: invalid, integer indefinite
    pub fn to_integer(self, env: &mut Env, bits: u32, truncate: bool) -> i64 {
        let indefinite = i64::MIN >> (64 - bits);
        let negative = self.sign();
        let limit = (1 << (bits - 1)) - u64::from(!negative);
        let integral = self.integral(env, truncate).filter(|(magnitude, ..)| *magnitude <= limit);
        let Some((magnitude, inexact, up)) = integral else {
            env.raise(Flags::IE);
            return indefinite;
        };
        if inexact {
            env.raise(Flags::PE);
        }
        env.rounded_up = up;
        if negative { (magnitude as i64).wrapping_neg() } else { magnitude as i64 }
    }

    /// Rounded magnitude, whether that is inexact, and whether it grew; `None` if it is no number below 2^64.
    #[inline]
    fn integral(self, env: &Env, truncate: bool) -> Option<(u64, bool, bool)> {
        if matches!(self.class(), Class::Nan | Class::Infinity | Class::Unsupported) {
            return None;
        }
        let rounding = if truncate { Rounding::Zero } else { env.rounding };
        self.unpack().map_or(Some((0, false, false)), |value| value.to_integral(rounding))
    }

    /// FBLD: 18 digits, lowest byte first, sign in the highest bit.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.7 BCD and Packed BCD Integers -> sign in bit 79, 18 digits in bits 71:0
    pub fn from_bcd(bytes: [u8; 10]) -> Self {
        let digits = bytes.iter().take(9).rev();
        // Digits above 9 are undefined; they count with their binary value.
        let magnitude = digits.fold(0u64, |sum, byte| {
            let pair = u64::from(byte >> 4) * 10 + u64::from(byte & 15);
            sum.wrapping_mul(100).wrapping_add(pair)
        });
        let negative = bytes[9] & 0x80 != 0;
        Short::normalized(negative, 63, magnitude).map_or(Self::zero(negative), Self::from_short)
    }

    /// FBSTP; the packed BCD indefinite with IE if the value does not fit.
    ///
    /// SPEC: intel-sdm-vol2 :: FBSTP—Store BCD Integer and Pop -> rounded by RC; more than 18 digits, NaN or infinity: packed BCD indefinite
    pub fn to_bcd(self, env: &mut Env) -> [u8; 10] {
        const INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];
        let value = self.integral(env, false).filter(|(magnitude, ..)| *magnitude < 10u64.pow(18));
        let Some((magnitude, inexact, up)) = value else {
            env.raise(Flags::IE);
            return INDEFINITE;
        };
        if inexact {
            env.raise(Flags::PE);
        }
        env.rounded_up = up;
        let mut rest = magnitude;
        let mut bytes = [0; 10];
        for byte in bytes.iter_mut().take(9) {
            let pair = (rest % 100) as u8;
            *byte = ((pair / 10) << 4) | (pair % 10);
            rest /= 100;
        }
        bytes[9] = u8::from(self.sign()) << 7;
        bytes
    }
}

fn load(env: &mut Env, x: Operand) -> F80 {
    if x.denormal {
        env.raise(Flags::DE);
    }
    if x.value.is_snan() {
        env.raise(Flags::IE);
        return x.value.quieted();
    }
    x.value
}
