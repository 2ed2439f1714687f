//! Forms of instructions on vector registers: operands and results.
//!
//! `VEX` is the encoding. A VEX-encoded instruction has a separate destination, needs no aligned memory and clears bits
//! 255:128 of the destination; with VEX.L = 1 the operation applies to both halves.

use super::{Pair, VecOp};
use crate::{Bin, Domain, FlagDef, Flow, Step, operand};
use x86_decode::{Instruction, MemSize, Operand, OperandKind};
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
/// SPEC: intel-sdm-vol1 :: 4.1.1 Alignment of Words, Doublewords, Quadwords, and Double Quadwords -> 128-bit memory operands lie on 16-byte boundaries, else #GP; smaller ones and those of unaligned moves lie anywhere
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

/// Checks that the instruction may execute.
pub(super) fn check<D: Domain, const VEX: bool>(d: &mut D) -> Result<(), D::Fault> {
    if VEX { d.check_avx() } else { d.check_sse() }
}

/// Number of the last source operand: the third, if VEX makes the destination another operand.
pub(super) fn last<const VEX: bool>(i: &Instruction) -> usize {
    let three = VEX && !matches!(i.operands[2].kind, OperandKind::None | OperandKind::Imm);
    1 + usize::from(three)
}

/// Number of the first source operand
pub(super) fn first<const VEX: bool>(_: &Instruction) -> usize {
    usize::from(VEX)
}

/// Writes an XMM register.
///
/// SPEC: intel-sdm-vol2 :: 2.3.10 Intel® AVX Instructions and the Upper 128-bits of YMM registers -> a VEX.128 instruction zeroes the bits above 128, a legacy one keeps them
pub(super) fn write<D: Domain, const VEX: bool>(d: &mut D, r: u8, x: D::X) {
    d.write_xmm(r, x);
    if VEX {
        let zero = d.zero128();
        d.write_ymm_high(r, zero);
    }
}

/// Whether an operand is a YMM register
pub(super) fn is_wide(operand: Operand) -> bool {
    operand.kind == OperandKind::Ymm
}

/// Both halves of a vector register
pub(super) fn read_pair<D: Domain>(d: &mut D, r: u8) -> Pair<D::X> {
    [d.read_xmm(r), d.read_ymm_high(r)]
}

/// Writes both halves.
pub(super) fn write_pair<D: Domain>(d: &mut D, r: u8, x: Pair<D::X>) {
    d.write_xmm(r, x[0]);
    d.write_ymm_high(r, x[1]);
}

/// Operand `n` of a 256-bit operation. One of 128 bits or less, as the count of a shift, applies to both halves.
pub(super) fn pair<D: Domain>(
    d: &mut D,
    i: &Instruction,
    n: usize,
    aligned: bool,
) -> Result<Pair<D::X>, D::Fault> {
    let from = i.operands[n];
    if is_wide(from) {
        return Ok(read_pair(d, from.reg));
    }
    if from.is_mem() && from.reg == MemSize::B32 as u8 {
        let m = operand::mem(d, i);
        return d.load256(&m, i.addrsize, aligned);
    }
    let x = source(d, i, n, false)?;
    Ok([x, x])
}

/// Returns the immediate of the upper half of a 256-bit operation: some operations have separate bits for each lane.
///
/// SPEC: intel-sdm-vol2 :: SHUFPD—Packed Interleave Shuffle of Pairs of Double Precision Floating-Point Values -> imm8[3:2] is for the upper half; likewise BLENDPS 7:4, BLENDPD 3:2, VPERMILPD 3:2, MPSADBW 5:3
fn upper_imm(op: VecOp, imm: u8) -> u8 {
    match op {
        VecOp::Blendps => imm >> 4,
        VecOp::Shufpd | VecOp::Blendpd => imm >> 2,
        VecOp::Mpsadbw => imm >> 3,
        _ => imm,
    }
}

/// `op0 = op(first source, last source, imm)`
pub(super) fn binary<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    with_imm::<D, VEX>(d, i, op, i.imm as u8)
}

fn with_imm<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp, imm: u8) -> Step<D> {
    check::<D, VEX>(d)?;
    let to = i.operands[0];
    let n = last::<VEX>(i);
    if VEX && is_wide(to) {
        let b = pair(d, i, n, false)?;
        let a = if n == 1 { b } else { read_pair(d, i.operands[1].reg) };
        let x = d.vector_pair(op, a, b, [imm, upper_imm(op, imm)])?;
        write_pair(d, to.reg, x);
        return Ok(Flow::Next);
    }
    let b = source(d, i, n, !VEX)?;
    let a = if VEX && n == 1 { b } else { d.read_xmm(i.operands[first::<VEX>(i)].reg) };
    let x = d.vector(op, a, b, imm)?;
    write::<D, VEX>(d, to.reg, x);
    Ok(Flow::Next)
}

/// CMPPS, CMPPD, CMPSS, CMPSD: the legacy encodings have eight predicates.
///
/// SPEC: intel-sdm-vol2 :: CMPPS—Compare Packed Single Precision Floating-Point Values -> 32 predicates with VEX; without, bits 7:3 of the immediate are reserved
pub(super) fn compare<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    with_imm::<D, VEX>(d, i, op, i.imm as u8 & if VEX { 31 } else { 7 })
}

/// INSERTPS: a source in memory is one lane, whatever COUNT_S says.
///
/// SPEC: intel-sdm-vol2 :: INSERTPS—Insert Scalar Single Precision Floating-Point Value -> imm8[7:6] chooses a lane of a register only
pub(super) fn insert_single<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    let kept = if i.operands[last::<VEX>(i)].is_mem() { 0x3f } else { 0xff };
    with_imm::<D, VEX>(d, i, op, i.imm as u8 & kept)
}

