//! Near control transfers: JMP, Jcc, CALL, RET, LOOP, JCXZ.

use super::stack::{peek_value, push_value, set_sp};
use crate::operand::read;
use crate::{Bin, Cmp, Domain, Flag, Flow, Step};
use x86_decode::{Instruction, OperandKind};
use x86_types::Width;

#[inline(always)]
fn relative<D: Domain>(d: &mut D, i: &Instruction) -> D::V {
    let (next, distance) = (d.next_rip(), d.imm(i.imm));
    let target = d.bin(Bin::Add, Width::B8, next, distance);
    d.trunc(i.opsize, target)
}

#[inline(always)]
fn target<D: Domain>(d: &mut D, i: &Instruction) -> Result<D::V, D::Fault> {
    if i.operands[0].kind == OperandKind::Rel { Ok(relative(d, i)) } else { read(d, i, 0, i.opsize) }
}

/// JMP near
#[inline(always)]
pub(crate) fn jmp<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let to = target(d, i)?;
    d.jump(to)?;
    Ok(Flow::End)
}

/// Jcc
#[inline(always)]
pub(crate) fn jcc<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let c = d.cond(i.cond());
    let to = relative(d, i);
    d.branch(c, to)?;
    Ok(Flow::End)
}

/// CALL near. The target is checked before anything is pushed: a fault leaves the stack's memory too.
///
/// SPEC: intel-sdm-vol2 :: CALL—Call Procedure -> a bad target is #GP(0) with nothing changed; else the return address is pushed, then RIP is the target
#[inline(always)]
pub(crate) fn call<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let to = target(d, i)?;
    d.check_target(to)?;
    let next = d.next_rip();
    let next = d.trunc(i.opsize, next);
    push_value(d, i.opsize, next)?;
    d.jump(to)?;
    Ok(Flow::End)
}

/// RET near, with the bytes to release
#[inline(always)]
pub(crate) fn ret<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (to, mut sp) = peek_value(d, i.opsize)?;
    if i.operands[0].kind == OperandKind::Imm {
        let sw = d.stack_width();
        let release = d.imm(i.imm & 0xffff);
        sp = d.bin(Bin::Add, sw, sp, release);
    }
    d.jump(to)?;
    set_sp(d, sp);
    Ok(Flow::End)
}

/// LOOP, LOOPE, LOOPNE: the count register has the address size.
///
/// SPEC: intel-sdm-vol2 :: LOOP/LOOPcc—Loop According to ECX Counter -> CX, ECX or RCX by address size is decremented without touching flags
#[inline(always)]
pub(crate) fn loop_<D: Domain>(d: &mut D, i: &Instruction, zf: Option<bool>) -> Step<D> {
    let w = i.addrsize;
    let (old, one, zero) = (d.read_gpr(1, w), d.imm(1), d.imm(0));
    let count = d.bin(Bin::Sub, w, old, one);
    let mut c = d.cmp(Cmp::Ne, w, count, zero);
    if let Some(wanted) = zf {
        let mut z = d.flag(Flag::Zf);
        if !wanted {
            z = d.bin(Bin::Xor, Width::B4, z, one);
        }
        c = d.bin(Bin::And, Width::B4, c, z);
    }
    let to = relative(d, i);
    d.branch(c, to)?;
    d.write_gpr(1, w, count);
    Ok(Flow::End)
}

/// JCXZ, JECXZ, JRCXZ
#[inline(always)]
pub(crate) fn jcxz<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (count, zero) = (d.read_gpr(1, i.addrsize), d.imm(0));
    let c = d.cmp(Cmp::Eq, i.addrsize, count, zero);
    let to = relative(d, i);
    d.branch(c, to)?;
    Ok(Flow::End)
}
