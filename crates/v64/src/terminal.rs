//! The terminal as a serial line: raw while the guest runs, restored whatever happens.

use crate::display::{Screen, typed_of};
use crate::input::Shared;
use crate::monitors::SocketFiles;
use crate::output;
use anyhow::{Context, Result};
use crossterm::event::{self, Event, KeyEvent, KeyModifiers};
use device_api::CharBackend;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const CTRL_A: u8 = 1;

/// The keys behind Ctrl-A, as QEMU has them.
const KEYS: &str = "\r
Ctrl-A H       lists these keys\r
Ctrl-A S       saves the machine's state\r
Ctrl-A X       ends the machine\r
Ctrl-A C       switches between the guest and the monitor\r
Ctrl-A T       begins lines of output with the time, or no longer\r
Ctrl-A Ctrl-A  sends Ctrl-A\r
";

enum Output {
    Stdout,
    /// With its path
    File(std::fs::File, String),
}

/// The other end of a line of the guest's.
struct Line {
    shared: Arc<Shared>,
    output: Output,
    /// Keys go to the guest
    takes_input: bool,
    /// Output failed: the rest is dropped, and the run stops soon
    failed: bool,
    /// When it was opened, for the time before lines
    opened: Instant,
    at_line_start: bool,
}

impl Line {
    fn new(shared: Arc<Shared>, output: Output, takes_input: bool) -> Self {
        Self { shared, output, takes_input, failed: false, opened: Instant::now(), at_line_start: true }
    }

    fn write(&mut self, byte: u8) -> std::io::Result<()> {
        let mut text = Vec::new();
        if self.at_line_start && byte != b'\r' && self.shared.timestamps() {
            let ms = self.opened.elapsed().as_millis();
            let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
            write!(text, "[{hours:02}:{minutes:02}:{seconds:02}.{:03}] ", ms % 1000)?;
        }
        self.at_line_start = byte == b'\n' || self.at_line_start && byte == b'\r';
        text.push(byte);
        match &mut self.output {
            Output::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(&text).and_then(|()| out.flush())
            }
            Output::File(file, _) => file.write_all(&text),
        }
    }
}

impl CharBackend for Line {
    fn send(&mut self, byte: u8) {
        if self.failed {
            return;
        }
        self.shared.sent();
        if let Err(error) = self.write(byte) {
            self.failed = true;
            let name = match &self.output {
                Output::Stdout => "standard output",
                Output::File(_, path) => path,
            };
            self.shared.stop(output::failed(&error, name, 0));
        }
    }
    fn receive(&mut self) -> Option<u8> {
        if self.takes_input { self.shared.pop() } else { None }
    }
}

/// The consumer of typed keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Nothing is read
    Nobody,
    /// The guest, and the monitor behind Ctrl-A C where there is one; Ctrl-A is a key of the command's own also where
    /// standard input is no terminal, if `escapes`
    Guest {
        /// There is a monitor to switch to
        has_monitor: bool,
        /// Ctrl-A is looked for in any case
        escapes: bool,
    },
    /// The human monitor
    Monitor,
    /// A QMP client: the terminal's mode is unchanged
    Tool,
    /// The guest's keyboard: the terminal is its screen. Ctrl-A C opens the monitor, where there is one
    Screen {
        /// There is a monitor to switch to
        has_monitor: bool,
    },
}

/// The host's terminal.
pub(crate) struct Terminal {
    shared: Arc<Shared>,
    saved: Arc<Saved>,
}

/// How to leave the terminal as it was.
#[derive(Default)]
struct Saved {
    termios: Option<Termios>,
    /// It is the guest's screen
    screen: Option<Arc<Screen>>,
}

impl Saved {
    fn restore(&self) {
        if let Some(screen) = &self.screen {
            screen.end();
        }
        if let Some(termios) = &self.termios {
            // Nothing can be done about a terminal that went away.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, termios);
        }
    }
}

impl Terminal {
    /// Opens the terminal. Where there may be files of sockets, a signal that ends the program removes them.
    pub(crate) fn open(keys: Keys, files: Option<&SocketFiles>, shared: Arc<Shared>) -> Result<Self> {
        let termios = match keys {
            Keys::Nobody | Keys::Tool => None,
            Keys::Guest { .. } | Keys::Monitor | Keys::Screen { .. } => make_raw(),
        };
        let screen = matches!(keys, Keys::Screen { .. }).then(|| Arc::new(Screen::new(&shared)));
        if let Some(screen) = &screen {
            shared.show_on(screen);
        }
        let saved = Arc::new(Saved { termios, screen });
        let cleans_up = keys != Keys::Nobody || files.is_some();
        let files = files.cloned().unwrap_or_default();
        if cleans_up {
            clean_up_on_signals(&saved, &files)?;
        }
        if matches!(keys, Keys::Monitor | Keys::Tool) {
            shared.switch_to_monitor();
            shared.take_typed();
        }
        if keys == Keys::Nobody {
            shared.end();
        } else {
            let input = Input { shared: Arc::clone(&shared), saved: Arc::clone(&saved), files, keys };
            std::thread::spawn(move || match keys {
                Keys::Screen { .. } => input.read_keys(),
                _ => input.read(),
            });
        }
        Ok(Self { shared, saved })
    }

    /// A terminal on which nothing is ever typed.
    pub(crate) fn output_only() -> Self {
        let shared = Arc::new(Shared::default());
        shared.end();
        Self { shared, saved: Arc::default() }
    }

    /// Returns a line over the terminal.
    pub(crate) fn stdio(&self) -> Box<dyn CharBackend> {
        Box::new(Line::new(Arc::clone(&self.shared), Output::Stdout, true))
    }

