//! The machine as a wasm64 module: one instance is one machine, which JavaScript controls by the functions of
//! [`exports`].
//!
//! Parameters and results are numbers only. Bytes are passed in through one exchange buffer and out as one reply, each
//! a pointer and a length; texts are UTF-8, structures JSON. [`host`] has the imports.

mod code;
mod command;
mod disk;
mod exports;
mod host;
mod input;
mod memory;
mod monitor;
mod screen;
mod serial;
mod sound;
mod start;
mod vm;
mod wanted;

pub use command::{Plan, plan};
pub use wanted::{FileRole, WantedFile, WantedMedium};
