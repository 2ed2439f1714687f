//! The one machine of a module.

use crate::code::{Engine, EngineHost};
use crate::command::{Parsed, parse};
use crate::disk::{Disks, HostMedium, error};
use crate::host;
use crate::input::Keys;
use crate::monitor::Monitors;
use crate::serial;
use device_api::{BlockInfo, Frame, HostEvent};
use machine::Machine;
use machine::boot::BootError;
use serde_json::json;
use session::MachineSpec;
use session::sound::Mixer;
use session::{EngineKind, Guest, MicrotestArgs, Microtests, Outcome, RunArgs, drive, report};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
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
    /// The machine ended: the reply has the cause
    Ended = 2,
    /// The reply is the error
    Failed = 3,
}

/// Instructions between looks at the clock, while a slice lasts: the slowest code takes some milliseconds for them.
const LOOK: u64 = 100_000;
/// The same while drives have pending requests, of which the host should be notified soon.
const SHORT_LOOK: u64 = 5_000;
/// How long more requests are expected after a request, in milliseconds.
const BUSY_MS: f64 = 50.0;
/// For how long nothing happens where only input or a command can end it, in nanoseconds.
const LONG_IDLE_NS: u64 = 1_000_000_000;

/// Returns the code of an error in loading a guest: what is to be changed, the memory, the options or the file.
pub(crate) fn code(error: &anyhow::Error) -> &'static str {
    match error.downcast_ref() {
        Some(BootError::KernelDoesNotFit { .. } | BootError::InitrdDoesNotFit { .. }) => "TOO_LITTLE_MEMORY",
        Some(BootError::CommandLineTooLong { .. }) => "BAD_OPTION",
        _ => "BAD_KERNEL",
    }
}

/// Everything that lasts between calls.
#[derive(Default)]
pub(crate) struct Vm {
    /// Bytes passed by the host
    pub(crate) exchange: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    pub(crate) idle_ns: u64,
    pub(crate) line: serial::Shared,
    /// Lines with output to files
    pub(crate) file_lines: Vec<serial::FileLine>,
    pub(crate) engine: Rc<Engine>,
    pub(crate) args: Option<RunArgs>,
    pub(crate) spec: MachineSpec,
    /// Files that the host has handed over, by the names of the plan
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) disks: Disks,
    pub(crate) monitors: Monitors,
    /// Until when stretches are short because drives have requests, in the host's milliseconds
    pub(crate) busy_until: f64,
    pub(crate) guest: Option<Guest>,
    pub(crate) machine: Option<Machine>,
    /// The screen as it was drawn last
    pub(crate) frame: Frame,
    /// Keys on their way to the guest
    pub(crate) keys: Keys,
    /// Mixer, if the host plays sound
    pub(crate) sound: Option<Mixer>,
    pub(crate) microtests: Option<Microtests>,
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
        // SAFETY: the host does not call the module during a call, and there is one thread: the code that holds the
        // borrow was ended by a trap and never continues.
        Err(_) => f(unsafe { &mut *vm.as_ptr() }),
    })
}

impl Vm {
    /// Makes bytes the reply.
    pub(crate) fn say(&mut self, text: impl Into<Vec<u8>>) {
        self.reply = text.into();
    }

