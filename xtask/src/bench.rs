//! `cargo xtask bench`: Debian's kernel to its shell, here and in QEMU, in one run.

use crate::session::Session;
use crate::steps::Report;
use crate::task::task;
use crate::{apt, guests, linux, project, shell};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Duration;

/// Boot Debian under v64 and under QEMU's TCG and print times and ratios
#[derive(clap::Args)]
struct BenchArgs {
    /// One boot each instead of three
    #[arg(long)]
    quick: bool,
    /// Put the figures into docs/performance.md
    #[arg(long)]
    write: bool,
}

task!("bench", BenchArgs, run);

const LIMIT: Duration = Duration::from_secs(900);
const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- written by cargo xtask bench --write -->";
const END: &str = "<!-- end -->";

/// Seconds to the prompt and MiB held at most.
#[derive(Clone, Copy)]
struct Boot {
    seconds: f64,
    mib: f64,
}

fn boot(command: &mut Command) -> Result<Boot> {
    let mut session = Session::start(command)?;
    let took = session.wait_for(guests::PROMPT, LIMIT)?;
    let mib = session.peak_kib().unwrap_or(0) as f64 / 1024.0;
    Ok(Boot { seconds: took.as_secs_f64(), mib })
}

/// The middle one by time.
fn median(mut boots: Vec<Boot>) -> Option<Boot> {
    boots.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    boots.get(boots.len() / 2).copied()
}

/// Instructions of a boot to its end under the instruction clock, and how fast they ran.
fn instructions(v64: &std::path::Path, guest: &guests::Guest) -> Result<(u64, f64)> {
    let mut command = shell::command(v64);
    command
        .args(["run", "-m", "512M", "--clock", "icount", "--stats"])
        .args(guest.arguments("", Some("true")));
    let mut session = Session::start(&mut command)?;
    session.finish(LIMIT)?;
    let value = |name: &str| {
        let line = session.errors().lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        line.with_context(|| format!("v64 --stats printed no {name}")).map(str::to_owned)
    };
    Ok((value("instructions ")?.parse()?, value("MIPS ")?.parse()?))
}

fn run(args: BenchArgs) -> Result<()> {
    let report = Report::quiet();
    apt::need(&[("qemu-system-x86_64", "qemu-system-x86")])?;
    eprintln!("building v64 and looking for the guest ...");
    let v64 = linux::v64(&report)?;
    let guest = guests::debian(&report, false)?;
    let rounds = if args.quick { 1 } else { 3 };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let mut command = shell::command(&v64);
        let one = boot(command.args(["run", "-m", "512M"]).args(guest.arguments("", None)))?;
        let mut command = shell::command("qemu-system-x86_64");
        command.args(["-accel", "tcg", "-m", "512M", "-nographic", "-no-reboot", "-nic", "none"]);
        command
            .arg("-kernel")
            .arg(&guest.kernel)
            .arg("-initrd")
            .arg(&guest.initrd)
            .args(["-append", "console=ttyS0"]);
        let two = boot(&mut command)?;
        eprintln!("round {round}: v64 {:.2} s, QEMU TCG {:.2} s", one.seconds, two.seconds);
        ours.push(one);
        theirs.push(two);
    }
    let (Some(ours), Some(theirs)) = (median(ours), median(theirs)) else { return Ok(()) };
    let (count, mips) = instructions(&v64, &guest)?;
    let version = shell::output(Command::new("qemu-system-x86_64").arg("--version"))?;
    let version = version.lines().next().unwrap_or("").replace("QEMU emulator version ", "");
    let qemu = format!("QEMU {} TCG", version.split_whitespace().next().unwrap_or(""));
    let table = table(&guest.package, &qemu, ours, theirs, (count, mips), rounds);
    println!("{table}");
    if args.write {
        let path = project::root().join(PAGE);
        let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
        std::fs::write(&path, insert(&page, &table)?).with_context(|| format!("cannot write {PAGE}"))?;
    }
    Ok(())
}

fn table(
    package: &str,
    qemu: &str,
    ours: Boot,
    theirs: Boot,
    (count, mips): (u64, f64),
    rounds: usize,
) -> String {
    let ratio = ours.seconds / theirs.seconds.max(1e-9);
    format!(
        "{package}, 512 MiB, to the shell's prompt; {rounds} boot(s) each, the median.\n\n\
         | | seconds | ratio | most memory held |\n|---|---|---|---|\n\
         | v64 | {:.2} | {ratio:.2} | {:.0} MiB |\n\
         | {qemu} | {:.2} | 1.00 | {:.0} MiB |\n\n\
         Under the instruction clock: {:.2} billion instructions from entry to power-off, {mips:.1} million a second.",
        ours.seconds,
        ours.mib,
        theirs.seconds,
        theirs.mib,
        count as f64 / 1e9
    )
}

/// The page with the text between its marks replaced.
fn insert(page: &str, text: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} has no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE} has no line {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{text}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_keeps_what_stands_around_the_figures() {
        let page = format!("# Performance\n\n{BEGIN}\nold\n{END}\n\nMore.\n");
        let new = insert(&page, "new").unwrap();
        assert_eq!(new, format!("# Performance\n\n{BEGIN}\n\nnew\n\n{END}\n\nMore.\n"));
        assert!(insert("# Performance\n", "new").is_err());
    }

    #[test]
    fn the_median_is_the_middle_boot() {
        let boots = [3.0, 1.0, 2.0].map(|seconds| Boot { seconds, mib: seconds });
        assert_eq!(median(boots.to_vec()).map(|boot| boot.mib), Some(2.0));
        assert!(median(Vec::new()).is_none());
        let text = table("linux-image-x", "QEMU 7.2 TCG", boots[0], boots[2], (1_500_000_000, 60.0), 3);
        assert!(text.contains("| v64 | 3.00 | 1.50 | 3 MiB |") && text.contains("1.50 billion"));
    }
}
