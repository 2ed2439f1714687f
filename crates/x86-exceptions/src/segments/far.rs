//! Far JMP and far CALL.

use crate::SystemContext;
use x86_state::Selector;
use x86_types::{Exception, Width};

/// Far JMP. `offset` has the operand size `opsize`.
///
/// # Errors
/// What the instruction raises.
pub fn far_jump<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    let _ = (ctx, selector, offset, opsize);
    Err(Exception::InvalidOpcode)
}

/// Far CALL. `offset` has the operand size `opsize`; `Cpu::rip` is the return address.
///
/// # Errors
/// What the instruction raises.
pub fn far_call<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
    offset: u64,
    opsize: Width,
) -> Result<(), Exception> {
    let _ = (ctx, selector, offset, opsize);
    Err(Exception::InvalidOpcode)
}
