//! What commands do.

use super::command::{ChangeMedium, Command, Eject, Memsave, ReadOnlyMode, Screendump};
use super::error::{ErrorClass, MonitorError};
use super::keys::KeyQueue;
use super::memory::{Content, View};
use super::{
    Event, MediumFile, Monitor, PictureFormat, RunState, ShutdownCause, Target, hmp, picture, version,
};
use crate::{restore_state, save_state};
use device_api::{DriveInfo, Frame, HostEvent};
use machine::{Machine, RestoreError};
use serde_json::{Value, json};

/// Bytes that a file of memory has at most: all that a machine can have, twice.
const MOST_SAVED: u64 = 1 << 37;

type Done = Result<(), MonitorError>;

impl Monitor {
    /// Carries a command out. Returns what QMP answers.
    ///
    /// # Errors
    /// Why it failed; nothing has changed then, apart from files that were half written.
    pub fn execute(&mut self, command: Command, target: &mut Target<'_>) -> Result<Value, MonitorError> {
        match command {
            Command::QueryStatus => return Ok(self.query_status()),
            Command::QueryVersion => return Ok(version()),
            Command::QueryCommands => return Ok(Self::query_commands()),
            Command::QueryName => return Ok(self.query_name()),
            Command::QueryUuid => return Ok(json!({ "UUID": self.uuid() })),
            Command::QueryKvm => return Ok(json!({ "enabled": false, "present": false })),
            Command::QueryTarget => return Ok(json!({ "arch": "x86_64" })),
            Command::QueryCpusFast => return Ok(Self::query_cpus_fast(target)),
            Command::QueryBlock => return Ok(self.query_block(target)),
            Command::QueryMachines => return Ok(Self::query_machines()),
            Command::QueryMemorySizeSummary => {
                return Ok(json!({ "base-memory": target.machine.memory().layout().size() }));
            }
            Command::HumanMonitorCommand(arguments) => {
                let text = hmp::run(self, target, &arguments.command_line, arguments.cpu_index)?;
                return Ok(text.replace('\n', "\r\n").into());
            }
            Command::Stop => self.stop(target.machine),
            Command::Cont => self.cont(target.machine)?,
            Command::SystemReset => self.system_reset(target)?,
            Command::SystemPowerdown => self.system_powerdown(target.machine),
            Command::Quit => self.quit(),
            Command::Screendump(arguments) => Self::screendump(&arguments, target)?,
            Command::SendKey(arguments) => self.send_key(&arguments, target)?,
            Command::InputSendEvent(arguments) => self.input_send_event(&arguments, target)?,
            Command::Eject(arguments) => self.eject(&arguments, target)?,
            Command::ChangeMedium(arguments) => self.change_medium(&arguments, target)?,
            Command::Change(arguments) => {
                let (device, filename) = (Some(arguments.device), arguments.target);
                let change =
                    ChangeMedium { device, filename, format: arguments.arg, ..ChangeMedium::default() };
                self.change_medium(&change, target)?;
            }
            Command::Pmemsave(arguments) => Self::memsave(&arguments, true, target)?,
            Command::Memsave(arguments) => Self::memsave(&arguments, false, target)?,
        }
        Ok(json!({}))
    }

    /// Stops the machine; nothing where it does not run.
    pub(super) fn stop(&mut self, machine: &mut Machine) {
        if self.is_running() {
            self.state = RunState::Paused;
            machine.pause();
            self.events.push(Event::Stop);
        }
    }

    /// Resumes the machine.
    pub(super) fn cont(&mut self, machine: &mut Machine) -> Done {
        if self.state.needs_reset() {
            return Err(MonitorError::new("Resetting the Virtual Machine is required"));
        }
        if !self.is_running() {
            self.state = RunState::Running;
            machine.resume();
            self.events.push(Event::Resume);
        }
        Ok(())
    }

    /// Resets the machine, or ends it where a reset does that.
    pub(super) fn system_reset(&mut self, target: &mut Target<'_>) -> Done {
        let cause = ShutdownCause::HostQmpSystemReset;
        if self.setup.no_reboot {
            self.events.push(Event::Shutdown(cause));
            if self.setup.no_shutdown {
                self.state = RunState::Shutdown;
                target.machine.pause();
            } else {
                self.exit = Some(0);
            }
            return Ok(());
        }
        target.machine.reset();
        self.resets = target.machine.resets();
        target.guest.load(target.machine).map_err(|error| MonitorError::new(format!("{error:#}")))?;
        if !self.is_running() {
            self.state = RunState::Prelaunch;
        }
        self.events.push(Event::Reset(cause));
        Ok(())
    }

    /// Presses the power button.
    pub(super) fn system_powerdown(&mut self, machine: &mut Machine) {
        machine.host_event(HostEvent::PowerButton);
        self.events.push(Event::Powerdown);
    }

    /// Ends the machine.
    pub(super) fn quit(&mut self) {
        self.exit = Some(0);
        self.events.push(Event::Shutdown(ShutdownCause::HostQmpQuit));
    }

