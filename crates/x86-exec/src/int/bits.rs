//! Bit tests and scans: BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, CRC32, and BMI.

use crate::operand::{mem, read};
use crate::{Bin, Cmp, Domain, FlagDef, Flow, MemRef, Step, Un};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// The new value of the tested bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BitOp {
    /// BT: left as it is
    Test,
    /// BTS: set to 1
    Set,
    /// BTR: cleared to 0
    Reset,
    /// BTC: inverted
    Complement,
}

/// Returns the location of a bit: the memory operand, if there is one, and the position in it or in the register.
#[inline(always)]
pub(crate) fn bit_place<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> (Option<MemRef<D::V>>, D::V) {
    let by_register = !matches!(i.operands[1].kind, OperandKind::Imm);
    let offset = if by_register { d.read_gpr(i.operands[1].reg, w) } else { d.imm(i.imm) };
    let mask = d.imm(u64::from(w.bits()) - 1);
    let position = d.bin(Bin::And, Width::B4, offset, mask);
    if !i.operands[0].is_mem() {
        return (None, position);
    }
    let mut m = mem(d, i);
    if by_register {
        let wide = d.sext(w, Width::B8, offset);
        let three = d.imm(3);
        let bytes = d.bin(Bin::Sar, Width::B8, wide, three);
        let align = d.imm(!u64::from(w.bytes() - 1));
        let bytes = d.bin(Bin::And, Width::B8, bytes, align);
        let sum = d.bin(Bin::Add, Width::B8, m.offset, bytes);
        m = MemRef { seg: m.seg, offset: d.trunc(i.addrsize, sum) };
    }
    (Some(m), position)
}

/// BT, BTS, BTR, BTC. A register bit offset reaches beyond a memory operand, in both directions.
///
/// SPEC: intel-sdm-vol2 :: BT—Bit Test -> with a register offset the memory operand starts a bit string; only CF is defined, the rest stays
#[inline(always)]
pub(crate) fn bit_test<D: Domain>(d: &mut D, i: &Instruction, op: BitOp, w: Width) -> Step<D> {
    let (place, position) = bit_place(d, i, w);
    let old = match &place {
        Some(m) if op == BitOp::Test => d.load(m, w)?,
        Some(m) => d.load_for_write(m, w)?,
        None => d.read_gpr(i.operands[0].reg, w),
    };
    let one = d.imm(1);
    let moved = d.bin(Bin::Shr, Width::B8, old, position);
    let cf = d.bin(Bin::And, Width::B8, moved, one);
    if op != BitOp::Test {
        let bit = d.bin(Bin::Shl, Width::B8, one, position);
        let new = match op {
            BitOp::Set => d.bin(Bin::Or, w, old, bit),
            BitOp::Complement => d.bin(Bin::Xor, w, old, bit),
            _ => {
                let keep = d.un(Un::Not, w, bit);
                d.bin(Bin::And, w, old, keep)
            }
        };
        match &place {
            Some(m) => d.store(m, w, new)?,
            None => d.write_gpr(i.operands[0].reg, w, new),
        }
    }
    d.set_flags(FlagDef::Carry(cf));
    Ok(Flow::Next)
}

/// BSF and BSR. With a source of 0 the destination stays.
///
/// SPEC: intel-sdm-vol2 :: BSF—Bit Scan Forward -> ZF tells a source of 0; the destination is then left as it is
#[inline(always)]
pub(crate) fn scan<D: Domain>(d: &mut D, i: &Instruction, forward: bool, w: Width) -> Step<D> {
    let v = read(d, i, 1, w)?;
    let r = i.operands[0].reg;
    let zero = d.imm(0);
    let is_zero = d.cmp(Cmp::Eq, w, v, zero);
    let index = if forward {
        d.un(Un::Ctz, w, v)
    } else {
        let (top, leading) = (d.imm(u64::from(w.bits()) - 1), d.un(Un::Clz, w, v));
        d.bin(Bin::Sub, Width::B4, top, leading)
    };
    // A 32-bit destination that stays keeps its upper half too.
    let whole = if w == Width::B4 { Width::B8 } else { w };
    let old = d.read_gpr(r, whole);
    let new = d.select(is_zero, old, index);
    d.write_gpr(r, whole, new);
    let six = d.imm(6);
    let image = d.bin(Bin::Shl, Width::B8, is_zero, six);
    d.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}

/// TZCNT and LZCNT
#[inline(always)]
pub(crate) fn count_zeros<D: Domain>(d: &mut D, i: &Instruction, trailing: bool, w: Width) -> Step<D> {
    let v = read(d, i, 1, w)?;
    let n = d.un(if trailing { Un::Ctz } else { Un::Clz }, w, v);
    d.write_gpr(i.operands[0].reg, w, n);
    let zero = d.imm(0);
    let cf = d.cmp(Cmp::Eq, w, v, zero);
    d.set_flags(FlagDef::Explicit { w, result: n, cf, of: zero, af: zero });
    Ok(Flow::Next)
}

/// POPCNT
#[inline(always)]
pub(crate) fn popcnt<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let v = read(d, i, 1, w)?;
    let n = d.un(Un::Popcnt, w, v);
    d.write_gpr(i.operands[0].reg, w, n);
    let zero = d.imm(0);
    let is_zero = d.cmp(Cmp::Eq, w, v, zero);
    let six = d.imm(6);
    let image = d.bin(Bin::Shl, Width::B8, is_zero, six);
    d.set_flags(FlagDef::Image(image));
    Ok(Flow::Next)
}
