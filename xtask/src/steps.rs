//! Steps with a name, a time and an outcome, shown as they go and summed up at the end.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How a step ended. A step may hold many tests.
pub(crate) enum Verdict {
    /// So many tests passed
    Passed(usize),
    /// Some failed; the text says which
    Failed { passed: usize, failed: usize, why: String },
    /// Not run; the text says why
    Skipped(String),
}

/// Where a running step tells what it does.
pub(crate) struct Report(Option<ProgressBar>);

impl Report {
    /// For steps that run alone.
    pub(crate) fn quiet() -> Self {
        Self(None)
    }

    /// A line that belongs into the output, above what is going on.
    pub(crate) fn pass(&self, line: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// What is going on now.
    pub(crate) fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.chars().take(100).collect::<String>());
        }
    }
}

struct Done {
    name: &'static str,
    seconds: f64,
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
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_prefix(format!("{place} {name}"));
            if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {elapsed} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            println!("{place} {name} ...");
        }
        let start = Instant::now();
        let report = Report(bar);
        let verdict = match step(&report) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Failed { passed: 0, failed: 1, why: format!("{error:#}") },
        };
        if let Some(bar) = report.0 {
            bar.finish_and_clear();
        }
        let seconds = start.elapsed().as_secs_f64();
        if let Verdict::Failed { why, .. } = &verdict {
            println!("{why}");
        }
        println!("{place} {name}: {} ({seconds:.1} s)", describe(&verdict));
        self.done.push(Done { name, seconds, verdict });
    }

    /// Prints the table and, last, the line `N passed, M failed`.
    ///
    /// # Errors
    /// Something failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for Done { name, seconds, verdict } in &self.done {
            println!("{name:<24} {seconds:>8.1} s  {}", describe(verdict));
            match verdict {
                Verdict::Passed(n) => passed += n,
                Verdict::Failed { passed: p, failed: f, .. } => {
                    passed += p;
                    failed += f;
                }
                Verdict::Skipped(_) => skipped += 1,
            }
        }
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
