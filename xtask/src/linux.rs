//! `cargo xtask linux`: Debian's kernel to a shell, in this terminal.

use crate::steps::Report;
use crate::task::task;
use crate::{guests, shell};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

/// Boot Debian's kernel to a shell in this terminal (Ctrl-A X leaves)
#[derive(clap::Args)]
struct LinuxArgs {
    /// Guest RAM
    #[arg(long, short, default_value = "512M")]
    memory: String,
    /// More words for the kernel's command line
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    append: String,
    /// Run these commands in the guest instead of a shell, then power off
    #[arg(long, value_name = "COMMANDS")]
    run: Option<String>,
    /// More arguments for `v64 run`
    #[arg(last = true)]
    extra: Vec<OsString>,
}

task!("linux", LinuxArgs, run);

/// Builds v64 with all optimisation and gives its file.
pub(crate) fn v64(report: &Report) -> Result<PathBuf> {
    let mut build = shell::cargo(&["build", "--release", "--package", "v64"]);
    let done = shell::watch(&mut build, |line| report.say(line))?;
    anyhow::ensure!(done.status.success(), "v64 does not build:\n{}", done.tail());
    built()
}

/// The file that [`v64`] builds, as it is now.
///
/// # Errors
/// It is not there.
pub(crate) fn built() -> Result<PathBuf> {
    let path = target()?.join("release").join("v64");
    anyhow::ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

/// Cargo's target folder.
fn target() -> Result<PathBuf> {
    let metadata =
        cargo_metadata::MetadataCommand::new().current_dir(crate::project::root()).no_deps().exec();
    Ok(metadata.context("cargo metadata fails")?.target_directory.into())
}

fn run(args: LinuxArgs) -> Result<()> {
    if args.run.as_ref().is_some_and(|commands| commands.contains('"')) {
        anyhow::bail!(
            "--run takes no double quotes: the kernel's command line ends the commands there; use single ones"
        );
    }
    let report = Report::quiet();
    eprintln!("building v64 and looking for the guest (the first time takes minutes) ...");
    let v64 = v64(&report)?;
    let guest = guests::debian(&report, false)?;
    eprintln!("booting {}; Ctrl-A X leaves", guest.package);
    let mut command = shell::command(&v64);
    command
        .args(["run", "-m", &args.memory])
        .args(guest.arguments(&args.append, args.run.as_deref()))
        .args(args.extra);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", v64.display()))
}
