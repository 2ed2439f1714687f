//! Runs a machine until it ends. Options determine the effect of resets.

use crate::monitor::ShutdownCause::{self, GuestReset, GuestShutdown};
use crate::report;
use crate::{Guest, RunArgs};
use anyhow::Result;
use machine::{Machine, Stop};

/// The message if [`Outcome::Waiting`] ends a run because no input is possible.
pub const WAITS: &str = "v64: the guest waits for an interrupt that no device will raise\n";

/// The interval at which a pending request of the host is polled, in nanoseconds.
const HOST_WAIT: u64 = 1_000_000;

/// How a stretch of running came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is more to run
    More,
    /// Nothing happens for so many nanoseconds, unless there is input
    Idle(u64),
    /// All processors wait for an interrupt and no device has a deadline: only input of the host can raise one
    Waiting,
    /// The machine ended
    Ended {
        /// Exit code of the command
        code: u8,
        /// The message for standard error
        message: String,
        /// The cause; `None` if there is none, such as for a limit
        cause: Option<ShutdownCause>,
    },
}

/// Runs until `limit` instructions have retired since power-on, or something else stops the machine. `limit` is not
/// above `--max-instructions`.
///
/// # Errors
/// If the guest cannot be reloaded after a reset.
pub fn drive(args: &RunArgs, guest: &Guest, machine: &mut Machine, limit: u64) -> Result<Outcome> {
    let most = args.max_instructions.unwrap_or(u64::MAX);
    let ended = |code, message| Ok(Outcome::Ended { code, message, cause: None });
    let by_guest = |code, message, cause| Ok(Outcome::Ended { code, message, cause: Some(cause) });
    loop {
        match machine.run(limit.min(most)) {
            Stop::PowerOff => return by_guest(0, String::new(), GuestShutdown),
            Stop::DebugExit(code) => return by_guest(code as u8, String::new(), GuestShutdown),
            Stop::Limit if machine.retired() >= most => {
                return ended(3, format!("v64: stopped after {most} instructions\n"));
            }
            Stop::Limit | Stop::Alarm => return Ok(Outcome::More),
            Stop::BootKernel { map_entries } => guest.load_under_firmware(machine, map_entries)?,
            Stop::Idle(ns) => return Ok(Outcome::Idle(ns)),
            Stop::Host => return Ok(Outcome::Idle(HOST_WAIT)),
            // Keys and the power button may come by a monitor or a display, but nothing wakes it: it stays as it is, to be looked at.
            Stop::Dead if args.is_attended() => return Ok(Outcome::Waiting),
            Stop::Dead => {
                let instructions = machine.retired();
                let what = "the guest halted with interrupts off (CLI, HLT)";
                return ended(0, format!("v64: {what} after {instructions} instructions\n"));
            }
            Stop::Waiting => return Ok(Outcome::Waiting),
            Stop::Reset if args.no_reboot => return by_guest(0, String::new(), GuestReset),
            Stop::TripleFault if args.no_reboot => {
                return by_guest(1, report::crash(machine, "triple fault"), GuestReset);
            }
            Stop::Reset | Stop::TripleFault => {
                machine.reset();
                guest.load(machine)?;
            }
        }
    }
}
