//! Loads of segment registers, LDTR and TR.

use crate::SystemContext;
use x86_state::Selector;
use x86_types::{Exception, Seg};

/// Loads ES, SS, DS, FS or GS as MOV, POP and LDS and their like do. The interrupt shadow of an SS load is the caller's.
///
/// # Errors
/// #GP, #NP or #SS with the selector; #UD for CS; #PF.
pub fn load_segment<C: SystemContext>(ctx: &mut C, seg: Seg, selector: Selector) -> Result<(), Exception> {
    let _ = (ctx, seg, selector);
    Err(Exception::InvalidOpcode)
}

/// LLDT
///
/// # Errors
/// What the instruction raises, #UD in real and virtual-8086 mode and #GP(0) at CPL 1 to 3 included.
pub fn lldt<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<(), Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}

/// LTR
///
/// # Errors
/// What the instruction raises, #UD in real and virtual-8086 mode and #GP(0) at CPL 1 to 3 included.
pub fn ltr<C: SystemContext>(ctx: &mut C, selector: Selector) -> Result<(), Exception> {
    let _ = (ctx, selector);
    Err(Exception::InvalidOpcode)
}
