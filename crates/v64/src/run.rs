//! `v64 run`: a machine in the terminal.

use crate::display::{Display, window};
use crate::input::{EndOfInput, Shared};
use crate::monitors::{Files, Monitors, SocketFiles};
use crate::output::say;
use crate::sound::Sounds;
use crate::state_file::StateFile;
use crate::terminal::{Keys, Terminal};
use anyhow::{Context, Result, bail};
use clap::Args;
use device_api::HostEvent;
use machine::boot::Bytes;
use machine::time::{Clock, HostClock, NS_PER_INSTRUCTION};
use machine::{Machine, Seed};
use session::monitor::{Monitor, Target};
use session::spec::{AudioTarget, CharTarget, MonitorMode};
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
    /// Sets which options are given on the command line.
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
/// The same at least where a monitor waits for its turn.
const SHORTEST_SLICE: u64 = 1000;
/// How long a stretch of running should take where a monitor waits for its turn.
const TURN: Duration = Duration::from_millis(5);
/// How long the run loop sleeps at most while the machine is stopped.
const STOPPED_SLEEP: Duration = Duration::from_millis(100);
/// How long the run loop sleeps at most before it looks again.
const LONGEST_SLEEP: Duration = Duration::from_millis(10);

/// Random bytes of the host's.
fn host_entropy() -> Result<Seed> {
    let mut seed = Seed::default();
    getrandom::fill(&mut seed).context("the host gives no random bytes; --seed N does without")?;
    Ok(seed)
}

/// Runs a machine, and its window where there is one. Returns the process's exit code.
pub(crate) fn main(command: RunCommand) -> Result<u8> {
    let shared = Arc::new(Shared::default());
    match command.run.window() {
        // Help needs no display server.
        Some(options) if help(&command.run)?.is_none() => {
            // Errors of the options come first.
            MachineSpec::new(&command.run)?;
            let (name, for_machine) = (command.run.machine_name(), Arc::clone(&shared));
            window::run(name, options, &shared, move |link| run_machine(command, for_machine, Some(link)))
        }
        _ => run_machine(command, shared, None),
    }
}

/// Returns the list for an option with the value `help`.
fn help(args: &RunArgs) -> Result<Option<String>> {
    if args.data_dirs.iter().any(|folder| folder.as_os_str() == "help") {
        let folders = crate::backends::firmware_folders(&[]);
        return Ok(Some(folders.map(|folder| format!("{}\n", folder.display())).collect()));
    }
    session::help(args)
}

