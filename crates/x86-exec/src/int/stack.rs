//! PUSH, POP, LEAVE, ENTER (level 0), and the stack access they share with calls.

use crate::operand::{mem, read, write};
use crate::{Bin, Domain, Flow, MemRef, Step};
use x86_decode::{Instruction, OperandKind};
use x86_types::{Seg, Width};

const RSP: u8 = 4;
const RBP: u8 = 5;

/// Pushes `v` at width `w`; RSP changes only when the store succeeded.
///
/// SPEC: intel-sdm-vol1 :: 6.2.3 Address-Size Attributes for Stack Accesses -> the stack pointer is SP, ESP or RSP by SS.B and mode
#[inline(always)]
pub(crate) fn push_value<D: Domain>(d: &mut D, w: Width, v: D::V) -> Result<(), D::Fault> {
    let sw = d.stack_width();
    let size = d.imm(u64::from(w.bytes()));
    let old = d.read_gpr(RSP, sw);
    let new = d.bin(Bin::Sub, sw, old, size);
    d.store(&MemRef { seg: Seg::Ss, offset: new }, w, v)?;
    d.write_gpr(RSP, sw, new);
    Ok(())
}

/// Reads what POP would, without moving RSP. Gives the value and the new stack pointer.
#[inline(always)]
pub(crate) fn peek_value<D: Domain>(d: &mut D, w: Width) -> Result<(D::V, D::V), D::Fault> {
    let sw = d.stack_width();
    let old = d.read_gpr(RSP, sw);
    let v = d.load(&MemRef { seg: Seg::Ss, offset: old }, w)?;
    let size = d.imm(u64::from(w.bytes()));
    let new = d.bin(Bin::Add, sw, old, size);
    Ok((v, new))
}

/// Moves the stack pointer.
#[inline(always)]
pub(crate) fn set_sp<D: Domain>(d: &mut D, v: D::V) {
    let sw = d.stack_width();
    d.write_gpr(RSP, sw, v);
}

/// PUSH of a register, immediate or memory.
///
/// SPEC: intel-sdm-vol2 :: PUSH—Push Word, Doubleword, or Quadword Onto the Stack -> the value is read before RSP changes, so PUSH RSP stores the old one
#[inline(always)]
pub(crate) fn push<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let v = read(d, i, 0, w)?;
    push_value(d, w, v)?;
    Ok(Flow::Next)
}

/// POP to a register or memory. An address with RSP as base uses the value after the increment.
///
/// SPEC: intel-sdm-vol2 :: POP—Pop a Value From the Stack -> RSP is incremented before the destination's address is computed; POP RSP keeps the value popped
#[inline(always)]
pub(crate) fn pop<D: Domain>(d: &mut D, i: &Instruction, w: Width) -> Step<D> {
    let sw = d.stack_width();
    let old = d.read_gpr(RSP, sw);
    let (v, new) = peek_value(d, w)?;
    set_sp(d, new);
    if i.operands[0].is_mem() {
        let m = mem(d, i);
        // A store that faults must leave RSP as it was: check by way of the old pointer.
        set_sp(d, old);
        d.store(&m, w, v)?;
        set_sp(d, new);
    } else {
        write(d, i, 0, w, v)?;
    }
    Ok(Flow::Next)
}

/// LEAVE
#[inline(always)]
pub(crate) fn leave<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (sw, w) = (d.stack_width(), i.opsize);
    let frame = d.read_gpr(RBP, sw);
    let v = d.load(&MemRef { seg: Seg::Ss, offset: frame }, w)?;
    let size = d.imm(u64::from(w.bytes()));
    let new = d.bin(Bin::Add, sw, frame, size);
    d.write_gpr(RSP, sw, new);
    d.write_gpr(RBP, w, v);
    Ok(Flow::Next)
}

/// Whether a PUSH or POP operand is a segment register, which is the business of [`segment`](super::segment).
pub(crate) fn is_segment(i: &Instruction) -> bool {
    i.operands[0].kind == OperandKind::Seg
}
