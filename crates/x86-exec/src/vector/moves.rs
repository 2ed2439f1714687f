//! Moves between vector registers, memory and general registers.

use super::forms::{narrow, source, widen};
use crate::{Domain, Flow, Step, operand};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// Moves of 16 bytes, or of less with zeros above (MOVQ)
pub(super) fn load<D: Domain>(d: &mut D, i: &Instruction, aligned: bool) -> Step<D> {
    d.check_sse()?;
    let x = source(d, i, 1, aligned)?;
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// Moves of 16 bytes to memory
pub(super) fn store<D: Domain>(d: &mut D, i: &Instruction, aligned: bool) -> Step<D> {
    d.check_sse()?;
    let x = d.read_xmm(i.operands[1].reg);
    let m = operand::mem(d, i);
    d.store128(&m, aligned, x)?;
    Ok(Flow::Next)
}

/// MOVSS and MOVSD between registers: the other lanes stay.
pub(super) fn merge<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    move_lane(d, i, w, 0, 0)
}

/// MOVHLPS and MOVLHPS, and the like: lane `from` of the source to lane `to`
pub(super) fn move_lane<D: Domain>(d: &mut D, i: &Instruction, w: Width, to: u8, from: u8) -> Step<D> {
    d.check_sse()?;
    let b = d.read_xmm(i.operands[1].reg);
    let a = d.read_xmm(i.operands[0].reg);
    let v = d.extract(b, w, from);
    let x = d.insert(a, w, to, v);
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVLPS and MOVHPS from memory: the other half stays.
pub(super) fn load_half<D: Domain>(d: &mut D, i: &Instruction, half: u8) -> Step<D> {
    insert(d, i, Width::B8, half)
}

/// MOVLPS, MOVHPS, MOVSS, MOVSD, MOVQ to memory: one lane
pub(super) fn store_lane<D: Domain>(d: &mut D, i: &Instruction, w: Width, lane: u8) -> Step<D> {
    d.check_sse()?;
    let x = d.read_xmm(i.operands[1].reg);
    let v = d.extract(x, w, lane);
    let m = operand::mem(d, i);
    d.store(&m, w, v)?;
    Ok(Flow::Next)
}

/// MOVQ between registers: zeros above
pub(super) fn low_quadword<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_sse()?;
    let x = d.read_xmm(i.operands[1].reg);
    let v = d.extract(x, Width::B8, 0);
    let x = widen(d, Width::B8, v);
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// PINSRB, PINSRW, PINSRD, PINSRQ: one lane from a general register or memory; the others stay.
pub(super) fn insert<D: Domain>(d: &mut D, i: &Instruction, w: Width, lane: u8) -> Step<D> {
    d.check_sse()?;
    let v = operand::read(d, i, 1, w)?;
    let a = d.read_xmm(i.operands[0].reg);
    let x = d.insert(a, w, lane, v);
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVD and MOVQ from a general register or memory: zeros above
pub(super) fn from_gpr<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    d.check_sse()?;
    let v = operand::read(d, i, 1, w)?;
    let x = widen(d, w, v);
    d.write_xmm(i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVD, MOVQ, PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: one lane to memory, or zero-extended to a general register
pub(super) fn extract<D: Domain>(d: &mut D, i: &Instruction, w: Width, lane: u8) -> Step<D> {
    d.check_sse()?;
    let x = d.read_xmm(i.operands[1].reg);
    let v = d.extract(x, w, lane);
    let to = i.operands[0];
    if to.kind == OperandKind::Mem {
        let m = operand::mem(d, i);
        d.store(&m, narrow(to.reg).unwrap_or(w), v)?;
    } else {
        d.write_gpr(to.reg, Width::B8, v);
    }
    Ok(Flow::Next)
}

/// MOVNTI
///
/// SPEC: intel-sdm-vol2 :: MOVNTI—Store Doubleword Using Non-Temporal Hint -> a plain store; CR0.EM and CR0.TS do not matter
pub(super) fn store_integer<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let v = d.read_gpr(i.operands[1].reg, w);
    operand::write(d, i, 0, w, v)?;
    Ok(Flow::Next)
}
