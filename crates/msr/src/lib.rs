//! Model-specific registers: numbers, write masks, reset values, routing.
//!
//! One table has every register the processor itself holds. [`read`] and [`write`] check against it; what belongs to the
//! local APIC comes back as [`MsrAccess::NotHandled`], and everything else is #GP(0).
#![forbid(unsafe_code)]

mod access;
pub mod number;
mod table;
#[cfg(test)]
mod tests;

pub use access::{Effects, name, read, write};
pub use x86_types::MsrAccess;
