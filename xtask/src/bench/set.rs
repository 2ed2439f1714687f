//! Many programs in one boot: marks on the serial line, the host's clock, and a new boot behind one that hangs.

use crate::guests;
use crate::session::{Next, Session};
use std::process::Command;
use std::time::Duration;

/// Longest until a guest is up.
const BOOT: Duration = Duration::from_secs(600);
/// The guest's last line.
const OVER: &str = "v64: exit status ";

/// What a program took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    /// Seconds by the host's clock
    pub(super) elapsed: f64,
    /// Seconds of processor time of the engine, if the host tells
    pub(super) processor: Option<f64>,
    /// The checksum that it printed
    pub(super) sum: u64,
}

/// What became of a program: a measurement, or why there is none.
pub(super) type Outcome = Result<Taken, String>;

/// A moment: seconds by the host's clock, and the engine's processor time.
#[derive(Clone, Copy)]
struct Moment {
    elapsed: f64,
    processor: Option<f64>,
}

/// State of the parser of one boot's output.
#[derive(Default)]
struct Marks {
    running: Option<(String, Moment)>,
    sum: Option<u64>,
    done: Vec<(String, Outcome)>,
}

impl Marks {
    /// Takes a line that came at `now`.
    fn line(&mut self, line: &str, now: Moment) {
        let Some((_, line)) = line.split_once("bench: ") else { return };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["begin", name] => {
                self.running = Some((name.to_owned(), now));
                self.sum = None;
            }
            ["sum", name, sum] if self.running.as_ref().is_some_and(|(running, _)| running == name) => {
                self.sum = u64::from_str_radix(sum, 16).ok();
            }
            ["end", name, status] => {
                let Some((running, start)) = self.running.take().filter(|(running, _)| running == name)
                else {
                    return;
                };
                self.done.push((running, judge(status, self.sum, start, now)));
            }
            _ => {}
        }
    }

    /// The program that runs just now did not end.
    fn lost(&mut self, why: &str) {
        if let Some((name, _)) = self.running.take() {
            self.done.push((name, Err(why.to_owned())));
        }
    }
}

fn judge(status: &str, sum: Option<u64>, start: Moment, now: Moment) -> Outcome {
    match (status, sum) {
        ("0", Some(sum)) => Ok(Taken {
            elapsed: now.elapsed - start.elapsed,
            processor: now.processor.zip(start.processor).map(|(now, start)| now - start),
            sum,
        }),
        ("0", None) => Err("printed no checksum".to_owned()),
        _ => Err(format!("ended with wait status {status}")),
    }
}

/// Runs the programs with these names. `start` returns the command that runs the rest of them; it is called again after
/// one has hung or ended the engine. `boots` is whether a kernel comes up first.
pub(super) fn run(
    label: &str,
    names: &[&str],
    boots: bool,
    limit: Duration,
    start: impl Fn(&[&str]) -> Command,
) -> Vec<Outcome> {
    let mut done: Vec<(String, Outcome)> = Vec::new();
    loop {
        let rest: Vec<&str> =
            names.iter().copied().filter(|name| done.iter().all(|(n, _)| n != name)).collect();
        if rest.is_empty() {
            break;
        }
        let before = done.len();
        let why = match one_boot(label, &mut start(&rest), boots, limit, &mut done) {
            Ok(()) => "was not run".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        if done.len() == before {
            // No progress: there is none to be had.
            eprintln!("{label}: {why}");
            let why = why.lines().next().unwrap_or_default();
            done.extend(rest.iter().map(|name| ((*name).to_owned(), Err(why.to_owned()))));
        }
    }
    let find = |name: &&str| done.iter().find(|(n, _)| n == name).map(|(_, outcome)| outcome.clone());
    names.iter().map(|name| find(name).unwrap_or_else(|| Err("was not run".to_owned()))).collect()
}

/// One boot, until all is done or something goes wrong.
fn one_boot(
    label: &str,
    command: &mut Command,
    boots: bool,
    limit: Duration,
    done: &mut Vec<(String, Outcome)>,
) -> anyhow::Result<()> {
    let mut session = Session::start(command)?;
    if boots {
        let up = session.wait_for(guests::UP, BOOT)?;
        eprintln!("{label}: the kernel is up after {:.1} s", up.as_secs_f64());
    }
    let mut marks = Marks::default();
    loop {
        let next = session.line(limit);
        let now = Moment { elapsed: session.seconds(), processor: session.processor_seconds() };
        let over = match next {
            Next::Line(line) => {
                marks.line(&line, now);
                line.starts_with(OVER)
            }
            Next::Ended => {
                marks.lost("ended the engine or the machine");
                true
            }
            Next::Late => {
                marks.lost(&format!("had not ended after {} s", limit.as_secs()));
                true
            }
        };
        for (name, outcome) in &marks.done {
            match outcome {
                Ok(taken) => eprintln!("{label}: {name} {:.2} s", taken.elapsed),
                Err(why) => eprintln!("{label}: {name} FAILED: {why}\n{}", session.tail()),
            }
        }
        done.append(&mut marks.done);
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(elapsed: f64) -> Moment {
        Moment { elapsed, processor: Some(elapsed * 2.0) }
    }

    #[test]
    fn marks_become_measurements() {
        let mut marks = Marks::default();
        marks.line("bench: begin fib", at(1.0));
        marks.line("bench: sum fib 00000000000000ff", at(1.4));
        marks.line("bench: end fib 0", at(1.5));
        let taken = Taken { elapsed: 0.5, processor: Some(1.0), sum: 255 };
        assert_eq!(marks.done, [("fib".to_owned(), Ok(taken))]);
    }

    #[test]
    fn whatever_is_missing_is_a_failure() {
        let mut marks = Marks::default();
        marks.line("bench: begin one", at(1.0));
        marks.line("bench: sum other 00000000000000ff", at(1.0));
        marks.line("bench: end one 0", at(1.0));
        marks.line("bench: begin two", at(1.0));
        marks.line("bench: sum two 1", at(1.0));
        marks.line("bench: end two 139", at(1.0));
        marks.line("bench: begin three", at(1.0));
        marks.lost("hung");
        let whys: Vec<_> = marks.done.iter().map(|(_, outcome)| outcome.clone().unwrap_err()).collect();
        assert_eq!(whys, ["printed no checksum", "ended with wait status 139", "hung"]);
    }

    #[test]
    fn a_program_that_hangs_or_dies_does_not_take_the_others_along() {
        // The rest of the names are the script's arguments.
        let script = "for n; do echo bench: begin $n; case $n in hang) exec sleep 60;; die) exit 1;; esac; \
                      echo bench: sum $n 5; echo bench: end $n 0; done";
        let start = |names: &[&str]| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).args(names);
            command
        };
        let names = ["a", "hang", "b", "die", "c"];
        let outcomes = run("test", &names, false, Duration::from_secs(2), start);
        let failed: Vec<_> = outcomes.iter().map(Outcome::is_err).collect();
        assert_eq!(failed, [false, true, false, true, false]);
        assert!(outcomes[1].as_ref().unwrap_err().contains("2 s"));
    }

    #[test]
    fn an_engine_that_never_starts_fails_all() {
        let outcomes = run("test", &["a", "b"], true, Duration::from_secs(5), |_| Command::new("false"));
        assert!(outcomes.len() == 2 && outcomes.iter().all(Outcome::is_err));
    }
}
