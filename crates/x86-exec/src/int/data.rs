//! Moves: MOV, MOVZX, MOVSX, LEA, XCHG, CMOVcc, SETcc, CBW, CWD, BSWAP, MOVBE, XLAT, LAHF, SAHF, flag bits.

use crate::operand::{Form, effective_address, mem, read, write};
use crate::{Bin, Domain, Flag, FlagDef, Flow, MemRef, Step, Un};
use x86_decode::Instruction;
use x86_types::Width;

/// MOV between general registers, memory and immediates.
#[inline(always)]
pub(crate) fn mov<D: Domain>(d: &mut D, i: &Instruction, w: Width, form: Form) -> Step<D> {
    let v = match form {
        Form::Rm => {
            let m = mem(d, i);
            d.load(&m, w)?
        }
        Form::Ri | Form::Mi => d.imm(w.trunc(i.imm)),
        Form::Rr | Form::Mr => d.read_gpr(i.operands[1].reg, w),
    };
    if matches!(form, Form::Mr | Form::Mi) {
        let m = mem(d, i);
        d.store(&m, w, v)?;
    } else {
        d.write_gpr(i.operands[0].reg, w, v);
    }
    Ok(Flow::Next)
}

/// MOVZX, MOVSX, MOVSXD.
#[inline(always)]
pub(crate) fn extend<D: Domain>(d: &mut D, i: &Instruction, signed: bool, from: Width) -> Step<D> {
    let v = read(d, i, 1, from)?;
    let w = i.opsize;
    let v = if signed && from < w { d.sext(from, w, v) } else { v };
    d.write_gpr(i.operands[0].reg, w, v);
    Ok(Flow::Next)
}

/// LEA
#[inline(always)]
pub(crate) fn lea<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let address = effective_address(d, i);
    let v = d.trunc(w, address);
    d.write_gpr(i.operands[0].reg, w, v);
    Ok(Flow::Next)
}

/// XCHG of registers
#[inline(always)]
pub(crate) fn xchg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (a, b) = (i.operands[0], i.operands[1]);
    let (x, y) = (d.read_gpr(a.reg, w), d.read_gpr(b.reg, w));
    d.write_gpr(a.reg, w, y);
    d.write_gpr(b.reg, w, x);
    Ok(Flow::Next)
}

/// CMOVcc. Memory is read and a 32-bit destination zero-extended whatever the condition.
///
/// SPEC: intel-sdm-vol2 :: CMOVcc—Conditional Move -> the source is always read; a 32-bit destination is zero-extended in either case
#[inline(always)]
pub(crate) fn cmov<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let new = read(d, i, 1, w)?;
    let old = d.read_gpr(i.operands[0].reg, w);
    let c = d.cond(i.cond());
    let v = d.select(c, new, old);
    d.write_gpr(i.operands[0].reg, w, v);
    Ok(Flow::Next)
}

/// SETcc
#[inline(always)]
pub(crate) fn setcc<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let c = d.cond(i.cond());
    write(d, i, 0, Width::B1, c)?;
    Ok(Flow::Next)
}

/// CBW, CWDE, CDQE
#[inline(always)]
pub(crate) fn cbw<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (from, to) = match i.opsize {
        Width::B8 => (Width::B4, Width::B8),
        Width::B4 => (Width::B2, Width::B4),
        _ => (Width::B1, Width::B2),
    };
    let v = d.read_gpr(0, from);
    let v = d.sext(from, to, v);
    d.write_gpr(0, to, v);
    Ok(Flow::Next)
}

/// CWD, CDQ, CQO
#[inline(always)]
pub(crate) fn cwd<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let w = i.opsize;
    let v = d.read_gpr(0, w);
    let wide = d.sext(w, Width::B8, v);
    let amount = d.imm(63);
    let sign = d.bin(Bin::Sar, Width::B8, wide, amount);
    let sign = d.trunc(w, sign);
    d.write_gpr(2, w, sign);
    Ok(Flow::Next)
}

/// BSWAP. With a 16-bit operand (undefined) the register becomes 0, as on processors.
#[inline(always)]
pub(crate) fn bswap<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (w, r) = (i.opsize, i.operands[0].reg);
    let v = if w == Width::B2 {
        d.imm(0)
    } else {
        let v = d.read_gpr(r, w);
        d.un(Un::Bswap, w, v)
    };
    d.write_gpr(r, w, v);
    Ok(Flow::Next)
}

/// MOVBE
#[inline(always)]
pub(crate) fn movbe<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let w = i.opsize;
    let v = read(d, i, 1, w)?;
    let v = d.un(Un::Bswap, w, v);
    write(d, i, 0, w, v)?;
    Ok(Flow::Next)
}

/// XLAT
#[inline(always)]
pub(crate) fn xlat<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (base, index) = (d.read_gpr(3, Width::B8), d.read_gpr(0, Width::B1));
    let sum = d.bin(Bin::Add, Width::B8, base, index);
    let offset = d.trunc(i.addrsize, sum);
    let v = d.load(&MemRef { seg: i.seg, offset }, Width::B1)?;
    d.write_gpr(0, Width::B1, v);
    Ok(Flow::Next)
}

/// LAHF
///
/// SPEC: intel-sdm-vol2 :: LAHF—Load Status Flags Into AH Register -> SF, ZF, AF, PF and CF with bit 1 set
#[inline(always)]
pub(crate) fn lahf<D: Domain>(d: &mut D) -> Step<D> {
    let image = d.flags_image();
    let one = d.imm(2);
    let v = d.bin(Bin::Or, Width::B8, image, one);
    let v = d.trunc(Width::B1, v);
    d.write_gpr(16, Width::B1, v);
    Ok(Flow::Next)
}

/// SAHF
#[inline(always)]
pub(crate) fn sahf<D: Domain>(d: &mut D) -> Step<D> {
    let ah = d.read_gpr(16, Width::B1);
    let of = d.flag(Flag::Of);
    let place = d.imm(11);
    let of = d.bin(Bin::Shl, Width::B8, of, place);
    let image = d.bin(Bin::Or, Width::B8, ah, of);
    d.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}

/// CLC, STC and CMC: `None` complements.
#[inline(always)]
pub(crate) fn carry<D: Domain>(d: &mut D, to: Option<bool>) -> Step<D> {
    let cf = match to {
        Some(value) => d.imm(u64::from(value)),
        None => {
            let (cf, one) = (d.flag(Flag::Cf), d.imm(1));
            d.bin(Bin::Xor, Width::B4, cf, one)
        }
    };
    d.set_flags(FlagDef::Carry(cf));
    Ok(Flow::Next)
}

/// SALC: AL becomes FFh with CF, else 0.
#[inline(always)]
pub(crate) fn salc<D: Domain>(d: &mut D) -> Step<D> {
    let cf = d.flag(Flag::Cf);
    let v = d.un(Un::Neg, Width::B1, cf);
    d.write_gpr(0, Width::B1, v);
    Ok(Flow::Next)
}
