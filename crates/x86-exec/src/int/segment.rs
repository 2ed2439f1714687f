//! Segment registers: loads, stores, and far transfers where selectors are paragraphs.

use super::stack::{peek_value, push_value, set_sp};
use crate::operand::{mem, read, write};
use crate::{Bin, Domain, Flow, MemRef, Step};
use x86_decode::{Instruction, Op, OperandKind};
use x86_types::{Exception, Seg, Width};

const RSP: u8 = 4;

/// The segment register that operand `n` is.
fn named<D: Domain>(d: &mut D, i: &Instruction, n: usize) -> Result<Seg, D::Fault> {
    Seg::from_index(i.operands[n].reg).ok_or_else(|| d.raise(Exception::InvalidOpcode))
}

/// Loads a segment register as MOV and POP do.
///
/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> behind MOV SS and POP SS interrupts wait for one instruction
fn load<D: Domain>(d: &mut D, seg: Seg, selector: D::V) -> Result<(), D::Fault> {
    d.load_segment(seg, selector)?;
    if seg == Seg::Ss {
        d.hold_interrupts();
    }
    Ok(())
}

/// MOV to and from segment registers. Memory takes 16 bits, a register the operand size.
pub(crate) fn mov<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    if i.operands[0].kind == OperandKind::Seg {
        let seg = named(d, i, 0)?;
        if seg == Seg::Cs {
            return Err(d.raise(Exception::InvalidOpcode));
        }
        let selector = read(d, i, 1, Width::B2)?;
        load(d, seg, selector)?;
        return Ok(Flow::End);
    }
    let seg = named(d, i, 1)?;
    let selector = d.selector(seg);
    let w = if i.operands[0].is_mem() { Width::B2 } else { i.opsize };
    write(d, i, 0, w, selector)?;
    Ok(Flow::Next)
}

/// PUSH of a segment register: zero-extended to the operand size.
pub(crate) fn push<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let seg = named(d, i, 0)?;
    let selector = d.selector(seg);
    push_value(d, i.opsize, selector)?;
    Ok(Flow::Next)
}

/// POP of a segment register.
pub(crate) fn pop<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let seg = named(d, i, 0)?;
    let (selector, sp) = peek_value(d, i.opsize)?;
    // The stack's width is that of the old SS.
    let old = d.stack_width();
    let selector = d.trunc(Width::B2, selector);
    load(d, seg, selector)?;
    d.write_gpr(RSP, old, sp);
    Ok(Flow::End)
}

/// What is at a far pointer in memory: selector and offset.
fn far_pointer<D: Domain>(d: &mut D, i: &Instruction) -> Result<(D::V, D::V), D::Fault> {
    let m = mem(d, i);
    let offset = d.load(&m, i.opsize)?;
    let size = d.imm(i.opsize.bytes().into());
    let behind = d.bin(Bin::Add, i.addrsize, m.offset, size);
    let selector = d.load(&MemRef { seg: m.seg, offset: behind }, Width::B2)?;
    Ok((selector, offset))
}

/// LDS, LES, LFS, LGS, LSS
pub(crate) fn load_far_pointer<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    let (selector, offset) = far_pointer(d, i)?;
    let seg = match i.op {
        Op::Lds => Seg::Ds,
        Op::Les => Seg::Es,
        Op::Lfs => Seg::Fs,
        Op::Lgs => Seg::Gs,
        _ => Seg::Ss,
    };
    d.load_segment(seg, selector)?;
    d.write_gpr(i.operands[0].reg, i.opsize, offset);
    Ok(Flow::End)
}

/// JMP and CALL far: by an immediate pointer or one in memory.
///
/// SPEC: intel-sdm-vol2 :: CALL—Call Procedure -> in real-address and virtual-8086 mode an offset beyond the limit of CS is #GP(0); CS and the return address are pushed, and CS becomes the selector with sixteen times it as base
pub(crate) fn transfer<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    if !d.has_paragraphs() {
        return d.concrete(i);
    }
    let (selector, offset) = if i.operands[0].kind == OperandKind::FarPtr {
        (d.imm(i.imm >> 32 & 0xffff), d.imm(i.opsize.trunc(i.imm & 0xffff_ffff)))
    } else {
        far_pointer(d, i)?
    };
    if i.op == Op::CallFar {
        d.check_target(offset)?;
        let (cs, next) = (d.selector(Seg::Cs), d.next_rip());
        let next = d.trunc(i.opsize, next);
        d.push_two(i.opsize, cs, next)?;
    }
    d.jump_to_paragraph(selector, offset)?;
    Ok(Flow::End)
}

/// RET far, with the bytes to release
///
/// SPEC: intel-sdm-vol2 :: RET—Return From Procedure -> in real-address and virtual-8086 mode an offset beyond the limit of CS is #GP(0); then CS is loaded and parameters are released
pub(crate) fn ret<D: Domain>(d: &mut D, i: &Instruction) -> Step<D> {
    if !d.has_paragraphs() {
        return d.concrete(i);
    }
    let sw = d.stack_width();
    let (offset, above) = peek_value(d, i.opsize)?;
    let selector = d.load(&MemRef { seg: Seg::Ss, offset: above }, i.opsize)?;
    let selector = d.trunc(Width::B2, selector);
    let release = if i.operands[0].kind == OperandKind::Imm { i.imm & 0xffff } else { 0 };
    let release = d.imm(release + u64::from(i.opsize.bytes()));
    let sp = d.bin(Bin::Add, sw, above, release);
    d.jump_to_paragraph(selector, offset)?;
    set_sp(d, sp);
    Ok(Flow::End)
}
