//! The machine as a monitor and a display reach it: between instructions, without a processor.

use crate::vm::Machine;
use device_api::pci::ConfigSpace;
use device_api::{BlockBackend, DriveInfo, Frame, PciAddress, PortRange, TextScreen, VmTime};
use x86_types::GuestPhysAddr;

/// A PCI function, as `info pci` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciFunctionInfo {
    /// Where it is on bus 0
    pub address: PciAddress,
    /// The instance's name
    pub id: String,
    /// Its configuration space
    pub config: ConfigSpace,
}

impl Machine {
    /// Has [`Machine::run`] return [`Stop::Alarm`](crate::Stop::Alarm) once at a moment, or at none.
    pub fn set_alarm(&mut self, at: Option<VmTime>) {
        self.state().board.set_alarm(at);
    }

    /// Has virtual time stand still until [`Machine::resume`].
    pub fn pause(&mut self) {
        let retired = self.retired();
        self.state().board.state().2.pause(retired);
    }

    /// Resumes virtual time after [`Machine::pause`].
    pub fn resume(&mut self) {
        self.state().board.state().2.resume();
    }

    /// Returns all drives.
    pub fn drives(&mut self) -> Vec<DriveInfo> {
        self.state().board.state().0.drives()
    }

    /// Takes the medium out of a drive.
    ///
    /// # Errors
    /// There is no such drive, it holds its medium fast, or the guest has locked it and `force` is not set.
    pub fn eject(&mut self, drive: &str, force: bool) -> Result<(), String> {
        self.change_medium((drive, force), None)
    }

    /// Puts a medium into a drive, in place of the one that is there.
    ///
    /// # Errors
    /// Those of [`Machine::eject`].
    pub fn insert(&mut self, drive: &str, force: bool, medium: Box<dyn BlockBackend>) -> Result<(), String> {
        self.change_medium((drive, force), Some(medium))
    }

    fn change_medium(
        &mut self,
        drive: (&str, bool),
        medium: Option<Box<dyn BlockBackend>>,
    ) -> Result<(), String> {
        let retired = self.retired();
        self.state().board.call_devices(retired, |devices, call| devices.change_medium(call, drive, medium))
    }

    /// Copies bytes of guest-physical memory as a processor would read them, also from the display buffer of a VGA, but
    /// without what such reads do beside. Registers of devices read as ones.
    pub fn peek(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        self.state().board.state().0.peek(at, bytes);
    }

    /// Writes bytes to guest-physical memory as a bus master does: what falls on ROM, on registers and on nothing is lost. Code
    /// that processors keep of what is written is dropped.
    pub fn poke(&mut self, at: GuestPhysAddr, bytes: &[u8]) {
        let retired = self.retired();
        self.state().board.call_devices(retired, |_, call| call.dma.write(at, bytes));
    }

    /// Draws what the first display adapter shows into a frame that the caller keeps. Returns whether there is an adapter.
    pub fn render(&mut self, frame: &mut Frame) -> bool {
        let now = self.now();
        self.state().board.state().0.render(now, frame)
    }

    /// Returns what the first display adapter shows; `None` in graphics modes, and where there is no adapter.
    pub fn screen_text(&mut self) -> Option<TextScreen> {
        self.state().board.state().0.screen_text()
    }

    /// Returns width and height of what the first display adapter shows, in pixels; `None` while it shows nothing.
    pub fn screen_size(&mut self) -> Option<(u32, u32)> {
        self.state().board.state().0.screen_size()
    }

    /// Returns what devices show of a topic of the monitor's: `pic`, `lapic`.
    pub fn device_info(&mut self, topic: &str) -> String {
        self.state().board.state().0.info(topic)
    }

    /// Returns the ports that are assigned now, those of PCI functions where their base address registers point.
    pub fn assigned_ports(&mut self) -> Vec<PortRange> {
        self.state().board.state().0.assigned_ports()
    }

    /// Returns every PCI function.
    pub fn pci_functions(&mut self) -> Vec<PciFunctionInfo> {
        let functions = self.state().board.state().0.functions();
        functions.into_iter().map(|(address, id, config)| PciFunctionInfo { address, id, config }).collect()
    }
}
