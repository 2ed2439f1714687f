//! `v64 run`: a machine in the terminal.

use crate::terminal::Terminal;
use anyhow::{Context, Result, bail};
use machine::time::{Clock, HostClock};
use machine::{Machine, MachineConfig, Seed};
use session::{ClockKind, EngineKind, Guest, ICOUNT_EPOCH, Outcome, RunArgs, drive, report};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wasm_jit::{Settings, Translator};

/// The host's monotonic clock.
struct Monotonic(Instant, std::sync::Arc<crate::terminal::Waker>);

impl HostClock for Monotonic {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
    fn sleep(&mut self, ns: u64) -> bool {
        self.1.wait(std::time::Duration::from_nanos(ns));
        true
    }
}

/// Random bytes of the host's.
fn host_entropy() -> Result<Seed> {
    let mut seed = Seed::default();
    getrandom::fill(&mut seed).context("the host gives no random bytes; --seed N does without")?;
    Ok(seed)
}

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

/// The guest that the options name.
pub(crate) fn guest(args: &RunArgs) -> Result<Guest> {
    let kernel = args.kernel.as_ref().map(|path| read(path, "kernel")).transpose()?;
    let initrd = args.initrd.as_ref().map(|path| read(path, "initrd")).transpose()?;
    Ok(Guest::new(args, kernel, initrd))
}

/// Runs a machine. Gives the process's exit code.
pub(crate) fn main(args: &RunArgs) -> Result<u8> {
    trace(&args.trace)?;
    pc_devices::link();
    let guest = guest(args)?;
    let memory = args.memory;
    if args.engine == EngineKind::Lockstep {
        host_can_hold(memory.saturating_mul(2))?;
        return crate::lockstep::main(args, &guest);
    }
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
        model: args.model(),
        clock,
        epoch_seconds,
        serial: [terminal.serial(), None, None, None],
        debug_exit: args.debug_exit,
        seed: args.seed(host_entropy)?,
    };
    let mut machine = Machine::new(config)?;
    guest.load(&mut machine)?;
    if args.engine == EngineKind::Jit {
        let vcpu = machine.vcpu_mut();
        let host = Box::new(wasmtime_host::WasmtimeHost::in_background()?);
        // Cranelift takes its time over each region: only what is truly hot repays it. Its thread likes small portions.
        let settings = Settings { hot: 2048, batch: 8, count: args.stats, ..Settings::default() };
        let mut translator = Translator::new(host, settings, vcpu);
        if args.stats {
            let started = Instant::now();
            translator
                .measure(Arc::new(move || u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)));
        }
        vcpu.set_compiled(Box::new(translator));
    }
    let started = Instant::now();
    let outcome = run(args, &guest, &terminal, &mut machine);
    terminal.restore();
    if args.stats {
        eprint!("{}", report::statistics(&mut machine, started.elapsed()));
        if let Some(kib) = peak_kib() {
            eprintln!("host memory   {kib} KiB");
        }
    }
    if args.profile {
        eprint!("{}", report::profile(&mut machine, report::PROFILED));
    }
    if args.state_hash {
        let instructions = machine.vcpu().retired();
        eprintln!("state hash {:016x} after {instructions} instructions", machine.state_hash());
    }
    outcome
}

fn run(args: &RunArgs, guest: &Guest, terminal: &Terminal, machine: &mut Machine) -> Result<u8> {
    loop {
        if let Outcome::Ended { code, message } = drive(args, guest, machine, u64::MAX)? {
            terminal.restore();
            eprint!("{message}");
            return Ok(code);
        }
        if terminal.wants_quit() {
            return Ok(0);
        }
    }
}

/// Most memory that this process ever held, where the host tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
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
