//! Segment loads, descriptor checks and far transfers. On every error the processor is as it was before.

pub(crate) mod descriptor;
mod far;
pub(crate) mod far_ret;
pub(crate) mod gate;
pub(crate) mod load;
pub(crate) mod query;

pub use descriptor::read_descriptor;
pub use far::{far_call, far_jump};
pub use far_ret::far_ret;
pub use load::{lldt, load_segment, ltr};
pub use query::{lar, lsl, verr, verw};
