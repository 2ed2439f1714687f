//! Files of saved states.

use anyhow::{Context, Result};
use machine::Machine;
use session::{Guest, MachineSpec, RunArgs, restore_state, save_state};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Where Ctrl-A S saves without `--save-state`.
pub(crate) const DEFAULT: &str = "v64.state";

/// Writes the machine's state to a file and returns its size. An earlier file stays until the new one is complete.
pub(crate) fn save(path: &Path, machine: &mut Machine, guest: &Guest) -> Result<usize> {
    let bytes = save_state(machine, guest);
    write(path, &bytes).with_context(|| format!("cannot save the state to {}", path.display()))?;
    Ok(bytes.len())
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        // There may be nothing to remove.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// A file's content.
pub(crate) struct StateFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> StateFile<'a> {
    pub(crate) fn read(path: &'a Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| cannot_load(path))?;
        Ok(Self { path, bytes })
    }

    /// Takes options that were not given from the file.
    pub(crate) fn complete(&self, args: &mut RunArgs) -> Result<()> {
        args.follow_state(&self.bytes).with_context(|| cannot_load(self.path))
    }

    /// Adds to the machine what the state's kernel needs.
    pub(crate) fn complete_spec(&self, spec: &mut MachineSpec) -> Result<()> {
        spec.follow_state(&self.bytes).with_context(|| cannot_load(self.path))
    }

    /// Puts the machine into the state that the file holds.
    pub(crate) fn load(&self, machine: &mut Machine, guest: &mut Guest) -> Result<()> {
        restore_state(machine, guest, &self.bytes).with_context(|| cannot_load(self.path))
    }
}

fn cannot_load(path: &Path) -> String {
    format!("cannot load the state {}", path.display())
}
