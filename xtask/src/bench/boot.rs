//! Boots: to the shell's prompt on every engine, and with the interpreter alone in Node and natively.

use super::engines::{Engine, Tools};
use crate::guests::{self, Bits, Guest};
use crate::session::{self, Session};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(900);

/// Instructions of the comparison of interpreters: the unpacking of the kernel and the first part of its start.
pub(super) const INSTRUCTIONS: u64 = 400_000_000;

/// Seconds to the prompt and MiB held at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot {
    pub(super) seconds: f64,
    pub(super) mib: f64,
}

/// What an engine took to the prompt, or why it did not come there.
pub(super) struct Booted {
    pub(super) bits: Bits,
    pub(super) engine: Engine,
    pub(super) outcome: Result<Boot, String>,
}

fn boot(tools: &Tools, engine: Engine, bits: Bits, guest: &Guest) -> Result<Boot> {
    let command = tools.boot(engine, bits, guest, None);
    let mut session = Session::start(&mut command.context("the bare processor boots no guest")?)?;
    let took = session.wait_for(guests::PROMPT, LIMIT)?;
    let mib = session.peak_kib().unwrap_or(0) as f64 / 1024.0;
    Ok(Boot { seconds: took.as_secs_f64(), mib })
}

/// Returns the middle one by time.
fn median(mut boots: Vec<Boot>) -> Option<Boot> {
    boots.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    boots.get(boots.len() / 2).copied()
}

/// Boots every engine so many times, in turn, and takes the middle ones.
pub(super) fn all(
    tools: &Tools,
    engines: &[Engine],
    bits: Bits,
    guest: &Guest,
    rounds: usize,
) -> Vec<Booted> {
    let mut times: Vec<Result<Vec<Boot>, String>> = engines.iter().map(|_| Ok(Vec::new())).collect();
    for _ in 0..rounds {
        for (engine, times) in engines.iter().zip(&mut times) {
            let Ok(boots) = times else { continue };
            let title = tools.title(*engine);
            match boot(tools, *engine, bits, guest) {
                Ok(one) => {
                    eprintln!("{} bits, {title}: {:.2} s to the prompt", bits.number(), one.seconds);
                    boots.push(one);
                }
                Err(error) => {
                    eprintln!("{} bits, {title}: FAILED: {error:#}", bits.number());
                    let text = format!("{error:#}");
                    *times = Err(text.lines().next().unwrap_or_default().to_owned());
                }
            }
        }
    }
    let outcome = |times: Result<Vec<Boot>, String>| {
        times.and_then(|boots| median(boots).ok_or_else(|| "no boot".to_owned()))
    };
    let pairs = engines.iter().zip(times);
    pairs.map(|(engine, times)| Booted { bits, engine: *engine, outcome: outcome(times) }).collect()
}

/// Million instructions a second of an interpreter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    /// Of elapsed seconds
    pub(super) elapsed: f64,
    /// Of seconds of processor time, start and end of the program among them, if the host tells
    pub(super) processor: Option<f64>,
}

/// The interpreter over the start of a boot under the instruction clock. `command` is v64 without arguments.
///
/// # Errors
/// v64 does not start, or does not come to an end in time.
pub(super) fn interpreter(mut command: Command, guest: &Guest) -> Result<Speed> {
    command.args(["run", "-m", "512M", "--engine", "interp", "--clock", "icount", "--stats"]);
    command.args(["--max-instructions", &INSTRUCTIONS.to_string()]).args(guest.arguments("", None));
    let before = session::ended_processor_seconds();
    let mut session = Session::start(&mut command)?;
    session.finish(LIMIT)?;
    let after = session::ended_processor_seconds();
    let mips = session.errors().lines().find_map(|line| line.strip_prefix("MIPS ")).map(str::trim);
    let elapsed =
        mips.with_context(|| format!("v64 --stats printed no MIPS:\n{}", session.tail()))?.parse()?;
    let seconds = before.zip(after).map(|(before, after)| after - before).filter(|seconds| *seconds > 0.0);
    Ok(Speed { elapsed, processor: seconds.map(|seconds| INSTRUCTIONS as f64 / 1e6 / seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_boot() {
        let boots = [3.0, 1.0, 2.0].map(|seconds| Boot { seconds, mib: seconds });
        assert_eq!(median(boots.to_vec()).map(|boot| boot.mib), Some(2.0));
        assert!(median(Vec::new()).is_none());
    }
}
