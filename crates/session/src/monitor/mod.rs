//! QMP and the human monitor: commands of people and tools to a machine, without files, sockets and terminals, which belong
//! to the programs that use this.
//!
//! A program has one [`Monitor`] for its machine, and a [`QmpSession`] or a [`HumanSession`] for each connection.
//! Between two stretches of execution it passes received bytes to the sessions, and sends what they and
//! [`Monitor::take_events`] return. It runs the machine while [`Monitor::is_running`] returns true, and calls
//! [`Monitor::advance`] before each stretch.

mod command;
mod error;
mod event;
mod execute;
mod hmp;
mod input;
mod json;
mod keys;
mod memory;
mod picture;
mod qmp;
mod query;
#[cfg(test)]
mod tests;

use crate::drive::Outcome;
use crate::{Guest, MachineSpec, RunArgs};
pub use command::Command;
use device_api::{BlockBackend, DeviceSpec, VmTime};
pub use error::{ErrorClass, MonitorError};
pub use event::{Event, ShutdownCause};
pub use hmp::{HumanSession, PROMPT, Typed};
pub use json::{Splitter, Text};
pub use keys::{KeyQueue, parse_chord};
use machine::Machine;
pub use picture::{PictureFormat, encode as encode_picture};
pub use qmp::QmpSession;
pub(crate) use query::version;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// What only the host can do.
pub trait MonitorHost {
    /// Returns microseconds since 1970, for the time of events.
    fn time_us(&self) -> u64;
    /// Writes a file.
    ///
    /// # Errors
    /// One line that names the file.
    fn write_file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), String>;
    /// Keeps a saved state. What was there under this name stays until all of the new one is kept.
    ///
    /// # Errors
    /// One line that names the file.
    fn save_state(&mut self, path: &str, state: &[u8]) -> Result<(), String>;
    /// Returns a saved state.
    ///
    /// # Errors
    /// One line that names the file.
    fn load_state(&mut self, path: &str) -> Result<Vec<u8>, String>;
    /// Returns the format of a medium's file that was opened without one; `None` if it is unknown.
    fn format_of(&self, _file: &str) -> Option<String> {
        None
    }
    /// Opens a medium. Its format is found out where none is given.
    ///
    /// # Errors
    /// One line that names the file.
    fn open_medium(
        &mut self,
        file: &str,
        format: Option<&str>,
        read_only: bool,
    ) -> Result<Box<dyn BlockBackend>, String>;
}

/// What commands act on.
pub struct Target<'a> {
    /// The machine, between two stretches of running
    pub machine: &'a mut Machine,
    /// What a reset loads
    pub guest: &'a mut Guest,
    /// The host
    pub host: &'a mut dyn MonitorHost,
}

/// Whether the machine runs, and why not; QMP's `RunState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It was not started yet, or was reset while it stood
    Prelaunch,
    /// It runs
    Running,
    /// It was stopped
    Paused,
    /// The guest switched it off, and it was not to end
    Shutdown,
    /// A state was half loaded
    InternalError,
}

impl RunState {
    /// Returns QMP's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prelaunch => "prelaunch",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Shutdown => "shutdown",
            Self::InternalError => "internal-error",
        }
    }

    /// Returns whether only a reset helps.
    fn needs_reset(self) -> bool {
        matches!(self, Self::Shutdown | Self::InternalError)
    }
}

/// A medium's file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MediumFile {
    file: String,
    format: Option<String>,
}

/// The machine's options, as far as a monitor reports them.
#[derive(Clone, Debug, Default)]
pub struct MonitorSetup {
    /// `-name`
    pub name: Option<String>,
    /// `-uuid`
    pub uuid: Option<[u8; 16]>,
    /// A reset ends the machine
    pub no_reboot: bool,
    /// A power-off stops the machine only
    pub no_shutdown: bool,
    /// Names of ROM images, with what they are
    pub roms: Vec<(String, String)>,
}

/// The monitor of a machine.
#[derive(Debug)]
pub struct Monitor {
    setup: MonitorSetup,
    state: RunState,
    events: Vec<Event>,
    /// Exit code, once the machine is to end
    exit: Option<u8>,
    keys: keys::KeyQueue,
    /// Files of the media in drives, by the drive's name
    media: BTreeMap<String, MediumFile>,
    /// Drives for CDs
    cds: BTreeSet<String>,
    /// Resets that an event was sent for
    resets: u64,
    /// Whether trays are open, as events have it
    trays: BTreeMap<String, bool>,
    human: hmp::State,
}

