//! A cargo that can build the standard library for wasm64: the target is tier 3, no toolchain brings it along.

use crate::steps::Report;
use crate::{apt, shell};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TARGET: &str = "wasm64-unknown-unknown";

/// Debian's packages of one version, the library's source among them.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

fn sysroot(rustc: &str) -> Option<PathBuf> {
    let text = shell::output(shell::command(rustc).args(["--print", "sysroot"])).ok()?;
    Some(PathBuf::from(text.trim()))
}

fn has_source(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file()
}

/// `rust-lld` of any toolchain here, or a linker from Debian.
fn linker() -> Option<PathBuf> {
    let rustc = sysroot("rustc")?;
    let hosts = rustc.join("lib/rustlib").read_dir().ok()?;
    let bundled =
        hosts.filter_map(|entry| Some(entry.ok()?.path().join("bin/rust-lld"))).find(|path| path.is_file());
    let installed =
        || (14..=30).rev().map(|n| PathBuf::from(format!("/usr/bin/wasm-ld-{n}"))).find(|p| p.is_file());
    bundled.or_else(installed)
}

/// What builds the module.
pub(crate) struct Toolchain {
    pub(crate) cargo: Command,
    /// Below it lies the standard library's source
    pub(crate) sysroot: PathBuf,
}

/// Returns a cargo that takes `-Zbuild-std`.
///
/// # Errors
/// Where there is none, and Debian's packages cannot be had.
pub(crate) fn find(report: &Report) -> Result<Toolchain> {
    let (mut command, sysroot) = match sysroot("rustc").filter(|root| has_source(root)) {
        Some(root) => (shell::cargo(&[]), root),
        None => (debian(report)?, PathBuf::from("/usr")),
    };
    // The flag is an unstable one; the code needs no unstable language but the intrinsic that grows memory.
    command.env("RUSTC_BOOTSTRAP", "1");
    let Some(linker) = linker() else {
        bail!(
            "no linker for wasm64 is here; install Debian's package lld, or a Rust toolchain with rust-lld"
        );
    };
    command.env("CARGO_TARGET_WASM64_UNKNOWN_UNKNOWN_LINKER", linker);
    Ok(Toolchain { cargo: command, sysroot })
}

fn debian(report: &Report) -> Result<Command> {
    const RUSTC: &str = "/usr/bin/rustc";
    if !has_source(Path::new("/usr")) {
        if !shell::exists("apt-get") {
            bail!(
                "building for wasm64 needs the standard library's source: run `rustup component add rust-src`"
            );
        }
        apt::install(report, &PACKAGES)?;
    }
    let mut command = shell::command("/usr/bin/cargo");
    command.env("RUSTC", RUSTC);
    // rustup's cargo sets these for its own toolchain.
    for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTDOC", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    Ok(command)
}
