//! Read-modify-writes of memory that are one atomic operation: instructions with LOCK, and XCHG.
//!
//! Results and flags are those of the same instructions without LOCK; what differs is that memory is changed by one
//! operation of the [`Domain`].

use super::alu::{Alu, flags_of};
use super::bits::{BitOp, bit_place};
use crate::operand::mem;
use crate::{Bin, Domain, Flag, FlagDef, Flow, Rmw, Step, Un};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

/// ADD, ADC, SUB, SBB, AND, OR, XOR with a memory destination.
#[inline(always)]
pub(crate) fn alu<D: Domain>(d: &mut D, i: &Instruction, op: Alu, w: Width) -> Step<D> {
    let m = mem(d, i);
    let is_register = !matches!(i.operands[1].kind, OperandKind::Imm | OperandKind::One);
    let b = if is_register { d.read_gpr(i.operands[1].reg, w) } else { d.imm(w.trunc(i.imm)) };
    let operand = if matches!(op, Alu::Adc | Alu::Sbb) {
        let carry = d.flag(Flag::Cf);
        d.bin(Bin::Add, w, b, carry)
    } else {
        b
    };
    let (a, result) = d.atomic_rmw(Rmw::Op(op.operation()), &m, w, operand)?;
    d.set_flags(flags_of(op, w, a, b, result));
    Ok(Flow::Next)
}

/// INC and DEC
#[inline(always)]
pub(crate) fn inc_dec<D: Domain>(d: &mut D, i: &Instruction, inc: bool, w: Width) -> Step<D> {
    let (m, one) = (mem(d, i), d.imm(1));
    let (_, result) = d.atomic_rmw(Rmw::Op(if inc { Bin::Add } else { Bin::Sub }), &m, w, one)?;
    d.set_flags(if inc { FlagDef::Inc { w, result } } else { FlagDef::Dec { w, result } });
    Ok(Flow::Next)
}

/// NEG
#[inline(always)]
pub(crate) fn neg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (m, a) = (mem(d, i), d.imm(0));
    let (b, result) = d.atomic_rmw(Rmw::Un(Un::Neg), &m, w, a)?;
    d.set_flags(FlagDef::Sub { w, a, b, result });
    Ok(Flow::Next)
}

/// NOT
#[inline(always)]
pub(crate) fn not<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (m, zero) = (mem(d, i), d.imm(0));
    d.atomic_rmw(Rmw::Un(Un::Not), &m, w, zero)?;
    Ok(Flow::Next)
}

/// XADD
#[inline(always)]
pub(crate) fn xadd<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let m = mem(d, i);
    let b = d.read_gpr(i.operands[1].reg, w);
    let (a, result) = d.atomic_rmw(Rmw::Op(Bin::Add), &m, w, b)?;
    d.write_gpr(i.operands[1].reg, w, a);
    d.set_flags(FlagDef::Add { w, a, b, result });
    Ok(Flow::Next)
}

/// XCHG with memory
///
/// SPEC: intel-sdm-vol2 :: XCHG—Exchange Register/Memory With Register -> with a memory operand it is locked, whether LOCK is there or not
#[inline(always)]
pub(crate) fn xchg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let (a, b) = (i.operands[0], i.operands[1]);
    let register = if a.is_mem() { b.reg } else { a.reg };
    let (m, new) = (mem(d, i), d.read_gpr(register, w));
    let (old, _) = d.atomic_rmw(Rmw::Exchange, &m, w, new)?;
    d.write_gpr(register, w, old);
    Ok(Flow::Next)
}

/// CMPXCHG
#[inline(always)]
pub(crate) fn cmpxchg<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let m = mem(d, i);
    let (expected, new) = (d.read_gpr(0, w), d.read_gpr(i.operands[1].reg, w));
    let (old, equal) = d.atomic_compare_exchange(&m, w, expected, new)?;
    super::alu::end_cmpxchg(d, w, expected, old, equal);
    Ok(Flow::Next)
}

/// BTS, BTR, BTC
#[inline(always)]
pub(crate) fn bit_test<D: Domain>(d: &mut D, i: &Instruction, op: BitOp, w: Width) -> Step<D> {
    let (place, position) = bit_place(d, i, w);
    // Without a memory operand LOCK is #UD by the decoder.
    let Some(m) = place else { return super::bits::bit_test(d, i, op, w) };
    let one = d.imm(1);
    let bit = d.bin(Bin::Shl, Width::B8, one, position);
    let (operation, operand) = match op {
        BitOp::Set => (Bin::Or, bit),
        BitOp::Complement => (Bin::Xor, bit),
        _ => (Bin::And, d.un(Un::Not, w, bit)),
    };
    let (old, _) = d.atomic_rmw(Rmw::Op(operation), &m, w, operand)?;
    let moved = d.bin(Bin::Shr, Width::B8, old, position);
    let cf = d.bin(Bin::And, Width::B8, moved, one);
    d.set_flags(FlagDef::Carry(cf));
    Ok(Flow::Next)
}
