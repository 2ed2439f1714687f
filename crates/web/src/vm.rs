//! The one machine of a module.

use crate::code::{Engine, EngineHost};
use crate::command::{Parsed, parse};
use crate::host;
use crate::serial::{self, Port};
use anyhow::bail;
use guest_memory::MemoryError;
use machine::boot::BootError;
use machine::time::Clock;
use machine::{Machine, MachineError};
use serde_json::json;
use session::MachineSpec;
use session::spec::CharTarget;
use session::{
    ClockKind, EngineKind, Guest, ICOUNT_EPOCH, MicrotestArgs, Microtests, Outcome, RunArgs, drive, report,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wasm_jit::{Settings, Translator};
use x86_exec::Vcpu;
use x86_state::Activity;

/// What the exports answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Status {
    /// Done; of `v64_run`: there is more to run
    Done = 0,
    /// Nothing happens for `v64_idle_ns`, unless there is input
    Idle = 1,
    /// The machine ended: the reply says how
    Ended = 2,
    /// The reply says what is wrong
    Failed = 3,
}

/// Instructions between looks at the clock, while a slice lasts: the slowest code takes some milliseconds for them.
const LOOK: u64 = 100_000;

/// Bytes of modules that are kept for all processors together; an engine's own code for them takes several times as much.
const MOST_CODE: u64 = 128 << 20;

/// Returns the code of an error in loading a guest: what is to be changed, the memory, the options or the file.
fn code(error: &anyhow::Error) -> &'static str {
    match error.downcast_ref() {
        Some(BootError::KernelDoesNotFit { .. } | BootError::InitrdDoesNotFit { .. }) => "TOO_LITTLE_MEMORY",
        Some(BootError::CommandLineTooLong { .. }) => "BAD_OPTION",
        _ => "BAD_KERNEL",
    }
}

/// Everything that lasts between calls.
#[derive(Default)]
pub(crate) struct Vm {
    /// Bytes that the host hands over
    pub(crate) exchange: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    pub(crate) idle_ns: u64,
    pub(crate) line: serial::Shared,
    pub(crate) engine: Rc<Engine>,
    args: Option<RunArgs>,
    kernel: Option<Vec<u8>>,
    initrd: Option<Vec<u8>>,
    state: Option<Vec<u8>>,
    guest: Option<Guest>,
    machine: Option<Machine>,
    microtests: Option<Microtests>,
}

thread_local! {
    static VM: RefCell<Vm> = RefCell::default();
}

/// Works on the module's machine.
pub(crate) fn with<R>(f: impl FnOnce(&mut Vm) -> R) -> R {
    VM.with(|vm| f(&mut vm.borrow_mut()))
}

/// Works on the module's machine even where a trap cut off a call that was at work on it.
#[allow(unsafe_code)]
pub(crate) fn with_after_trap<R>(f: impl FnOnce(&mut Vm) -> R) -> R {
    VM.with(|vm| match vm.try_borrow_mut() {
        Ok(mut vm) => f(&mut vm),
        // SAFETY: the host calls the module between calls only, and there is one thread: whoever holds the borrow was
        // ended by a trap and never goes on.
        Err(_) => f(unsafe { &mut *vm.as_ptr() }),
    })
}

impl Vm {
    fn say(&mut self, text: impl Into<Vec<u8>>) {
        self.reply = text.into();
    }

    fn fail(&mut self, code: &str, message: &str) -> Status {
        self.say(json!({ "code": code, "message": message }).to_string());
        Status::Failed
    }

    /// The exchange buffer is a command line: words, each ended by a NUL.
    pub(crate) fn command(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
        let (plan, parsed) = parse(&words);
        match parsed {
            Parsed::Nothing => {}
            Parsed::Run(args) => self.args = Some(*args),
            Parsed::Microtest(args) => match microtests(args, &self.engine) {
                Ok(tests) => self.microtests = Some(tests),
                Err(error) => return self.fail("NO_MEMORY", &format!("{error:#}")),
            },
        }
        self.say(serde_json::to_string(&plan).unwrap_or_default());
        Status::Done
    }

    /// The exchange buffer is the kernel (0), the initrd (1) or the saved state to start from (2).
    pub(crate) fn file(&mut self, kind: u32) {
        let bytes = std::mem::take(&mut self.exchange);
        let file = match kind {
            0 => &mut self.kernel,
            1 => &mut self.initrd,
            _ => &mut self.state,
        };
        *file = Some(bytes);
    }

