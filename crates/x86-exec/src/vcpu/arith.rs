//! Arithmetic of concrete values: status flags by their definition, and division.

use crate::FlagDef;
use x86_state::ArithFlags;
use x86_types::Width;

/// The carry vector `c` (bit n: carry out of bit n) of a `w`-wide operation in the form of [`ArithFlags::aux`].
#[inline(always)]
fn aux(w: Width, c: u64) -> u64 {
    let up = c << (64 - w.bits());
    up & (ArithFlags::CF | ArithFlags::CARRY_IN) | c & ArithFlags::AF
}

#[inline(always)]
pub(super) fn arith(old: ArithFlags, def: FlagDef<u64>) -> ArithFlags {
    match def {
        FlagDef::Add { w, a, b, result } => {
            ArithFlags { result: w.sext(result), aux: aux(w, a & b | (a | b) & !result) }
        }
        FlagDef::Sub { w, a, b, result } => {
            ArithFlags { result: w.sext(result), aux: aux(w, !a & b | (!a | b) & result) }
        }
        FlagDef::Inc { w, result } => {
            let a = result.wrapping_sub(1);
            keep_carry(old, ArithFlags { result: w.sext(result), aux: aux(w, a & !result) })
        }
        FlagDef::Dec { w, result } => {
            let a = result.wrapping_add(1);
            keep_carry(old, ArithFlags { result: w.sext(result), aux: aux(w, !a & result) })
        }
        FlagDef::Logic { w, result } => ArithFlags { result: w.sext(result), aux: 0 },
        FlagDef::Explicit { w, result, cf, of, af } => {
            ArithFlags { result: w.sext(result), aux: cf << 63 | (cf ^ of) << 62 | af << 3 }
        }
        FlagDef::CarryOverflow { cf, of } => {
            let rest = old.aux & !(ArithFlags::CF | ArithFlags::CARRY_IN);
            ArithFlags { result: old.result, aux: rest | cf << 63 | (cf ^ of) << 62 }
        }
        FlagDef::Carry(cf) => {
            let mut flags = old;
            flags.set_cf(cf != 0);
            flags
        }
        FlagDef::Image(image) => ArithFlags::unpack(image),
    }
}

#[inline(always)]
fn keep_carry(old: ArithFlags, mut new: ArithFlags) -> ArithFlags {
    new.set_cf(old.cf());
    new
}

/// Quotient and remainder; `None` for #DE.
///
/// SPEC: intel-sdm-vol2 :: DIV—Unsigned Divide -> a divisor of 0 or a quotient too large is #DE
pub(super) fn divide(signed: bool, w: Width, hi: u64, lo: u64, divisor: u64) -> Option<(u64, u64)> {
    if divisor == 0 {
        return None;
    }
    if !signed && hi == 0 {
        return Some((lo / divisor, lo % divisor));
    }
    let bits = w.bits();
    let dividend = u128::from(hi) << bits | u128::from(lo);
    if !signed {
        let (q, r) = (dividend / u128::from(divisor), dividend % u128::from(divisor));
        return (q <= u128::from(w.mask())).then_some((q as u64, r as u64));
    }
    let shift = 128 - 2 * bits;
    let dividend = ((dividend << shift) as i128) >> shift;
    let divisor = i128::from(w.sext(divisor) as i64);
    let (q, r) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
    let fits = q == i128::from(w.sext(q as u64) as i64);
    fits.then(|| (w.trunc(q as u64), w.trunc(r as u64)))
}