    /// Returns a line that writes to a file.
    pub(crate) fn file(&self, path: &Path) -> Result<Box<dyn CharBackend>> {
        let name = path.display().to_string();
        let file = std::fs::File::create(path).with_context(|| format!("cannot write {name}"))?;
        Ok(Box::new(Line::new(Arc::clone(&self.shared), Output::File(file, name), false)))
    }

    /// What this terminal shares with the run loop.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Returns whether keys are read from a terminal, so that Ctrl-A is one of them.
    pub(crate) fn has_keys(&self) -> bool {
        self.saved.termios.is_some()
    }

    /// Returns the guest's screen, where it is this terminal.
    pub(crate) fn screen(&self) -> Option<&Arc<Screen>> {
        self.saved.screen.as_ref()
    }

    /// Prints a message while the machine runs.
    pub(crate) fn say(&self, text: &str) {
        self.shared.say(text);
    }

    /// Back to how the terminal was.
    pub(crate) fn restore(&self) {
        self.saved.restore();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Raw mode, if standard input is a terminal. Gives what to restore.
fn make_raw() -> Option<Termios> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    let saved = tcgetattr(&stdin).ok()?;
    let mut raw = saved.clone();
    raw.make_raw();
    // Newlines of the host's own messages still return the carriage.
    raw.output_modes |= rustix::termios::OutputModes::OPOST;
    tcsetattr(&stdin, OptionalActions::Flush, &raw).ok()?;
    Some(saved)
}

fn clean_up_on_signals(saved: &Arc<Saved>, files: &SocketFiles) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let (saved, files) = (Arc::clone(saved), files.clone());
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            saved.restore();
            files.remove();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// The thread that reads standard input.
struct Input {
    shared: Arc<Shared>,
    saved: Arc<Saved>,
    files: SocketFiles,
    keys: Keys,
}

impl Input {
    /// Reads to the end. On a terminal, Ctrl-A begins a key of the command's own.
    fn read(&self) {
        let asked = matches!(self.keys, Keys::Guest { escapes: true, .. });
        let escapes = asked || self.saved.termios.is_some();
        let mut escaped = false;
        let mut buffer = [0; 256];
        loop {
            let got = match std::io::stdin().lock().read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => return self.shared.end(),
                Ok(got) => got,
            };
            if !escapes {
                self.shared.push(&buffer[..got]);
                continue;
            }
            for &byte in &buffer[..got] {
                if std::mem::take(&mut escaped) {
                    self.escaped(byte);
                } else if byte == CTRL_A {
                    escaped = true;
                } else {
                    self.shared.push(&[byte]);
                }
            }
        }
    }

    /// Reads keys of the terminal that is the guest's screen.
    fn read_keys(&self) {
        let mut escaped = false;
        loop {
            let event = match event::read() {
                Ok(event) => event,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => return self.shared.end(),
            };
            match event {
                Event::Key(key) => {
                    let Some(typed) = typed_of(&key) else { continue };
                    // A key that ends a notice is none of the guest's.
                    let noticed = self.saved.screen.as_ref().is_some_and(|screen| screen.end_notice());
                    if std::mem::take(&mut escaped) {
                        match typed.bytes[..] {
                            [CTRL_A] => self.shared.push_chord(typed),
                            [byte] => self.escaped(byte),
                            _ => {}
                        }
                    } else if typed.bytes == [CTRL_A] {
                        escaped = true;
                    } else if !noticed {
                        self.shared.push_chord(typed);
                    }
                    self.shared.wake();
                }
                Event::Paste(text) => {
                    let key = |letter| KeyEvent::new(event::KeyCode::Char(letter), KeyModifiers::NONE);
                    text.chars().filter_map(|letter| typed_of(&key(letter))).for_each(|typed| {
                        self.shared.push_chord(typed);
                    });
                }
                _ => self.shared.wake(),
            }
        }
    }

    /// Executes the command of a key after Ctrl-A.
    fn escaped(&self, byte: u8) {
        if self.key(byte) {
            self.saved.restore();
            self.files.remove();
            std::process::exit(0);
        }
    }

    /// Executes the command of a key after Ctrl-A. Returns whether to exit at once, since the run loop did not stop
    /// when it should.
    fn key(&self, byte: u8) -> bool {
        let shared = &self.shared;
        let screen = self.saved.screen.as_ref();
        let print = |text: &str| {
            if !screen.is_some_and(|screen| screen.notify(text)) {
                output::say(text);
            }
        };
        let say = |text: &str| print(&format!("\r\nv64: {text}\r\n"));
        match byte.to_ascii_lowercase() {
            b'x' => return shared.stop(0),
            b'h' | b'?' => print(KEYS),
            b't' => match shared.toggle_timestamps() {
                true => say("lines begin with the time"),
                false => say("lines no longer begin with the time"),
            },
            b'b' => say("a break cannot be sent yet"),
            b'c' => match self.keys {
                Keys::Screen { has_monitor: true } => {
                    if let Some(screen) = screen {
                        screen.switch();
                    }
                }
                Keys::Guest { has_monitor: true, .. } => {
                    if !shared.switch_to_monitor() {
                        output::say("\r\n");
                    }
                }
                Keys::Guest { .. } | Keys::Screen { .. } => {
                    say("the monitor is not on this terminal; leave -monitor out")
                }
                _ => say("no serial port is on this terminal"),
            },
            b's' => shared.request_save(),
            CTRL_A => shared.push(&[CTRL_A]),
            _ => say("no such key; Ctrl-A H lists them"),
        }
        false
    }
}
