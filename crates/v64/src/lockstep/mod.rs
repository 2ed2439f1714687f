//! `v64 run --engine lockstep`: an interpreted and a compiled machine side by side, and the place where they part.
//!
//! With the instruction clock and without input a run is a function of the machine's configuration. Both machines run
//! in strides and are compared after each. When they differ, a binary search within the stride, by runs from power-on,
//! finds the smallest instruction count at which they do.

mod locate;
mod pair;
mod registers;
#[cfg(test)]
mod tests;
mod watch;

use crate::output::say;
use crate::terminal::Terminal;
use anyhow::{Result, bail};
use pair::{Pair, Recipe};
use session::{ClockKind, Guest, RunArgs, report};
use std::time::Instant;

/// How often the machines are looked at, in instructions.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// Between comparisons of the processors
    stride: u64,
    /// Between comparisons of everything; a multiple of the stride
    whole: u64,
}

const PACE: Pace = Pace { stride: 20_000, whole: 1_000_000 };

/// Runs both machines. Gives the process's exit code: the guest's own, or 1 after a difference.
pub(crate) fn main(args: &RunArgs, guest: &Guest) -> Result<u8> {
    if args.clock == ClockKind::Real {
        bail!("--engine lockstep needs --clock icount: two runs under the host's clock are never alike");
    }
    let terminal = Terminal::output_only();
    let recipe = Recipe { args, guest, tamper: None, host: |host| Box::new(host) };
    let started = Instant::now();
    match run(&recipe, PACE, Some(&terminal))? {
        Verdict::Same(mut pair) => {
            let machine = &mut pair.compiled.machine;
            if args.stats {
                say(&report::statistics(machine, started.elapsed()));
            }
            let instructions = machine.retired();
            if args.state_hash {
                say(&format!("state hash {:016x} after {instructions} instructions\n", machine.state_hash()));
            }
            say(&format!("v64: both engines agree after {instructions} instructions\n"));
            let (code, message) = pair.plain.ended.unwrap_or_default();
            say(&message);
            Ok(code)
        }
        Verdict::Differ(text) => Ok(crate::output::print((text, 1))),
    }
}

/// How it came out.
enum Verdict {
    /// The machines ended in the same state
    Same(Box<Pair>),
    /// They differ: where and how, as text
    Differ(String),
}

fn run(recipe: &Recipe<'_>, pace: Pace, terminal: Option<&Terminal>) -> Result<Verdict> {
    let mut pair = Pair::new(recipe, terminal)?;
    let (mut equal, mut whole) = (0, 0);
    loop {
        let to = equal + pace.stride;
        pair.advance(recipe, to)?;
        let ended = pair.plain.ended.is_some();
        if pair.registers_differ() {
            drop(pair);
            return locate::explain(recipe, pace, (equal, to), false).map(Verdict::Differ);
        }
        if ended || to.is_multiple_of(pace.whole) {
            if pair.differ() {
                drop(pair);
                return locate::explain(recipe, pace, (whole, to), true).map(Verdict::Differ);
            }
            whole = to;
        }
        if ended {
            return Ok(Verdict::Same(Box::new(pair)));
        }
        equal = to;
    }
}
