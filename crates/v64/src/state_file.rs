//! Files of saved states.

use anyhow::{Context, Result};
use machine::Machine;
use session::{Guest, restore_state, save_state};
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

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
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

/// Puts the machine into the state that a file holds.
pub(crate) fn load(path: &Path, machine: &mut Machine, guest: &mut Guest) -> Result<()> {
    let load = || format!("cannot load the state {}", path.display());
    let bytes = std::fs::read(path).with_context(load)?;
    restore_state(machine, guest, &bytes).with_context(load)
}
