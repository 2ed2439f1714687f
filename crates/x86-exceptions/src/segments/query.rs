//! VERR, VERW, LAR and LSL: questions about a selector that cannot fault on its account.

use crate::SystemContext;
use x86_state::Selector;
use x86_types::Exception;

/// VERR: whether the segment can be read at this privilege (the new ZF).
///
/// # Errors
/// #UD in real and virtual-8086 mode; #PF on the descriptor.
pub fn verr<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<bool, Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}

/// VERW: whether the segment can be written at this privilege (the new ZF).
///
/// # Errors
/// As [`verr`].
pub fn verw<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<bool, Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}

/// LAR: the access rights as the second doubleword of the descriptor has them, masked; `None` clears ZF.
///
/// # Errors
/// As [`verr`].
pub fn lar<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<u32>, Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}

/// LSL: the limit in bytes; `None` clears ZF.
///
/// # Errors
/// As [`verr`].
pub fn lsl<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<Option<u32>, Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}
