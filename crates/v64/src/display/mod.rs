//! What shows the guest's screen as it runs: `-display`.

mod keys;
mod paint;
mod screen;
#[cfg_attr(not(feature = "window"), path = "no_window.rs")]
pub(crate) mod window;

pub(crate) use keys::{Typed, typed_of};
pub(crate) use screen::Screen;

use crate::input::Shared;
use anyhow::{Result, bail};
use machine::Machine;
use session::RunArgs;
use session::monitor::Monitor;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long it takes at least from one look at the guest's screen to the next.
const FRAME: Duration = Duration::from_millis(33);

/// A display, as used by the run loop.
pub(crate) enum Display {
    /// The host's terminal
    Terminal(TerminalDisplay),
    /// A window
    Window(window::Link),
}

/// The terminal as a display.
pub(crate) struct TerminalDisplay {
    screen: Arc<Screen>,
    looked: Option<Instant>,
    /// A chord that the guest's keyboard had no room for
    waiting: Option<Typed>,
}

/// Refuses a display that this host or this build does not have, before anything is opened.
pub(crate) fn check(args: &RunArgs) -> Result<()> {
    if args.is_in_terminal() {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            bail!(
                "-display terminal draws in a terminal, and standard input or output is none; leave it out"
            );
        }
        let traces = !args.trace.is_empty() || !args.log.is_empty();
        if traces && args.log_file.is_none() && std::io::stderr().is_terminal() {
            bail!(
                "-display terminal and --trace want the same terminal; give -D FILE or leave one of them out"
            );
        }
    }
    Ok(())
}

impl Display {
    /// Returns the requested display.
    pub(crate) fn new(screen: Option<&Arc<Screen>>, window: Option<window::Link>) -> Option<Self> {
        let terminal = |screen| Self::Terminal(TerminalDisplay { screen, looked: None, waiting: None });
        window.map(Self::Window).or_else(|| screen.cloned().map(terminal))
    }

    /// Hands on what was typed, and shows what changed.
    pub(crate) fn update(&mut self, shared: &Shared, monitor: &mut Monitor, machine: &mut Machine) {
        match self {
            Self::Terminal(terminal) => terminal.update(shared, monitor, machine),
            Self::Window(link) => link.update(shared, monitor, machine),
        }
    }
}

impl TerminalDisplay {
    fn update(&mut self, shared: &Shared, monitor: &mut Monitor, machine: &mut Machine) {
        while let Some(typed) = self.waiting.take().or_else(|| shared.pop_chord()) {
            if !monitor.type_chord(&typed.chord, machine) {
                self.waiting = Some(typed);
                break;
            }
        }
        if self.looked.is_none_or(|looked| looked.elapsed() >= FRAME) {
            self.looked = Some(Instant::now());
            self.screen.show(machine);
        }
    }
}