    /// Builds the machine and loads the guest, or the saved state.
    pub(crate) fn start(&mut self) -> Status {
        if self.machine.is_some() {
            return self.fail("STATE", "the machine has been started already");
        }
        let state = self.state.take();
        if let (Some(args), Some(state)) = (&mut self.args, &state)
            && let Err(error) = args.follow_state(state)
        {
            return self.fail("BAD_STATE", &error.to_string());
        }
        let Some(args) = &self.args else { return self.fail("STATE", "give a command first") };
        if args.engine == EngineKind::Lockstep {
            return self.fail("BAD_OPTION", "--engine lockstep is for the native command");
        }
        if !args.trace.is_empty() {
            return self.fail("BAD_OPTION", "--trace is for the native command");
        }
        if !args.log.is_empty() || args.log_file.is_some() {
            return self.fail("BAD_OPTION", "-d and -D are for the native command");
        }
        if args.has_monitor() || args.stopped || args.no_shutdown {
            return self
                .fail("BAD_OPTION", "-qmp, -monitor, -mon, -S and --no-shutdown are for the native command");
        }
        pc_link();
        let spec = match MachineSpec::new(args) {
            Ok(spec) => spec,
            Err(error) => return self.fail("BAD_OPTION", &format!("{error:#}")),
        };
        if !spec.blocks.is_empty() || !spec.images.is_empty() {
            let message =
                "drives, firmware and a screen are for the native command; give --kernel and --initrd";
            return self.fail("BAD_OPTION", message);
        }
        let line = &self.line;
        let host_line = spec.host_line();
        let backends = spec.chars(|char| match &char.target {
            CharTarget::Null => Ok(None),
            // What goes to a file as well, the host writes.
            _ if Some(char) == host_line => Ok(Some(Box::new(Port(Arc::clone(line))))),
            CharTarget::Stdio => Ok(Some(Box::new(Port(Arc::clone(line))))),
            CharTarget::File(_) => bail!("{}: there is one line to the host; leave this file out", char.id),
            CharTarget::Socket(_) => {
                bail!("{}: sockets are for the native command; give stdio or null", char.id)
            }
        });
        let backends = match backends {
            Ok(backends) => backends,
            Err(error) => return self.fail("BAD_OPTION", &format!("{error:#}")),
        };
        let icount = args.clock == ClockKind::Icount;
        let Ok(seed) = args.seed(|| Ok::<_, std::convert::Infallible>(host::seed()));
        let clock = if icount { Clock::instructions() } else { Clock::host(Box::new(host::Clock)) };
        let epoch = if icount { ICOUNT_EPOCH } else { host::epoch_seconds() };
        let epoch = args.rtc.and_then(|rtc| rtc.base).unwrap_or(epoch);
        let config = args.machine_config(&spec, backends, (clock, epoch), seed);
        let mut guest = Guest::new(args, &spec, self.kernel.take(), self.initrd.take());
        let mut machine = match Machine::new(config) {
            Ok(machine) => machine,
            Err(error) => {
                let (code, message) = refusal(&error);
                return self.fail(code, &message);
            }
        };
        match state {
            Some(state) => {
                if let Err(error) = session::restore_state(&mut machine, &mut guest, &state) {
                    return self.fail("BAD_STATE", &error.to_string());
                }
            }
            None => {
                if let Err(error) = guest.load(&mut machine) {
                    return self.fail(code(&error), &format!("{error:#}"));
                }
            }
        }
        let (translated, stats) = (args.engine == EngineKind::Jit, args.stats);
        let machine = self.machine.insert(machine);
        if translated {
            let bytes = MOST_CODE / u64::from(args.smp.0);
            let settings = Settings { count: stats, fixed: true, ..Settings::default() };
            let settings = Settings { bytes: settings.bytes.min(bytes), ..settings };
            for vcpu in machine.vcpus_mut() {
                let host = Box::new(EngineHost::new(&self.engine, true));
                let mut translator = Translator::new(host, settings, vcpu);
                if stats {
                    translator.measure(Arc::new(|| (host::now_ms() * 1e6) as u64));
                }
                vcpu.set_compiled(Box::new(translator));
            }
        }
        self.guest = Some(guest);
        Status::Done
    }

