//! What the host looks at and changes while the machine stands between two instructions: drives, the picture, the PCI bus.

use super::env::BusCall;
use super::set::{DeviceSet, UNASSIGNED};
use device_api::pci::ConfigSpace;
use device_api::{BlockBackend, DriveInfo, Frame, PciAddress, PortRange, TextScreen, VmTime};
use guest_memory::{Backing, DeviceId};
use x86_types::GuestPhysAddr;

impl DeviceSet {
    /// Returns all drives of all controllers.
    pub(crate) fn drives(&mut self) -> Vec<DriveInfo> {
        self.devices
            .iter_mut()
            .filter_map(|device| device.drives())
            .flat_map(|drives| drives.list())
            .collect()
    }

    /// Returns the index of the controller that has a drive.
    fn controller(&mut self, drive: &str) -> Result<usize, String> {
        let has = |drives: &mut dyn device_api::Drives| drives.list().iter().any(|info| info.id == drive);
        let found = self.devices.iter_mut().position(|device| device.drives().is_some_and(has));
        found.ok_or_else(|| format!("there is no drive {drive}"))
    }

    /// Takes the medium out of a drive, or puts another one in.
    ///
    /// # Errors
    /// There is no such drive, or it does not let its medium go.
    pub(crate) fn change_medium(
        &mut self,
        call: &mut BusCall<'_>,
        (drive, force): (&str, bool),
        medium: Option<Box<dyn BlockBackend>>,
    ) -> Result<(), String> {
        let index = self.controller(drive)?;
        let Some(drives) = self.devices[index].drives() else { return Ok(()) };
        let result = match medium {
            None => drives.eject(&mut call.ctx(index), drive, force),
            Some(medium) => {
                // A locked tray is forced open first; an error from that is returned if the medium stays.
                if force {
                    let _ = drives.eject(&mut call.ctx(index), drive, true);
                }
                drives.insert(&mut call.ctx(index), drive, medium)
            }
        };
        self.deliver_irqs(call);
        result
    }

    /// Copies bytes of guest-physical memory, without what reads of registers do beside. What cannot be looked at reads as
    /// ones.
    pub(crate) fn peek(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let here = at.wrapping_add(done as u64);
            let (region, have) = self.memory.region(here);
            let len = usize::try_from(have.max(1)).unwrap_or(usize::MAX).min(bytes.len() - done);
            let part = &mut bytes[done..done + len];
            match region.read {
                Backing::Mmio(DeviceId(index)) => {
                    let memory = &self.memory;
                    let device = self.devices.get_mut(usize::from(index)).and_then(|device| device.mmio());
                    for (n, byte) in part.iter_mut().enumerate() {
                        let at = here.wrapping_add(n as u64);
                        *byte = device.as_ref().and_then(|device| device.peek(memory, at)).unwrap_or(0xff);
                    }
                }
                _ => self.memory.read(here, part),
            }
            done += len;
        }
    }

    /// Draws the first display adapter's picture. Returns whether there is one.
    pub(crate) fn render(&mut self, now: VmTime, frame: &mut Frame) -> bool {
        let memory = &self.memory;
        let screen = self.devices.iter_mut().find_map(|device| device.screen());
        screen.map(|screen| screen.render(memory, now, frame)).is_some()
    }

    /// Returns what the first display adapter shows in a text mode.
    pub(crate) fn screen_text(&mut self) -> Option<TextScreen> {
        let memory = &self.memory;
        self.devices.iter_mut().find_map(|device| device.screen())?.text(memory)
    }

    /// Returns the size of what the first display adapter shows.
    pub(crate) fn screen_size(&mut self) -> Option<(u32, u32)> {
        let memory = &self.memory;
        self.devices.iter_mut().find_map(|device| device.screen())?.size(memory)
    }

    /// Returns what devices show of a topic of the monitor's, one after the other.
    pub(crate) fn info(&self, topic: &str) -> String {
        self.devices.iter().filter_map(|device| device.info(topic)).collect()
    }

    /// Returns the ports that are assigned, a range for each run of one device's.
    pub(crate) fn assigned_ports(&self) -> Vec<PortRange> {
        let mut ranges: Vec<(u8, PortRange)> = Vec::new();
        for (&owner, port) in self.ports.iter().zip(0..=u16::MAX).filter(|(owner, _)| **owner != UNASSIGNED) {
            match ranges.last_mut() {
                Some((last, range)) if *last == owner && range.start.wrapping_add(range.len) == port => {
                    range.len = range.len.saturating_add(1);
                }
                _ => ranges.push((owner, PortRange { start: port, len: 1 })),
            }
        }
        ranges.into_iter().map(|(_, range)| range).collect()
    }

    /// Returns place, instance and configuration space of every PCI function.
    pub(crate) fn functions(&mut self) -> Vec<(PciAddress, String, ConfigSpace)> {
        let places: Vec<_> = self.pci.iter().flat_map(|pci| pci.places()).collect();
        let space = |(at, index): (PciAddress, usize)| {
            let name = self.names.get(index)?.clone();
            Some((at, name, self.devices[index].pci()?.config().clone()))
        };
        places.into_iter().filter_map(space).collect()
    }
}
