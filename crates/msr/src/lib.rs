#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
pub mod number;
mod table;
#[cfg(test)]
mod tests;

pub use access::{Effects, name, read, write};
pub use x86_types::MsrAccess;
