//! BMI1 and BMI2. All but RORX and the shifts define the flags; none of them touches memory beyond a load.

use crate::operand::read;
use crate::{Bin, Cmp, Domain, FlagDef, Flow, Step, Un};
use x86_decode::Instruction;
use x86_types::Width;

/// ANDN
///
/// SPEC: intel-sdm-vol2 :: ANDN—Logical AND NOT -> SF and ZF by the result, OF and CF cleared
#[inline(always)]
pub(crate) fn andn<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_vex()?;
    let b = read(d, i, 2, w)?;
    let a = d.read_gpr(i.operands[1].reg, w);
    let a = d.un(Un::Not, w, a);
    let result = d.bin(Bin::And, w, a, b);
    d.write_gpr(i.operands[0].reg, w, result);
    d.set_flags(FlagDef::Logic { w, result });
    Ok(Flow::Next)
}

/// BLSR, BLSMSK and BLSI, which isolate, mask up to or reset the lowest one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lowest {
    /// `a & (a - 1)`
    Reset,
    /// `a ^ (a - 1)`
    Mask,
    /// `a & -a`
    Isolate,
}

/// BLSR, BLSMSK, BLSI
///
/// SPEC: intel-sdm-vol2 :: BLSR—Reset Lowest Set Bit -> CF where the source is 0 (BLSI: where it is not), SF and ZF by the result, OF cleared
#[inline(always)]
pub(crate) fn lowest_set<D: Domain>(d: &mut D, i: &Instruction, op: Lowest, w: Width) -> Step<D> {
    d.check_vex()?;
    let a = read(d, i, 1, w)?;
    let (zero, one) = (d.imm(0), d.imm(1));
    let other = if op == Lowest::Isolate { d.un(Un::Neg, w, a) } else { d.bin(Bin::Sub, w, a, one) };
    let result = d.bin(if op == Lowest::Mask { Bin::Xor } else { Bin::And }, w, a, other);
    let cf = d.cmp(if op == Lowest::Isolate { Cmp::Ne } else { Cmp::Eq }, w, a, zero);
    d.write_gpr(i.operands[0].reg, w, result);
    d.set_flags(FlagDef::Explicit { w, result, cf, of: zero, af: zero });
    Ok(Flow::Next)
}

/// Returns the low `n` bits of `a`; all of them if `n` is the width or more.
fn low_bits<D: Domain>(d: &mut D, w: Width, a: D::V, n: D::V) -> D::V {
    let (one, last) = (d.imm(1), d.imm(u64::from(w.bits()) - 1));
    let inside = d.cmp(Cmp::Leu, w, n, last);
    let count = d.bin(Bin::And, w, n, last);
    let bit = d.bin(Bin::Shl, w, one, count);
    let mask = d.bin(Bin::Sub, w, bit, one);
    let low = d.bin(Bin::And, w, a, mask);
    d.select(inside, low, a)
}

/// BEXTR
///
/// SPEC: intel-sdm-vol2 :: BEXTR—Bit Field Extract -> start in bits 7:0, length in bits 15:8; bits beyond the operand are 0; ZF by the result
#[inline(always)]
pub(crate) fn bextr<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_vex()?;
    let a = read(d, i, 1, w)?;
    let control = d.read_gpr(i.operands[2].reg, Width::B2);
    let (zero, eight, last) = (d.imm(0), d.imm(8), d.imm(u64::from(w.bits()) - 1));
    let start = d.trunc(Width::B1, control);
    let len = d.bin(Bin::Shr, Width::B2, control, eight);
    let inside = d.cmp(Cmp::Leu, Width::B4, start, last);
    let count = d.bin(Bin::And, Width::B4, start, last);
    let shifted = d.bin(Bin::Shr, w, a, count);
    let shifted = d.select(inside, shifted, zero);
    let result = low_bits(d, w, shifted, len);
    d.write_gpr(i.operands[0].reg, w, result);
    d.set_flags(FlagDef::Logic { w, result });
    Ok(Flow::Next)
}

/// BZHI
///
/// SPEC: intel-sdm-vol2 :: BZHI—Zero High Bits Starting with Specified Bit Position -> the index is bits 7:0; CF where it is the operand size or more
#[inline(always)]
pub(crate) fn bzhi<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_vex()?;
    let a = read(d, i, 1, w)?;
    let index = d.read_gpr(i.operands[2].reg, Width::B1);
    let (zero, last) = (d.imm(0), d.imm(u64::from(w.bits()) - 1));
    let result = low_bits(d, w, a, index);
    let cf = d.cmp(Cmp::Ltu, w, last, index);
    d.write_gpr(i.operands[0].reg, w, result);
    d.set_flags(FlagDef::Explicit { w, result, cf, of: zero, af: zero });
    Ok(Flow::Next)
}

/// RORX, SARX, SHLX, SHRX: the count is taken modulo the operand size, no flag is touched.
#[inline(always)]
pub(crate) fn shift<D: Domain>(d: &mut D, i: &Instruction, op: Bin, w: Width) -> Step<D> {
    d.check_vex()?;
    let a = read(d, i, 1, w)?;
    let count = read(d, i, 2, w)?;
    let last = d.imm(u64::from(w.bits()) - 1);
    let count = d.bin(Bin::And, w, count, last);
    let result = d.bin(op, w, a, count);
    d.write_gpr(i.operands[0].reg, w, result);
    Ok(Flow::Next)
}

/// PDEP: the low bits of `a` to the places of ones in `mask`
pub(crate) fn deposit(a: u64, mask: u64) -> u64 {
    let (mut rest, mut from, mut result) = (mask, a, 0);
    while rest != 0 {
        let lowest = rest & rest.wrapping_neg();
        if from & 1 != 0 {
            result |= lowest;
        }
        (rest, from) = (rest ^ lowest, from >> 1);
    }
    result
}

/// PEXT: the bits of `a` at the places of ones in `mask`, together
pub(crate) fn extract(a: u64, mask: u64) -> u64 {
    let (mut rest, mut n, mut result) = (mask, 0, 0);
    while rest != 0 {
        let lowest = rest & rest.wrapping_neg();
        result |= u64::from(a & lowest != 0) << n;
        (rest, n) = (rest ^ lowest, n + 1);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extract_undoes_deposit() {
        for (a, mask) in
            [(0x1234_5678_9abc_def0, 0xff00_ff00_0ff0_0001), (u64::MAX, u64::MAX), (5, 0), (0b101, 0xf0)]
        {
            let kept = if mask == u64::MAX { u64::MAX } else { (1 << mask.count_ones()) - 1 };
            assert_eq!(extract(deposit(a, mask), mask), a & kept, "{a:x} {mask:x}");
        }
        assert_eq!((deposit(0b101, 0xf0), extract(0xa5, 0xf0)), (0x50, 0xa));
    }
}
