//! Saves and restores a machine together with its guest's files, which a reset reloads.

use crate::{ClockKind, Guest, MachineSpec, Model, RunArgs};
use clap::ArgMatches;
use clap::parser::ValueSource;
use device_api::DeviceSpec;
use machine::{Machine, RestoreError, SavedMachine};
use snapshot::{Reader, SnapshotError, Writer, from_bytes, to_bytes};

const GUEST: (&str, u16) = ("guest", 3);
const NOTE: (&str, u16) = ("note", 1);
/// The device by which firmware starts the guest's kernel
const KERNEL_BOOT: &str = "kernel-boot";

/// Returns the whole state as a file.
pub fn save_state(machine: &mut Machine, guest: &Guest) -> Vec<u8> {
    save_state_with(machine, guest, &[])
}

/// Returns the whole state as a file, with a note of the host at its start unless that is empty. Machines ignore the
/// note.
pub fn save_state_with(machine: &mut Machine, guest: &Guest, note: &[u8]) -> Vec<u8> {
    let mut writer = Writer::file();
    if !note.is_empty() {
        writer.section(NOTE.0, NOTE.1, note);
    }
    machine.save(&mut writer);
    writer.compressed(GUEST.0, GUEST.1, |section| section.write(&to_bytes(guest)));
    writer.finish()
}

/// Puts a machine, and what its resets load, into a saved state.
///
/// # Errors
/// [`RestoreError`]. Where the state is refused nothing is changed.
pub fn restore_state(machine: &mut Machine, guest: &mut Guest, file: &[u8]) -> Result<(), RestoreError> {
    let reader = Reader::new(file)?;
    let bytes = reader.compressed(GUEST.0, GUEST.1)?.read_all()?;
    let saved = from_bytes(&bytes).ok_or_else(|| SnapshotError::Content { tag: GUEST.0.to_owned() })?;
    machine.restore(&reader)?;
    *guest = saved;
    Ok(())
}

/// The options of a machine that the command line gives, and a saved state does not replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    memory: bool,
    smp: bool,
    cpu: bool,
    clock: bool,
}

impl Given {
    /// Returns the options that are among the parsed arguments of `run`.
    pub fn of(run: &ArgMatches) -> Self {
        let given = |id| run.value_source(id) == Some(ValueSource::CommandLine);
        Self { memory: given("memory"), smp: given("smp"), cpu: given("cpu"), clock: given("clock") }
    }
}

impl RunArgs {
    /// Takes the machine's options that were not given from a saved state.
    ///
    /// # Errors
    /// Where the file is damaged or of another version.
    pub fn follow_state(&mut self, file: &[u8]) -> Result<(), SnapshotError> {
        let saved = SavedMachine::read(&Reader::new(file)?)?;
        let Given { memory, smp, cpu, clock } = self.given;
        if !memory {
            self.memory = saved.ram_bytes;
        }
        if !smp {
            self.smp.0 = saved.processors;
        }
        if !cpu {
            self.cpu = saved.model.map(Model::Of);
        }
        if !clock {
            self.clock = if saved.icount { ClockKind::Icount } else { ClockKind::Real };
        }
        Ok(())
    }
}

impl MachineSpec {
    /// Adds what the kernel of a saved state needs, which the state itself brings.
    ///
    /// # Errors
    /// Where the file is damaged or of another version.
    pub fn follow_state(&mut self, file: &[u8]) -> Result<(), SnapshotError> {
        let saved = SavedMachine::read(&Reader::new(file)?)?;
        let has = self.devices.iter().any(|device| device.model == KERNEL_BOOT);
        if !has && self.has_firmware() && saved.devices.iter().any(|name| name == KERNEL_BOOT) {
            self.devices.push(DeviceSpec::new(KERNEL_BOOT));
        }
        Ok(())
    }
}
