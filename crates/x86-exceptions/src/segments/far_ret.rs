//! Far RET.

use crate::SystemContext;
use x86_types::{Exception, Width};

/// Far RET with an operand size of 16, 32 or 64 bits, releasing `pop_bytes` of parameters.
///
/// # Errors
/// What the instruction raises.
pub fn far_ret<C: SystemContext>(ctx: &mut C, opsize: Width, pop_bytes: u16) -> Result<(), Exception> {
    let _ = (ctx, opsize, pop_bytes);
    Err(Exception::InvalidOpcode)
}
