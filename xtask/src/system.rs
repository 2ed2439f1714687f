//! Whole-system tests: the command `v64` from outside.

use crate::session::Session;
use crate::steps::{Report, Verdict};
use crate::{guests, project, shell};
use anyhow::{Context, Result, bail, ensure};
use linkme::distributed_slice;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A whole-system test.
pub(crate) struct SystemStep {
    /// Steps run in this order
    order: u32,
    pub(crate) name: &'static str,
    run: fn(&Path, &Report) -> Result<Verdict>,
}

/// Every whole-system test that is linked in.
#[distributed_slice]
#[allow(unsafe_code)]
static SYSTEM: [SystemStep];

/// Disabled steps, with the reason. All others have to pass.
const NOT_READY: &[(&str, &str)] = &[];

/// The steps in their order.
pub(crate) fn steps() -> Vec<&'static SystemStep> {
    let mut steps: Vec<_> = SYSTEM.iter().collect();
    steps.sort_by_key(|step| step.order);
    steps
}

impl SystemStep {
    /// Runs the step with this `v64`.
    pub(crate) fn check(&self, v64: Option<&Path>, report: &Report) -> Result<Verdict> {
        if let Some((_, why)) = NOT_READY.iter().find(|(name, _)| *name == self.name) {
            return Ok(Verdict::Skipped((*why).to_owned()));
        }
        (self.run)(v64.context("there is no v64 to run")?, report)
    }
}

macro_rules! step {
    ($static:ident, $order:literal, $name:literal, $run:path) => {
        // SAFETY: linkme's own link section, written by its macro alone.
        #[distributed_slice(SYSTEM)]
        #[allow(unsafe_code)]
        static $static: SystemStep = SystemStep { order: $order, name: $name, run: $run };
    };
}

step!(DEVICES, 10, "device list", device_list);
step!(MICROTESTS_64, 20, "microtests, 64-bit", microtests_64);
step!(MICROTESTS_32, 21, "microtests, 32-bit", microtests_32);
step!(COMPILED_64, 22, "microtests, 64-bit, compiled", compiled_microtests_64);
step!(COMPILED_32, 23, "microtests, 32-bit, compiled", compiled_microtests_32);
step!(BAD_INPUT, 30, "bad input", bad_input);
step!(DOCUMENTS, 31, "commands in documents", crate::docs::with_v64);
step!(DEMO, 40, "demo guest", demo);
step!(MEMORY, 41, "memory guest", memory);
step!(FUZZ, 50, "fuzz", fuzz);
step!(NODE, 70, "wasm64 in Node", crate::wasm64::in_node);
step!(BROWSER, 80, "page in Chromium", crate::wasm64::in_browser);
step!(PACKAGE, 90, "npm package", crate::wasm64::as_package);
step!(DEBIAN, 60, "Debian boot", debian);
step!(REPEAT, 61, "repeatability", repeatability);
step!(PROCESSORS, 62, "four processors", four_processors);
step!(STATES, 71, "saved states", saved_states);

/// Far more than any of it takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

fn v64(path: &Path, args: &[&str]) -> Command {
    let mut command = shell::command(path);
    command.args(args);
    command
}

fn device_list(path: &Path, _: &Report) -> Result<Verdict> {
    let list = shell::output(&mut v64(path, &["devices"]))?;
    ensure!(list.lines().count() >= 10, "v64 devices lists too few:\n{list}");
    Ok(Verdict::Passed(1))
}

/// Instruction groups that must be there in both modes.
const GROUPS: &[&str] = &[
    "INTEL8086",
    "INTEL386",
    "CMOV",
    "CX8",
    "POPCNT",
    "FPU",
    "MMX",
    "SSE",
    "SSE2",
    "SSE3",
    "SSSE3",
    "SSE4_1",
    "SSE4_2",
    "AVX",
    "AVX2",
    "FMA",
    "F16C",
];

/// Feature, passed, all: a row of the table that `v64 microtest --check` prints.
fn row(line: &str) -> Option<(&str, usize, usize)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let ["of", all, ..] = words.get(2..)? else { return None };
    Some((words[0], words[1].parse().ok()?, all.parse().ok()?))
}

/// Cases that differ from the recorded processor, and why they may.
const DIFFERENT: &[(&str, &str)] =
    &[("32-Fsin-1", "C1: the result of a transcendental function is rounded from the exact value")];

