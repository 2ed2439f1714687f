//! Running other programs.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// Lines of a failed program's output that an error shows.
const TAIL: usize = 60;

/// Returns a command that runs at the top of the work tree.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::project::root());
    command
}

/// Returns the cargo that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Returns whether `program` is on the path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Output and exit status of a program.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// Standard output and standard error, as they came
    pub(crate) text: String,
}

impl Finished {
    /// Returns the last lines of the output.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<_> = self.text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

fn name(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    if let Some(last) = text.rsplit('/').next() {
        text = last.to_owned();
    }
    for arg in command.get_args() {
        text += " ";
        text += &arg.to_string_lossy();
    }
    text
}

/// A line of a program's output.
enum Line {
    /// Ended by a line feed
    Whole(String),
    /// Ended by a carriage return: a terminal overwrites it with the next one
    Overwritten(String),
    /// The overwritten one before it is whole: its line feed came late
    Completed(String),
}

/// Splits output into lines at line feeds, carriage returns and pairs of both.
#[derive(Default)]
struct LineSplitter {
    line: Vec<u8>,
    /// The last byte was a carriage return
    returned: bool,
    /// The line was given away as an overwritten one
    given: bool,
}

impl LineSplitter {
    fn take(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        text
    }

    fn byte(&mut self, byte: u8) -> Option<Line> {
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        match byte {
            b'\n' if std::mem::take(&mut self.given) => Some(Line::Completed(self.take() + "\n")),
            b'\n' => Some(Line::Whole(self.take() + "\n")),
            b'\r' => None,
            // A carriage return without a line feed behind it.
            _ if returned => {
                let line = self.take();
                self.line.push(byte);
                (!std::mem::take(&mut self.given)).then_some(Line::Overwritten(line))
            }
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    /// Gives away what ends with a carriage return when no more output is there: the next may take minutes.
    fn pause(&mut self) -> Option<Line> {
        let line = || Line::Overwritten(String::from_utf8_lossy(&self.line).into_owned());
        let now = self.returned && !self.given;
        self.given |= now;
        now.then(line)
    }
}

fn lines(mut from: impl Read + Send + 'static, to: mpsc::Sender<Line>) {
    std::thread::spawn(move || {
        let mut splitter = LineSplitter::default();
        let mut bytes = [0; 4096];
        loop {
            let count = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for &byte in &bytes[..count] {
                if splitter.byte(byte).is_some_and(|line| to.send(line).is_err()) {
                    return;
                }
            }
            if splitter.pause().is_some_and(|line| to.send(line).is_err()) {
                return;
            }
        }
        if !splitter.line.is_empty() && !splitter.given {
            let _ = to.send(Line::Whole(splitter.take()));
        }
    });
}

/// Runs a program without input; every line of its output goes to `each` as it comes. Lines that end with a
/// carriage return alone, such as those of a progress bar, are not kept.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn watch(command: &mut Command, mut each: impl FnMut(&str)) -> Result<Finished> {
    let name = name(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{name}`"))?;
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        lines(out, sender.clone());
    }
    if let Some(err) = child.stderr.take() {
        lines(err, sender);
    }
    let mut text = String::new();
    for line in receiver {
        match line {
            Line::Whole(line) => {
                each(line.trim_end());
                text += &line;
            }
            Line::Overwritten(line) => each(line.trim_end()),
            Line::Completed(line) => text += &line,
        }
    }
    let status = child.wait().with_context(|| format!("`{name}` cannot be waited for"))?;
    Ok(Finished { status, text })
}

/// Runs a program without input and gives its standard output.
///
/// # Errors
/// The program cannot be started or does not exit with 0.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program on this terminal.
///
/// # Errors
/// The program cannot be started or does not exit with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = name(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overwritten_lines_reach_the_callback_and_are_not_kept() {
        let mut seen = Vec::new();
        let mut command = Command::new("printf");
        command.arg("1 of 2\\r2 of 2\\rone\\r\\ntwo\\nend");
        let done = watch(&mut command, |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["1 of 2", "2 of 2", "one", "two", "end"]);
        assert_eq!(done.text, "one\ntwo\nend");
    }

    #[test]
    fn a_line_before_a_pause_is_given_away_once() {
        let mut splitter = LineSplitter::default();
        let mut seen = Vec::new();
        for part in ["1 of 2\r", "2 of 2\r", "one\r", "\n", "two", "\r\n"] {
            let lines: Vec<_> = part.bytes().filter_map(|byte| splitter.byte(byte)).collect();
            seen.extend(lines.into_iter().chain(splitter.pause()).map(|line| match line {
                Line::Whole(text) => format!("whole {text}"),
                Line::Overwritten(text) => text,
                Line::Completed(text) => format!("completed {text}"),
            }));
        }
        assert_eq!(seen, ["1 of 2", "2 of 2", "one", "completed one\n", "whole two\n"]);
    }
}
