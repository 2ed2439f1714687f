//! `cargo xtask linux`: Debian's kernel to a shell, in this terminal.

use crate::metadata::Metadata;
use crate::report::Report;
use crate::task::task;
use crate::{cargo, guests, shell};
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

/// How v64 is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// Nearly as fast, in a fraction of the time
    Quick,
    /// What figures are of
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Release => "release",
        }
    }
}

/// Builds v64 and gives its file.
///
/// # Errors
/// It does not compile, or a crate cannot be fetched.
pub(crate) fn v64(report: &Report, profile: Profile) -> Result<PathBuf> {
    let mut build = shell::cargo(&["build", "--profile", profile.name(), "--package", "v64"]);
    cargo::run(report, &mut build).context("v64 does not build")?;
    built(profile)
}

/// Returns the file that [`v64`] builds, as it is now.
///
/// # Errors
/// It is not there.
pub(crate) fn built(profile: Profile) -> Result<PathBuf> {
    let path = Metadata::read()?.target.join(profile.name()).join("v64");
    anyhow::ensure!(path.is_file(), "{} is not built", path.display());
    Ok(path)
}

fn run(args: LinuxArgs) -> Result<()> {
    if args.run.as_ref().is_some_and(|commands| commands.contains('"')) {
        anyhow::bail!(
            "--run takes no double quotes: the kernel's command line ends the commands there; use single ones"
        );
    }
    let report = Report::start("[1/2] v64");
    let v64 = v64(&report, Profile::Quick)?;
    report.done("built");
    let report = Report::start("[2/2] Debian guest");
    let guest = guests::debian(&report, false)?;
    report.done(&guest.package);
    eprintln!("booting {}; Ctrl-A X leaves", guest.package);
    let mut command = shell::command(&v64);
    command
        .args(["run", "-m", &args.memory])
        .args(guest.arguments(&args.append, args.run.as_deref()))
        .args(args.extra);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", v64.display()))
}
