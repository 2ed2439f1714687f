//! What runs the guests: this machine itself, v64 natively and in Node, QEMU, v86.

use crate::guests::{Bits, Guest};
use crate::steps::Report;
use crate::{apt, linux, project, shell, wasm64};
use anyhow::{Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Guest memory, MiB.
pub(super) const MEMORY: u32 = 512;

const SEABIOS: &str = "/usr/share/seabios";
/// The version of npm's package v86 that is compared with.
const V86: &str = "0.5.462";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Engine {
    /// The programs on this machine's processor, for their checksums
    #[value(skip)]
    Bare,
    /// qemu-system with TCG
    Qemu,
    /// v64, compiled for this machine
    Native,
    /// v64, compiled to wasm64, in Node
    Node,
    /// v86 in Node; 32 bits only
    V86,
}

impl Engine {
    /// All that boot a guest, in the order of the table.
    pub(super) const ALL: [Self; 4] = [Self::Qemu, Self::Native, Self::Node, Self::V86];

    pub(super) fn runs(self, bits: Bits) -> bool {
        self != Self::V86 || bits == Bits::B32
    }
}

/// The engines as they are here.
pub(super) struct Tools {
    v64: PathBuf,
    /// Empty where no engine needs it
    node: PathBuf,
    v86: PathBuf,
    qemu_version: String,
    v64_args: Vec<String>,
}

fn qemu(bits: Bits) -> &'static str {
    match bits {
        Bits::B64 => "qemu-system-x86_64",
        Bits::B32 => "qemu-system-i386",
    }
}

/// Returns the number in `QEMU emulator version 7.2.22 (Debian ...)`.
fn version(text: &str) -> &str {
    text.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or("")
}

impl Tools {
    /// Builds, fetches and installs what these engines need. With `built`, v64 and its package are taken as they are.
    ///
    /// # Errors
    /// Something that cannot be built or had.
    pub(super) fn prepare(
        report: &Report,
        engines: &[Engine],
        built: bool,
        v64_args: Vec<String>,
    ) -> Result<Self> {
        let has = |engine| engines.contains(&engine);
        let mut tools = Self {
            v64: PathBuf::new(),
            node: PathBuf::new(),
            v86: PathBuf::new(),
            qemu_version: String::new(),
            v64_args,
        };
        if has(Engine::Native) {
            tools.v64 = if built {
                linux::built(linux::Profile::Release)?
            } else {
                linux::v64(report, linux::Profile::Release)?
            };
        }
        if has(Engine::Node) || has(Engine::V86) {
            tools.node = wasm64::node::node(report)?;
        }
        if has(Engine::Node) {
            if !built {
                wasm64::build(report)?;
            }
            ensure!(script().is_file(), "pkg/ is not built: run `cargo xtask build-wasm64`");
        }
        if has(Engine::Qemu) {
            apt::need(report, &[(qemu(Bits::B64), "qemu-system-x86"), (qemu(Bits::B32), "qemu-system-x86")])?;
            let text = shell::output(Command::new(qemu(Bits::B64)).arg("--version"))?;
            version(&text).clone_into(&mut tools.qemu_version);
        }
        if has(Engine::V86) {
            if !Path::new(SEABIOS).join("bios.bin").is_file() {
                apt::install(report, &["seabios"])?;
            }
            tools.v86 = wasm64::node::package(report, "v86", V86)?;
        }
        Ok(tools)
    }

    /// What the table calls an engine.
    pub(super) fn title(&self, engine: Engine) -> String {
        let v64 = |place: &str| match &self.v64_args[..] {
            [] => format!("v64 {place}"),
            args => format!("v64 {place} ({})", args.join(" ")),
        };
        match engine {
            Engine::Bare => "bare CPU".to_owned(),
            Engine::Qemu => format!("QEMU {} TCG", self.qemu_version),
            Engine::Native => v64("native"),
            Engine::Node => v64("in Node"),
            Engine::V86 => format!("v86 {V86} in Node"),
        }
    }

    /// `v64` for this machine, without arguments.
    pub(super) fn native(&self) -> Command {
        shell::command(&self.v64)
    }

    /// `v64` in Node, without arguments.
    pub(super) fn in_node(&self) -> Command {
        let mut command = shell::command(&self.node);
        command.arg(script());
        command
    }

    /// A boot of a guest, which runs `commands` instead of a shell. `None` for the bare processor, which boots none.
    pub(super) fn boot(
        &self,
        engine: Engine,
        bits: Bits,
        guest: &Guest,
        commands: Option<&str>,
    ) -> Option<Command> {
        let line = Guest::command_line("", commands);
        let v64 = |mut command: Command| {
            command.arg("run").arg("-m").arg(format!("{MEMORY}M")).args(&self.v64_args);
            command.args(guest.arguments("", commands));
            command
        };
        let command = match engine {
            Engine::Bare => return None,
            Engine::Native => v64(self.native()),
            Engine::Node => v64(self.in_node()),
            Engine::Qemu => {
                let mut command = shell::command(qemu(bits));
                command.args(["-accel", "tcg", "-nographic", "-no-reboot", "-nic", "none"]);
                command.arg("-m").arg(format!("{MEMORY}M"));
                command.arg("-kernel").arg(&guest.kernel).arg("-initrd").arg(&guest.initrd);
                command.arg("-append").arg(line);
                command
            }
            Engine::V86 => {
                let mut command = shell::command(&self.node);
                command.arg(project::root().join("xtask/src/bench/v86.mjs")).arg(&self.v86).arg(SEABIOS);
                command.arg(&guest.kernel).arg(&guest.initrd).arg(line).arg(MEMORY.to_string());
                command
            }
        };
        Some(command)
    }
}

fn script() -> PathBuf {
    wasm64::package().join("cli.mjs")
}

/// Splits the text of `--v64-args` at blanks.
///
/// # Errors
/// A word that belongs to the benchmark itself.
pub(super) fn v64_args(text: &str) -> Result<Vec<String>> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let own = ["--kernel", "--initrd", "--append", "--serial", "--guest"];
    if let Some(word) = words.iter().find(|word| own.iter().any(|own| word.starts_with(own))) {
        bail!("--v64-args: the benchmark sets {word} itself");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_behind_its_word() {
        assert_eq!(version("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright"), "7.2.22");
        assert_eq!(version("something else"), "");
    }

    #[test]
    fn arguments_for_v64_are_words_that_the_benchmark_does_not_set() {
        assert_eq!(v64_args(" --engine  jit ").unwrap(), ["--engine", "jit"]);
        assert!(v64_args("--append x").is_err());
    }

    #[test]
    fn v86_runs_32_bits_only() {
        let of = |bits| Engine::ALL.iter().filter(|engine| engine.runs(bits)).count();
        assert_eq!((of(Bits::B64), of(Bits::B32)), (3, 4));
    }
}
