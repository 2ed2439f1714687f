//! Saving and restoring all devices, a section each.

use super::{BusEnv, DeviceSet};
use ::snapshot::{Bytes, Codec, Reader, SnapshotError, Writer};
use device_api::{Lines, LocalController, MachineEvent, Snapshot};

/// Where every local APIC is after a reset.
///
/// SPEC: intel-sdm-vol3 :: 12.4.1 The Local APIC Block Diagram -> its registers are at FEE00000H after power-on
const APIC_DEFAULT_BASE: u64 = 0xfee0_0000;

/// Tag of the section of configuration cycles.
const PCI_TAG: &str = "pci";
/// Bytes of that section: CONFIG_ADDRESS.
const PCI_BYTES: usize = 4;

impl DeviceSet {
    /// Tags of the devices' sections: `device.` and the instance's name.
    fn tags(&self) -> Vec<String> {
        self.names.iter().map(|name| format!("device.{name}")).collect()
    }

    /// Writes every device's state.
    pub fn save(&self, writer: &mut Writer) {
        for (device, tag) in self.devices.iter().zip(self.tags()) {
            let mut content = Bytes::new();
            device.save(&mut content);
            writer.section(&tag, device.version(), &content);
        }
        if let Some(pci) = &self.pci {
            let mut content = Bytes::new();
            pci.save(&mut content);
            writer.section(PCI_TAG, 1, &content);
        }
    }

    /// Reads back what [`DeviceSet::save`] wrote.
    ///
    /// # Errors
    /// Where a section is missing, of another version or damaged; nothing is changed then.
    pub fn load(&mut self, reader: &Reader<'_>) -> Result<(), SnapshotError> {
        let tags = self.tags();
        let mut sections = Vec::new();
        for (device, tag) in self.devices.iter().zip(&tags) {
            sections.push(reader.section(tag, device.version())?);
        }
        let pci = match &self.pci {
            None => None,
            Some(_) => {
                let content = reader.section(PCI_TAG, 1)?;
                // Checked here, loaded when nothing can fail any more.
                if content.len() != PCI_BYTES {
                    return Err(SnapshotError::Content { tag: PCI_TAG.into() });
                }
                Some(content)
            }
        };
        let mut before = Vec::new();
        for ((n, mut content), tag) in sections.into_iter().enumerate().zip(tags) {
            let device = &mut self.devices[n];
            let mut now = Bytes::new();
            device.save(&mut now);
            before.push(now);
            if device.load(&mut content).is_none() || !content.is_empty() {
                for (device, bytes) in self.devices.iter_mut().zip(&before) {
                    // What a device saved itself it takes back.
                    let _ = device.load(&mut &bytes[..]);
                }
                return Err(SnapshotError::Content { tag });
            }
        }
        if let (Some(bus), Some(mut content)) = (&mut self.pci, pci) {
            // Its length was checked, and every value of that length is one.
            let _ = bus.load(&mut content);
        }
        self.follow_restored_apics();
        self.map_windows();
        for device in &mut self.devices {
            device.map_restored(&self.memory);
        }
        self.query_deadlines();
        Ok(())
    }
}

impl DeviceSet {
    /// Local APICs that were moved are seen where they are.
    fn follow_restored_apics(&mut self) {
        let is_moved = |apic: &dyn LocalController| apic.base() & !0xfff != APIC_DEFAULT_BASE;
        let moved =
            (0..self.locals.len()).filter(|&n| self.local(n).is_some_and(|apic| is_moved(apic))).last();
        self.follow_apic(moved.unwrap_or(0));
    }
}

/// Between accesses the messages have arrived; events may still wait for the run loop.
impl Snapshot for BusEnv {
    fn save(&self, out: &mut Bytes) {
        let Self { lines, messages: _, events, processor: _, memory: _, slots: _, called: _ } = self;
        lines.save(out);
        (events.len() as u8).put(out);
        for event in events {
            let (kind, code): (u8, u32) = match event {
                MachineEvent::Reset => (0, 0),
                MachineEvent::Init => (1, 0),
                MachineEvent::PowerOff => (2, 0),
                MachineEvent::DebugExit(code) => (3, *code),
                MachineEvent::BootKernel { map_entries } => (4, u32::from(*map_entries)),
            };
            kind.put(out);
            code.put(out);
        }
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let mut lines = Lines::default();
        lines.load(&mut rest)?;
        let mut events = Vec::new();
        for _ in 0..u8::get(&mut rest)? {
            events.push(match (u8::get(&mut rest)?, u32::get(&mut rest)?) {
                (0, 0) => MachineEvent::Reset,
                (1, 0) => MachineEvent::Init,
                (2, 0) => MachineEvent::PowerOff,
                (3, code) => MachineEvent::DebugExit(code),
                (4, entries) => MachineEvent::BootKernel { map_entries: u16::try_from(entries).ok()? },
                _ => return None,
            });
        }
        (self.lines, self.events) = (lines, events);
        self.messages.clear();
        *bytes = rest;
        Some(())
    }
}