/// The last source is shifted by the immediate.
pub(super) fn shift_imm<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    check::<D, VEX>(d)?;
    let (to, from, imm) = (i.operands[0], i.operands[first::<VEX>(i)].reg, i.imm as u8);
    if VEX && is_wide(to) {
        let a = read_pair(d, from);
        let x = d.vector_pair(op, a, a, [imm, imm])?;
        write_pair(d, to.reg, x);
        return Ok(Flow::Next);
    }
    let a = d.read_xmm(from);
    let x = d.vector(op, a, a, imm)?;
    write::<D, VEX>(d, to.reg, x);
    Ok(Flow::Next)
}

/// The result of the operation is the status flags (COMISS, PTEST). With 256 bits a flag is set if it is set for both
/// halves.
pub(super) fn flags<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    check::<D, VEX>(d)?;
    let x = if VEX && is_wide(i.operands[0]) {
        let b = pair(d, i, 1, false)?;
        let a = read_pair(d, i.operands[0].reg);
        let [low, high] = d.vector_pair(op, a, b, [0, 0])?;
        d.vector(VecOp::And, low, high, 0)?
    } else {
        let b = source(d, i, 1, !VEX)?;
        let a = d.read_xmm(i.operands[0].reg);
        d.vector(op, a, b, 0)?
    };
    let image = d.extract(x, Width::B8, 0);
    d.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}

/// The result of the operation is an integer of `w` for a general register (CVTSS2SI).
pub(super) fn to_gpr<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp, w: Width) -> Step<D> {
    check::<D, VEX>(d)?;
    let b = source(d, i, 1, !VEX)?;
    let x = d.vector(op, b, b, 0)?;
    let v = d.extract(x, w, 0);
    d.write_gpr(i.operands[0].reg, w, v);
    Ok(Flow::Next)
}

/// PMOVMSKB, MOVMSKPS, MOVMSKPD: the signs of `lanes` lanes in 128 bits
fn mask<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp, lanes: u64) -> Step<D> {
    if !VEX || !is_wide(i.operands[1]) {
        return to_gpr::<D, VEX>(d, i, op, Width::B4);
    }
    check::<D, VEX>(d)?;
    let b = read_pair(d, i.operands[1].reg);
    let [low, high] = d.vector_pair(op, b, b, [0, 0])?;
    let (low, high) = (d.extract(low, Width::B4, 0), d.extract(high, Width::B4, 0));
    let lanes = d.imm(lanes);
    let high = d.bin(Bin::Shl, Width::B4, high, lanes);
    let v = d.bin(Bin::Or, Width::B4, low, high);
    d.write_gpr(i.operands[0].reg, Width::B4, v);
    Ok(Flow::Next)
}

/// PMOVMSKB
pub(super) fn mask_bytes<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    mask::<D, VEX>(d, i, op, 16)
}

/// MOVMSKPS
pub(super) fn mask_singles<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    mask::<D, VEX>(d, i, op, 4)
}

/// MOVMSKPD
pub(super) fn mask_doubles<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    mask::<D, VEX>(d, i, op, 2)
}

/// The operation takes an integer of `w` from a general register or memory (CVTSI2SD).
pub(super) fn from_gpr<D: Domain, const VEX: bool>(
    d: &mut D,
    i: &Instruction,
    op: VecOp,
    w: Width,
) -> Step<D> {
    check::<D, VEX>(d)?;
    let v = operand::read(d, i, last::<VEX>(i), w)?;
    let b = widen(d, w, v);
    let a = d.read_xmm(i.operands[first::<VEX>(i)].reg);
    let x = d.vector(op, a, b, 0)?;
    write::<D, VEX>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// PBLENDVB, BLENDVPS, BLENDVPD: lanes of the source where the lane of the mask is negative.
///
/// SPEC: intel-sdm-vol2 :: PBLENDVB—Variable Blend Packed Bytes -> the implicit mask is XMM0, with VEX a fourth operand; the most significant bit of each lane counts
pub(super) fn blend<D: Domain, const VEX: bool>(d: &mut D, i: &Instruction, less: VecOp) -> Step<D> {
    check::<D, VEX>(d)?;
    let to = i.operands[0];
    let signs = if VEX { i.operands[3].reg } else { 0 };
    if VEX && is_wide(to) {
        let b = pair(d, i, 2, false)?;
        let (a, signs) = (read_pair(d, i.operands[1].reg), read_pair(d, signs));
        let low = blended(d, less, a[0], b[0], signs[0])?;
        let high = blended(d, less, a[1], b[1], signs[1])?;
        write_pair(d, to.reg, [low, high]);
        return Ok(Flow::Next);
    }
    let b = source(d, i, last::<VEX>(i), !VEX)?;
    let (a, signs) = (d.read_xmm(i.operands[first::<VEX>(i)].reg), d.read_xmm(signs));
    let x = blended(d, less, a, b, signs)?;
    write::<D, VEX>(d, to.reg, x);
    Ok(Flow::Next)
}

fn blended<D: Domain>(d: &mut D, less: VecOp, a: D::X, b: D::X, signs: D::X) -> Result<D::X, D::Fault> {
    let zero = d.zero128();
    let mask = d.vector(less, zero, signs, 0)?;
    let yes = d.vector(VecOp::And, mask, b, 0)?;
    let no = d.vector(VecOp::Andn, mask, a, 0)?;
    d.vector(VecOp::Or, yes, no, 0)
}
