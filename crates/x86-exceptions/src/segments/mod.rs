//! Segment loads, descriptor checks and far transfers. On every error the processor is as it was before.

mod descriptor;
mod far;
mod far_ret;
mod load;
mod query;

pub use descriptor::read_descriptor;
pub use far::{far_call, far_jump};
pub use far_ret::far_ret;
pub use load::{lldt, load_segment, ltr};
pub use query::{lar, lsl, verr, verw};