/// How many cases passed, and what does not agree with the recorded processor: cases that are not listed, and groups with
/// no case or with more failures than were named.
fn judge(text: &str) -> (usize, Vec<String>) {
    let named = text.lines().filter(|line| line.contains(" [") && row(line).is_none());
    let (known, mut wrong): (Vec<_>, Vec<_>) = named.map(str::to_owned).partition(|line| {
        let id = line.split(' ').next().unwrap_or_default();
        DIFFERENT.iter().any(|(known, _)| *known == id)
    });
    let (mut passed, mut failed, mut seen) = (0, 0, Vec::new());
    for (name, good, all) in text.lines().filter_map(row).filter(|(name, ..)| *name != "all") {
        seen.push(name);
        passed += good;
        failed += all.saturating_sub(good);
    }
    if failed != known.len() + wrong.len() {
        wrong.push(format!("{failed} cases differ, {} of them are named", known.len() + wrong.len()));
    }
    let missing = GROUPS.iter().filter(|name| !seen.contains(name));
    wrong.extend(missing.map(|name| format!("{name}: no case")));
    (passed, wrong)
}

fn microtests(path: &Path, file: &str, engine: &str, report: &Report) -> Result<Verdict> {
    let vectors = project::root().join("tests/vectors").join(file);
    ensure!(vectors.is_file(), "tests/vectors/{file} is missing");
    let mut command = v64(path, &["microtest", "--check", "--failures", "100000", "--engine", engine]);
    let done = shell::watch(command.arg(vectors), |line| report.say(line))?;
    let (passed, wrong) = judge(&done.text);
    ensure!(passed > 0, "no case passed:\n{}", done.tail());
    match wrong.is_empty() {
        true => Ok(Verdict::Passed(1)),
        false => bail!("{}\nnot all agree:\n{}", done.text, wrong.join("\n")),
    }
}

fn microtests_64(path: &Path, report: &Report) -> Result<Verdict> {
    microtests(path, "user64.jsonl.zst", "interp", report)
}

fn microtests_32(path: &Path, report: &Report) -> Result<Verdict> {
    microtests(path, "user32.jsonl.zst", "interp", report)
}

fn compiled_microtests_64(path: &Path, report: &Report) -> Result<Verdict> {
    microtests(path, "user64.jsonl.zst", "jit", report)
}

fn compiled_microtests_32(path: &Path, report: &Report) -> Result<Verdict> {
    microtests(path, "user32.jsonl.zst", "jit", report)
}

/// Bad input gets one line on standard error and exit code 2.
fn bad_input(path: &Path, _: &Report) -> Result<Verdict> {
    let text_file = project::root().join("Cargo.toml");
    let text_file = text_file.to_str().context("a path that is not UTF-8")?;
    let cases: &[&[&str]] = &[
        &["run", "--kernel", "no-such-file"],
        &["run", "--kernel", text_file],
        &["run", "-m", "900000G"],
        &["run", "-m", "much"],
        &["run", "--cpu", "z80"],
        &["run", "--guest", "nobody"],
        &["run", "--trace", "moon"],
        &["decode", "4"],
    ];
    for case in cases {
        let done = shell::watch(&mut v64(path, case), |_| {})?;
        ensure!(
            done.status.code() == Some(2),
            "v64 {}: {} instead of exit code 2",
            case.join(" "),
            done.status
        );
        let lines = done.text.lines().filter(|line| !line.trim().is_empty()).count();
        ensure!(
            (1..=4).contains(&lines) && !done.text.contains("panicked"),
            "v64 {}: {}",
            case.join(" "),
            done.text
        );
    }
    Ok(Verdict::Passed(cases.len()))
}

/// The project's own guest checks the machine from within and then offers a prompt.
fn demo(path: &Path, _: &Report) -> Result<Verdict> {
    let mut session = Session::start(&mut v64(path, &["run", "--clock", "icount"]))?;
    session.wait_for("v64 demo guest: all ", LIMIT)?;
    session.wait_for(" checks passed", LIMIT)?;
    session.wait_for("\n> ", LIMIT)?;
    session.send("poweroff\r")?;
    session.wait_for("good night", LIMIT)?;
    let status = session.finish(LIMIT)?;
    ensure!(status.code() == Some(0), "power-off ends with {status}:\n{}", session.tail());
    Ok(Verdict::Passed(1))
}

/// RAM below the hole for devices, in MiB: what is more lies above 4 GiB.
const LOW_MIB: u64 = 3072;
/// The memory guest touches two pages in each region.
const REGION_MIB: u64 = 2;
const TOUCHED_KIB: u64 = 8;
/// KiB that the program may hold beside what the guest touches.
const OWN_KIB: u64 = 64 << 10;