    /// Runs for so many milliseconds.
    pub(crate) fn run(&mut self, ms: f64) -> Status {
        let (Some(args), Some(guest), Some(machine)) = (&self.args, &self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        // Whoever calls did something else before.
        host::interrupted();
        let until = host::now_ms() + ms;
        let outcome = loop {
            let limit = machine.retired().saturating_add(LOOK);
            match drive(args, guest, machine, limit) {
                Ok(Outcome::More) if host::now_ms() < until => {}
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(Outcome::More) => Status::Done,
            Ok(Outcome::Idle(ns)) => {
                self.idle_ns = ns;
                Status::Idle
            }
            Ok(Outcome::Waiting) => {
                // Only input ends it, which does not wait for this.
                self.idle_ns = 1_000_000_000;
                Status::Idle
            }
            Ok(Outcome::Ended { code, message, .. }) => {
                let report = if args.state_hash {
                    let hash = machine.state_hash();
                    format!("state hash {hash:016x} after {} instructions\n", machine.retired())
                } else {
                    String::new()
                };
                self.say(json!({ "exitCode": code, "message": message, "report": report }).to_string());
                Status::Ended
            }
            Err(error) => self.fail(code(&error), &format!("{error:#}")),
        }
    }

    /// The exchange buffer is what was typed at COM1.
    pub(crate) fn input(&mut self) {
        let bytes = std::mem::take(&mut self.exchange);
        serial::open(&self.line).input.extend(bytes);
    }

    /// The reply is the whole state as a file.
    pub(crate) fn save_state(&mut self) -> Status {
        let (Some(guest), Some(machine)) = (&self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        self.reply = session::save_state(machine, guest);
        Status::Done
    }

    /// The exchange buffer is a saved state: the machine goes on from there.
    pub(crate) fn restore_state(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let (Some(guest), Some(machine)) = (&mut self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        host::interrupted();
        match session::restore_state(machine, guest, &bytes) {
            Ok(()) => Status::Done,
            Err(error) => self.fail("BAD_STATE", &error.to_string()),
        }
    }

    /// RESET#; the guest is loaded anew.
    pub(crate) fn reset(&mut self) -> Status {
        let (Some(guest), Some(machine)) = (&self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        machine.reset();
        match guest.load(machine) {
            Ok(()) => Status::Done,
            Err(error) => self.fail(code(&error), &format!("{error:#}")),
        }
    }

    pub(crate) fn stats(&mut self) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let report::Totals { statistics: s, decoded, invalidated, .. } = report::Totals::of(machine);
        let runs = |vcpu: &&Vcpu| vcpu.cpu.activity == Activity::Running;
        let shown = machine.vcpus().iter().find(runs);
        let cpu = &shown.unwrap_or(machine.vcpu()).cpu;
        let text = json!({
            "instructions": machine.retired(), "mode": cpu.mode().describe(cpu.code_size), "cpl": cpu.cpl,
            "halted": shown.is_none(), "processors": machine.vcpus().len(), "resets": machine.resets(),
            "blocksRun": s.blocks_run, "decoded": decoded, "invalidated": invalidated, "walks": s.walks,
            "portIo": s.port_io, "mmio": s.mmio, "interrupts": s.interrupts, "halts": s.halts,
            "exceptions": s.exceptions, "ramBytes": machine.memory().layout().size(), "hostCalls": host::calls(),
        });
        self.say(text.to_string());
        Status::Done
    }

    pub(crate) fn report(&mut self, seconds: f64) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let took = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let (stats, profile) = self.args.as_ref().map_or((true, false), |args| (args.stats, args.profile));
        let mut text = String::new();
        // Whoever asks without flags means the statistics.
        if stats || !profile {
            text += &report::statistics(machine, took);
            text += &format!("host calls    {}\n", host::calls());
        }
        if profile {
            text += &report::profile(machine, report::PROFILED);
        }
        self.say(text);
        Status::Done
    }

    pub(crate) fn registers(&mut self) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let text = report::crash(machine, "the processor");
        self.say(text);
        Status::Done
    }

    pub(crate) fn state_hash(&mut self) -> u64 {
        self.machine.as_mut().map_or(0, Machine::state_hash)
    }

    /// The exchange buffer is whole lines of vectors.
    pub(crate) fn microtest(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let Some(tests) = &mut self.microtests else { return self.fail("STATE", "give a command first") };
        let mut out = String::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            match tests.line(line) {
                Ok(text) => out += &text,
                Err(error) => {
                    let message = format!("{error:#}");
                    return self.fail("BAD_OPTION", &message);
                }
            }
        }
        self.say(out);
        Status::Done
    }

    pub(crate) fn microtest_end(&mut self) -> Status {
        let Some(tests) = &self.microtests else { return self.fail("STATE", "give a command first") };
        let (text, code) = tests.end();
        self.say(json!({ "text": text, "exitCode": code }).to_string());
        Status::Done
    }

    pub(crate) fn devices(&mut self) {
        self.say(session::devices());
    }
}

/// Code and message for a machine that could not be built.
fn refusal(error: &MachineError) -> (&'static str, String) {
    match error {
        // No host could grant it.
        MachineError::Ram(MemoryError::Size { .. }) => ("BAD_OPTION", error.to_string()),
        // Without `-m`, which only the command has.
        MachineError::Ram(MemoryError::Reserve { megabytes, source }) => (
            "NO_MEMORY",
            format!("the engine does not grant {megabytes} MiB of guest memory ({source}); give less"),
        ),
        _ => ("TRAP", error.to_string()),
    }
}

/// Microtests, with compiled code where it is asked for.
fn microtests(args: MicrotestArgs, engine: &Rc<Engine>) -> anyhow::Result<Microtests> {
    let translated = args.engine == EngineKind::Jit;
    let mut tests = Microtests::new(args)?;
    if translated {
        let vcpu = tests.vcpu_mut();
        // A vector ends before what is compiled in the background could run.
        let host = Box::new(EngineHost::new(engine, false));
        let translator = Translator::new(host, Settings::AT_ONCE, vcpu);
        vcpu.set_compiled(Box::new(translator));
    }
    Ok(tests)
}

/// Keeps the devices in the module, and panics' messages on the host's side.
fn pc_link() {
    let _ = session::devices();
    std::panic::set_hook(Box::new(|info| host::log(&info.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a machine of so much memory with a kernel; returns the code and the message of its failure.
    fn failure(words: &[&str], kernel: &[u8]) -> (String, String) {
        let exchange = words.iter().map(|word| format!("{word}\0")).collect::<String>().into_bytes();
        let mut vm = Vm { exchange, ..Vm::default() };
        assert_eq!(vm.command(), Status::Done);
        vm.exchange = kernel.to_vec();
        vm.file(0);
        assert_eq!(vm.start(), Status::Failed);
        let reply: serde_json::Value = serde_json::from_slice(&vm.reply).unwrap();
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }

    #[test]
    fn a_guest_that_is_not_loaded_tells_what_is_to_be_changed() {
        // A multiboot header whose image lies at 8 MiB.
        let base: u32 = 8 << 20;
        let words =
            [0x1bad_b002, 1 << 16, 0u32.wrapping_sub(0x1bad_b002 + (1 << 16)), base, base, 0, 0, base + 32];
        let mut kernel: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        kernel.resize(64, 0x90);
        let (code, message) = failure(&["run", "--memory=4M", "--kernel=k"], &kernel);
        assert_eq!(code, "TOO_LITTLE_MEMORY", "{message}");
        let line = format!("--append={}", "x".repeat(70_000));
        let (code, message) = failure(&["run", "--kernel=k", &line], &kernel);
        assert_eq!(code, "BAD_OPTION", "{message}");
        for option in
            ["--engine=lockstep", "--trace=io", "--d=int", "--qmp=stdio", "--S", "--hda=disk", "--vga=std"]
        {
            let (code, message) = failure(&["run", option], &[]);
            assert_eq!((code.as_str(), message.contains("native")), ("BAD_OPTION", true), "{message}");
        }
        let (code, message) = failure(&["run", "--kernel=k"], b"no kernel at all");
        assert_eq!(code, "BAD_KERNEL", "{message}");
    }

    #[test]
    fn impossible_sizes_are_bad_options_and_refusals_are_not() {
        let size = MachineError::Ram(MemoryError::Size { bytes: 0 });
        assert_eq!(refusal(&size).0, "BAD_OPTION");
        let source = std::io::ErrorKind::OutOfMemory.into();
        let (code, message) = refusal(&MachineError::Ram(MemoryError::Reserve { megabytes: 900, source }));
        assert_eq!(code, "NO_MEMORY");
        assert!(message.contains("900 MiB"), "{message}");
    }
}
