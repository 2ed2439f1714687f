//! `cargo xtask bench`: guest programs and boots under v64, QEMU and v86, in one session, and what they come to.

mod boot;
mod engines;
mod programs;
mod set;
mod table;

use crate::guests::{self, Bits};
use crate::project;
use crate::steps::Report;
use crate::task::task;
use anyhow::{Context, Result, ensure};
use engines::{Engine, MEMORY, Tools};
use programs::Plan;
use std::time::Duration;
use table::Clock;

/// Time guest programs and boots under v64, QEMU's TCG and v86 and print ratios
#[derive(clap::Args)]
struct BenchArgs {
    /// An eighth of every program's work, and one boot instead of three
    #[arg(long)]
    quick: bool,
    /// Only these programs, and nothing else unless --parts asks for it
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these engines; v86 takes part in 32 bits only
    #[arg(long, value_delimiter = ',', value_enum)]
    engines: Vec<Engine>,
    /// Only guests of this width
    #[arg(long, value_enum)]
    bits: Option<Bits>,
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_enum)]
    parts: Vec<Part>,
    /// More arguments for v64, such as "--engine interp"; the comparison of interpreters does not take them
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    v64_args: String,
    /// Which time the tables of programs show
    #[arg(long, value_enum, default_value = "elapsed")]
    clock: Clock,
    /// Longest that a program may take, in seconds
    #[arg(long, default_value_t = 120)]
    limit: u64,
    /// Take target/release/v64 and pkg/ as they are
    #[arg(long)]
    no_build: bool,
    /// Put the figures into docs/performance.md
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The guest programs
    Programs,
    /// Boots to the shell's prompt
    Boots,
    /// v64's interpreter in Node beside the one that runs natively
    Interpreter,
}

task!("bench", BenchArgs, run);

const PAGE: &str = "docs/performance.md";

const READING: &str = "Seconds are of this machine, from the mark before a program to the mark after it on the guest's serial line. A ratio is \
     the engine's seconds divided by QEMU's: 1.00 is as fast as QEMU, less is faster.";

/// Prints sections, and writes them to the page if requested.
struct Output {
    write: bool,
}

impl Output {
    fn section(&self, name: &str, title: &str, text: &str) -> Result<()> {
        println!("\n{title}\n\n{}", text.trim_end());
        if self.write {
            let path = project::root().join(PAGE);
            let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
            let text = format!("{title}\n\n{text}");
            let page = table::insert(&page, name, &text).with_context(|| PAGE.to_owned())?;
            std::fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))?;
        }
        Ok(())
    }
}

/// Returns all of them where none is chosen.
fn chosen<T: Copy + PartialEq>(all: &[T], chosen: &[T]) -> Vec<T> {
    all.iter().copied().filter(|one| chosen.is_empty() || chosen.contains(one)).collect()
}

fn run(args: BenchArgs) -> Result<()> {
    ensure!(!args.write || args.only.is_empty(), "--write needs all programs, not --only some");
    let engines = chosen(&Engine::ALL, &args.engines);
    let parts = match &args.parts[..] {
        [] if !args.only.is_empty() => vec![Part::Programs],
        some => chosen(&[Part::Programs, Part::Boots, Part::Interpreter], some),
    };
    let widths = args.bits.map_or(vec![Bits::B64, Bits::B32], |bits| vec![bits]);
    ensure!(
        widths.iter().any(|bits| engines.iter().any(|engine| engine.runs(*bits))),
        "v86 runs no 64-bit guest; take --bits 32, or another engine"
    );
    let v64_args = engines::v64_args(&args.v64_args)?;
    let report = Report::start("engines");
    let tools = Tools::prepare(&report, &engines, args.no_build, v64_args)?;
    report.done("there");
    let output = Output { write: args.write };
    let mut failed = 0;
    if parts.contains(&Part::Programs) {
        println!("{READING}");
        let plan = Plan {
            quick: args.quick,
            only: &args.only,
            limit: Duration::from_secs(args.limit),
            clock: args.clock,
        };
        for bits in &widths {
            failed += measure_programs(&tools, &engines, *bits, &plan, &output)?;
        }
    }
    if parts.contains(&Part::Boots) {
        let rounds = if args.quick { 1 } else { 3 };
        failed += measure_boots(&tools, &engines, &widths, rounds, &output)?;
    }
    let both = [Engine::Native, Engine::Node].iter().all(|engine| engines.contains(engine));
    if parts.contains(&Part::Interpreter) && both && widths.contains(&Bits::B64) {
        let guest = guests::debian(&Report::start("Debian guest"), false)?;
        let native = boot::interpreter(tools.native(), &guest)?;
        let node = boot::interpreter(tools.in_node(), &guest)?;
        output.section("interpreter", "### The interpreter", &table::interpreters(native, node))?;
    }
    ensure!(failed == 0, "{failed} FAILED, see above");
    Ok(())
}

/// Returns the number of failures, which the table shows.
fn measure_programs(
    tools: &Tools,
    engines: &[Engine],
    bits: Bits,
    plan: &Plan,
    output: &Output,
) -> Result<usize> {
    let set = programs::prepare(&Report::start("guest programs"), bits, plan)?;
    let engines = engines.iter().copied().filter(|engine| engine.runs(bits));
    let mut all: Vec<_> = std::iter::once(Engine::Bare)
        .chain(engines)
        .map(|engine| programs::run(tools, engine, &set, plan))
        .collect();
    table::check(&mut all);
    let text = format!(
        "{}, {MEMORY} MiB, {}{}.\n\n{}",
        set.guest.package,
        match plan.clock {
            Clock::Elapsed => "elapsed seconds",
            Clock::Processor => "seconds of processor time",
        },
        if plan.quick { ", an eighth of the work" } else { "" },
        table::programs(&set.programs, &all, plan.clock, |engine| tools.title(engine))
    );
    let number = bits.number();
    output.section(&format!("programs-{number}"), &format!("### Programs, {number} bits"), &text)?;
    Ok(all.iter().flat_map(|measured| &measured.outcomes).filter(|outcome| outcome.is_err()).count())
}

/// Returns the number of failures, which the table shows.
fn measure_boots(
    tools: &Tools,
    engines: &[Engine],
    widths: &[Bits],
    rounds: usize,
    output: &Output,
) -> Result<usize> {
    let mut all = Vec::new();
    let mut kernels = Vec::new();
    for bits in widths {
        let guest = guests::debian_with(&Report::start("Debian guest"), false, *bits, "initramfs.cpio", &[])?;
        let engines: Vec<_> = engines.iter().copied().filter(|engine| engine.runs(*bits)).collect();
        all.extend(boot::all(tools, &engines, *bits, &guest, rounds));
        kernels.push(guest.package);
    }
    let text = format!(
        "{}, {MEMORY} MiB, from the start of the program to the shell's prompt; the median of {rounds}.\n\n{}",
        kernels.join(" and "),
        table::boots(&all, |engine| tools.title(engine))
    );
    output.section("boots", "### Boots", &text)?;
    Ok(all.iter().filter(|booted| booted.outcome.is_err()).count())
}
