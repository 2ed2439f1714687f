//! `v64 run`: a machine in the terminal.

mod guest;
mod report;

use crate::terminal::Terminal;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use machine::time::{Clock, HostClock};
use machine::{Machine, MachineConfig, Stop};
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use x86_state::cpuid::CpuModel;

/// Options of `v64 run`.
#[derive(Args, Default)]
pub(crate) struct RunArgs {
    /// Guest memory, with K, M or G
    #[arg(short = 'm', long = "memory", default_value = "512M", value_parser = parse_size)]
    memory: u64,
    /// A Linux bzImage or a multiboot image; one of the project's own guests if absent
    #[arg(long)]
    kernel: Option<PathBuf>,
    /// Which of the project's own guests: the demo, or one that fills and checks all of its memory
    #[arg(long, value_name = "NAME", conflicts_with = "kernel", value_parser = demo_guest::NAMES)]
    guest: Option<String>,
    /// Initial RAM disk
    #[arg(long, requires = "kernel")]
    initrd: Option<PathBuf>,
    /// Kernel command line
    #[arg(long, default_value = "")]
    append: String,
    /// Processor model: x86-64-v1, x86-64-v2 or max
    #[arg(long, value_parser = parse_model)]
    cpu: Option<Model>,
    /// Where COM1 goes: stdio, file:PATH or none
    #[arg(long, default_value = "stdio")]
    serial: String,
    /// Source of time: the host's clock, or retired instructions (exactly repeatable)
    #[arg(long, value_enum, default_value = "real")]
    clock: ClockKind,
    /// Stop after so many instructions (exit code 3)
    #[arg(long, value_name = "N")]
    max_instructions: Option<u64>,
    /// End at a reset (exit code 0) or triple fault (exit code 1) rather than start over
    #[arg(long)]
    no_reboot: bool,
    /// Port of isa-debug-exit: a write of `value` ends with exit code (value << 1) | 1
    #[arg(long, value_name = "PORT", value_parser = parse_port)]
    debug_exit: Option<u16>,
    /// Print events to standard error: exceptions, io, msr (comma-separated)
    #[arg(long, value_delimiter = ',')]
    trace: Vec<String>,
    /// Print instructions, seconds, MIPS and exits by cause at the end
    #[arg(long)]
    stats: bool,
    /// Print a hash of registers, RAM and devices at the end
    #[arg(long)]
    state_hash: bool,
}

#[derive(Clone, Copy)]
struct Model(CpuModel);

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ClockKind {
    #[default]
    Real,
    Icount,
}

fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.trim().char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        Some((at, 'g' | 'G')) => (&text[..at], 30),
        _ => (text, 20),
    };
    let number: u64 = digits.trim().parse().map_err(|_| format!("{text} is not a size; write 512M or 4G"))?;
    number.checked_shl(shift).filter(|v| v >> shift == number).ok_or(format!("{text} is too large"))
}

fn parse_model(text: &str) -> Result<Model, String> {
    CpuModel::from_name(text)
        .map(Model)
        .ok_or_else(|| format!("no processor is called {text}; there are {}", CpuModel::NAMES.join(", ")))
}

fn parse_port(text: &str) -> Result<u16, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("{text} is no port; write 0xf4"))
}

/// The host's monotonic clock.
struct Monotonic(Instant, std::sync::Arc<crate::terminal::Waker>);

impl HostClock for Monotonic {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
    fn sleep(&mut self, ns: u64) {
        self.1.wait(std::time::Duration::from_nanos(ns));
    }
}

/// 2024-01-01: the date of machines whose time is made of instructions.
const ICOUNT_EPOCH: u64 = 1_704_067_200;

fn trace(targets: &[String]) -> Result<()> {
    let mut filter = Vec::new();
    for target in targets {
        match target.as_str() {
            "exceptions" | "io" | "msr" => filter.push(format!("{target}=trace")),
            other => bail!("cannot trace {other}; there are exceptions, io and msr"),
        }
    }
    if !filter.is_empty() {
        let filter = tracing_subscriber::EnvFilter::new(filter.join(","));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    }
    Ok(())
}

/// Runs a machine. Gives the process's exit code.
pub(crate) fn main(args: &RunArgs) -> Result<u8> {
    trace(&args.trace)?;
    pc_devices::link();
    let guest = guest::Guest::read(args)?;
    let memory = args.memory;
    host_can_hold(memory)?;
    let terminal = Terminal::open(&args.serial)?;
    let clock = match args.clock {
        ClockKind::Icount => Clock::instructions(),
        ClockKind::Real => Clock::host(Box::new(Monotonic(Instant::now(), terminal.waker()))),
    };
    let epoch_seconds = match args.clock {
        ClockKind::Icount => ICOUNT_EPOCH,
        ClockKind::Real => SystemTime::now().duration_since(UNIX_EPOCH).map_or(ICOUNT_EPOCH, |t| t.as_secs()),
    };
    let config = MachineConfig {
        ram_bytes: memory,
        model: args.cpu.map_or(CpuModel::X86_64_V2, |model| model.0),
        clock,
        epoch_seconds,
        serial: [terminal.serial(), None, None, None],
        debug_exit: args.debug_exit,
    };
    let mut machine = Machine::new(config)?;
    guest.load(&mut machine)?;
    let started = Instant::now();
    let limit = args.max_instructions.unwrap_or(u64::MAX);
    let outcome = drive(args, &guest, &terminal, &mut machine, limit);
    terminal.restore();
    if args.stats {
        report::statistics(&mut machine, started.elapsed());
    }
    if args.state_hash {
        let instructions = machine.vcpu().retired();
        eprintln!("state hash {:016x} after {instructions} instructions", machine.state_hash());
    }
    outcome
}

fn drive(
    args: &RunArgs,
    guest: &guest::Guest,
    terminal: &Terminal,
    machine: &mut Machine,
    limit: u64,
) -> Result<u8> {
    loop {
        match machine.run(limit) {
            Stop::PowerOff => return Ok(0),
            Stop::DebugExit(code) => return Ok(code as u8),
            Stop::Limit => {
                eprintln!("v64: stopped after {limit} instructions");
                return Ok(3);
            }
            Stop::Dead => {
                report::crash(machine, "the guest halted with interrupts off: nothing can wake it");
                return Ok(1);
            }
            Stop::Reset if args.no_reboot => return Ok(0),
            Stop::TripleFault if args.no_reboot => {
                report::crash(machine, "triple fault");
                return Ok(1);
            }
            Stop::Reset | Stop::TripleFault => {
                machine.reset();
                guest.load(machine)?;
            }
        }
        if terminal.wants_quit() {
            return Ok(0);
        }
    }
}

/// Refuses what the host could never hold, before anything is reserved.
fn host_can_hold(bytes: u64) -> Result<()> {
    let Ok(text) = std::fs::read_to_string("/proc/meminfo") else { return Ok(()) };
    let kib = |name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok())
    };
    let total = kib("MemTotal:").unwrap_or(u64::MAX >> 10).saturating_add(kib("SwapTotal:").unwrap_or(0));
    if bytes >> 10 > total {
        bail!("-m {} MiB is more than this host's {} MiB; give less", bytes >> 20, total >> 10);
    }
    Ok(())
}

/// Reads a file whole.
fn read(path: &PathBuf, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the {what} {}", path.display()))
}