impl Monitor {
    /// Returns the monitor of a machine that runs, or waits for `cont` with `-S`.
    pub fn new(args: &RunArgs, spec: &MachineSpec) -> Self {
        let setup = MonitorSetup {
            name: args.machine_name(),
            uuid: args.uuid,
            no_reboot: args.no_reboot,
            no_shutdown: args.no_shutdown,
            roms: spec.images.iter().map(|image| (image.id.clone(), image.source.to_string())).collect(),
        };
        let drive_of = |device: &DeviceSpec| {
            let drive = device.properties.iter().find(|(name, _)| name == "drive");
            drive.map(|(_, value)| value.clone())
        };
        // A drive is named by its own id or that of its medium, depending on its controller.
        let cds = spec.devices.iter().filter(|device| device.model == "ide-cd");
        let cds = cds.flat_map(|device| device.id.clone().into_iter().chain(drive_of(device))).collect();
        let mut media = BTreeMap::new();
        for block in &spec.blocks {
            let file = MediumFile { file: block.file.display().to_string(), format: block.format.clone() };
            let drives = spec.devices.iter().filter(|device| drive_of(device).as_ref() == Some(&block.id));
            for name in drives.filter_map(|device| device.id.clone()).chain([block.id.clone()]) {
                media.insert(name, file.clone());
            }
        }
        Self {
            setup,
            state: if args.stopped { RunState::Prelaunch } else { RunState::Running },
            events: Vec::new(),
            exit: None,
            keys: keys::KeyQueue::default(),
            media,
            cds,
            resets: 0,
            trays: BTreeMap::new(),
            human: hmp::State::default(),
        }
    }

    /// Returns whether the machine is to run.
    pub fn is_running(&self) -> bool {
        self.state == RunState::Running
    }

    /// Returns the exit code, once the machine is to end.
    pub fn exit(&self) -> Option<u8> {
        self.exit
    }

    /// Returns the events since the last call, as QMP has them.
    pub fn take_events(&mut self, host: &dyn MonitorHost) -> Vec<Value> {
        std::mem::take(&mut self.events).into_iter().map(|event| event.into_json(host.time_us())).collect()
    }

    /// Has a machine that waits for `cont` stand still. Called once, before anything runs.
    pub fn start(&mut self, machine: &mut Machine) {
        self.resets = machine.resets();
        self.trays = machine.drives().into_iter().map(|drive| (drive.id, drive.open)).collect();
        if !self.is_running() {
            machine.pause();
        }
    }

    /// Does what is due now, and has the machine come back when the next thing is.
    pub fn advance(&mut self, machine: &mut Machine) {
        let now = machine.now();
        self.keys.advance(now, |key, down| keys::send(machine, key, down));
        machine.set_alarm(self.keys.deadline());
        if machine.resets() != self.resets {
            self.resets = machine.resets();
            self.events.push(Event::Reset(ShutdownCause::GuestReset));
        }
        self.watch_trays(machine);
    }

    /// Notes trays that were opened or closed since the last call.
    fn watch_trays(&mut self, machine: &mut Machine) {
        for drive in machine.drives() {
            if self.trays.insert(drive.id.clone(), drive.open).is_some_and(|open| open != drive.open) {
                self.events.push(Event::TrayMoved { drive: drive.id, open: drive.open });
            }
        }
    }

    /// Returns when the next key of a command is due.
    pub fn next_key(&self) -> Option<VmTime> {
        self.keys.deadline()
    }

    /// Handles a stretch of execution that ended the machine. Returns whether the program ends; it does not if a
    /// power-off only stops the machine.
    pub fn ends(&mut self, outcome: &Outcome, machine: &mut Machine) -> bool {
        let Outcome::Ended { cause, .. } = outcome else { return false };
        let Some(cause) = *cause else { return true };
        self.events.push(Event::Shutdown(cause));
        if !self.setup.no_shutdown || !cause.is_guests() {
            return true;
        }
        self.state = RunState::Shutdown;
        machine.pause();
        self.events.push(Event::Stop);
        false
    }

    /// Records that the host ends the machine.
    pub fn ended_by_host(&mut self) {
        self.events.push(Event::Shutdown(ShutdownCause::HostUi));
    }
}
