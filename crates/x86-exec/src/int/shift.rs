//! Shifts and rotates, single and double.

use crate::operand::{read_for_write, write_back};
use crate::{Bin, Cmp, Domain, Flag, FlagDef, Flow, Step};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// The shifts and rotates of group 2 that need no carry in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    /// SHL, SAL
    Shl,
    /// SHR
    Shr,
    /// SAR
    Sar,
    /// ROL
    Rol,
    /// ROR
    Ror,
}

/// The count operand `n`, masked to 5 bits, or 6 with 64-bit operands.
///
/// SPEC: intel-sdm-vol2 :: SAL/SAR/SHL/SHR—Shift -> the count is masked to 5 bits, to 6 with a 64-bit operand; a count of 0 leaves the flags
#[inline(always)]
fn count<D: Domain>(d: &mut D, i: &Instruction, n: usize, w: Width) -> D::V {
    let mask = if w == Width::B8 { 63 } else { 31 };
    match i.operands[n].kind {
        OperandKind::Imm | OperandKind::Imm2 => d.imm(i.imm & mask),
        OperandKind::One => d.imm(1),
        _ => {
            let cl = d.read_gpr(1, Width::B1);
            let mask = d.imm(mask);
            d.bin(Bin::And, Width::B4, cl, mask)
        }
    }
}

fn bit<D: Domain>(d: &mut D, v: D::V, position: D::V) -> D::V {
    let shifted = d.bin(Bin::Shr, Width::B8, v, position);
    let one = d.imm(1);
    d.bin(Bin::And, Width::B8, shifted, one)
}

/// SHL, SHR, SAR, ROL, ROR.
///
/// SPEC: intel-sdm-vol2 :: RCL/RCR/ROL/ROR—Rotate -> ROL and ROR set CF from the bit moved around, OF for counts of one (here for all counts)
#[inline(always)]
pub(crate) fn shift<D: Domain>(d: &mut D, i: &Instruction, op: Shift, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let n = count(d, i, 1, w);
    let one = d.imm(1);
    let top = d.imm(u64::from(w.bits()) - 1);
    let zero = d.imm(0);
    let nonzero = d.cmp(Cmp::Ne, Width::B4, n, zero);
    let (result, flags) = match op {
        Shift::Shl => {
            // In 64 bits the bit last shifted out of a narrow operand stands just above it.
            let wide = d.bin(Bin::Shl, Width::B8, a, n);
            let result = d.trunc(w, wide);
            let cf = if w == Width::B8 {
                let bits = d.imm(64);
                let back = d.bin(Bin::Sub, Width::B4, bits, n);
                let mask = d.imm(63);
                let back = d.bin(Bin::And, Width::B4, back, mask);
                bit(d, a, back)
            } else {
                let above = d.imm(u64::from(w.bits()));
                bit(d, wide, above)
            };
            let sign = bit(d, result, top);
            let of = d.bin(Bin::Xor, Width::B4, cf, sign);
            (result, FlagDef::Explicit { w, result, cf, of, af: zero })
        }
        Shift::Shr | Shift::Sar => {
            let wide = if op == Shift::Sar { d.sext(w, Width::B8, a) } else { a };
            let kind = if op == Shift::Sar { Bin::Sar } else { Bin::Shr };
            let shifted = d.bin(kind, Width::B8, wide, n);
            let result = d.trunc(w, shifted);
            let before = d.bin(Bin::Sub, Width::B4, n, one);
            let mask = d.imm(63);
            let before = d.bin(Bin::And, Width::B4, before, mask);
            let last = d.bin(kind, Width::B8, wide, before);
            let cf = d.bin(Bin::And, Width::B8, last, one);
            let of = if op == Shift::Sar { zero } else { bit(d, a, top) };
            (result, FlagDef::Explicit { w, result, cf, of, af: zero })
        }
        Shift::Rol | Shift::Ror => {
            let modulo = d.imm(u64::from(w.bits()) - 1);
            let n = d.bin(Bin::And, Width::B4, n, modulo);
            let result = d.bin(if op == Shift::Rol { Bin::Rol } else { Bin::Ror }, w, a, n);
            let high = bit(d, result, top);
            let (cf, other) = if op == Shift::Rol {
                (d.bin(Bin::And, Width::B8, result, one), high)
            } else {
                let next = d.imm(u64::from(w.bits()) - 2);
                (high, bit(d, result, next))
            };
            let of = d.bin(
                Bin::Xor,
                Width::B4,
                if op == Shift::Rol { high } else { cf },
                if op == Shift::Rol { cf } else { other },
            );
            (result, FlagDef::CarryOverflow { cf, of })
        }
    };
    write_back(d, i, place, w, result)?;
    d.set_flags_if(nonzero, flags);
    Ok(Flow::Next)
}