/// Checks that all parts of a large memory are distinct, also above 4 GiB, and that the host commits only what the
/// guest touches.
fn memory(path: &Path, report: &Report) -> Result<Verdict> {
    let sizes = [512_u64, 6144, 8192];
    for mib in sizes {
        let size = format!("{mib}M");
        let args = ["run", "--guest", "memory", "--stats", "-m", &size];
        let mut session = Session::start(&mut v64(path, &args))?;
        let regions = mib.saturating_sub(LOW_MIB) / REGION_MIB;
        session.wait_for(&format!("memory: {mib} MiB, {regions} regions above 4 GiB, ok"), LIMIT)?;
        let status = session.finish(LIMIT)?;
        ensure!(status.code() == Some(0), "power-off ends with {status}:\n{}", session.tail());
        let touched = mib / REGION_MIB * TOUCHED_KIB;
        if let Some(held) = held_kib(session.errors()) {
            report.say(&format!("{mib} MiB: {held} KiB held, of them {touched} KiB touched by the guest"));
            ensure!(held < touched + OWN_KIB, "{mib} MiB of RAM, {touched} KiB touched, {held} KiB held");
        }
    }
    Ok(Verdict::Passed(sizes.len()))
}

/// Returns the row `host memory` of the statistics, which is omitted if the host does not report it.
fn held_kib(statistics: &str) -> Option<u64> {
    let row = statistics.lines().find_map(|line| line.strip_prefix("host memory"))?;
    row.trim().strip_suffix("KiB")?.trim().parse().ok()
}

/// Seconds of random input in every test run.
const FUZZ_SECONDS: &str = "60";

fn fuzz(path: &Path, report: &Report) -> Result<Verdict> {
    let done = shell::watch(&mut v64(path, &["fuzz", "--seconds", FUZZ_SECONDS]), |line| report.say(line))?;
    ensure!(done.status.success(), "{}", done.tail());
    Ok(Verdict::Passed(1))
}

/// A shell that answers what is typed, and a power-off that ends the program.
fn debian(path: &Path, report: &Report) -> Result<Verdict> {
    let guest = guests::debian(report, false)?;
    let mut session = Session::start(v64(path, &["run", "-m", "512M"]).args(guest.arguments("", None)))?;
    report.say("booting");
    session.wait_for(guests::UP, LIMIT)?;
    session.wait_for(guests::PROMPT, LIMIT)?;
    // The sum shows that the shell computes, and is not the echo of what was typed.
    session.send("echo sum $((1200 + 34)) on $(uname -m)\n")?;
    session.wait_for("sum 1234 on x86_64", LIMIT)?;
    session.wait_for(guests::PROMPT, LIMIT)?;
    session.send("exit\n")?;
    let status = session.finish(LIMIT)?;
    ensure!(status.code() == Some(0), "power-off ends with {status}:\n{}", session.tail());
    Ok(Verdict::Passed(1))
}

/// Two boots under the instruction clock: the same count, the same hash, the same output.
fn repeatability(path: &Path, report: &Report) -> Result<Verdict> {
    let guest = guests::debian(report, false)?;
    let commands = "uname -a; cat /proc/interrupts; head -c 64 /proc/meminfo";
    let args = guest.arguments("", Some(commands));
    let start =
        || Session::start(v64(path, &["run", "-m", "256M", "--clock", "icount", "--state-hash"]).args(&args));
    report.say("booting twice");
    let (mut one, mut two) = (start()?, start()?);
    for session in [&mut one, &mut two] {
        let status = session.finish(LIMIT)?;
        ensure!(status.code() == Some(0), "the boot ends with {status}:\n{}", session.tail());
    }
    let hash = |session: &Session| {
        session.errors().lines().find(|line| line.starts_with("state hash ")).map(str::to_owned)
    };
    let first = hash(&one).context("no state hash was printed")?;
    let second = hash(&two).context("no state hash was printed")?;
    ensure!(first == second, "two equal boots differ:\n{first}\n{second}");
    ensure!(one.text().contains("v64: exit status 0"), "the commands failed:\n{}", one.tail());
    ensure!(one.text() == two.text(), "two equal boots print different text");
    Ok(Verdict::Passed(1))
}

/// Debian's kernel brings up four processors under either clock, and each of them takes its timer's interrupts.
fn four_processors(path: &Path, report: &Report) -> Result<Verdict> {
    let guest = guests::debian(report, false)?;
    let args = guest.arguments("", Some("echo $(nproc) processors; grep LOC: /proc/interrupts"));
    for clock in ["icount", "real"] {
        report.say(&format!("booting with --clock {clock}"));
        let options = ["run", "-m", "256M", "-smp", "4", "--clock", clock];
        let mut session = Session::start(v64(path, &options).args(&args))?;
        session.wait_for("smp: Brought up 1 node, 4 CPUs", LIMIT)?;
        session.wait_for("4 processors", LIMIT)?;
        let status = session.finish(LIMIT)?;
        ensure!(status.code() == Some(0), "power-off ends with {status}:\n{}", session.tail());
        let counts = session.text().lines().find_map(|line| line.trim().strip_prefix("LOC:"));
        let counts = counts.context("no local timer interrupts are listed")?;
        let counts: Vec<u64> = counts.split_whitespace().map_while(|word| word.parse().ok()).collect();
        ensure!(counts.len() == 4 && !counts.contains(&0), "local timer interrupts: {counts:?}");
    }
    Ok(Verdict::Passed(2))
}

