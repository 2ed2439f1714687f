//! The terminal as a serial line: raw while the guest runs, restored whatever happens.

use anyhow::{Context, Result, bail};
use device_api::SerialPort;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::collections::VecDeque;
use std::io::{IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

const CTRL_A: u8 = 1;

/// Input on its way to the guest, and whoever sleeps until there is some.
#[derive(Default)]
pub(crate) struct Waker {
    input: Mutex<VecDeque<u8>>,
    arrived: Condvar,
    quit: AtomicBool,
}

impl Waker {
    /// Sleeps for `most`, or until input arrives.
    pub(crate) fn wait(&self, most: Duration) {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        if input.is_empty() && !self.quit.load(Ordering::Relaxed) {
            drop(self.arrived.wait_timeout(input, most));
        }
    }

    fn push(&self, byte: u8) {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).push_back(byte);
        self.arrived.notify_all();
    }

    fn pop(&self) -> Option<u8> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

enum Output {
    Stdout,
    File(std::fs::File),
}

impl Output {
    fn open(name: &str) -> Result<Option<Self>> {
        Ok(match (name, name.strip_prefix("file:")) {
            ("none", _) => None,
            ("stdio", _) => Some(Output::Stdout),
            (_, Some(path)) => Some(Output::File(
                std::fs::File::create(path).with_context(|| format!("cannot write {path}"))?,
            )),
            _ => bail!("--serial {name} is none of stdio, file:PATH and none"),
        })
    }
}

/// A serial line on which nothing ever arrives, and which is heard where `--serial` says.
pub(crate) fn output_only(name: &str) -> Result<Option<Box<dyn SerialPort>>> {
    let line = |output| Box::new(Line { waker: Arc::default(), output }) as Box<dyn SerialPort>;
    Ok(Output::open(name)?.map(line))
}

/// What is sent here is lost, but the line behaves as if it were connected.
pub(crate) struct Sink;

impl SerialPort for Sink {
    fn send(&mut self, _: u8) {}
    fn receive(&mut self) -> Option<u8> {
        None
    }
}

/// COM1's other end.
struct Line {
    waker: Arc<Waker>,
    output: Output,
}

impl SerialPort for Line {
    fn send(&mut self, byte: u8) {
        // A closed pipe must not stop the guest: what cannot be written is gone.
        let _ = match &mut self.output {
            Output::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(&[byte]).and_then(|()| out.flush())
            }
            Output::File(file) => file.write_all(&[byte]),
        };
    }
    fn receive(&mut self) -> Option<u8> {
        self.waker.pop()
    }
}

/// The host's terminal.
pub(crate) struct Terminal {
    waker: Arc<Waker>,
    serial: Mutex<Option<Box<dyn SerialPort>>>,
    saved: Arc<Option<Termios>>,
}

impl Terminal {
    /// Opens what `--serial` names: `stdio`, `file:PATH` or `none`.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let waker = Arc::new(Waker::default());
        let mut saved = None;
        let output = Output::open(name)?;
        if matches!(output, Some(Output::Stdout)) {
            saved = make_raw();
        }
        let saved = Arc::new(saved);
        if name == "stdio" {
            restore_on_signals(&saved)?;
            let reader = Arc::clone(&waker);
            let again = Arc::clone(&saved);
            std::thread::spawn(move || read_input(&reader, &again));
        }
        let serial =
            output.map(|output| Box::new(Line { waker: Arc::clone(&waker), output }) as Box<dyn SerialPort>);
        Ok(Self { waker, serial: Mutex::new(serial), saved })
    }

    /// The serial back end, once.
    pub(crate) fn serial(&self) -> Option<Box<dyn SerialPort>> {
        self.serial.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Whether Ctrl-A X was typed.
    pub(crate) fn wants_quit(&self) -> bool {
        self.waker.quit.load(Ordering::Relaxed)
    }

    /// Back to how the terminal was.
    pub(crate) fn restore(&self) {
        restore(&self.saved);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

fn restore(saved: &Option<Termios>) {
    if let Some(saved) = saved {
        // Nothing can be done about a terminal that went away.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, saved);
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

fn restore_on_signals(saved: &Arc<Option<Termios>>) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let saved = Arc::clone(saved);
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            restore(&saved);
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Reads the keyboard. Ctrl-A X leaves, Ctrl-A Ctrl-A sends one Ctrl-A.
fn read_input(waker: &Waker, saved: &Option<Termios>) {
    let mut escape = false;
    let mut buffer = [0; 256];
    loop {
        let got = match std::io::stdin().lock().read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(got) => got,
        };
        for &byte in &buffer[..got] {
            match (escape, byte) {
                (true, b'x' | b'X') => {
                    waker.quit.store(true, Ordering::Relaxed);
                    restore(saved);
                    std::process::exit(0);
                }
                (true, b'h' | b'H' | b'?') => eprintln!("\r\nCtrl-A X leaves, Ctrl-A Ctrl-A sends Ctrl-A"),
                (false, CTRL_A) if saved.is_some() => {
                    escape = true;
                    continue;
                }
                _ => waker.push(byte),
            }
            escape = false;
        }
    }
}
