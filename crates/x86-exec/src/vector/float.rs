//! Floating-point operations on lanes.

use super::lanes::{Lane, build, horizontal, lane, map, with_low, zip};
use x86_float::Env;
use x86_float::sse::{self, Float, HostFloat};
use x86_state::{Cpu, Cr4, Mxcsr};
use x86_types::Exception;

/// Runs `f` in the environment of MXCSR, and accumulates its exceptions there.
///
/// SPEC: intel-sdm-vol1 :: 11.5.3.2 Handling Unmasked Exceptions -> an unmasked exception sets its flags and leaves the destination
/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> without CR4.OSXMMEXCPT an unmasked exception is #UD, with it #XM
#[inline(always)]
pub(super) fn in_environment<T>(cpu: &mut Cpu, f: impl FnOnce(&mut Env) -> T) -> Result<T, Exception> {
    let mut env = Env::from_mxcsr(cpu.mxcsr.bits());
    let result = f(&mut env);
    if env.raised.is_empty() {
        return Ok(result);
    }
    let unmasked = env.unmasked();
    let before = x86_float::Flags::IE | x86_float::Flags::DE | x86_float::Flags::ZE;
    // SPEC: intel-sdm-vol1 :: 11.5.2 SIMD Floating-Point Exception Conditions -> an unmasked pre-computation exception keeps post-computation ones from being detected
    let raised = if unmasked.intersects(before) { env.raised & before } else { env.raised };
    cpu.mxcsr |= Mxcsr::from_bits_retain(u32::from(raised.bits()));
    if unmasked.is_empty() {
        Ok(result)
    } else if cpu.cr4.contains(Cr4::OSXMMEXCPT) {
        Err(Exception::SimdFloatingPoint)
    } else {
        Err(Exception::InvalidOpcode)
    }
}

/// An operation on every pair of lanes
#[inline(always)]
pub(super) fn packed<T: Lane>(e: &mut Env, a: u128, b: u128, f: fn(&mut Env, T, T) -> T) -> u128 {
    zip(a, b, |x, y| f(e, x, y))
}

/// An operation on the lowest lanes; the others are those of `a`
#[inline(always)]
pub(super) fn scalar<T: Lane + Default>(e: &mut Env, a: u128, b: u128, f: fn(&mut Env, T, T) -> T) -> u128 {
    with_low(a, f(e, lane(a, 0), lane(b, 0)))
}

/// An operation on every lane
#[inline(always)]
pub(super) fn packed1<T: Lane>(e: &mut Env, b: u128, f: impl Fn(&mut Env, T) -> T) -> u128 {
    map(b, |x| f(e, x))
}

/// An operation on the lowest lane of `b`; the others are those of `a`
#[inline(always)]
pub(super) fn scalar1<T: Lane + Default>(
    e: &mut Env,
    a: u128,
    b: u128,
    f: impl Fn(&mut Env, T) -> T,
) -> u128 {
    with_low(a, f(e, lane(b, 0)))
}

/// A truth value that fills a lane
fn filled<T: Float>(truth: bool) -> T {
    T::from_bits(if truth { u64::MAX } else { 0 })
}

/// CMPPS and CMPPD
#[inline(always)]
pub(super) fn compare<T: Lane + Float>(e: &mut Env, a: u128, b: u128, imm: u8) -> u128 {
    zip(a, b, |x: T, y: T| filled(sse::predicate(e, x, y, imm)))
}

/// CMPSS and CMPSD
#[inline(always)]
pub(super) fn compare_scalar<T: Lane + Float + Default>(e: &mut Env, a: u128, b: u128, imm: u8) -> u128 {
    with_low::<T>(a, filled(sse::predicate(e, lane::<T>(a, 0), lane::<T>(b, 0), imm)))
}

/// COMISS, COMISD, UCOMISS, UCOMISD: the status flags at their places in RFLAGS
#[inline(always)]
pub(super) fn order<T: Lane + Float + Default>(e: &mut Env, a: u128, b: u128, signaling: bool) -> u128 {
    sse::compare(e, lane::<T>(a, 0), lane::<T>(b, 0), signaling).eflags().into()
}

/// HADDPS, HADDPD, HSUBPS, HSUBPD: adjacent lanes combined
#[inline(always)]
pub(super) fn neighbours<T: Lane + Default>(
    e: &mut Env,
    a: u128,
    b: u128,
    f: fn(&mut Env, T, T) -> T,
) -> u128 {
    horizontal(a, b, |x, y| f(e, x, y))
}

/// ADDSUBPS and ADDSUBPD: differences in even lanes, sums in odd ones
#[inline(always)]
pub(super) fn add_sub<T: Lane + HostFloat>(e: &mut Env, a: u128, b: u128) -> u128 {
    let mut odd = true;
    zip(a, b, |x: T, y: T| {
        odd = !odd;
        if odd { sse::add(e, x, y) } else { sse::sub(e, x, y) }
    })
}

/// DPPS and DPPD: a sum of products. If both halves of DPPS's sum are NaNs, the upper lanes take that of the upper
/// half, as processors do; the manual does not specify the order.
///
/// SPEC: intel-sdm-vol2 :: DPPS—Dot Product of Packed Single Precision Floating-Point Values -> products chosen by imm8[7:4], summed in pairs, sent where imm8[3:0] tells
#[inline(always)]
pub(super) fn dot_product<T: Lane + HostFloat + Default>(e: &mut Env, a: u128, b: u128, imm: u8) -> u128 {
    let mut product = |n: usize| {
        if imm >> (4 + n) & 1 != 0 { sse::mul(e, lane(a, n), lane(b, n)) } else { T::zero(false) }
    };
    let (first, second) = (product(0), product(1));
    let (low, high) = if size_of::<T>() == 4 {
        let (third, fourth) = (product(2), product(3));
        let low = sse::add(e, first, second);
        let high = sse::add(e, third, fourth);
        (sse::add(e, low, high), sse::add(e, high, low))
    } else {
        let sum = sse::add(e, first, second);
        (sum, sum)
    };
    let sum = |n| if n < 2 { low } else { high };
    build(|n| if imm >> n & 1 != 0 { sum(n) } else { T::zero(false) })
}

/// Returns the operand of an approximation, with denormals as zeros
fn flushed(x: u32) -> u32 {
    if x.is_denormal() { Float::zero(Float::sign(x)) } else { x }
}

/// RCPPS: within 1.5 * 2^-12 of the reciprocal, and bit-identical on all hosts
///
/// SPEC: intel-sdm-vol2 :: RCPPS—Compute Reciprocals of Packed Single Precision Floating-Point Values -> denormals count as zeros, tiny results become zeros, no exceptions
pub(super) fn reciprocal(x: u32) -> u32 {
    let x = flushed(x);
    if x.is_nan() {
        return x.quieted();
    }
    // Twelve bits of the fraction are kept, as of an approximation by table.
    flushed((1.0 / f32::from_bits(x)).to_bits()) & !0x7ff
}

/// RSQRTPS
///
/// SPEC: intel-sdm-vol2 :: RSQRTPS—Compute Reciprocals of Square Roots of Packed Single Precision Floating-Point Values -> negative values give the indefinite, zeros infinities of their sign, no exceptions
pub(super) fn reciprocal_root(x: u32) -> u32 {
    let x = flushed(x);
    if x.is_nan() {
        return x.quieted();
    }
    if x.is_zero() {
        return Float::infinity(Float::sign(x));
    }
    if Float::sign(x) {
        return Float::indefinite();
    }
    ((1.0 / f64::from(f32::from_bits(x)).sqrt()) as f32).to_bits() & !0x7ff
}
