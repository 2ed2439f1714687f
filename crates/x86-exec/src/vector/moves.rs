//! Moves between vector registers, memory and general registers.

use super::forms::{check, first, is_wide, last, narrow, pair, read_pair, source, widen, write, write_pair};
use crate::{Domain, Flow, Step, operand};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// Moves of 16 or 32 bytes, or of less with zeros above (MOVQ)
///
/// SPEC: intel-sdm-vol1 :: 14.9 Memory Alignment -> VMOVAPS and its kin ask for alignment to the size of the operand
pub(super) fn load<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, aligned: bool) -> Step<D> {
    check::<D, VEX>(d)?;
    let to = i.operands[0];
    if VEX && is_wide(to) {
        let x = pair(d, i, 1, aligned)?;
        write_pair(d, to.reg, x);
    } else {
        let x = source(d, i, 1, aligned)?;
        write::<D, VEX>(d, to.reg, x);
    }
    Ok(Flow::Next)
}

/// Moves of 16 or 32 bytes to memory
pub(super) fn store<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, aligned: bool) -> Step<D> {
    check::<D, VEX>(d)?;
    let from = i.operands[1];
    if VEX && is_wide(from) {
        let x = read_pair(d, from.reg);
        let m = operand::mem(d, i);
        d.store256(&m, i.addrsize, aligned, x)?;
    } else {
        let x = d.read_xmm(from.reg);
        let m = operand::mem(d, i);
        d.store128(&m, aligned, x)?;
    }
    Ok(Flow::Next)
}

/// MOVSS and MOVSD between registers: the other lanes stay, or with VEX are those of the first source.
pub(super) fn merge<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    move_lane::<D, VEX>(d, i, w, 0, 0)
}

/// MOVHLPS, MOVLHPS and similar moves: lane `from` of the source to lane `to`
pub(super) fn move_lane<D: Domain, const VEX: bool>(
    d: &mut D,
    i: &Instruction,
    w: Width,
    to: u8,
    from: u8,
) -> Step<D> {
    check::<D, VEX>(d)?;
    let b = d.read_xmm(i.operands[last::<VEX>(i)].reg);
    let a = d.read_xmm(i.operands[first::<VEX>(i)].reg);
    let v = d.extract(b, w, from);
    let x = d.insert(a, w, to, v);
    write::<D, VEX>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVLPS and MOVHPS from memory: the other half stays.
pub(super) fn load_half<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, half: u8) -> Step<D> {
    insert::<D, VEX>(d, i, Width::B8, half)
}

/// MOVLPS, MOVHPS, MOVSS, MOVSD, MOVQ to memory: one lane
pub(super) fn store_lane<D: Domain, const VEX: bool>(
    d: &mut D,
    i: &Instruction,
    w: Width,
    lane: u8,
) -> Step<D> {
    check::<D, VEX>(d)?;
    let x = d.read_xmm(i.operands[1].reg);
    let v = d.extract(x, w, lane);
    let m = operand::mem(d, i);
    d.store(&m, w, v)?;
    Ok(Flow::Next)
}

/// MOVQ between registers: zeros above
pub(super) fn low_quadword<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction) -> Step<D> {
    check::<D, VEX>(d)?;
    let x = d.read_xmm(i.operands[1].reg);
    let v = d.extract(x, Width::B8, 0);
    let x = widen(d, Width::B8, v);
    write::<D, VEX>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// PINSRB, PINSRW, PINSRD, PINSRQ: one lane from a general register or memory; the others stay.
pub(super) fn insert<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, w: Width, lane: u8) -> Step<D> {
    check::<D, VEX>(d)?;
    let v = operand::read(d, i, last::<VEX>(i), w)?;
    let a = d.read_xmm(i.operands[first::<VEX>(i)].reg);
    let x = d.insert(a, w, lane, v);
    write::<D, VEX>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVD and MOVQ from a general register or memory: zeros above
pub(super) fn from_gpr<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    check::<D, VEX>(d)?;
    let v = operand::read(d, i, 1, w)?;
    let x = widen(d, w, v);
    write::<D, VEX>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// MOVD, MOVQ, PEXTRB, PEXTRW, PEXTRD, PEXTRQ, EXTRACTPS: one lane to memory, or zero-extended to a general register
pub(super) fn extract<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, w: Width, lane: u8) -> Step<D> {
    check::<D, VEX>(d)?;
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
