//! Half, single and double precision as SSE, AVX, FMA3 and F16C compute: `u16`, `u32` and `u64` are the formats.

mod arith;
mod compare;
mod convert;

pub use arith::{FmaSigns, add, div, fma, mul, sqrt, sub};
pub use compare::{Relation, compare, max, min, predicate};
pub use convert::{
    Truncation, double_to_single, from_i32, from_i64, half_to_single, round_to_integral, single_to_double,
    single_to_half, to_i32, to_i64,
};

use crate::unpacked::{Rounded, Unpacked};
use crate::{Env, Flags, Rounding};

/// A binary interchange format, by its bits.
///
/// SPEC: intel-sdm-vol1 :: 4.2.2 Floating-Point Data Types -> precision and exponent range of half, single and double precision
pub trait Float: Copy + Eq + Into<u64> + private::Sealed {
    /// Bits of precision, the implied one included
    const PRECISION: u32;
    /// Largest exponent of a finite number; it is also the bias
    const EMAX: i32;
    /// Least exponent of a normal number
    const EMIN: i32 = 1 - Self::EMAX;
    /// Bits of the stored fraction
    const FRACTION_BITS: u32 = Self::PRECISION - 1;
    /// Stored fraction
    const FRACTION: u64 = (1 << Self::FRACTION_BITS) - 1;
    /// The bit that is set in quiet NaNs and clear in signaling ones
    const QUIET: u64 = 1 << (Self::FRACTION_BITS - 1);
    /// Largest exponent field: infinities and NaNs
    const EXP_MAX: u64 = 2 * Self::EMAX as u64 + 1;
    /// The sign bit
    const SIGN: u64 = (Self::EXP_MAX + 1) << Self::FRACTION_BITS;

    /// The low bits of `bits`
    fn from_bits(bits: u64) -> Self;

    /// Exponent field
    #[inline(always)]
    fn exponent_field(self) -> u64 {
        self.into() >> Self::FRACTION_BITS & Self::EXP_MAX
    }
    /// Fraction field
    #[inline(always)]
    fn fraction(self) -> u64 {
        self.into() & Self::FRACTION
    }
    /// Sign bit
    #[inline(always)]
    fn sign(self) -> bool {
        self.into() & Self::SIGN != 0
    }
    /// Neither zero, denormal, infinity nor NaN
    #[inline(always)]
    fn is_normal(self) -> bool {
        self.exponent_field().wrapping_sub(1) < Self::EXP_MAX - 1
    }
    /// Positive or negative zero
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.into() & !Self::SIGN == 0
    }
    /// Quiet or signalling NaN
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.into() & !Self::SIGN > Self::EXP_MAX << Self::FRACTION_BITS
    }
    /// Signalling NaN
    #[inline(always)]
    fn is_snan(self) -> bool {
        self.is_nan() && self.into() & Self::QUIET == 0
    }
    /// Positive or negative infinity
    #[inline(always)]
    fn is_infinite(self) -> bool {
        self.into() & !Self::SIGN == Self::EXP_MAX << Self::FRACTION_BITS
    }
    /// Non-zero with an exponent field of 0
    #[inline(always)]
    fn is_denormal(self) -> bool {
        self.exponent_field() == 0 && self.fraction() != 0
    }
    /// A NaN made quiet
    #[inline(always)]
    fn quieted(self) -> Self {
        Self::from_bits(self.into() | Self::QUIET)
    }
    /// Zero of a sign
    #[inline(always)]
    fn zero(sign: bool) -> Self {
        Self::from_bits(if sign { Self::SIGN } else { 0 })
    }
    /// Infinity of a sign
    #[inline(always)]
    fn infinity(sign: bool) -> Self {
        Self::from_bits(Self::EXP_MAX << Self::FRACTION_BITS | if sign { Self::SIGN } else { 0 })
    }
    /// The NaN that masked invalid operations give.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.8.3.7 QNaN Floating-Point Indefinite -> negative quiet NaN with an otherwise empty fraction
    #[inline(always)]
    fn indefinite() -> Self {
        Self::from_bits(Self::SIGN | Self::EXP_MAX << Self::FRACTION_BITS | Self::QUIET)
    }
}

/// A format that the host computes with.
pub trait HostFloat: Float {
    /// Host sum
    fn host_add(self, other: Self) -> Self;
    /// Host difference
    fn host_sub(self, other: Self) -> Self;
    /// Host product
    fn host_mul(self, other: Self) -> Self;
    /// Host quotient
    fn host_div(self, other: Self) -> Self;
    /// Host square root
    fn host_sqrt(self) -> Self;
}

mod private {
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

macro_rules! format {
    ($bits:ty, $precision:literal, $emax:literal) => {
        impl Float for $bits {
            const PRECISION: u32 = $precision;
            const EMAX: i32 = $emax;
            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }
        }
    };
}
format!(u16, 11, 15);
format!(u32, 24, 127);
format!(u64, 53, 1023);

