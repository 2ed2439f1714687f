//! Debian packages, for what the project does not build itself.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::process::Command;
use std::sync::Once;

/// Fails with one line where there is no apt.
pub(crate) fn require(what: &str) -> Result<()> {
    if !shell::exists("apt-get") {
        bail!("{what} comes from Debian's packages, and there is no apt-get here; use a Debian system");
    }
    Ok(())
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// `apt-get` with the rights to change the system.
fn privileged() -> Result<Command> {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else if shell::exists("sudo") {
        let mut command = Command::new("sudo");
        command.args(["-n", "apt-get"]);
        command
    } else {
        bail!("installing packages needs root or sudo");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

/// Fetches the package lists, at most once a run.
pub(crate) fn update() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| {
        outcome =
            privileged().and_then(|mut command| shell::output(command.args(["-q", "update"])).map(drop));
    });
    outcome.context("cannot fetch Debian's package lists")
}

/// Installs the packages whose program is missing.
///
/// # Errors
/// No apt, or the installation fails.
pub(crate) fn need(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|(program, _)| !shell::exists(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    install(&packages)
}

/// Installs packages.
///
/// # Errors
/// No apt, or the installation fails.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    require(&packages.join(", "))?;
    update()?;
    let mut command = privileged()?;
    command.args(["-q", "install", "-y", "--no-install-recommends"]).args(packages);
    shell::output(&mut command).with_context(|| format!("cannot install {}", packages.join(", ")))?;
    Ok(())
}
