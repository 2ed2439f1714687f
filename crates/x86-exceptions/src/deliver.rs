//! Delivery of one event.

use crate::{DeliveryFailure, Event, SystemContext};
use x86_types::Exception;

/// Delivers `event` through the interrupt table of the current mode; `Cpu::rip` is the instruction pointer to save.
///
/// # Errors
/// The exception that delivery itself raised, with the EXT bit in place; the processor is as before, but for CR2 and DR6.
pub fn deliver<C: SystemContext>(ctx: &mut C, event: Event) -> Result<(), DeliveryFailure> {
    let _ = (ctx, event);
    Err(Exception::InvalidOpcode.into())
}