/// Builds a machine and runs it. Returns the process's exit code.
fn run_machine(mut command: RunCommand, shared: Arc<Shared>, window: Option<window::Link>) -> Result<u8> {
    let state_path = command.run.load_state.clone();
    let state = state_path.as_deref().map(StateFile::read).transpose()?;
    if let Some(state) = &state {
        state.complete(&mut command.run)?;
    }
    let (command, args) = (&command, &command.run);
    if command.exit_on_eof && !args.uses_stdio() {
        bail!("--exit-on-eof is for --serial stdio: otherwise standard input is not read");
    }
    if let Some(help) = help(args)? {
        return Ok(crate::output::print((help, 0)));
    }
    crate::log::start(args, Arc::clone(&shared))?;
    pc_devices::link();
    let mut spec = MachineSpec::new(args)?;
    spec.fit_floppies(crate::backends::size);
    crate::backends::check_folders(&args.data_dirs)?;
    if let Some(state) = &state {
        state.complete_spec(&mut spec)?;
    }
    let mut guest = crate::files::guest(args, &spec)?;
    let memory = args.memory;
    if args.engine == EngineKind::Lockstep {
        if args.has_display() {
            bail!("--engine lockstep has two machines and shows no screen; leave -display out");
        }
        if args.save_state.is_some() || args.load_state.is_some() {
            bail!("--engine lockstep runs from power-on to the end; leave --save-state and --load-state out");
        }
        if args.has_monitor() || args.stopped {
            bail!("--engine lockstep has two machines and no monitor; leave -qmp, -monitor, -mon and -S out");
        }
        if spec.chars.iter().any(is_socket) {
            bail!(
                "--engine lockstep has two machines; give its serial ports a file, the terminal or nothing"
            );
        }
        if spec.audios.iter().any(|audio| audio.target != AudioTarget::None) {
            bail!("--engine lockstep has two machines, which are not heard; give -audiodev none");
        }
        host_can_hold(memory.saturating_mul(2))?;
        return crate::lockstep::main(args, &guest);
    }
    host_can_hold(memory)?;
    crate::display::check(args)?;
    if args.stopped && spec.monitors.is_empty() {
        bail!("-S waits for the monitor's cont, and there is no monitor; give -qmp or -monitor");
    }
    let sockets = SocketFiles::default();
    let has_sockets = args.has_monitor() || spec.chars.iter().any(is_socket);
    let terminal = Terminal::open(keys(args, &spec), has_sockets.then_some(&sockets), shared)?;
    let _remover = RemoveAtEnd(sockets.clone());
    let mut monitors = Monitors::open(&spec, terminal.shared(), &sockets)?;
    let clock = match args.clock {
        ClockKind::Icount => Clock::instructions(),
        ClockKind::Real => Clock::host(Box::new(Monotonic(Instant::now()))),
    };
    let epoch_seconds = match args.clock {
        ClockKind::Icount => ICOUNT_EPOCH,
        ClockKind::Real => SystemTime::now().duration_since(UNIX_EPOCH).map_or(ICOUNT_EPOCH, |t| t.as_secs()),
    };
    let epoch_seconds = args.rtc.and_then(|rtc| rtc.base).unwrap_or(epoch_seconds);
    let mut backends = crate::backends::open(&spec, &terminal, &sockets)?;
    // The files are there, and of a kind that can be read: they were opened.
    spec.set_probed_formats(|file| block::format_of(file).map(|format| format.to_string()));
    let mut sounds = Sounds::open(&spec, &mut backends, terminal.shared())?;
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
    let mut monitor = Monitor::new(args, &spec);
    let display = Display::new(terminal.screen(), window);
    let front = Front { terminal: &terminal, display, monitors: &mut monitors, sounds: &mut sounds };
    let mut outcome = run(command, &mut guest, front, &mut machine, &mut monitor);
    terminal.restore();
    sounds.finish();
    // Output that failed is an error, however the guest ended.
    if let (Ok(code), Some(failed)) =
        (&mut outcome, terminal.shared().stopped().filter(|&failed| failed != 0))
    {
        *code = failed;
    }
    let target = Target { machine: &mut machine, guest: &mut guest, host: &mut Files };
    monitors.send_events(&mut monitor, &target);
    monitors.finish();
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

fn is_socket(char: &session::spec::CharSpec) -> bool {
    matches!(char.target, CharTarget::Socket(_))
}

/// Returns the consumer of typed keys.
fn keys(args: &RunArgs, spec: &MachineSpec) -> Keys {
    let is_terminal = |target: &CharTarget| *target == CharTarget::Stdio;
    let monitor = spec.monitors.iter().find(|monitor| is_terminal(&monitor.target));
    if args.is_in_terminal() {
        return Keys::Screen { has_monitor: monitor.is_some() };
    }
    if spec.chars.iter().any(|char| is_terminal(&char.target)) {
        let escapes = args.nographic || args.serial.iter().any(|text| text == "mon:stdio");
        return Keys::Guest { has_monitor: monitor.is_some(), escapes };
    }
    match monitor.map(|monitor| monitor.mode) {
        None => Keys::Nobody,
        Some(MonitorMode::Readline) => Keys::Monitor,
        Some(MonitorMode::Control { .. }) => Keys::Tool,
    }
}

/// Removes the files of sockets, however the run ends.
struct RemoveAtEnd(SocketFiles);

impl Drop for RemoveAtEnd {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// What the host has in front of a machine.
struct Front<'a> {
    terminal: &'a Terminal,
    display: Option<Display>,
    monitors: &'a mut Monitors,
    sounds: &'a mut Sounds,
}

fn run(
    command: &RunCommand,
    guest: &mut Guest,
    front: Front<'_>,
    machine: &mut Machine,
    monitor: &mut Monitor,
) -> Result<u8> {
    let Front { terminal, mut display, monitors, sounds } = front;
    let (args, shared) = (&command.run, terminal.shared());
    let mut slice = SLICE;
    let mut slept = Duration::ZERO;
    let mut end_of_input = EndOfInput::default();
    let mut said = false;
    monitor.start(machine);
    loop {
        if let Some(display) = &mut display {
            display.update(shared, monitor, machine);
        }
        if !monitors.is_empty() {
            monitors.serve(shared, monitor, &mut Target { machine, guest, host: &mut Files });
        }
        if let Some(code) = monitor.exit() {
            return Ok(code);
        }
        save_if_asked(args, terminal, machine, guest);
        if let Some(code) = shared.stopped() {
            monitor.ended_by_host();
            return Ok(code);
        }
        if !monitor.is_running() {
            shared.wait(STOPPED_SLEEP);
            continue;
        }
        monitor.advance(machine);
        machine.host_event(HostEvent::CharInput);
        let limit = machine.retired().saturating_add(slice);
        let started = Instant::now();
        let outcome = drive(args, guest, machine, limit)?;
        sounds.update(machine.now());
        // Under icount the moments at which input is announced are those of every run.
        if args.is_attended() || args.clock == ClockKind::Real {
            slice = next_slice(slice, started.elapsed());
        }
        match &outcome {
            Outcome::More => {}
            Outcome::Idle(ns) => slept += shared.wait(Duration::from_nanos(*ns).min(LONGEST_SLEEP)),
            // What a monitor, a display or a network sends may wake it.
            Outcome::Waiting if args.is_attended() || args.has_network() => {
                slept += shared.wait(LONGEST_SLEEP);
            }
            Outcome::Waiting if !shared.is_open() => {
                terminal.restore();
                if !(command.exit_on_eof && shared.is_drained()) {
                    say(WAITS);
                }
                return Ok(0);
            }
            Outcome::Waiting => {
                if !std::mem::replace(&mut said, true) && terminal.has_keys() {
                    say("v64: the guest waits for input, and no timer runs; Ctrl-A X leaves\r\n");
                }
                slept += shared.wait(LONGEST_SLEEP);
            }
            Outcome::Ended { code, message, .. } => {
                let ends = monitor.ends(&outcome, machine);
                if ends {
                    terminal.restore();
                    say(message);
                } else {
                    terminal.say(message);
                }
                if ends {
                    return Ok(*code);
                }
            }
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

/// Returns the instructions of the next stretch of running, by the time that the last one took: port accesses take
/// thousands of times as long as compiled code.
fn next_slice(slice: u64, took: Duration) -> u64 {
    match took {
        _ if took > 2 * TURN => (slice / 4).max(SHORTEST_SLICE),
        _ if took > TURN => (slice / 2).max(SHORTEST_SLICE),
        _ if took < TURN / 4 => (slice * 2).min(SLICE),
        _ => slice,
    }
}

/// Saves the state after Ctrl-A S.
fn save_if_asked(args: &RunArgs, terminal: &Terminal, machine: &mut Machine, guest: &Guest) {
    if !terminal.shared().take_save() {
        return;
    }
    let path = args.save_state.as_deref().unwrap_or(crate::state_file::DEFAULT.as_ref());
    match crate::state_file::save(path, machine, guest) {
        Ok(len) => {
            terminal.say(&format!("\r\nv64: saved the state to {} ({} KiB)\r\n", path.display(), len >> 10))
        }
        Err(error) => terminal.say(&format!("\r\nv64: {error:#}\r\n")),
    }
}

/// Returns the peak memory of this process, if the host reports it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_running_adapt_to_what_they_take() {
        let after = |mut slice, ns_each: u64| {
            for _ in 0..50 {
                slice = next_slice(slice, Duration::from_nanos(ns_each * slice));
            }
            slice
        };
        assert_eq!(after(SLICE, 1), SLICE);
        for ns_each in [100, 1000, 3000] {
            let took = Duration::from_nanos(ns_each * after(SLICE, ns_each));
            assert!(took <= TURN && took >= TURN / 8, "{took:?}");
        }
        assert_eq!(after(SLICE, 1_000_000), SHORTEST_SLICE);
        assert_eq!(after(SHORTEST_SLICE, 1), SLICE);
    }
}
