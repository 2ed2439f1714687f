//! The guest programs of the benchmark: built from `benches/guest`, put into Debian's initramfs, run in one boot.

use super::engines::{Engine, Tools};
use super::set::{self, Outcome};
use super::table::Clock;
use crate::guests::{self, Bits, Guest};
use crate::steps::Report;
use crate::{apt, project, shell};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SOURCES: &str = "benches/guest";

/// A program as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) about: String,
}

/// The programs of one width, built.
pub(super) struct Set {
    pub(super) bits: Bits,
    pub(super) programs: Vec<Program>,
    /// All of them in one file, which runs on this machine as well
    pub(super) binary: PathBuf,
    pub(super) guest: Guest,
}

/// What every engine made of every program, in the order of the set.
pub(super) struct Measured {
    pub(super) engine: Engine,
    pub(super) outcomes: Vec<Outcome>,
}

/// How the set is run.
pub(super) struct Plan<'a> {
    /// An eighth of the work
    pub(super) quick: bool,
    /// Names of what is run; empty for all
    pub(super) only: &'a [String],
    /// Longest that a program may take
    pub(super) limit: Duration,
    /// What is shown
    pub(super) clock: Clock,
}

/// Lines `name what it is about`.
fn parse(list: &str) -> Vec<Program> {
    let pairs = list.lines().filter_map(|line| line.trim().split_once(' '));
    pairs.map(|(name, about)| Program { name: name.to_owned(), about: about.to_owned() }).collect()
}

/// Those of `all` that `only` names; all of them if it is empty.
///
/// # Errors
/// A name that no program has.
fn choose(all: Vec<Program>, only: &[String]) -> Result<Vec<Program>> {
    if let Some(unknown) = only.iter().find(|name| all.iter().all(|program| program.name != **name)) {
        let names: Vec<_> = all.iter().map(|program| program.name.as_str()).collect();
        bail!("no program is called {unknown}; there are {}", names.join(", "));
    }
    Ok(all.into_iter().filter(|program| only.is_empty() || only.contains(&program.name)).collect())
}

fn compiler(bits: Bits) -> Command {
    let mut command = shell::command("gcc");
    match bits {
        Bits::B64 => command.arg("-m64"),
        // SSE2 as in 64 bits; x87 is a program of its own.
        Bits::B32 => command.args(["-m32", "-march=pentium4", "-mfpmath=sse"]),
    };
    command
}

/// Returns whether a C library for static programs is there: gcc gives back the bare name of a file that it does not
/// find.
fn has_library(bits: Bits) -> bool {
    shell::output(compiler(bits).arg("-print-file-name=libc.a"))
        .is_ok_and(|path| path.trim().starts_with('/'))
}

/// Compiles all programs into one static file.
fn build(report: &Report, bits: Bits) -> Result<PathBuf> {
    apt::need(report, &[("gcc", "gcc")])?;
    if !has_library(bits) {
        apt::install(
            report,
            match bits {
                Bits::B64 => &["libc6-dev"],
                Bits::B32 => &["gcc-multilib", "libc6-dev-i386"],
            },
        )?;
    }
    let folder = project::root().join("target/bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let binary = folder.join(format!("bench{}", bits.number()));
    let mut sources = Vec::new();
    for entry in project::root().join(SOURCES).read_dir().with_context(|| format!("there is no {SOURCES}"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            sources.push(path);
        }
    }
    // The order of the table.
    sources.sort();
    let mut command = compiler(bits);
    // Loops over bytes stay loops: they are what is measured.
    command.args(["-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror"]);
    command.arg("-fno-tree-loop-distribute-patterns").args(sources).arg("-lm").arg("-o").arg(&binary);
    shell::output(&mut command).context("the guest programs do not compile")?;
    Ok(binary)
}

/// Builds what is to be run.
pub(super) fn prepare(report: &Report, bits: Bits, plan: &Plan) -> Result<Set> {
    let binary = build(report, bits)?;
    let list = shell::output(Command::new(&binary).arg("--list"));
    let list = list.with_context(|| format!("this machine does not run {}-bit programs", bits.number()))?;
    let programs = parse(&list);
    ensure!(!programs.is_empty(), "the guest programs say that there are none");
    let programs = choose(programs, plan.only)?;
    let bytes = std::fs::read(&binary)?;
    let guest = guests::debian_with(report, false, bits, "bench.cpio", &[("bench", &bytes)])?;
    Ok(Set { bits, programs, binary, guest })
}

/// Runs the set on one engine.
pub(super) fn run(tools: &Tools, engine: Engine, set: &Set, plan: &Plan) -> Measured {
    let names: Vec<&str> = set.programs.iter().map(|program| program.name.as_str()).collect();
    let label = format!("{} bits, {}", set.bits.number(), tools.title(engine));
    let start = |names: &[&str]| {
        let mut words = vec!["--marks"];
        if plan.quick {
            words.push("--quick");
        }
        words.extend(names);
        let guest = tools.boot(engine, set.bits, &set.guest, Some(&format!("bench {}", words.join(" "))));
        guest.unwrap_or_else(|| bare(&set.binary, &words))
    };
    Measured { engine, outcomes: set::run(&label, &names, engine != Engine::Bare, plan.limit, start) }
}

fn bare(binary: &Path, words: &[&str]) -> Command {
    let mut command = shell::command(binary);
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Vec<Program> {
        parse("fib recursive calls, shallow\nsieve byte stores\n")
    }

    #[test]
    fn the_list_of_programs_is_read() {
        let all = programs();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], Program { name: "fib".to_owned(), about: "recursive calls, shallow".to_owned() });
    }

    #[test]
    fn a_choice_is_by_name() {
        let names = |only: &[&str]| {
            let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
            choose(programs(), &only).map(|chosen| chosen.into_iter().map(|p| p.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["fib", "sieve"]);
        assert_eq!(names(&["sieve"]).unwrap(), ["sieve"]);
        assert!(names(&["seive"]).unwrap_err().to_string().contains("fib, sieve"));
    }
}
