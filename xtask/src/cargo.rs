//! Runs cargo, shows its progress and retries failed downloads once.

use crate::report::Report;
use crate::shell::{self, Finished};
use anyhow::{Result, bail};
use std::process::Command;

/// Parts of cargo's errors for failed downloads, none of which occurs in a compile error.
const DOWNLOAD_ERRORS: [&str; 8] = [
    "failed to download",
    "failed to verify the checksum",
    "download of ",
    "failed to query replaced source",
    "failed to load source for dependency",
    "failed to fetch",
    "unable to update registry",
    "failed to update registry",
];

/// Runs cargo; every line of its output goes to `each` as it comes. `report` shows its progress.
///
/// # Errors
/// It cannot be started, or failed twice to download a crate. Compile errors are in the returned status and text.
pub(crate) fn watch(report: &Report, command: &mut Command, mut each: impl FnMut(&str)) -> Result<Finished> {
    // cargo draws no progress into a pipe by default.
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    let mut run = || {
        shell::watch(command, |line| match progress(line) {
            Some(text) => report.say(&text),
            None if is_milestone(line) => report.note(line),
            None => each(line),
        })
    };
    let first = run()?;
    let Some(why) = download_error(&first) else { return Ok(first) };
    report.warn(&format!("cargo: {why}; retrying"));
    let second = run()?;
    match download_error(&second) {
        None => Ok(second),
        Some(why) => {
            bail!(
                "cargo could not fetch a crate (2 attempts): {why}; try again later, downloads so far are kept"
            )
        }
    }
}

/// Runs cargo, see [`watch`].
///
/// # Errors
/// Also where it fails: the error holds the end of its output.
pub(crate) fn run(report: &Report, command: &mut Command) -> Result<()> {
    // The progress bar replaces the line for each crate.
    let done = watch(report, command, |line| {
        if !is_crate(line) {
            report.say(line);
        }
    })?;
    if !done.status.success() {
        bail!("{}", done.tail());
    }
    Ok(())
}

/// Returns the status in a line of cargo's progress bar, such as `Building [=====>    ] 12/191: gimli, regalloc2`.
fn progress(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with("Downloading ") {
        return Some(line.to_owned());
    }
    let (what, rest) = line.split_once(" [")?;
    let (bar, rest) = rest.split_once("] ")?;
    if !bar.chars().all(|sign| "=> ".contains(sign)) {
        return None;
    }
    let (count, names) = rest.split_once(": ").unwrap_or((rest, ""));
    Some(match count.split_once('/') {
        Some((done, all)) => format!("{what} {done} of {all}: {names}"),
        None => format!("{what} {rest}"),
    })
}

/// Returns whether a line reports the size of all downloads, a wait for another cargo, or a retry.
fn is_milestone(line: &str) -> bool {
    let line = line.trim_start();
    let downloaded = line.starts_with("Downloaded ") && line.contains(" crates (");
    downloaded || line.starts_with("Blocking waiting") || line.starts_with("warning: spurious network error")
}

/// Returns whether a line reports that a crate is compiled or was downloaded.
fn is_crate(line: &str) -> bool {
    ["Compiling ", "Checking ", "Downloaded "].iter().any(|word| line.trim_start().starts_with(word))
}

/// Returns why crates could not be fetched, if cargo failed for that.
fn download_error(done: &Finished) -> Option<String> {
    // All downloads precede the first compiler run. What follows may be the output of tests, which may hold anything.
    let began =
        |line: &str| ["Compiling ", "Checking ", "Finished "].iter().any(|word| line.starts_with(word));
    if done.status.success() || done.text.lines().any(|line| began(line.trim_start())) {
        return None;
    }
    let mut lines = done.text.lines().map(str::trim);
    let wrong = lines.find_map(|line| line.strip_prefix("error: "))?;
    let causes: Vec<_> = lines.filter(|line| !line.is_empty() && *line != "Caused by:").collect();
    let all = || std::iter::once(wrong).chain(causes.iter().copied());
    if !all().any(|line| DOWNLOAD_ERRORS.iter().any(|mark| line.contains(mark))) {
        return None;
    }
    Some(match causes.last() {
        Some(cause) => format!("{wrong}: {cause}"),
        None => wrong.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn failed(text: &str) -> Option<String> {
        download_error(&Finished { status: ExitStatus::from_raw(101 << 8), text: text.to_owned() })
    }

    #[test]
    fn progress_lines_are_recognised() {
        let of = |line| progress(line).unwrap_or_default();
        assert_eq!(
            of("    Building [====>     ] 12/191: gimli, regalloc2  "),
            "Building 12 of 191: gimli, regalloc2"
        );
        assert_eq!(of("       Fetch [=> ] 30 complete; 69 pending"), "Fetch 30 complete; 69 pending");
        assert_eq!(
            of(" Downloading 36 crates, remaining bytes: 3.2MiB "),
            "Downloading 36 crates, remaining bytes: 3.2MiB"
        );
        for line in [
            "   Compiling gimli v0.1",
            "error: expected `[x] 3/4`",
            "let a [b] 1/2",
            "  Downloaded gimli v0.1",
        ] {
            assert_eq!(progress(line), None, "{line}");
        }
        assert!(is_milestone("  Downloaded 191 crates (21.3MiB) in 3.2s"));
        assert!(!is_milestone("  Downloaded gimli v0.1"));
    }

    #[test]
    fn a_failed_download_differs_from_a_compile_error() {
        let fetch = "    Updating index\nwarning: spurious network error\nerror: failed to get `a` as a dependency of package `b`\n\n\
                     Caused by:\n  download of config.json failed\n\nCaused by:\n  [7] Could not connect to server\n";
        let why = "failed to get `a` as a dependency of package `b`: [7] Could not connect to server";
        assert_eq!(failed(fetch).as_deref(), Some(why));
        let one = "error: failed to verify the checksum of `a v1.0.0`\n";
        assert_eq!(failed(one).as_deref(), Some("failed to verify the checksum of `a v1.0.0`"));
        assert_eq!(failed("error[E0308]: mismatched types\nerror: could not compile `a`\n"), None);
        let test = "   Finished `dev` profile\nerror: failed to download, a test says\n";
        assert_eq!(failed(test), None);
        assert_eq!(failed("error: failed to parse manifest\n\nCaused by:\n  no name\n"), None);
    }
}
