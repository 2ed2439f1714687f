//! `cargo xtask test`: everything that has to hold, in one run.

use crate::steps::{Report, Steps, Verdict};
use crate::task::task;
use crate::{apt, deps, docs, fetch, linux, shell, spec, system, tidy};
use anyhow::{Context, Result, bail};

/// Run every check and test; installs what is missing
#[derive(clap::Args)]
struct TestArgs {
    /// Leave out the whole-system tests (a release build, boots, a minute of random input)
    #[arg(long)]
    no_system: bool,
    /// Run only steps whose name contains this (may be given more than once)
    #[arg(long, value_name = "TEXT")]
    step: Vec<String>,
}

task!("test", TestArgs, run);

type Step = (&'static str, fn(&Report) -> Result<Verdict>);

const STEPS: &[Step] = &[
    ("tools", tools),
    ("format", format),
    ("clippy", clippy),
    ("deps", layers),
    ("tidy", rules),
    ("spec", citations),
    ("documents", documents),
    ("unit tests", unit),
];

fn run(args: TestArgs) -> Result<()> {
    let wanted =
        |name: &str| args.step.is_empty() || args.step.iter().any(|text| name.contains(text.as_str()));
    let first: Vec<_> = STEPS.iter().filter(|(name, _)| wanted(name)).collect();
    let mut system = if args.no_system { Vec::new() } else { system::steps() };
    system.retain(|step| wanted(step.name));
    let build = usize::from(!system.is_empty());
    if first.is_empty() && system.is_empty() {
        bail!("no step is called that");
    }
    let mut steps = Steps::new(first.len() + build + system.len());
    for (name, step) in first {
        steps.run(name, step);
    }
    if build > 0 {
        let mut v64 = None;
        steps.run("release build", |report| {
            v64 = Some(linux::v64(report, linux::Profile::Release)?);
            Ok(Verdict::Passed(1))
        });
        for step in system {
            steps.run(step.name, |report| step.check(v64.as_deref(), report));
        }
    }
    steps.finish()
}

/// A C compiler and linker, rustfmt and clippy.
fn tools(report: &Report) -> Result<Verdict> {
    apt::need(report, &[("cc", "gcc")])?;
    for (component, probe) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if shell::output(&mut shell::cargo(&[probe, "--version"])).is_ok() {
            continue;
        }
        if !shell::exists("rustup") {
            bail!("cargo {probe} is missing; install {component} beside this cargo");
        }
        let mut command = shell::command("rustup");
        fetch::fetch(report, component, command.args(["component", "add", component]))?;
    }
    Ok(Verdict::Passed(1))
}

fn cargo(report: &Report, args: &[&str]) -> Result<Verdict> {
    crate::cargo::run(report, &mut shell::cargo(args))?;
    Ok(Verdict::Passed(1))
}

fn format(report: &Report) -> Result<Verdict> {
    cargo(report, &["fmt", "--all", "--check"])
}

fn clippy(report: &Report) -> Result<Verdict> {
    let workspace = ["clippy", "--workspace", "--all-targets", "--features", WINDOW, "--", "-D", "warnings"];
    cargo(report, &workspace)
}

fn lines(wrong: &[String]) -> Result<Verdict> {
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(Verdict::Passed(1))
}

fn layers(_: &Report) -> Result<Verdict> {
    lines(&deps::check()?)
}

fn rules(_: &Report) -> Result<Verdict> {
    lines(&tidy::check()?)
}

fn citations(_: &Report) -> Result<Verdict> {
    lines(&spec::check(true)?.1)
}

fn documents(_: &Report) -> Result<Verdict> {
    lines(&docs::check()?)
}

/// The feature that is off by default: what it adds is checked too.
const WINDOW: &str = "v64/window";

/// A virtual X server and what looks at it. Without them, the tests of the window print that they are skipped.
fn window_tools(report: &Report) {
    if ["Xvfb", "xdotool", "xwd"].into_iter().all(shell::exists) {
        return;
    }
    let packages = ["xvfb", "xdotool", "x11-apps", "libxkbcommon-x11-0"];
    if let Err(error) = apt::install(report, &packages) {
        report.warn(&format!("the window is not tested: {error:#}"));
    }
}

/// Passed and failed of a line `test result: ok. 3 passed; 0 failed; ...`
fn result_line(line: &str) -> Option<(usize, usize)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let mut words = rest.split_whitespace().skip(1);
    let passed = words.next()?.parse().ok()?;
    let failed = words.nth(1)?.parse().ok()?;
    Some((passed, failed))
}

fn unit(report: &Report) -> Result<Verdict> {
    let (mut passed, mut failed) = (0, 0);
    window_tools(report);
    let mut command = shell::cargo(&["test", "--workspace", "--features", WINDOW, "--no-fail-fast"]);
    let done = crate::cargo::watch(report, &mut command, |line| {
        report.say(line);
        report.pass(line);
        if let Some((p, f)) = result_line(line) {
            passed += p;
            failed += f;
        }
    })
    .context("cargo test")?;
    if done.status.success() && passed > 0 {
        return Ok(Verdict::Passed(passed));
    }
    let failures: Vec<_> =
        done.text.lines().filter(|line| line.ends_with("... FAILED") || line.starts_with("error")).collect();
    let why = format!("{}\n{}", done.tail(), failures.join("\n"));
    Ok(Verdict::Failed { passed, failed: failed.max(1), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_result_line() {
        let line =
            "test result: ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(result_line(line), Some((12, 3)));
        assert_eq!(result_line("test result of mine"), None);
        assert_eq!(result_line("running 3 tests"), None);
    }
}
