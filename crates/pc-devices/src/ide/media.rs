//! Media that are changed while the machine runs.

use super::drive::Kind;
use super::slot::Slot;
use super::{Drive, Piix3Ide};
use device_api::{BlockBackend, Ctx, DriveInfo, Drives};

impl Piix3Ide {
    /// Returns the drives with their slots.
    fn drives(&self) -> impl Iterator<Item = (&Drive, &Slot)> {
        let drives = self.channels.iter().flat_map(|channel| &channel.drives);
        drives.zip(self.slots.iter().flatten()).filter(|(drive, _)| Slot::holds(drive))
    }

    /// Returns the drive of this name.
    fn removable(&mut self, id: &str) -> Result<(&mut Drive, &mut Slot), String> {
        let names: Vec<_> = self.drives().map(|(_, slot)| slot.id.clone()).collect();
        let drives = self.channels.iter_mut().flat_map(|channel| &mut channel.drives);
        let found = drives.zip(self.slots.iter_mut().flatten()).find(|(_, slot)| slot.id == id);
        match found {
            None => Err(format!("there is no drive {id}; there are {}", names.join(", "))),
            Some((drive, _)) if drive.kind != Kind::Cd => {
                Err(format!("{id} is a hard disk; its medium cannot be changed"))
            }
            Some(found) => Ok(found),
        }
    }
}

/// Checks that the guest has not locked the medium. If it has, requests that the guest eject it.
fn release(drive: &mut Drive, id: &str, force: bool) -> Result<(), String> {
    if drive.cd.locked && !drive.cd.open && !force {
        drive.cd.eject_wanted = true;
        return Err(format!(
            "{id} is locked by the guest and force was not specified; wait for the tray to open and try again"
        ));
    }
    Ok(())
}

impl Drives for Piix3Ide {
    fn list(&self) -> Vec<DriveInfo> {
        self.drives()
            .map(|(drive, slot)| DriveInfo {
                id: slot.id.clone(),
                removable: drive.kind == Kind::Cd,
                locked: drive.cd.locked,
                open: drive.cd.open,
                medium: slot.medium.as_ref().map(|medium| medium.info()),
            })
            .collect()
    }

    fn eject(&mut self, ctx: &mut Ctx<'_>, id: &str, force: bool) -> Result<(), String> {
        let (drive, slot) = self.removable(id)?;
        release(drive, id, force)?;
        slot.take_out(drive);
        drive.cd.change(true);
        self.serve_all(ctx);
        Ok(())
    }

    fn insert(&mut self, ctx: &mut Ctx<'_>, id: &str, medium: Box<dyn BlockBackend>) -> Result<(), String> {
        let (drive, slot) = self.removable(id)?;
        release(drive, id, false)?;
        slot.take_out(drive);
        drive.medium = Some(medium.info());
        slot.medium = Some(medium);
        drive.cd.change(false);
        self.serve_all(ctx);
        Ok(())
    }
}
