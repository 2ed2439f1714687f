//! Saving and restoring all devices.

use super::DeviceSet;
use thiserror::Error;

/// Why a saved state was refused. The devices are then as they were.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// Other devices, or the same in another order
    #[error("the saved state is not of a machine with device {id} in this place; build the same machine")]
    OtherDevices {
        /// The device that was expected
        id: &'static str,
    },
    /// A state that the device cannot have
    #[error("the saved state of device {id} is damaged or of another version; save it anew")]
    Damaged {
        /// Which device
        id: &'static str,
    },
}

impl DeviceSet {
    /// Appends every device's id and state.
    pub fn save(&self, out: &mut Vec<u8>) {
        for device in &self.devices {
            let id = device.id();
            out.push(id.len() as u8);
            out.extend(id.bytes());
            device.save(out);
        }
    }

    /// Reads back what [`DeviceSet::save`] wrote and moves `bytes` behind it.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is changed then.
    pub fn load(&mut self, bytes: &mut &[u8]) -> Result<(), SnapshotError> {
        let mut before = Vec::new();
        self.save(&mut before);
        let mut rest = *bytes;
        match self.load_each(&mut rest) {
            Ok(()) => {
                *bytes = rest;
                Ok(())
            }
            Err(error) => {
                // What a device saved itself it takes back.
                self.load_each(&mut &before[..])?;
                Err(error)
            }
        }
    }

    fn load_each(&mut self, bytes: &mut &[u8]) -> Result<(), SnapshotError> {
        for device in &mut self.devices {
            let id = device.id();
            let behind = bytes.split_first().and_then(|(&len, rest)| {
                let (name, rest) = rest.split_at_checked(usize::from(len))?;
                (name == id.as_bytes()).then_some(rest)
            });
            *bytes = behind.ok_or(SnapshotError::OtherDevices { id })?;
            device.load(bytes).ok_or(SnapshotError::Damaged { id })?;
        }
        Ok(())
    }
}
