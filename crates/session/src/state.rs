//! Saving and restoring a machine together with its guest's files, which a reset loads anew.

use crate::Guest;
use machine::{Machine, RestoreError};
use snapshot::{Reader, SnapshotError, Writer, from_bytes, to_bytes};

const GUEST: (&str, u16) = ("guest", 1);

/// Returns the whole state as a file.
pub fn save_state(machine: &mut Machine, guest: &Guest) -> Vec<u8> {
    let mut writer = Writer::file();
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