macro_rules! host {
    ($bits:ty, $float:ty) => {
        impl HostFloat for $bits {
            #[inline(always)]
            fn host_add(self, other: Self) -> Self {
                (<$float>::from_bits(self) + <$float>::from_bits(other)).to_bits()
            }
            #[inline(always)]
            fn host_sub(self, other: Self) -> Self {
                (<$float>::from_bits(self) - <$float>::from_bits(other)).to_bits()
            }
            #[inline(always)]
            fn host_mul(self, other: Self) -> Self {
                (<$float>::from_bits(self) * <$float>::from_bits(other)).to_bits()
            }
            #[inline(always)]
            fn host_div(self, other: Self) -> Self {
                (<$float>::from_bits(self) / <$float>::from_bits(other)).to_bits()
            }
            #[inline(always)]
            fn host_sqrt(self) -> Self {
                <$float>::from_bits(self).sqrt().to_bits()
            }
        }
    };
}
host!(u32, f32);
host!(u64, f64);

/// Returns the value of a finite number; `None` for zero.
pub(crate) fn unpack<T: Float>(x: T) -> Option<Unpacked> {
    let (field, fraction) = (x.exponent_field(), x.fraction());
    let (exp, significand) = match field {
        0 => (T::EMIN, fraction),
        _ => (field as i32 - T::EMAX, fraction | (T::FRACTION + 1)),
    };
    Unpacked::normalized(x.sign(), exp, (significand as u128) << (128 - T::PRECISION))
}

/// Puts rounded bits of the format's range into the format.
fn pack<T: Float>(sign: bool, rounded: Rounded) -> T {
    let significand = rounded.sig >> (64 - T::PRECISION);
    let field = if significand > T::FRACTION { (rounded.exp + T::EMAX) as u64 } else { 0 };
    T::from_bits(if sign { T::SIGN } else { 0 } | field << T::FRACTION_BITS | significand & T::FRACTION)
}

/// Rounds a result to the format with the masked responses to overflow and underflow.
///
/// SPEC: intel-sdm-vol1 :: 4.9.1.4 Numeric Overflow Exception (#O) -> infinity or the largest number by rounding mode and sign
/// SPEC: intel-sdm-vol1 :: 4.9.1.5 Numeric Underflow Exception (#U) -> tininess is detected after rounding; masked, UE needs inexactness too; unmasked, tininess alone
/// SPEC: intel-sdm-vol1 :: 10.2.3.3 Flush-To-Zero -> with underflow masked a tiny result becomes a zero of its sign, UE and PE set
pub(crate) fn finish<T: Float>(env: &mut Env, value: Unpacked) -> T {
    if env.aborted() {
        return T::zero(value.sign);
    }
    let free = value.round(T::PRECISION, env.rounding);
    if free.exp > T::EMAX {
        return overflow(env, value.sign, free);
    }
    let masked = env.masks.contains(Flags::UE);
    if free.exp < T::EMIN && masked && env.ftz {
        env.raise(Flags::UE | Flags::PE);
        env.rounded_up = false;
        return T::zero(value.sign);
    }
    let bounded =
        if value.exp < T::EMIN { value.round_denormal(T::PRECISION, T::EMIN, env.rounding) } else { free };
    if free.exp < T::EMIN && (bounded.inexact || !masked) {
        env.raise(Flags::UE);
    }
    if bounded.inexact {
        env.raise(Flags::PE);
    }
    env.rounded_up = bounded.up;
    pack(value.sign, bounded)
}

fn overflow<T: Float>(env: &mut Env, sign: bool, free: Rounded) -> T {
    let masked = env.masks.contains(Flags::OE);
    env.raise(Flags::OE);
    if masked || free.inexact {
        env.raise(Flags::PE);
    }
    let to_infinity = match env.rounding {
        Rounding::NearestEven => true,
        Rounding::Down => sign,
        Rounding::Up => !sign,
        Rounding::Zero => false,
    };
    env.rounded_up = if masked { to_infinity } else { free.up };
    let infinity = T::infinity(sign);
    if to_infinity { infinity } else { T::from_bits(infinity.into() - 1) }
}

/// Returns the operand as DAZ lets it be seen.
///
/// SPEC: intel-sdm-vol1 :: 10.2.3.4 Denormals-Are-Zeros -> a denormal operand becomes a zero of its sign and raises nothing
#[inline(always)]
fn flushed<T: Float>(env: &Env, x: T) -> T {
    if env.daz && x.is_denormal() { T::zero(x.sign()) } else { x }
}

/// Returns the NaN that an operation with a NaN operand gives; IE for a signalling one. `None` if there is no NaN.
///
/// SPEC: intel-sdm-vol1 :: 4.8.3.5 Operating on SNaNs and QNaNs -> SSE gives the first operand if it is a NaN, else the second, made quiet
fn nan_result<T: Float>(env: &mut Env, operands: &[T]) -> Option<T> {
    let first = operands.iter().find(|x| x.is_nan())?;
    if operands.iter().any(|x| x.is_snan()) {
        env.raise(Flags::IE);
    }
    Some(first.quieted())
}

/// IE and the indefinite.
fn invalid<T: Float>(env: &mut Env) -> T {
    env.raise(Flags::IE);
    T::indefinite()
}

/// DE if one of the operands (after DAZ) is denormal.
fn flag_denormals<T: Float>(env: &mut Env, operands: &[T]) {
    if operands.iter().any(|x| x.is_denormal()) {
        env.raise(Flags::DE);
    }
}
