//! Debian packages, for what the project does not build itself.

use crate::fetch;
use crate::report::Report;
use crate::shell;
use anyhow::{Result, bail, ensure};
use std::process::Command;
use std::sync::OnceLock;

/// Fails with one line where there is no apt.
pub(crate) fn require(what: &str) -> Result<()> {
    if !shell::exists("apt-get") {
        bail!("{what} comes from Debian's packages, and there is no apt-get here; use a Debian system");
    }
    Ok(())
}

/// Returns whether this is root.
pub(crate) fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// `apt-get` with the rights to change the system.
fn privileged() -> Option<Command> {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else if shell::exists("sudo") {
        let mut command = Command::new("sudo");
        command.args(["-n", "apt-get"]);
        command
    } else {
        return None;
    };
    // Wait while another apt holds the lock, rather than fail at once.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    Some(command)
}

/// Runs an `apt-get update`; retries it once if some list could not be fetched.
///
/// Returns apt's error for the lists that are still missing. That does not end the run: the required package may be in
/// another list, or in an older copy of this one.
pub(crate) fn lists(report: &Report, command: &mut Command) -> Option<String> {
    report.note("fetching package lists");
    let mut run = || match shell::watch(command, |line| fetch::say(report, line)) {
        Ok(done) => list_error(&done),
        Err(error) => Some(format!("{error:#}")),
    };
    let first = run()?;
    report.warn(&format!("package lists: {first}; retrying"));
    let second = run()?;
    report.warn(&format!("package lists: {second}; using the others"));
    Some(second)
}

/// Returns why some lists were not fetched. apt exits with 0 if it uses an older copy instead.
fn list_error(done: &shell::Finished) -> Option<String> {
    let warning = |line: &str| line.strip_prefix("W: Failed to fetch ").map(str::to_owned);
    match done.text.lines().find_map(warning) {
        None if done.status.success() => None,
        Some(why) if done.status.success() => Some(why),
        _ => Some(fetch::reason(done)),
    }
}

/// Fetches the machine's package lists, at most once per run. Returns their error, see [`lists`].
pub(crate) fn update(report: &Report) -> Option<&'static str> {
    static LIST_ERROR: OnceLock<Option<String>> = OnceLock::new();
    let fetched = || lists(report, privileged()?.arg("update"));
    LIST_ERROR.get_or_init(fetched).as_deref()
}

/// Adds the error of the package lists to one that it may have caused.
pub(crate) fn with_list_error(error: &anyhow::Error, list_error: Option<&str>) -> anyhow::Error {
    match list_error {
        Some(why) => anyhow::anyhow!("{error:#} (some package lists could not be fetched: {why})"),
        None => anyhow::anyhow!("{error:#}"),
    }
}

/// Installs the packages with missing programs.
///
/// # Errors
/// No apt, or a package that cannot be installed.
pub(crate) fn need(report: &Report, programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|(program, _)| !shell::exists(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    install(report, &packages)
}

/// Installs packages.
///
/// # Errors
/// No apt, no right to install, or a package that cannot be installed: the error names it.
pub(crate) fn install(report: &Report, packages: &[&str]) -> Result<()> {
    let all = packages.join(" ");
    require(&all)?;
    ensure!(
        privileged().is_some(),
        "installing packages needs root or sudo; run `apt-get install {all}` as root"
    );
    let list_error = update(report);
    report.note(&format!("installing {all}"));
    let Err(error) = install_now(report, packages) else { return Ok(()) };
    // apt does not always name the one of several that fails.
    let failed = match packages {
        [_] => vec![error],
        _ => packages.iter().filter_map(|package| install_now(report, &[package]).err()).collect(),
    };
    let Some(error) = failed.first() else { return Ok(()) };
    let others = failed[1..].iter().map(|error| format!("; {error:#}")).collect::<String>();
    let error = with_list_error(error, list_error);
    bail!("{error}{others}; try again later, or run `apt-get install {all}` as root")
}

fn install_now(report: &Report, packages: &[&str]) -> Result<()> {
    let Some(mut command) = privileged() else { bail!("installing packages needs root or sudo") };
    command.args(["install", "-y", "--no-install-recommends"]).args(packages);
    fetch::fetch(report, &format!("Debian's package {}", packages.join(" ")), &mut command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn a_missing_list_is_reported_whether_apt_fails_or_not() {
        let of = |code: i32, text: &str| {
            let status = ExitStatus::from_raw(code << 8);
            list_error(&shell::Finished { status, text: text.to_owned() })
        };
        assert_eq!(of(0, "Hit:1 http://mirror bookworm InRelease\n"), None);
        assert_eq!(
            of(0, "W: Failed to fetch x/InRelease  timed out\n").as_deref(),
            Some("x/InRelease  timed out")
        );
        let broken = "E: Failed to fetch x/Packages.xz  File has unexpected size\n";
        assert_eq!(
            of(100, broken).as_deref(),
            Some("Failed to fetch x/Packages.xz  File has unexpected size")
        );
    }
}
