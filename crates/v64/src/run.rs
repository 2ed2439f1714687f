//! `v64 run`: a machine in the terminal.

use crate::input::EndOfInput;
use crate::output::say;
use crate::state_file::StateFile;
use crate::terminal::Terminal;
use anyhow::{Context, Result, bail};
use clap::Args;
use machine::boot::Bytes;
use machine::time::{Clock, HostClock, NS_PER_INSTRUCTION};
use machine::{Machine, Seed};
use session::{
    ClockKind, EngineKind, Guest, ICOUNT_EPOCH, MachineSpec, Outcome, RunArgs, WAITS, drive, report,
};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use wasm_jit::{Settings, Translator};

/// Options of `v64 run`.
#[derive(Args)]
pub(crate) struct RunCommand {
    #[command(flatten)]
    run: RunArgs,
    /// End (exit code 0) when standard input has ended, the guest has read all of it, and has then waited for more for a
    /// second without printing
    #[arg(long)]
    exit_on_eof: bool,
}

impl RunCommand {
    /// Says which options the command line gives.
    pub(crate) fn set_given(&mut self, given: session::Given) {
        self.run.given = given;
    }
}

/// The host's monotonic clock.
struct Monotonic(Instant);

impl HostClock for Monotonic {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
    /// The run loop sleeps, where it hears of input and of what ends the run.
    fn sleep(&mut self, _: u64) -> bool {
        false
    }
}

/// Instructions between looks at what ends the run from outside: a fraction of a second even where each is port I/O.
const SLICE: u64 = 500_000;
/// How long the run loop sleeps at most before it looks again.
const LONGEST_SLEEP: Duration = Duration::from_millis(10);

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
        let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // What cannot be written to standard error is lost, and nothing is said about it there.
        events.without_time().log_internal_errors(false).init();
    }
    Ok(())
}

/// Runs a machine. Gives the process's exit code.
pub(crate) fn main(mut command: RunCommand) -> Result<u8> {
    let state_path = command.run.load_state.clone();
    let state = state_path.as_deref().map(StateFile::read).transpose()?;
    if let Some(state) = &state {
        state.complete(&mut command.run)?;
    }
    let (command, args) = (&command, &command.run);
    if command.exit_on_eof && !args.uses_stdio() {
        bail!("--exit-on-eof is for --serial stdio: otherwise standard input is not read");
    }
    for text in &args.device {
        if let Some(help) = session::device_help(text)? {
            return Ok(crate::output::print((help, 0)));
        }
    }
    trace(&args.trace)?;
    pc_devices::link();
    let spec = MachineSpec::new(args)?;
    let mut guest = crate::files::guest(args, &spec)?;
    let memory = args.memory;
    if args.engine == EngineKind::Lockstep {
        if args.save_state.is_some() || args.load_state.is_some() {
            bail!("--engine lockstep runs from power-on to the end; leave --save-state and --load-state out");
        }
        host_can_hold(memory.saturating_mul(2))?;
        return crate::lockstep::main(args, &guest);
    }
    host_can_hold(memory)?;
    let terminal = Terminal::open(args.uses_stdio())?;
    let clock = match args.clock {
        ClockKind::Icount => Clock::instructions(),
        ClockKind::Real => Clock::host(Box::new(Monotonic(Instant::now()))),
    };
    let epoch_seconds = match args.clock {
        ClockKind::Icount => ICOUNT_EPOCH,
        ClockKind::Real => SystemTime::now().duration_since(UNIX_EPOCH).map_or(ICOUNT_EPOCH, |t| t.as_secs()),
    };
    let backends = crate::backends::open(&spec, &terminal)?;
    let config = args.machine_config(&spec, backends, (clock, epoch_seconds), args.seed(host_entropy)?);
    let mut machine = Machine::new(config)?;
    match state {
        Some(state) => state.load(&mut machine, &mut guest)?,
        None => guest.load(&mut machine)?,
    }
    if args.engine == EngineKind::Jit {
        for vcpu in machine.vcpus_mut() {
            let host = Box::new(wasmtime_host::WasmtimeHost::in_background()?);
            // Cranelift takes its time over each region: only what is truly hot repays it. Its thread likes small
            // portions.
            let settings = Settings { hot: 2048, batch: 8, count: args.stats, ..Settings::default() };
            let mut translator = Translator::new(host, settings, vcpu);
            if args.stats {
                let started = Instant::now();
                let elapsed = move || u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                translator.measure(Arc::new(elapsed));
            }
            vcpu.set_compiled(Box::new(translator));
        }
    }
    let started = Instant::now();
    let outcome = run(command, &guest, &terminal, &mut machine);
    terminal.restore();
    if args.stats {
        say(&report::statistics(&mut machine, started.elapsed()));
        if let Some(kib) = peak_kib() {
            say(&format!("host memory   {kib} KiB\n"));
        }
    }
    if args.profile {
        say(&report::profile(&mut machine, report::PROFILED));
    }
    if args.state_hash {
        let instructions = machine.retired();
        say(&format!("state hash {:016x} after {instructions} instructions\n", machine.state_hash()));
    }
    if let (Ok(_), Some(path)) = (&outcome, &args.save_state) {
        crate::state_file::save(path, &mut machine, &guest)?;
    }
    outcome
}

fn run(command: &RunCommand, guest: &Guest, terminal: &Terminal, machine: &mut Machine) -> Result<u8> {
    let (args, shared) = (&command.run, terminal.shared());
    let mut slept = Duration::ZERO;
    let mut end_of_input = EndOfInput::default();
    let mut said = false;
    loop {
        let limit = machine.retired().saturating_add(SLICE);
        match drive(args, guest, machine, limit)? {
            Outcome::More => {}
            Outcome::Idle(ns) => slept += shared.wait(Duration::from_nanos(ns).min(LONGEST_SLEEP)),
            Outcome::Waiting if !shared.is_open() => {
                terminal.restore();
                say(WAITS);
                return Ok(0);
            }
            Outcome::Waiting => {
                if !std::mem::replace(&mut said, true) && terminal.has_keys() {
                    say("v64: the guest waits for input, and no timer runs; Ctrl-A X leaves\r\n");
                }
                slept += shared.wait(LONGEST_SLEEP);
            }
            Outcome::Ended { code, message } => {
                terminal.restore();
                say(&message);
                // Output that failed is an error, however the guest ended.
                return Ok(shared.stopped().filter(|&failed| failed != 0).unwrap_or(code));
            }
        }
        if shared.take_save() {
            let path = args.save_state.as_deref().unwrap_or(crate::state_file::DEFAULT.as_ref());
            match crate::state_file::save(path, machine, guest) {
                Ok(len) => {
                    say(&format!("\r\nv64: saved the state to {} ({} KiB)\r\n", path.display(), len >> 10))
                }
                Err(error) => say(&format!("\r\nv64: {error:#}\r\n")),
            }
        }
        if let Some(code) = shared.stopped() {
            return Ok(code);
        }
        let idle = match args.clock {
            ClockKind::Real => u64::try_from(slept.as_nanos()).unwrap_or(u64::MAX),
            ClockKind::Icount => {
                let ran = machine.retired().saturating_mul(NS_PER_INSTRUCTION);
                machine.now().0.saturating_sub(ran)
            }
        };
        if command.exit_on_eof && end_of_input.is_reached(shared, idle) {
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
        bail!(
            "{} of memory is more than this host's {}; give a smaller -m",
            Bytes(bytes),
            Bytes(total << 10)
        );
    }
    Ok(())
}
