//! MUL, IMUL, DIV, IDIV, MULX.

use crate::operand::read;
use crate::{Bin, Cmp, Domain, FlagDef, Flow, Step};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// CF and OF are set if the high half is significant.
fn set_product_flags<D: Domain>(d: &mut D, signed: bool, w: Width, lo: D::V, hi: D::V) {
    let expected = if signed {
        let wide = d.sext(w, Width::B8, lo);
        let amount = d.imm(63);
        let sign = d.bin(Bin::Sar, Width::B8, wide, amount);
        d.trunc(w, sign)
    } else {
        d.imm(0)
    };
    let over = d.cmp(Cmp::Ne, w, hi, expected);
    let af = d.imm(0);
    d.set_flags(FlagDef::Explicit { w, result: lo, cf: over, of: over, af });
}

/// One-operand MUL and IMUL.
///
/// SPEC: intel-sdm-vol2 :: MUL—Unsigned Multiply -> AX, DX:AX, EDX:EAX or RDX:RAX; SF, ZF, AF and PF are undefined (here by the low half)
#[inline(always)]
pub(crate) fn mul<D: Domain>(d: &mut D, i: &Instruction, signed: bool, w: Width) -> Step<D> {
    let b = read(d, i, 0, w)?;
    let a = d.read_gpr(0, w);
    let (lo, hi) = d.mul_wide(signed, w, a, b);
    if w == Width::B1 {
        d.write_gpr(0, w, lo);
        d.write_gpr(16, w, hi);
    } else {
        d.write_gpr(0, w, lo);
        d.write_gpr(2, w, hi);
    }
    set_product_flags(d, signed, w, lo, hi);
    Ok(Flow::Next)
}

/// Two- and three-operand IMUL.
#[inline(always)]
pub(crate) fn imul<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let three = i.operands[2].kind != OperandKind::None;
    let b = read(d, i, 1, w)?;
    let a = if three { d.imm(w.trunc(i.imm)) } else { d.read_gpr(i.operands[0].reg, w) };
    let (lo, hi) = d.mul_wide(true, w, a, b);
    d.write_gpr(i.operands[0].reg, w, lo);
    set_product_flags(d, true, w, lo, hi);
    Ok(Flow::Next)
}

/// DIV and IDIV. The flags are undefined and stay.
#[inline(always)]
pub(crate) fn div<D: Domain>(d: &mut D, i: &Instruction, signed: bool, w: Width) -> Step<D> {
    let divisor = read(d, i, 0, w)?;
    let lo = d.read_gpr(0, w);
    let hi = d.read_gpr(if w == Width::B1 { 16 } else { 2 }, w);
    let (quotient, remainder) = d.div_wide(signed, w, hi, lo, divisor)?;
    d.write_gpr(0, w, quotient);
    d.write_gpr(if w == Width::B1 { 16 } else { 2 }, w, remainder);
    Ok(Flow::Next)
}

/// MULX
#[inline(always)]
pub(crate) fn mulx<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_vex()?;
    let w = i.opsize;
    let b = read(d, i, 2, w)?;
    let a = d.read_gpr(2, w);
    let (lo, hi) = d.mul_wide(false, w, a, b);
    d.write_gpr(i.operands[1].reg, w, lo);
    d.write_gpr(i.operands[0].reg, w, hi);
    Ok(Flow::Next)
}