    /// Makes an error the reply.
    pub(crate) fn fail(&mut self, code: &str, message: &str) -> Status {
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
            Parsed::Run(run) => (self.args, self.spec) = (Some(run.0), run.1),
            Parsed::Microtest(args) => match microtests(args, &self.engine) {
                Ok(tests) => self.microtests = Some(tests),
                Err(error) => return self.fail("NO_MEMORY", &format!("{error:#}")),
            },
        }
        self.say(serde_json::to_string(&plan).unwrap_or_default());
        Status::Done
    }

    /// Takes what is in the exchange buffer: content, and a name of so many bytes behind it.
    fn exchanged(&mut self, name_len: u64) -> (Vec<u8>, String) {
        let mut bytes = std::mem::take(&mut self.exchange);
        let at = bytes.len().saturating_sub(usize::try_from(name_len).unwrap_or(usize::MAX));
        let name = String::from_utf8_lossy(&bytes.split_off(at)).into_owned();
        (bytes, name)
    }

    /// The exchange buffer is a file, and behind it its name in the plan, of so many bytes.
    pub(crate) fn file(&mut self, name_len: u64) {
        let (bytes, name) = self.exchanged(name_len);
        self.files.insert(name, bytes);
    }

    /// The exchange buffer is the start of an image of `size` bytes, and behind it its name for messages, of so many bytes.
    /// The reply is its format.
    pub(crate) fn probe(&mut self, size: u64, name_len: u64) -> Status {
        let (first, name) = self.exchanged(name_len);
        match block::probe(&name, &first, size) {
            Ok(probe) => {
                self.say(json!({ "format": probe.format.to_string() }).to_string());
                Status::Done
            }
            Err(error) => self.fail("SOURCE", &error.to_string()),
        }
    }

    /// The host has opened a medium; the exchange buffer is its name.
    pub(crate) fn disk(&mut self, number: u32, bytes: u64, read_only: bool, snapshot: bool) {
        let name = String::from_utf8_lossy(&std::mem::take(&mut self.exchange)).into_owned();
        let info = BlockInfo { bytes, read_only };
        self.disks.add(name, HostMedium { number, info, snapshot });
    }

    /// A medium that a monitor command requires cannot be opened. The exchange buffer has the error, followed by the
    /// medium's name of `name_len` bytes.
    pub(crate) fn disk_failed(&mut self, name_len: u64) {
        let (why, name) = self.exchanged(name_len);
        self.disks.fail(name, String::from_utf8_lossy(&why).into_owned());
    }

    /// The reply is the requests of drives that the host has not taken.
    pub(crate) fn disk_requests(&mut self) -> Status {
        self.reply.clear();
        self.disks.take_requests(&mut self.reply);
        if self.reply.is_empty() { Status::Idle } else { Status::Done }
    }

    /// The exchange buffer is what a request gave: the bytes that were read, or why it failed.
    pub(crate) fn disk_answer(&mut self, number: u32, id: u64, code: u32) {
        let bytes = std::mem::take(&mut self.exchange);
        let result = match code {
            0 => Ok(bytes),
            code => Err(error(code, String::from_utf8_lossy(&bytes).into_owned())),
        };
        host::interrupted();
        self.disks.answer(number, id, result);
    }

    /// Runs for `ms` milliseconds, or until a drive has a request to the host.
    pub(crate) fn run(&mut self, ms: f64) -> Status {
        let (Some(args), Some(guest), Some(machine), Some(monitor)) =
            (&self.args, &self.guest, &mut self.machine, &mut self.monitors.monitor)
        else {
            return self.fail("STATE", "there is no machine");
        };
        // The host did other work before this call.
        host::interrupted();
        let mut now = host::now_ms();
        let until = now + ms;
        let outcome = loop {
            if let Some(code) = monitor.exit() {
                break Ok(Outcome::Ended { code, message: String::new(), cause: None });
            }
            if !monitor.is_running() {
                break Ok(Outcome::Waiting);
            }
            monitor.advance(machine);
            self.keys.advance(machine, monitor.next_key());
            let look = if now < self.busy_until { SHORT_LOOK } else { LOOK };
            let limit = machine.retired().saturating_add(look);
            let outcome = drive(args, guest, machine, limit);
            now = host::now_ms();
            if self.disks.has_requests() {
                self.busy_until = now + BUSY_MS;
                break outcome;
            }
            match outcome {
                Ok(Outcome::More) if now < until => {}
                Ok(ended @ Outcome::Ended { .. }) if !monitor.ends(&ended, machine) => {}
                outcome => break outcome,
            }
        };
        self.file_lines.iter().for_each(serial::FileLine::flush);
        match outcome {
            Ok(Outcome::More) => Status::Done,
            Ok(Outcome::Idle(ns)) => {
                self.idle_ns = ns;
                Status::Idle
            }
            Ok(Outcome::Waiting) => {
                // Only input ends it, which does not wait for this.
                self.idle_ns = LONG_IDLE_NS;
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
        if let Some(machine) = &mut self.machine {
            machine.host_event(HostEvent::CharInput);
        }
    }

    /// The reply is the whole state as a file. The exchange buffer is a note to store in it, or empty.
    pub(crate) fn save_state(&mut self) -> Status {
        let note = std::mem::take(&mut self.exchange);
        let (Some(guest), Some(machine)) = (&self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        self.reply = session::save_state_with(machine, guest, &note);
        Status::Done
    }

    /// Restores the saved state in the exchange buffer.
    pub(crate) fn restore_state(&mut self) -> Status {
        let bytes = std::mem::take(&mut self.exchange);
        let (Some(guest), Some(machine)) = (&mut self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        host::interrupted();
        match session::restore_state(machine, guest, &bytes) {
            Ok(()) => {
                self.damage_all();
                Status::Done
            }
            Err(error) => self.fail("BAD_STATE", &error.to_string()),
        }
    }

    /// RESET#; the guest is reloaded.
    pub(crate) fn reset(&mut self) -> Status {
        let (Some(guest), Some(machine)) = (&self.guest, &mut self.machine) else {
            return self.fail("STATE", "there is no machine");
        };
        machine.reset();
        match guest.load(machine) {
            Ok(()) => {
                self.damage_all();
                Status::Done
            }
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
        // Without flags the statistics are printed.
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

/// Runs microtests, with compiled code if requested.
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