    pub(super) fn screendump(arguments: &Screendump, target: &mut Target<'_>) -> Done {
        let mut frame = Frame::default();
        if !target.machine.render(&mut frame) {
            return Err(MonitorError::new("There is no console to take a screendump from"));
        }
        if let Some(head) = arguments.head.filter(|&head| head != 0) {
            return Err(MonitorError::new(format!("the display adapter has no head {head}; leave it out")));
        }
        let file = picture::encode(&frame, arguments.format)?;
        Ok(target.host.write_file(&arguments.filename, &mut &file[..])?)
    }

    /// Returns a drive.
    fn drive_of(target: &mut Target<'_>, name: &str) -> Result<DriveInfo, MonitorError> {
        let drive = target.machine.drives().into_iter().find(|drive| drive.id == name);
        let desc = || format!("Device '{name}' not found");
        drive.ok_or_else(|| MonitorError { class: ErrorClass::DeviceNotFound, desc: desc() })
    }

    /// Returns a drive with a removable medium.
    fn removable(
        target: &mut Target<'_>,
        device: Option<&String>,
        id: Option<&String>,
    ) -> Result<DriveInfo, MonitorError> {
        let Some(name) = device.or(id) else {
            return Err(MonitorError::new("Parameter 'device' is missing"));
        };
        let drive = Self::drive_of(target, name)?;
        match drive.removable {
            true => Ok(drive),
            false => Err(MonitorError::new(format!("Device '{name}' is not removable"))),
        }
    }

    pub(super) fn eject(&mut self, arguments: &Eject, target: &mut Target<'_>) -> Done {
        let drive = Self::removable(target, arguments.device.as_ref(), arguments.id.as_ref())?;
        target.machine.eject(&drive.id, arguments.force)?;
        self.watch_trays(target.machine);
        self.media.remove(&drive.id);
        Ok(())
    }

    pub(super) fn change_medium(&mut self, arguments: &ChangeMedium, target: &mut Target<'_>) -> Done {
        let drive = Self::removable(target, arguments.device.as_ref(), arguments.id.as_ref())?;
        let read_only = match arguments.read_only_mode {
            ReadOnlyMode::Retain => drive.medium.is_some_and(|medium| medium.read_only),
            ReadOnlyMode::ReadOnly => true,
            ReadOnlyMode::ReadWrite => false,
        };
        // A CD is never written, whatever was in its drive.
        let read_only = read_only || self.cds.contains(&drive.id);
        let format = arguments.format.as_deref();
        let medium = target.host.open_medium(&arguments.filename, format, read_only)?;
        target.machine.insert(&drive.id, arguments.force, medium)?;
        // A tray that is closed afterwards was opened in between.
        if self.cds.contains(&drive.id) && self.trays.insert(drive.id.clone(), true) == Some(false) {
            self.events.push(Event::TrayMoved { drive: drive.id.clone(), open: true });
        }
        self.watch_trays(target.machine);
        let format = arguments.format.clone().or_else(|| target.host.format_of(&arguments.filename));
        let file = MediumFile { file: arguments.filename.clone(), format };
        self.media.insert(drive.id, file);
        Ok(())
    }

    pub(super) fn memsave(arguments: &Memsave, physical: bool, target: &mut Target<'_>) -> Done {
        if arguments.size > MOST_SAVED {
            let desc = "the size is larger than any machine's memory; give fewer bytes";
            return Err(MonitorError::new(desc));
        }
        let index = arguments.cpu_index.unwrap_or(0);
        let Some(vcpu) = target.machine.vcpus().get(index) else {
            return Err(MonitorError::new(format!("there is no processor {index}")));
        };
        let cpu = (!physical).then(|| Box::new(vcpu.cpu.clone()));
        let view = View { memory: target.machine, cpu };
        let mut content = Content { view, at: arguments.val, left: arguments.size };
        Ok(target.host.write_file(&arguments.filename, &mut content)?)
    }

    /// `savevm`
    pub(super) fn save(target: &mut Target<'_>, file: &str) -> Done {
        let state = save_state(target.machine, target.guest);
        Ok(target.host.save_state(file, &state)?)
    }

    /// `loadvm`. The machine runs afterwards if it did before.
    pub(super) fn load(&mut self, target: &mut Target<'_>, file: &str) -> Done {
        let state = target.host.load_state(file)?;
        let restored = restore_state(target.machine, target.guest, &state);
        self.resets = target.machine.resets();
        self.keys = KeyQueue::default();
        if let Err(RestoreError::Lost(_)) = &restored {
            self.state = RunState::InternalError;
            target.machine.pause();
        }
        restored.map_err(|error| MonitorError::new(format!("cannot load the state {file}: {error}")))
    }

    pub(super) fn uuid(&self) -> String {
        let bytes = self.setup.uuid.unwrap_or_default();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

impl PictureFormat {
    /// Returns the format of this name.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        match name {
            "ppm" => Some(Self::Ppm),
            "png" => Some(Self::Png),
            _ => None,
        }
    }
}
