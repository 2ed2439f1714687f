//! Model-specific registers: numbers, write masks, reset values, routing.
#![forbid(unsafe_code)]

mod access;
pub mod number;

pub use access::{Effects, MsrResult, name, read, write};