/// Instructions at which a boot is saved, and at which it ends.
const HALVES: [u64; 2] = [260_000_000, 320_000_000];

/// Debian's boot at once and in two halves ends in the same state: saved natively and restored in Node, and the other way.
fn saved_states(path: &Path, report: &Report) -> Result<Verdict> {
    let guest = guests::debian(report, false)?;
    let (node, module) = crate::wasm64::command(path, report)?;
    let native = || v64(path, &[]);
    let in_node = || {
        let mut command = shell::command(&node);
        command.arg(&module);
        command
    };
    let folder = std::env::temp_dir().join(format!("v64-states-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (boot, [half, whole]) = (guest.arguments("", None), HALVES);
    let run = |mut command: Command, to: u64, files: &[OsString]| -> Result<String> {
        command.args(["run", "--serial", "none", "--state-hash", "--stats"]);
        command.args(["--max-instructions", &to.to_string()]);
        let done = shell::watch(command.args(files), |_| {})?;
        let hash = done.text.lines().find_map(|line| line.strip_prefix("state hash "));
        ensure!(done.status.code() == Some(3), "{}: {}", done.status, done.tail());
        let each = done.text.lines().find_map(|line| line.strip_prefix("by processor"));
        let both = each.is_some_and(|each| !each.ends_with(", 0"));
        ensure!(both, "the second processor has not been started yet:\n{}", done.tail());
        hash.map(str::to_owned).with_context(|| format!("no state hash was printed:\n{}", done.tail()))
    };
    let machine = ["-m", "256M", "-smp", "2", "--clock", "icount"].map(OsString::from);
    let first = |command: Command, to, save: Option<&Path>| {
        let save = save.map(|file| [OsString::from("--save-state"), file.into()]);
        let files = machine.iter().chain(&boot).cloned().chain(save.into_iter().flatten());
        run(command, to, &files.collect::<Vec<_>>())
    };
    // What the machine is made of follows from the file.
    let second = |command, file: &Path| run(command, whole, &["--load-state".into(), file.into()]);
    let check = || -> Result<()> {
        report.say("the boot at once");
        let expected = first(native(), whole, None)?;
        let (here, there) = (folder.join("native"), folder.join("node"));
        report.say("saved natively, restored in Node");
        let halves = first(native(), half, Some(&here))?;
        let found = second(in_node(), &here)?;
        ensure!(found == expected, "saved natively, restored in Node: {found} instead of {expected}");
        report.say("saved in Node, restored natively");
        let same = first(in_node(), half, Some(&there))?;
        ensure!(same == halves, "the first half in Node: {same} instead of {halves}");
        let found = second(native(), &there)?;
        ensure!(found == expected, "saved in Node, restored natively: {found} instead of {expected}");
        Ok(())
    };
    let checked = check();
    // What was written there is of no more use.
    let _ = std::fs::remove_dir_all(&folder);
    checked.map(|()| Verdict::Passed(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_names_and_places_of_their_own() {
        let steps = steps();
        assert!(steps.windows(2).all(|pair| pair[0].order < pair[1].order && pair[0].name != pair[1].name));
        assert!(NOT_READY.iter().all(|(name, _)| steps.iter().any(|step| step.name == *name)));
    }

    #[test]
    fn the_memory_held_is_found_in_the_statistics() {
        assert_eq!(held_kib("resets        0\nhost memory   39576 KiB\n"), Some(39576));
        assert_eq!(held_kib("resets        0\n"), None);
    }

    #[test]
    fn every_case_passes_or_is_listed() {
        let table: String = GROUPS.iter().map(|name| format!("{name}  1000 of 1000  100.00 %\n")).collect();
        assert_eq!(judge(&table), (1000 * GROUPS.len(), vec![]));
        let worse = table.replace("FPU  1000", "FPU  999");
        assert_eq!(judge(&worse).1, ["1 cases differ, 0 of them are named"]);
        let listed = format!("32-Fsin-1 [f3d9fe] fsin  fsw: want 0x2820, got 0x2a20;\n{worse}");
        assert_eq!(judge(&listed), (1000 * GROUPS.len() - 1, vec![]));
        let named = "64-Add-0 [03] add  rax: want 0x1, got 0x2;";
        assert_eq!(judge(&format!("{named}\n{worse}")).1, [named]);
        let gone = table.replace("AVX2 ", "Avx2 ");
        assert_eq!(judge(&gone).1, ["AVX2: no case"]);
        assert_eq!(row("a line of words"), None);
    }
}
