//! Downloads from mirrors and registries, which fail now and then: each is retried once.

use crate::report::Report;
use crate::shell::{self, Finished};
use anyhow::{Result, bail};
use std::process::Command;

/// Runs a program that downloads `what`; retries it once if it fails.
///
/// # Errors
/// It cannot be started, or failed twice: the error is one line with the program's own reason.
pub(crate) fn fetch(report: &Report, what: &str, command: &mut Command) -> Result<Finished> {
    let mut run = || shell::watch(command, |line| say(report, line));
    let first = run()?;
    if first.status.success() {
        return Ok(first);
    }
    report.warn(&format!("{what}: {}; retrying", reason(&first)));
    let second = run()?;
    if !second.status.success() {
        bail!("{what} could not be fetched (2 attempts): {}", reason(&second));
    }
    Ok(second)
}

/// Shows a line that apt, npm or rustup prints.
pub(crate) fn say(report: &Report, line: &str) {
    // apt warns of it after each download by root into a folder that its own user cannot write.
    let idle = line.is_empty() || line.starts_with("W: Download is performed unsandboxed");
    match download(line) {
        Some(text) => report.note(&text),
        None if idle => {}
        None => report.say(line),
    }
}

/// Returns the file and size of a line that apt prints for a download: `Get:1 http://... bookworm/main amd64 Packages [8790 kB]`.
fn download(line: &str) -> Option<String> {
    let (place, rest) = line.strip_prefix("Get:")?.split_once(' ')?;
    place.parse::<u32>().ok()?;
    let (_, file) = rest.split_once(' ')?;
    let (name, size) = file.trim_end().strip_suffix(']')?.rsplit_once(" [")?;
    // Of a package it is the suite, an architecture, its name, its architecture, its version.
    let words: Vec<_> = name.split(' ').collect();
    Some(match words[..] {
        [_, _, package, _, version] => format!("downloading {package} {version} ({size})"),
        _ => format!("downloading {name} ({size})"),
    })
}

/// Prefixes of error lines of apt, npm, rustup and sudo.
const MARKS: [&str; 6] = ["E: ", "Err:", "npm error ", "npm ERR! ", "error: ", "sudo: "];
/// Error lines that a reason consists of at most.
const MOST: usize = 2;

/// Returns why a program failed, in one line: its error lines, else its last line, else its exit status.
pub(crate) fn reason(done: &Finished) -> String {
    let mut lines: Vec<&str> = marked(&done.text).take(MOST).collect();
    if lines.is_empty() {
        lines.extend(done.text.lines().map(str::trim).rfind(|line| !line.is_empty()));
    }
    match lines.is_empty() {
        true => format!("{} without output", done.status),
        false => lines.join("; "),
    }
}

/// Returns the error lines without their prefixes.
fn marked(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let rest = MARKS.iter().find_map(|mark| line.strip_prefix(mark))?;
        Some(rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn failed(text: &str) -> Finished {
        Finished { status: ExitStatus::from_raw(100 << 8), text: text.to_owned() }
    }

    #[test]
    fn downloads_are_shown_with_their_sizes() {
        let line = "Get:7 http://mirror/debian bookworm/main amd64 busybox-static amd64 1:1.35.0-4 [945 kB]";
        assert_eq!(download(line).as_deref(), Some("downloading busybox-static 1:1.35.0-4 (945 kB)"));
        let line = "Get:4 http://mirror/debian bookworm/main amd64 Packages [8790 kB]";
        assert_eq!(download(line).as_deref(), Some("downloading bookworm/main amd64 Packages (8790 kB)"));
        assert_eq!(download("Hit:1 http://mirror/debian bookworm InRelease"), None);
        assert_eq!(download("Get:x"), None);
    }

    #[test]
    fn the_reason_is_the_error_line_of_the_program() {
        let apt = "Reading package lists...\nE: Unable to locate package chromium\n";
        assert_eq!(reason(&failed(apt)), "Unable to locate package chromium");
        let npm = "npm error code E503\nnpm error 503 Service Unavailable\nnpm error A complete log is there";
        assert_eq!(reason(&failed(npm)), "code E503; 503 Service Unavailable");
        assert_eq!(reason(&failed("one\ntwo\n\n")), "two");
        assert_eq!(reason(&failed("")), "exit status: 100 without output");
    }
}
