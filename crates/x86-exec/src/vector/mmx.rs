//! Forms of instructions on MMX registers: operands and results. They use the low half of the 128-bit operations.

use super::VecOp;
use super::forms::{self, widen};
use crate::{Domain, Flow, Step, operand};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

const Q: Width = Width::B8;

/// Operand `n`: an MMX register, or 4 or 8 bytes of memory, zero-extended
fn source<D: Domain>(d: &mut D, i: &Instruction, n: usize) -> Result<D::X, D::Fault> {
    let from = i.operands[n];
    let v = if from.kind == OperandKind::Mem {
        let m = operand::mem(d, i);
        d.load(&m, forms::narrow(from.reg).unwrap_or(Q))?
    } else {
        d.read_mmx(from.reg)
    };
    Ok(widen(d, Q, v))
}

fn write<D: Domain>(d: &mut D, i: &Instruction, x: D::X, half: u8) -> Step<D> {
    let v = d.extract(x, Q, half);
    d.enter_mmx();
    d.write_mmx(i.operands[0].reg, v);
    Ok(Flow::Next)
}

/// Operands 0 and 1
#[allow(clippy::type_complexity)] // the associated types say more than an alias would
fn sources<D: Domain>(d: &mut D, i: &Instruction) -> Result<(D::X, D::X), D::Fault> {
    d.check_mmx()?;
    let b = source(d, i, 1)?;
    let a = d.read_mmx(i.operands[0].reg);
    Ok((widen(d, Q, a), b))
}

/// The low half of the result comes from the low halves of the operands.
pub(super) fn lanes<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let (a, b) = sources(d, i)?;
    let x = d.vector(op, a, b, i.imm as u8)?;
    write(d, i, x, 0)
}

/// The result has one part from each operand (PACK..., PHADD...): the operation runs on one vector that holds both
/// operands.
pub(super) fn parts<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let (a, b) = sources(d, i)?;
    let both = d.vector(VecOp::Punpcklqdq, a, b, 0)?;
    let x = d.vector(op, both, both, 0)?;
    write(d, i, x, 0)
}

/// PUNPCKH...: the upper half of the result of PUNPCKL... on 128 bits
pub(super) fn unpack_high<D: Domain>(d: &mut D, i: &Instruction, low: VecOp) -> Step<D> {
    let (a, b) = sources(d, i)?;
    let x = d.vector(low, a, b, 0)?;
    write(d, i, x, 1)
}

/// PSHUFB: indices count modulo 8.
pub(super) fn shuffle_bytes<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let (a, b) = sources(d, i)?;
    let keep = d.imm(0x8787_8787_8787_8787);
    let keep = widen(d, Q, keep);
    let b = d.vector(VecOp::And, b, keep, 0)?;
    let x = d.vector(op, a, b, 0)?;
    write(d, i, x, 0)
}

/// PALIGNR: a right shift of both operands as one
pub(super) fn align<D: Domain>(d: &mut D, i: &Instruction, shift: VecOp) -> Step<D> {
    let (a, b) = sources(d, i)?;
    let both = d.vector(VecOp::Punpcklqdq, b, a, 0)?;
    let x = d.vector(shift, both, both, i.imm as u8)?;
    write(d, i, x, 0)
}

/// `op0 = op(op0, imm)`
pub(super) fn shift_imm<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_mmx()?;
    let a = source(d, i, 0)?;
    let x = d.vector(op, a, a, i.imm as u8)?;
    write(d, i, x, 0)
}

/// PMOVMSKB
pub(super) fn mask<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_mmx()?;
    let b = source(d, i, 1)?;
    let x = d.vector(op, b, b, 0)?;
    let v = d.extract(x, Width::B4, 0);
    d.enter_mmx();
    d.write_gpr(i.operands[0].reg, Width::B4, v);
    Ok(Flow::Next)
}

/// PINSRW
pub(super) fn insert_word<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_mmx()?;
    let v = operand::read(d, i, 1, Width::B2)?;
    let a = source(d, i, 0)?;
    let x = d.insert(a, Width::B2, i.imm as u8 & 3, v);
    write(d, i, x, 0)
}

/// PEXTRW
pub(super) fn extract_word<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_mmx()?;
    let b = source(d, i, 1)?;
    let v = d.extract(b, Width::B2, i.imm as u8 & 3);
    d.enter_mmx();
    d.write_gpr(i.operands[0].reg, Width::B4, v);
    Ok(Flow::Next)
}

/// MOVD and MOVQ to an MMX register from a general or MMX register or memory
pub(super) fn load<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_mmx()?;
    let v = if i.operands[1].kind == OperandKind::Mmx {
        d.read_mmx(i.operands[1].reg)
    } else {
        operand::read(d, i, 1, w)?
    };
    d.enter_mmx();
    d.write_mmx(i.operands[0].reg, v);
    Ok(Flow::Next)
}

/// MOVD, MOVQ and MOVNTQ from an MMX register to a general or MMX register or memory
pub(super) fn store<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_mmx()?;
    let v = d.read_mmx(i.operands[1].reg);
    if i.operands[0].kind == OperandKind::Mmx {
        d.enter_mmx();
        d.write_mmx(i.operands[0].reg, v);
    } else {
        let v = d.trunc(w, v);
        operand::write(d, i, 0, w, v)?;
        d.enter_mmx();
    }
    Ok(Flow::Next)
}

/// EMMS
pub(super) fn leave<D: Domain>(d: &mut D, _: &Instruction) -> Step<D> {
    d.check_mmx()?;
    d.leave_mmx();
    Ok(Flow::Next)
}

/// MOVQ2DQ
pub(super) fn to_xmm<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_sse()?;
    d.check_mmx()?;
    let x = source(d, i, 1)?;
    d.enter_mmx();
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVDQ2Q
pub(super) fn from_xmm<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_sse()?;
    d.check_mmx()?;
    let x = d.read_xmm(i.operands[1].reg);
    write(d, i, x, 0)
}

/// CVTPI2PS and CVTPI2PD
///
/// SPEC: intel-sdm-vol2 :: CVTPI2PD—Convert Packed Dword Integers to Packed Double Precision Floating-Point Values -> a source in memory does not touch the x87 and MMX state
pub(super) fn convert_to_xmm<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_sse()?;
    let uses_mmx = op == VecOp::Cvtpi2ps || i.operands[1].kind == OperandKind::Mmx;
    if uses_mmx {
        d.check_mmx()?;
    }
    let b = source(d, i, 1)?;
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.vector(op, a, b, 0)?;
    if uses_mmx {
        d.enter_mmx();
    }
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// CVTPS2PI, CVTPD2PI and the truncating forms: the low half of the conversion of the low half (singles) or of the
/// whole (doubles)
pub(super) fn convert_from_xmm<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_sse()?;
    d.check_mmx()?;
    let mut b = forms::source(d, i, 1, true)?;
    if matches!(op, VecOp::Cvtps2dq | VecOp::Cvttps2dq) {
        let low = d.extract(b, Q, 0);
        b = widen(d, Q, low);
    }
    let x = d.vector(op, b, b, 0)?;
    write(d, i, x, 0)
}
