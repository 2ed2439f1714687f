//! A program with a serial line: its output is waited for, and input is sent.

use anyhow::{Context, Result, anyhow, bail};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A running program. It is ended when this is dropped.
pub(crate) struct Session {
    child: Child,
    output: Receiver<(Stream, Vec<u8>)>,
    text: String,
    errors: String,
    /// Where the next search begins
    seen: usize,
    started: Instant,
}

#[derive(Clone, Copy)]
enum Stream {
    Output,
    Error,
}

/// What came of waiting for output.
enum Taken {
    Some,
    /// The program has closed its output
    Closed,
    Late,
}

/// What comes next on standard output.
pub(crate) enum Next {
    /// A line, without its end
    Line(String),
    /// The program has ended
    Ended,
    /// The time is over
    Late,
}

fn pump(mut from: impl Read + Send + 'static, stream: Stream, to: mpsc::Sender<(Stream, Vec<u8>)>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n) = from.read(&mut bytes) {
            if n == 0 || to.send((stream, bytes[..n].to_vec())).is_err() {
                return;
            }
        }
    });
}

/// Units of processor time in a second, as Linux shows it.
const TICKS: f64 = 100.0;

/// Returns the sum of two neighbouring fields, counted from 0, of a `stat` file of Linux, in seconds. The second field
/// is the program's name in parentheses, which may hold blanks.
fn ticks(path: &str, field: usize) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<f64> =
        rest.split_whitespace().skip(field - 2).take(2).map_while(|f| f.parse().ok()).collect();
    (fields.len() == 2).then(|| fields.iter().sum::<f64>() / TICKS)
}

/// Seconds of processor time of all programs that have ended and been waited for.
pub(crate) fn ended_processor_seconds() -> Option<f64> {
    ticks("/proc/self/stat", 15)
}

impl Session {
    /// Starts the program.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (sender, output) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            pump(out, Stream::Output, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            pump(err, Stream::Error, sender);
        }
        Ok(Self {
            child,
            output,
            text: String::new(),
            errors: String::new(),
            seen: 0,
            started: Instant::now(),
        })
    }

    /// Standard output so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Standard error so far.
    pub(crate) fn errors(&self) -> &str {
        &self.errors
    }

    /// What was printed last, for a message.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<_> = self.text.lines().chain(self.errors.lines()).collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Takes what comes within the time that is left.
    fn take(&mut self, until: Instant) -> Taken {
        match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((stream, bytes)) => {
                let text = match stream {
                    Stream::Output => &mut self.text,
                    Stream::Error => &mut self.errors,
                };
                *text += &String::from_utf8_lossy(&bytes);
                Taken::Some
            }
            Err(RecvTimeoutError::Disconnected) => Taken::Closed,
            Err(RecvTimeoutError::Timeout) => Taken::Late,
        }
    }

    fn late(&self, what: &str) -> anyhow::Error {
        anyhow!(
            "waited {:.0} s for {what}; the last lines:\n{}",
            self.started.elapsed().as_secs_f64(),
            self.tail()
        )
    }

    /// Returns the next whole line, behind what was waited for before.
    pub(crate) fn line(&mut self, limit: Duration) -> Next {
        let until = Instant::now() + limit;
        loop {
            if let Some(length) = self.text[self.seen..].find('\n') {
                let line = self.text[self.seen..self.seen + length].trim_end().to_owned();
                self.seen += length + 1;
                return Next::Line(line);
            }
            match self.take(until) {
                Taken::Some => {}
                Taken::Closed => return Next::Ended,
                Taken::Late => return Next::Late,
            }
        }
    }

    /// Waits until `wanted` is printed, after the last match. Returns the time since the start.
    ///
    /// # Errors
    /// The program ends, or the time is over.
    pub(crate) fn wait_for(&mut self, wanted: &str, limit: Duration) -> Result<Duration> {
        let until = Instant::now() + limit;
        loop {
            if let Some(at) = self.text[self.seen..].find(wanted) {
                self.seen += at + wanted.len();
                return Ok(self.started.elapsed());
            }
            match self.take(until) {
                Taken::Some => {}
                Taken::Closed => {
                    bail!("the program ended before `{wanted}`; the last lines:\n{}", self.tail())
                }
                Taken::Late => return Err(self.late(&format!("`{wanted}`"))),
            }
        }
    }

    /// Types.
    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("the program has no input")?;
        input.write_all(text.as_bytes())?;
        input.flush().context("the program takes no input")
    }

    /// Returns the peak memory of the program, in KiB, if the host reports it.
    pub(crate) fn peak_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// Returns the seconds of processor time of all the program's threads, if the host reports it.
    pub(crate) fn processor_seconds(&self) -> Option<f64> {
        ticks(&format!("/proc/{}/stat", self.child.id()), 13)
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The time is over.
    pub(crate) fn finish(&mut self, limit: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.take(until) {
                Taken::Some => {}
                Taken::Closed => break,
                Taken::Late => return Err(self.late("the end")),
            }
        }
        self.child.wait().context("cannot wait for the program")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Gone already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_dialogue_with_a_program() {
        let mut session = Session::start(
            Command::new("sh").args(["-c", "echo ready; read word; echo got $word; echo bad >&2; exit 3"]),
        )
        .unwrap();
        session.wait_for("ready\n", LONG).unwrap();
        session.send("pear\n").unwrap();
        session.wait_for("got pear", LONG).unwrap();
        assert_eq!(session.finish(LONG).unwrap().code(), Some(3));
        assert_eq!((session.text(), session.errors()), ("ready\ngot pear\n", "bad\n"));
    }

    #[test]
    fn lines_come_one_by_one_and_then_the_end() {
        let mut session =
            Session::start(Command::new("sh").args(["-c", "echo one; echo two; echo"])).unwrap();
        for wanted in ["one", "two", ""] {
            assert!(matches!(session.line(LONG), Next::Line(line) if line == wanted));
        }
        assert!(matches!(session.line(LONG), Next::Ended));
    }

    #[test]
    fn silence_is_late() {
        let mut session = Session::start(Command::new("sleep").arg("60")).unwrap();
        assert!(matches!(session.line(Duration::from_millis(10)), Next::Late));
    }

    #[test]
    fn an_end_before_the_wanted_text_is_an_error() {
        let mut session = Session::start(Command::new("sh").args(["-c", "echo one"])).unwrap();
        let error = session.wait_for("two", LONG).unwrap_err().to_string();
        assert!(error.contains("ended before `two`") && error.contains("one"), "{error}");
    }
}
