//! What the tests share: vectors, a processor in user mode, and compiled code beside it.
#![allow(dead_code, unreachable_pub)] // each test uses a part

pub mod compiled;
pub mod machine;
pub mod vectors;
