//! Lines as they are typed: echo, corrections, earlier lines.

use super::run;
use crate::monitor::query::package;
use crate::monitor::{Monitor, Target};

/// What is printed where a command can be typed. Tools wait for QEMU's.
pub const PROMPT: &str = "(qemu) ";

/// Bytes of a line at most.
const LONGEST: usize = 4096;
/// Lines that are remembered.
const REMEMBERED: usize = 100;

/// A part of a key that sends several bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// Behind ESC
    Begun,
    /// Behind ESC [
    Sequence,
}

/// One connection's side of the human monitor.
#[derive(Debug, Default)]
pub struct HumanSession {
    line: String,
    escape: Escape,
    /// The last byte was a carriage return: a line feed belongs to it
    returned: bool,
    earlier: Vec<String>,
    /// Index of the history line displayed, counted from the last
    shown: usize,
}

/// What a byte did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// What is to be echoed
    pub echo: String,
    /// A line that is complete
    pub line: Option<String>,
}

/// Returns the text with CR LF line ends, for terminals.
fn to_terminal(text: &str) -> String {
    text.replace('\n', "\r\n")
}

impl HumanSession {
    /// Returns what is printed first.
    pub fn greeting() -> String {
        format!("{} monitor - type 'help' for more information\r\n{PROMPT}", package())
    }

    /// Takes a byte that was typed. Returns what it changes on the screen, and the line that it completes.
    pub fn push(&mut self, byte: u8) -> Typed {
        let returned = std::mem::take(&mut self.returned);
        let mut typed = Typed::default();
        match (std::mem::take(&mut self.escape), byte) {
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Sequence,
            (Escape::Sequence, b'A') => typed.echo = self.recall(self.shown + 1),
            (Escape::Sequence, b'B') => typed.echo = self.recall(self.shown.saturating_sub(1)),
            // Digits of a longer sequence
            (Escape::Sequence, b'0'..=b'9' | b';') => self.escape = Escape::Sequence,
            (Escape::Begun | Escape::Sequence, _) => {}
            (Escape::None, 0x1b) => self.escape = Escape::Begun,
            (Escape::None, b'\n') if returned => {}
            (Escape::None, b'\r' | b'\n') => {
                self.returned = byte == b'\r';
                typed.echo = "\r\n".to_owned();
                typed.line = Some(self.complete());
            }
            (Escape::None, 0x08 | 0x7f) => {
                if self.line.pop().is_some() {
                    typed.echo = "\x08 \x08".to_owned();
                }
            }
            // Ctrl-U and Ctrl-C
            (Escape::None, 0x15 | 0x03) => typed.echo = self.replace(String::new()),
            (Escape::None, b' '..=b'~') if self.line.len() < LONGEST => {
                self.line.push(char::from(byte));
                typed.echo = char::from(byte).to_string();
            }
            (Escape::None, _) => {}
        }
        typed
    }

    /// Carries a line out. Returns what is printed, and the prompt behind it.
    pub fn run(line: &str, monitor: &mut Monitor, target: &mut Target<'_>) -> String {
        let text = run(monitor, target, line, None).unwrap_or_else(|error| format!("Error: {error}\n"));
        let prompt = if monitor.exit().is_some() { "" } else { PROMPT };
        to_terminal(&text) + prompt
    }

    /// Returns the text that redraws the line, for example after output of the guest.
    pub fn redraw(&self) -> String {
        format!("{PROMPT}{}", self.line)
    }

    fn complete(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        self.shown = 0;
        if !line.trim().is_empty() && self.earlier.last() != Some(&line) {
            if self.earlier.len() >= REMEMBERED {
                self.earlier.remove(0);
            }
            self.earlier.push(line.clone());
        }
        line
    }

    fn recall(&mut self, shown: usize) -> String {
        self.shown = shown.min(self.earlier.len());
        let index = self.earlier.len() - self.shown;
        let line = self.earlier.get(index).cloned().unwrap_or_default();
        self.replace(line)
    }

    /// Puts another line in the present one's place. Returns what shows it.
    fn replace(&mut self, line: String) -> String {
        let wiped = "\x08 \x08".repeat(self.line.len());
        self.line = line;
        wiped + &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(session: &mut HumanSession, bytes: &[u8]) -> (String, Vec<String>) {
        let (mut echo, mut lines) = (String::new(), Vec::new());
        for &byte in bytes {
            let typed = session.push(byte);
            echo += &typed.echo;
            lines.extend(typed.line);
        }
        (echo, lines)
    }

    #[test]
    fn lines_end_with_either_break_or_both() {
        let mut session = HumanSession::default();
        let (echo, lines) = type_in(&mut session, b"stop\r\ncont\nx\r\r");
        assert_eq!(lines, ["stop", "cont", "x", ""]);
        assert_eq!(echo, "stop\r\ncont\r\nx\r\n\r\n");
    }

    #[test]
    fn lines_can_be_corrected_and_recalled() {
        let mut session = HumanSession::default();
        let (echo, lines) = type_in(&mut session, b"\x7fab\x7fc\nxyz\x15one\r\x1b[A\x1b[A\x1b[A\x1b[B\r");
        assert_eq!(lines, ["ac", "one", "one"]);
        assert!(echo.starts_with("ab\x08 \x08c\r\n"), "{echo:?}");
        assert_eq!(type_in(&mut session, b"\x1b[3~\x01q\n").1, ["q"]);
    }

    #[test]
    fn a_line_without_end_stops_growing() {
        let mut session = HumanSession::default();
        type_in(&mut session, &[b'a'; 10 * LONGEST]);
        assert_eq!(session.line.len(), LONGEST);
    }
}
