//! The 16-bit part: from protected mode to real mode, a look around, and back.

use super::layout::*;
use iced_x86::code_asm::*;
use iced_x86::{Code, IcedError, Instruction};

/// The segment by which real mode runs this part: not 0, so that segment arithmetic counts.
const SEGMENT: u16 = (REAL >> 4) as u16;

/// The real-mode interrupt that the look around uses, and offsets of its results.
pub(crate) const VECTOR: u64 = 0x40;
pub(crate) const STORED: u64 = REAL_RESULT + 0x10;
pub(crate) const COUNTED: u64 = REAL_RESULT + 0x18;
pub(crate) const CODE_SEGMENT: u64 = REAL_RESULT + 0x20;
pub(crate) const MACHINE_STATUS: u64 = REAL_RESULT + 0x28;

/// Limit and base of the real-mode vector table, for LIDT.
pub(crate) const VECTOR_TABLE: u64 = REAL_RESULT + 0x30;

/// The part, and the far address of its interrupt handler.
pub(crate) struct Real16 {
    pub(crate) bytes: Vec<u8>,
    pub(crate) handler: u32,
}

/// Assembles for `REAL`. `back` is where 32-bit protected mode goes on.
pub(crate) fn assemble(back: u64) -> Result<Real16, IcedError> {
    // The far jump to the real-mode label needs its offset, which a first pass yields.
    let (_, entry) = pass(back, 0)?;
    Ok(pass(back, entry)?.0)
}

fn pass(back: u64, entry: u32) -> Result<(Real16, u32), IcedError> {
    let mut asm = CodeAssembler::new(16)?;
    let a = &mut asm;
    let (mut real, mut handler) = (a.create_label(), a.create_label());

    a.mov(ax, u32::from(sel::DATA16))?;
    a.mov(ds, ax)?;
    a.mov(es, ax)?;
    a.mov(ss, ax)?;
    // SPEC: intel-sdm-vol3 :: 11.9.2 Switching Back to Real-Address Mode -> clear PE, then a far jump loads CS
    a.mov(eax, cr0)?;
    a.and(al, 0xfe)?;
    a.mov(cr0, eax)?;
    a.add_instruction(Instruction::with_far_branch(Code::Jmp_ptr1616, SEGMENT, entry)?)?;
    a.set_label(&mut real)?;
    a.xor(ax, ax)?;
    a.mov(ds, ax)?;
    a.mov(ss, ax)?;
    a.mov(sp, REAL_STACK as u32)?;
    a.lidt(fword_ptr(VECTOR_TABLE as u32))?;

    // Segment and offset, here with another segment than the one it is read by later.
    a.mov(ax, 0x500)?;
    a.mov(es, ax)?;
    a.mov(di, (STORED - 0x5000) as u32)?;
    a.mov(word_ptr(di).es(), 0xbeef)?;
    a.mov(word_ptr(CODE_SEGMENT as u32), cs)?;
    a.smsw(ax)?;
    a.mov(word_ptr(MACHINE_STATUS as u32), ax)?;
    a.int(VECTOR as u32)?;
    a.int(VECTOR as u32)?;

    a.mov(eax, cr0)?;
    a.or(al, 1)?;
    a.mov(cr0, eax)?;
    a.add_instruction(Instruction::with_far_branch(Code::Jmp_ptr1632, sel::CODE32, back as u32)?)?;

    a.set_label(&mut handler)?;
    a.inc(word_ptr(COUNTED as u32))?;
    a.iret()?;

    let result = asm.assemble_options(REAL, iced_x86::BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS)?;
    let offset = |label: &CodeLabel| result.label_ip(label).map(|ip| (ip - REAL) as u32);
    let (handler, entry) = (u32::from(SEGMENT) << 16 | offset(&handler)?, offset(&real)?);
    Ok((Real16 { bytes: result.inner.code_buffer, handler }, entry))
}