/// RCL and RCR: a rotate through CF, 9, 17, 33 or 65 bits around.
#[inline(always)]
pub(crate) fn rotate_carry<D: Domain>(d: &mut D, i: &Instruction, left: bool, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let bits = u64::from(w.bits());
    let mut n = count(d, i, 1, w);
    if w.bits() < 32 {
        // At most 31 by the mask: subtract bits + 1 up to three times to take it modulo bits + 1.
        for _ in 0..(if w == Width::B1 { 3 } else { 1 }) {
            let around = d.imm(bits + 1);
            let less = d.cmp(Cmp::Ltu, Width::B4, n, around);
            let reduced = d.bin(Bin::Sub, Width::B4, n, around);
            n = d.select(less, n, reduced);
        }
    }
    let (zero, one) = (d.imm(0), d.imm(1));
    let nonzero = d.cmp(Cmp::Ne, Width::B4, n, zero);
    let mask = d.imm(63);
    let carry = d.flag(Flag::Cf);
    // result = a shifted by n | carry at its place | a shifted the other way by bits + 1 - n
    let before = d.bin(Bin::Sub, Width::B4, n, one);
    let before = d.bin(Bin::And, Width::B4, before, mask);
    let width = d.imm(bits);
    let back = d.bin(Bin::Sub, Width::B4, width, n);
    let back = d.bin(Bin::And, Width::B4, back, mask);
    let (forth_op, back_op) = if left { (Bin::Shl, Bin::Shr) } else { (Bin::Shr, Bin::Shl) };
    let forth = d.bin(forth_op, Width::B8, a, n);
    // Shifting back by `bits + 1 - n`, in two steps since it can reach 64.
    let almost = d.bin(back_op, Width::B8, a, back);
    let around = d.bin(back_op, Width::B8, almost, one);
    let carry_place = if left { before } else { back };
    let carried = d.bin(Bin::Shl, Width::B8, carry, carry_place);
    let mixed = d.bin(Bin::Or, Width::B8, forth, carried);
    let mixed = d.bin(Bin::Or, Width::B8, mixed, around);
    let rotated = d.trunc(w, mixed);
    let result = d.select(nonzero, rotated, a);
    let out_place = if left { back } else { before };
    let cf = bit(d, a, out_place);
    let top = d.imm(bits - 1);
    let sign = bit(d, result, top);
    let of = if left {
        d.bin(Bin::Xor, Width::B4, sign, cf)
    } else {
        let next = d.imm(bits - 2);
        let below = bit(d, result, next);
        d.bin(Bin::Xor, Width::B4, sign, below)
    };
    write_back(d, i, place, w, result)?;
    d.set_flags_if(nonzero, FlagDef::CarryOverflow { cf, of });
    Ok(Flow::Next)
}

/// SHLD and SHRD. With 16-bit operands and counts above 16 (undefined) the double register is rotated on, as
/// processors do.
///
/// SPEC: intel-sdm-vol2 :: SHLD—Double Precision Shift Left -> bits of the source follow into the destination; CF is the last bit shifted out, OF tells a sign change
#[inline(always)]
pub(crate) fn double_shift<D: Domain>(d: &mut D, i: &Instruction, left: bool, w: Width) -> Step<D> {
    let (place, a) = read_for_write(d, i, w)?;
    let b = d.read_gpr(i.operands[1].reg, w);
    let n = count(d, i, 2, w);
    let (zero, one, mask) = (d.imm(0), d.imm(1), d.imm(63));
    let bits = u64::from(w.bits());
    let nonzero = d.cmp(Cmp::Ne, Width::B4, n, zero);
    let (result, cf);
    if w == Width::B8 {
        let width = d.imm(bits);
        let back = d.bin(Bin::Sub, Width::B4, width, n);
        let back = d.bin(Bin::And, Width::B4, back, mask);
        let (forth_op, back_op) = if left { (Bin::Shl, Bin::Shr) } else { (Bin::Shr, Bin::Shl) };
        let forth = d.bin(forth_op, w, a, n);
        let other = d.bin(back_op, w, b, back);
        let mixed = d.bin(Bin::Or, w, forth, other);
        result = d.select(nonzero, mixed, a);
        let before = d.bin(Bin::Sub, Width::B4, n, one);
        let before = d.bin(Bin::And, Width::B4, before, mask);
        cf = bit(d, a, if left { back } else { before });
    } else {
        // Both operands (and the destination once more for 16 bits) fit into one 64-bit word.
        let width = d.imm(bits);
        let (high, low) = if left { (a, b) } else { (b, a) };
        let shifted = d.bin(Bin::Shl, Width::B8, high, width);
        let mut double = d.bin(Bin::Or, Width::B8, shifted, low);
        if w == Width::B2 {
            // left: a:b:a, right: a:b:a as well, seen from the other end
            let thirty_two = d.imm(32);
            if left {
                let up = d.bin(Bin::Shl, Width::B8, double, width);
                double = d.bin(Bin::Or, Width::B8, up, a);
            } else {
                let up = d.bin(Bin::Shl, Width::B8, a, thirty_two);
                double = d.bin(Bin::Or, Width::B8, up, double);
            }
        }
        let total = if w == Width::B2 { 48 } else { 64 };
        if left {
            let down = d.imm(total - bits);
            let distance = d.bin(Bin::Sub, Width::B4, down, n);
            let moved = d.bin(Bin::Shr, Width::B8, double, distance);
            result = d.trunc(w, moved);
            let above = d.imm(total);
            let place = d.bin(Bin::Sub, Width::B4, above, n);
            let place = d.bin(Bin::And, Width::B4, place, mask);
            cf = bit(d, double, place);
        } else {
            let moved = d.bin(Bin::Shr, Width::B8, double, n);
            result = d.trunc(w, moved);
            let before = d.bin(Bin::Sub, Width::B4, n, one);
            let before = d.bin(Bin::And, Width::B4, before, mask);
            cf = bit(d, double, before);
        }
    }
    let changed = d.bin(Bin::Xor, w, result, a);
    let top = d.imm(bits - 1);
    let of = bit(d, changed, top);
    write_back(d, i, place, w, result)?;
    d.set_flags_if(nonzero, FlagDef::Explicit { w, result, cf, of, af: zero });
    Ok(Flow::Next)
}
