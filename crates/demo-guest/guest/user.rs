//! The part that runs in ring 3, copied to a page that user code may reach.

use super::asm::User;
use super::layout::*;
use iced_x86::code_asm::*;
use iced_x86::{BlockEncoderOptions, IcedError};

/// The vector that user code may raise.
pub(crate) const GATE: u32 = 0x80;
/// A vector whose gate is for the kernel alone.
pub(crate) const KERNEL_GATE: u32 = 0x30;

/// What the kernel sees in RAX after `interrupt`.
pub(crate) const GREETING: u64 = 0x1234_5678_9abc_def0;

pub(crate) fn assemble() -> Result<(Vec<u8>, User), IcedError> {
    let mut asm = CodeAssembler::new(64)?;
    let a = &mut asm;
    let mut labels = [(); 6].map(|()| a.create_label());
    let [interrupt, halt, touch, gate, syscall, after] = &mut labels;

    a.set_label(interrupt)?;
    a.mov(rax, GREETING)?;
    a.xor(ebx, ebx)?;
    a.mov(bx, cs)?;
    a.int(GATE)?;

    a.set_label(halt)?;
    a.hlt()?;

    // RBX is what the kernel passed.
    a.set_label(touch)?;
    a.mov(qword_ptr(rbx), rax)?;

    a.set_label(gate)?;
    a.int(KERNEL_GATE)?;

    a.set_label(syscall)?;
    a.mov(eax, 41)?;
    a.syscall()?;
    a.set_label(after)?;
    a.int(GATE)?;

    let result = asm.assemble_options(USER_CODE, BlockEncoderOptions::RETURN_NEW_INSTRUCTION_OFFSETS)?;
    let mut entries = [0; 6];
    for (entry, label) in entries.iter_mut().zip(&labels) {
        *entry = result.label_ip(label)?;
    }
    let [interrupt, halt, touch, gate, syscall, after_syscall] = entries;
    let user = User { interrupt, halt, touch, gate, syscall, after_syscall };
    Ok((result.inner.code_buffer, user))
}
