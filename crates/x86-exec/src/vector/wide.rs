//! Instructions on YMM registers that move lanes between their halves.

use super::VecOp;
use super::forms::{is_wide, pair, read_pair, source, write, write_pair};
use crate::{Domain, Flow, Step, operand};
use x86_decode::{Instruction, OperandKind};
use x86_types::{CodeSize, Width};

/// The operation widens lanes: those of the result's upper half begin `bytes` above the lowest.
fn extend_from<D: Domain>(d: &mut D, i: &Instruction, op: VecOp, bytes: u8) -> Step<D> {
    d.check_avx()?;
    let low = source(d, i, 1, false)?;
    let high = d.vector(VecOp::Psrldq, low, low, bytes)?;
    let x = d.vector_pair(op, [low, high], [low, high], [0, 0])?;
    write_pair(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// To lanes of twice the width (VPMOVSXBW, VCVTPS2PD)
pub(super) fn extend<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    extend_from(d, i, op, 8)
}

/// To lanes of four times the width
pub(super) fn extend_quarter<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    extend_from(d, i, op, 4)
}

/// To lanes of eight times the width
pub(super) fn extend_eighth<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    extend_from(d, i, op, 2)
}

/// The operation leaves its result in the low quadword of each half; together they are an XMM register (VCVTPD2PS).
pub(super) fn narrow<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_avx()?;
    let b = pair(d, i, 1, false)?;
    let [low, high] = d.vector_pair(op, b, b, [0, 0])?;
    let x = d.vector(VecOp::Punpcklqdq, low, high, 0)?;
    write::<D, true>(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

fn write_both<D: Domain>(d: &mut D, i: &Instruction, x: D::X) {
    if is_wide(i.operands[0]) {
        write_pair(d, i.operands[0].reg, [x, x]);
    } else {
        write::<D, true>(d, i.operands[0].reg, x);
    }
}

/// VBROADCAST...: the lowest lane in every lane
pub(super) fn broadcast<D: Domain>(d: &mut D, i: &Instruction, op: VecOp) -> Step<D> {
    d.check_avx()?;
    let b = source(d, i, 1, false)?;
    let x = d.vector(op, b, b, 0)?;
    write_both(d, i, x);
    Ok(Flow::Next)
}

/// VBROADCASTF128 and VBROADCASTI128
pub(super) fn broadcast_half<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_avx()?;
    let x = source(d, i, 1, false)?;
    write_both(d, i, x);
    Ok(Flow::Next)
}

/// VINSERTF128 and VINSERTI128
pub(super) fn insert_half<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_avx()?;
    let b = source(d, i, 2, false)?;
    let [low, high] = read_pair(d, i.operands[1].reg);
    let x = if i.imm & 1 == 0 { [b, high] } else { [low, b] };
    write_pair(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// VEXTRACTF128 and VEXTRACTI128
pub(super) fn extract_half<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_avx()?;
    let [low, high] = read_pair(d, i.operands[1].reg);
    let x = if i.imm & 1 == 0 { low } else { high };
    let to = i.operands[0];
    if to.kind == OperandKind::Mem {
        let m = operand::mem(d, i);
        d.store128(&m, false, x)?;
    } else {
        write::<D, true>(d, to.reg, x);
    }
    Ok(Flow::Next)
}

/// VPERM2F128 and VPERM2I128
///
/// SPEC: intel-sdm-vol2 :: VPERM2F128—Permute Floating-Point Values -> imm8[1:0] and [5:4] choose halves of the two sources, bits 3 and 7 zero a half
pub(super) fn permute_halves<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_avx()?;
    let [b_low, b_high] = pair(d, i, 2, false)?;
    let [a_low, a_high] = read_pair(d, i.operands[1].reg);
    let zero = d.zero128();
    let choose = |imm: u64| match imm & 15 {
        8.. => zero,
        imm => match imm & 3 {
            0 => a_low,
            1 => a_high,
            2 => b_low,
            _ => b_high,
        },
    };
    write_pair(d, i.operands[0].reg, [choose(i.imm), choose(i.imm >> 4)]);
    Ok(Flow::Next)
}

/// VPERMQ and VPERMPD
pub(super) fn permute_quadwords<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    d.check_avx()?;
    let b = pair(d, i, 1, false)?;
    let mut half = |imm: u64| {
        let zero = d.zero128();
        (0..2).fold(zero, |x, n| {
            let from = (imm >> (2 * n)) as u8 & 3;
            let v = d.extract(b[usize::from(from >> 1)], Width::B8, from & 1);
            d.insert(x, Width::B8, n, v)
        })
    };
    let x = [half(i.imm), half(i.imm >> 4)];
    write_pair(d, i.operands[0].reg, x);
    Ok(Flow::Next)
}

/// The vector registers that the code can name
fn registers<D: Domain>(d: &D) -> u8 {
    if d.code_size() == CodeSize::Bits64 { 16 } else { 8 }
}

/// SPEC: intel-sdm-vol2 :: VZEROUPPER—Zero Upper Bits of YMM and ZMM Registers -> all 16 registers in 64-bit mode, else the first eight
pub(super) fn zero_upper<D: Domain>(d: &mut D, _: &Instruction) -> Step<D> {
    d.check_avx()?;
    let zero = d.zero128();
    for r in 0..registers(d) {
        d.write_ymm_high(r, zero);
    }
    Ok(Flow::Next)
}

/// SPEC: intel-sdm-vol2 :: VZEROALL—Zero XMM, YMM, and ZMM Registers -> all 16 registers in 64-bit mode, else the first eight
pub(super) fn zero_all<D: Domain>(d: &mut D, _: &Instruction) -> Step<D> {
    d.check_avx()?;
    let zero = d.zero128();
    for r in 0..registers(d) {
        write_pair(d, r, [zero, zero]);
    }
    Ok(Flow::Next)
}
