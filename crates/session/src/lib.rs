//! What the command `v64` and the web module share: options of a run, guests, the way a run ends, reports, microtests,
//! the disassembler's text. No files, no terminal and no clock of the host: those are the front ends'.
#![forbid(unsafe_code)]

mod args;
mod decode;
mod display;
mod drive;
mod guest;
mod identity;
mod machine_options;
mod microtest;
pub mod monitor;
mod parse_error;
mod processors;
mod qemu;
pub mod report;
mod size;
pub mod sound;
pub mod spec;
mod state;
mod typing;
mod value_help;
mod words;

pub use args::{ClockKind, EngineKind, ICOUNT_EPOCH, RunArgs};
pub use decode::{DecodeArgs, decode_text};
pub use display::{Display, WindowOptions};
pub use drive::{Outcome, WAITS, drive};
pub use guest::Guest;
pub use identity::Rtc;
pub use machine_options::MachineOptions;
pub use microtest::{MicrotestArgs, Microtests};
pub use parse_error::parse_error;
pub use processors::{Model, Processors};
pub use spec::MachineSpec;
pub use state::{Given, restore_state, save_state, save_state_with};
pub use typing::key_of;
pub use value_help::value_help;
pub use words::normalize_words;
use x86_state::cpuid::CpuModel;

/// Answers `-device help` (all models) and `-device MODEL,help` (properties of one). `None` for other values.
///
/// # Errors
/// There is no such model.
pub fn device_help(text: &str) -> anyhow::Result<Option<String>> {
    pc_devices::link();
    if matches!(text, "help" | "?") {
        return Ok(Some(devices()));
    }
    let Some(model) = text.strip_suffix(",help").or_else(|| text.strip_suffix(",?")) else { return Ok(None) };
    let Some(decl) = device_api::declarations().into_iter().find(|decl| decl.id == model) else {
        anyhow::bail!("no device is called {model}; -device help lists them")
    };
    let mut out = format!("{}: {}\n", decl.id, decl.summary);
    for property in decl.properties {
        let default = property.default.map(|value| format!(" (default: {value})")).unwrap_or_default();
        let possible = property.kind.possible();
        out += &format!("  {}=<{possible}>  {}{default}\n", property.name, property.summary);
    }
    Ok(Some(out))
}

/// Returns the list that `-cpu help`, `-M help` or `-device help` prints instead of a run.
///
/// # Errors
/// Those of [`device_help`].
pub fn help(args: &RunArgs) -> anyhow::Result<Option<String>> {
    if matches!(args.cpu, Some(Model::Help)) {
        let names = CpuModel::names().map(|name| format!("{name}\n")).collect();
        return Ok(Some(names));
    }
    for text in &args.device {
        if let Some(help) = device_help(text)? {
            return Ok(Some(help));
        }
    }
    Ok(None)
}

/// Returns the devices that machines are made of, a line each.
pub fn devices() -> String {
    pc_devices::link();
    let line = |decl: &&device_api::DeviceDecl| format!("{:<16} {}\n", decl.id, decl.summary);
    device_api::declarations().iter().map(line).collect()
}
