//! Comparisons, minimum, maximum.

use super::{Float, flag_denormals, flushed};
use crate::{Env, Flags};

/// How two numbers stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The first is less
    Less,
    /// Equal; zeros of both signs are
    Equal,
    /// The first is greater
    Greater,
    /// One is a NaN
    Unordered,
}

impl Relation {
    /// ZF, PF and CF at their places in EFLAGS, as COMISS and FCOMI set them.
    ///
    /// SPEC: intel-sdm-vol2 :: COMISD—Compare Scalar Ordered Double Precision Floating-Point Values and Set EFLAGS -> unordered 111, greater 000, less 001, equal 100
    pub const fn eflags(self) -> u32 {
        match self {
            Self::Unordered => 0x45,
            Self::Greater => 0,
            Self::Less => 0x01,
            Self::Equal => 0x40,
        }
    }
}

/// Order of two numbers that are not NaNs.
fn order<T: Float>(a: T, b: T) -> Relation {
    if a.is_zero() && b.is_zero() {
        return Relation::Equal;
    }
    // Sign and magnitude to two's complement.
    let key = |x: T| {
        let magnitude = (x.into() & !T::SIGN) as i64;
        if x.sign() { -magnitude } else { magnitude }
    };
    match key(a).cmp(&key(b)) {
        core::cmp::Ordering::Less => Relation::Less,
        core::cmp::Ordering::Equal => Relation::Equal,
        core::cmp::Ordering::Greater => Relation::Greater,
    }
}

/// Compares. `signaling` comparisons (COMISS) raise IE for every NaN, others (UCOMISS) for signalling ones only.
pub fn compare<T: Float>(env: &mut Env, a: T, b: T, signaling: bool) -> Relation {
    let (a, b) = (flushed(env, a), flushed(env, b));
    if a.is_nan() || b.is_nan() {
        if signaling || a.is_snan() || b.is_snan() {
            env.raise(Flags::IE);
        }
        return Relation::Unordered;
    }
    flag_denormals(env, &[a, b]);
    order(a, b)
}

/// Returns whether predicate `imm` (0 to 31; CMPPS has the first eight) holds.
///
/// SPEC: intel-sdm-vol2 :: CMPPD—Compare Packed Double Precision Floating-Point Values -> comparison predicate in bits 4:0 of imm8: relation, result for unordered, whether QNaNs signal
pub fn predicate<T: Float>(env: &mut Env, a: T, b: T, imm: u8) -> bool {
    // Bits of a set of relations: less 1, equal 2, greater 4, unordered 8. Predicates 16 up differ in signalling only.
    const SETS: [u8; 16] = [2, 1, 3, 8, 13, 14, 12, 7, 10, 9, 11, 0, 5, 6, 4, 15];
    // In the first half LT, LE, NLT, NLE and NGE, NGT, GE, GT signal; in the second half the others.
    const SIGNALS: u16 = 0b0110_0110_0110_0110;
    let index = imm & 15;
    let signaling = (SIGNALS >> index & 1 != 0) != (imm & 16 != 0);
    let relation = match compare(env, a, b, signaling) {
        Relation::Less => 1,
        Relation::Equal => 2,
        Relation::Greater => 4,
        Relation::Unordered => 8,
    };
    SETS[index as usize] & relation != 0
}

/// `a < b ? a : b`; the second operand for NaNs and for two zeros.
///
/// SPEC: intel-sdm-vol2 :: MINPS—Minimum of Packed Single Precision Floating-Point Values -> NaNs and zeros give the second operand as it is; any NaN raises IE
pub fn min<T: Float>(env: &mut Env, a: T, b: T) -> T {
    select(env, a, b, Relation::Less)
}

/// `a > b ? a : b`; the second operand for NaNs and for two zeros.
pub fn max<T: Float>(env: &mut Env, a: T, b: T) -> T {
    select(env, a, b, Relation::Greater)
}

fn select<T: Float>(env: &mut Env, a: T, b: T, first_if: Relation) -> T {
    let (a, b) = (flushed(env, a), flushed(env, b));
    if compare(env, a, b, true) == first_if { a } else { b }
}
