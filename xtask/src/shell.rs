//! Running other programs.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// Lines of a failed program's output that an error shows.
const TAIL: usize = 60;

/// A command that runs at the top of the work tree.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::project::root());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Whether `program` is on the path.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What a program said and how it ended.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// Standard output and standard error, as they came
    pub(crate) text: String,
}

impl Finished {
    /// The last lines of the output.
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
}

/// Splits output into lines at line feeds, carriage returns and pairs of both.
#[derive(Default)]
struct LineSplitter {
    line: Vec<u8>,
    /// The last byte was a carriage return
    returned: bool,
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
            b'\n' => Some(Line::Whole(self.take() + "\n")),
            b'\r' => None,
            // A carriage return without a line feed behind it.
            _ if returned => {
                let line = self.take();
                self.line.push(byte);
                Some(Line::Overwritten(line))
            }
            _ => {
                self.line.push(byte);
                None
            }
        }
    }
}

fn lines(from: impl Read + Send + 'static, to: mpsc::Sender<Line>) {
    std::thread::spawn(move || {
        let mut splitter = LineSplitter::default();
        for byte in BufReader::new(from).bytes() {
            let Ok(byte) = byte else { break };
            if splitter.byte(byte).is_some_and(|line| to.send(line).is_err()) {
                return;
            }
        }
        if !splitter.line.is_empty() {
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
}
