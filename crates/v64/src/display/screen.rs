//! The host's terminal as the guest's screen.

use super::paint::{Colors, Grid, Painter};
use crate::input::Shared;
use crate::output;
use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use machine::Machine;
use rustix::termios::tcgetwinsize;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Behind the lock.
#[derive(Debug, Default)]
struct State {
    painter: Painter,
    /// The terminal's alternate screen is active
    is_entered: bool,
    /// Lines of the command's own over the guest's screen
    notice: Vec<String>,
    /// The machine has ended, or the terminal cannot be written to
    is_over: bool,
}

/// The terminal as a screen. The run loop draws; the thread that reads keys switches to the monitor.
pub(crate) struct Screen {
    shared: Arc<Shared>,
    state: Mutex<State>,
    colors: Colors,
}

/// Returns the terminal's size.
fn terminal_size() -> (u16, u16) {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col != 0 && size.ws_row != 0 => (size.ws_col, size.ws_row),
        _ => (80, 25),
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

impl State {
    fn leave(&mut self) {
        if std::mem::take(&mut self.is_entered) {
            let mut out = Vec::new();
            let queued = queue!(
                out,
                SetAttribute(Attribute::Reset),
                DisableBracketedPaste,
                Show,
                LeaveAlternateScreen
            );
            // Nothing can be done about a terminal that went away.
            let _ = queued.and_then(|()| write(&out));
        }
    }
}

impl Screen {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let colors = match std::env::var("COLORTERM").as_deref() {
            Ok("truecolor" | "24bit") => Colors::True,
            _ => Colors::Palette,
        };
        Self { shared: Arc::clone(shared), state: Mutex::default(), colors }
    }

    /// Shows what the guest's screen shows, unless the terminal is the monitor's.
    pub(crate) fn show(&self, machine: &mut Machine) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over || self.shared.is_at_monitor() {
            return;
        }
        let mut grid = Grid::new(terminal_size());
        match (machine.screen_text(), machine.screen_size()) {
            (Some(screen), _) => grid.put_screen(&screen),
            (None, Some((width, height))) => grid.put_lines(&[format!(
                "graphics, {width}x{height}; the monitor (Ctrl-A C) takes pictures: screendump FILE"
            )]),
            (None, None) => grid.put_lines(&["the screen is dark".to_owned()]),
        }
        if !state.notice.is_empty() {
            grid.put_lines(&state.notice);
        }
        let mut out = Vec::new();
        let mut drawn = Ok(());
        if !state.is_entered {
            state.is_entered = true;
            state.painter.invalidate();
            drawn = queue!(out, EnterAlternateScreen, EnableBracketedPaste);
        }
        drawn = drawn.and_then(|()| state.painter.paint(grid, self.colors, &mut out));
        if let Err(error) = drawn.and_then(|()| write(&out)) {
            state.is_over = true;
            self.shared.stop(output::failed(&error, "standard output", 0));
        }
    }

    /// Shows lines over the guest's screen until the next key; returns false where the terminal does not show it.
    pub(crate) fn notify(&self, text: &str) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shown = state.is_entered && !state.is_over;
        if is_shown {
            state.notice = text.trim().lines().map(|line| line.trim_end().to_owned()).collect();
        }
        self.shared.wake();
        is_shown
    }

    /// Takes the notice away. Returns whether there was one.
    pub(crate) fn end_notice(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::take(&mut state.notice).is_empty()
    }

    /// Has keys go to the monitor on the terminal's own screen, or to the guest again.
    pub(crate) fn switch(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.leave();
        self.shared.switch_to_monitor();
    }

    /// Switches back to the terminal's main screen at the end.
    pub(crate) fn end(&self) {
        // A thread that is stuck in writing to the terminal must not keep the program from ending.
        if let Ok(mut state) = self.state.try_lock() {
            state.is_over = true;
            state.leave();
        }
    }
}
