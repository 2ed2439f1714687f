//! What the tests share: vectors, and a processor in user mode with and without compiled code.
#![allow(dead_code, unreachable_pub)] // each test uses a part

pub mod asm;
pub mod bus;
pub mod machine;
pub mod pair;
pub mod random;
pub mod vectors;
