//! Steps with a name, a time and an outcome, shown as they go and summed up at the end.

pub(crate) use crate::report::Report;
use crate::report::span;
use anyhow::{Result, bail};
use std::time::Duration;

/// How a step ended. A step may hold many tests.
pub(crate) enum Verdict {
    /// So many tests passed
    Passed(usize),
    /// Some failed; the text lists them
    Failed { passed: usize, failed: usize, why: String },
    /// Not run; the text is the reason
    Skipped(String),
}

struct Done {
    name: &'static str,
    time: Duration,
    verdict: Verdict,
}

/// Steps done so far.
pub(crate) struct Steps {
    all: usize,
    done: Vec<Done>,
}

impl Steps {
    /// `all` is the number of steps to come.
    pub(crate) fn new(all: usize) -> Self {
        Self { all, done: Vec::new() }
    }

    /// Runs a step; an error is a failure of it.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce(&Report) -> Result<Verdict>) {
        let place = format!("[{}/{}]", self.done.len() + 1, self.all);
        let report = Report::start(format!("{place} {name}"));
        let verdict = match step(&report) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Failed { passed: 0, failed: 1, why: format!("{error:#}") },
        };
        let time = report.end();
        if let Verdict::Failed { why, .. } = &verdict {
            println!("{why}");
        }
        println!("{place} {name}: {} ({})", describe(&verdict), span(time));
        self.done.push(Done { name, time, verdict });
    }

    /// Prints the table and, last, the line `N passed, M failed`.
    ///
    /// # Errors
    /// Something failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for Done { name, time, verdict } in &self.done {
            println!("{name:<24} {:>11}  {}", span(*time), describe(verdict));
            match verdict {
                Verdict::Passed(n) => passed += n,
                Verdict::Failed { passed: p, failed: f, .. } => {
                    passed += p;
                    failed += f;
                }
                Verdict::Skipped(_) => skipped += 1,
            }
        }
        println!("{:<24} {:>11}", "all", span(self.done.iter().map(|done| done.time).sum()));
        println!();
        if skipped > 0 {
            println!("{skipped} skipped");
        }
        println!("{}", closing_line(passed, failed));
        if failed > 0 {
            bail!("{failed} failed");
        }
        Ok(())
    }
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed(1) => "passed".to_owned(),
        Verdict::Passed(n) => format!("{n} passed"),
        Verdict::Failed { passed: 0, failed: 1, .. } => "FAILED".to_owned(),
        Verdict::Failed { passed, failed, .. } => format!("{failed} FAILED, {passed} passed"),
        Verdict::Skipped(why) => format!("skipped: {why}"),
    }
}

fn closing_line(passed: usize, failed: usize) -> String {
    format!("{passed} passed, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_a_step_fails_the_whole() {
        let mut steps = Steps::new(3);
        steps.run("good", |_| Ok(Verdict::Passed(4)));
        steps.run("left out", |_| Ok(Verdict::Skipped("no reason".to_owned())));
        steps.run("bad", |_| bail!("as meant"));
        assert_eq!(steps.finish().unwrap_err().to_string(), "1 failed");
    }

    #[test]
    fn the_closing_line_has_its_fixed_form() {
        assert_eq!(closing_line(12, 0), "12 passed, 0 failed");
        assert_eq!(closing_line(12, 3), "12 passed, 3 failed");
    }
}
