//! Reading descriptor tables.

use crate::SystemContext;
use x86_state::{RawDescriptor, Selector};
use x86_types::Exception;

/// The eight bytes that a selector names.
///
/// # Errors
/// #GP(selector) beyond the table's limit (and always for a null selector); #PF.
pub fn read_descriptor<C: SystemContext>(
    ctx: &mut C,
    selector: Selector,
) -> Result<RawDescriptor, Exception> {
    let _ = ctx;
    Err(Exception::GeneralProtection(selector.error_code()))
}
