//! The machine as a wasm64 module: one instance is one machine, and JavaScript asks it by the functions of [`exports`].
//!
//! Nothing crosses the border but numbers. Bytes go in through one exchange buffer and come out as one reply, each a pointer
//! and a length; texts are UTF-8, structures JSON. What the module wants of its host is in [`host`].

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
