//! How instructions on XMM registers take their operands and leave their results.

use super::VecOp;
use crate::{Domain, FlagDef, Flow, Step, operand};
use x86_decode::{Instruction, MemSize, OperandKind};
use x86_types::Width;

/// Width of a memory operand of up to 8 bytes
pub(super) fn narrow(size: u8) -> Option<Width> {
    const B1: u8 = MemSize::B1 as u8;
    const B2: u8 = MemSize::B2 as u8;
    const B4: u8 = MemSize::B4 as u8;
    const B8: u8 = MemSize::B8 as u8;
    match size {
        B1 => Some(Width::B1),
        B2 => Some(Width::B2),
        B4 => Some(Width::B4),
        B8 => Some(Width::B8),
        _ => None,
    }
}

/// `v` in the lowest lane, zeros above
pub(super) fn widen<D: Domain>(d: &mut D, w: Width, v: D::V) -> D::X {
    let zero = d.zero128();
    d.insert(zero, w, 0, v)
}

/// Operand `n`: a vector register, or memory, zero-extended if it has less than 16 bytes. Only 16 bytes need alignment.
///
/// SPEC: intel-sdm-vol1 :: 11.6.1.1 SSE and SSE2 Memory Alignment -> 128-bit memory operands lie on 16-byte boundaries, else #GP; smaller ones and those of unaligned moves lie anywhere
pub(super) fn source<D: Domain>(
    d: &mut D,
    i: &Instruction,
    n: usize,
    aligned: bool,
) -> Result<D::X, D::Fault> {
    let from = i.operands[n];
    if from.kind != OperandKind::Mem {
        return Ok(d.read_xmm(from.reg));
    }
    let m = operand::mem(d, i);
    match narrow(from.reg) {
        Some(w) => {
            let v = d.load(&m, w)?;
            Ok(widen(d, w, v))
        }
        None => d.load128(&m, aligned),
    }
}

/// `op0 = op(op0, op1, imm)`
pub(super) fn binary<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_sse()?;
    let b = source(d, i, 1, true)?;
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.vector(op, a, b, i.imm as u8)?;
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// CMPPS and its kin: the legacy encodings have eight predicates.
///
/// SPEC: intel-sdm-vol2 :: CMPPS—Compare Packed Single Precision Floating-Point Values -> without VEX, bits 7:3 of the immediate are reserved
pub(super) fn compare<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let predicate = Instruction { imm: i.imm & 7, ..*i };
    binary(d, &predicate, op)
}

/// INSERTPS: a source in memory is one lane, whatever COUNT_S says.
///
/// SPEC: intel-sdm-vol2 :: INSERTPS—Insert Scalar Single Precision Floating-Point Value -> imm8[7:6] chooses a lane of a register only
pub(super) fn insert_single<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let kept = if i.operands[1].is_mem() { 0x3f } else { 0xff };
    let insertion = Instruction { imm: i.imm & kept, ..*i };
    binary(d, &insertion, op)
}

/// `op0 = op(op0, imm)`
pub(super) fn shift_imm<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_sse()?;
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.vector(op, a, a, i.imm as u8)?;
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// The operation gives the status flags (COMISS, PTEST).
pub(super) fn flags<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_sse()?;
    let b = source(d, i, 1, true)?;
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.vector(op, a, b, 0)?;
    let image = d.extract(x, Width::B8, 0);
    d.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}

/// The operation gives an integer of `w` for a general register (MOVMSKPS, CVTSS2SI).
pub(super) fn to_gpr<D: Domain>(d: &mut D, i: &Instruction, op: VecOp, w: Width) -> Step<D> {
    d.check_sse()?;
    let b = source(d, i, 1, true)?;
    let x = d.vector(op, b, b, 0)?;
    let v = d.extract(x, w, 0);
    d.write_gpr(i.operands[0].reg, w, v);
    Ok(Flow::Next)
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD
pub(super) fn mask<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    to_gpr(d, i, op, Width::B4)
}

/// The operation takes an integer of `w` from a general register or memory (CVTSI2SD).
pub(super) fn from_gpr<D: Domain>(d: &mut D, i: &Instruction, op: VecOp, w: Width) -> Step<D> {
    d.check_sse()?;
    let v = operand::read(d, i, 1, w)?;
    let b = widen(d, w, v);
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.vector(op, a, b, 0)?;
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// PBLENDVB, BLENDVPS, BLENDVPD: lanes of the source where the lane of XMM0 is negative.
///
/// SPEC: intel-sdm-vol2 :: PBLENDVB—Variable Blend Packed Bytes -> the implicit mask is XMM0, the most significant bit of each lane
pub(super) fn blend<D: Domain>(d: &mut D, i: &Instruction, less: VecOp) -> Step<D> {
    d.check_sse()?;
    let b = source(d, i, 1, true)?;
    let a = d.read_xmm(i.operands[0].reg);
    let (zero, signs) = (d.zero128(), d.read_xmm(0));
    let mask = d.vector(less, zero, signs, 0)?;
    let yes = d.vector(VecOp::And, mask, b, 0)?;
    let no = d.vector(VecOp::Andn, mask, a, 0)?;
    let x = d.vector(VecOp::Or, yes, no, 0)?;
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}
