//! What the command `v64` and the web module share: options of a run, guests, the way a run ends, reports, microtests,
//! the disassembler's text. No files, no terminal and no clock of the host: those belong to whoever uses this.
#![forbid(unsafe_code)]

mod args;
mod decode;
mod drive;
mod guest;
mod microtest;
mod qemu;
pub mod report;
mod size;
mod state;
mod words;

pub use args::{ClockKind, EngineKind, ICOUNT_EPOCH, Model, RunArgs};
pub use decode::{DecodeArgs, decode_text};
pub use drive::{Outcome, WAITS, drive};
pub use guest::Guest;
pub use microtest::{MicrotestArgs, Microtests};
pub use state::{restore_state, save_state};
pub use words::normalize_words;

/// The devices that machines are made of, a line each.
pub fn devices() -> String {
    pc_devices::link();
    let line = |decl: &&device_api::DeviceDecl| format!("{:<16} {}\n", decl.id, decl.summary);
    device_api::declarations().iter().map(line).collect()
}
