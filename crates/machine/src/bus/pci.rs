//! The PCI bus: configuration cycles, and where functions answer.

use super::env::BusCall;
use super::set::{DeviceSet, PCI_BUS, UNASSIGNED};
use device_api::pci::Window;
use device_api::{DeviceId, PciAddress, Snapshot};
use guest_memory::{GuestMemory, MapId, Priority, Region};
use std::collections::BTreeMap;
use std::rc::Rc;
use x86_types::GuestPhysAddr;

/// CONFIG_ADDRESS.
pub(super) const CONFIG_ADDRESS: u16 = 0xcf8;
/// CONFIG_DATA, four ports.
pub(super) const CONFIG_DATA: u16 = 0xcfc;
/// Bit 31 of CONFIG_ADDRESS: accesses to CONFIG_DATA are configuration cycles.
const ENABLE: u32 = 1 << 31;
/// Bits of CONFIG_ADDRESS that keep their value.
const WRITABLE: u32 = 0x80ff_fffc;

/// Bus 0 with its functions.
#[derive(Debug, Default)]
pub(super) struct PciBus {
    address: u32,
    /// Device index by place
    functions: BTreeMap<PciAddress, usize>,
    /// Memory windows by device and base address register
    maps: BTreeMap<(usize, u8), MapId>,
    /// The windows of each function at the last query
    windows: BTreeMap<usize, Vec<Window>>,
    /// Port table without movable ports
    fixed_ports: Box<[u8]>,
}

impl Snapshot for PciBus {
    fn save(&self, out: &mut Vec<u8>) {
        // The rest follows from the functions' configuration spaces.
        let Self { address, functions: _, maps: _, windows: _, fixed_ports: _ } = self;
        out.extend(address.to_le_bytes());
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (address, rest) = bytes.split_first_chunk()?;
        self.address = u32::from_le_bytes(*address);
        *bytes = rest;
        Some(())
    }
}

impl PciBus {
    /// Puts a function at a place. Returns whether it was free.
    pub(super) fn place(&mut self, at: PciAddress, device: usize) -> bool {
        let free = at.slot < 32 && at.function < 8 && !self.functions.contains_key(&at);
        if free {
            self.functions.insert(at, device);
        }
        free
    }

    /// Returns the first slot from 2 on without a function; 0 and 1 are the chipset's.
    pub(super) fn free_slot(&self) -> Option<PciAddress> {
        let taken = |slot| self.functions.keys().any(|at| at.slot == slot);
        (2..32).find(|&slot| !taken(slot)).map(|slot| PciAddress { slot, function: 0 })
    }

    /// Where each function is.
    pub(super) fn places(&self) -> impl Iterator<Item = (PciAddress, usize)> {
        self.functions.iter().map(|(&at, &device)| (at, device))
    }

    /// RST#.
    pub(super) fn reset(&mut self) {
        self.address = 0;
    }

    /// Takes the port table as the one without movable ports.
    pub(super) fn keep_fixed_ports(&mut self, ports: &[u8]) {
        self.fixed_ports = ports.into();
    }

    /// Returns the function that CONFIG_ADDRESS selects, and the register that an access at `port` is to.
    ///
    /// SPEC: pci-local-bus-3.0 :: 3.2.2.3.2 Software Generation of Configuration Transactions -> bus 23:16, device 15:11, function 10:8, register 7:2, if bit 31 is set
    fn selected(&self, port: u16) -> Option<(usize, u8)> {
        let address = self.address;
        let bus = address >> 16 & 0xff;
        let at = PciAddress { slot: (address >> 11) as u8 & 31, function: (address >> 8) as u8 & 7 };
        let device = *self.functions.get(&at)?;
        (address & ENABLE != 0 && bus == 0).then_some((device, address as u8 & !3 | (port & 3) as u8))
    }
}

/// Bytes of an access that lie in the dword of CONFIG_DATA.
fn clipped(port: u16, size: u8) -> u8 {
    size.min(4 - (port & 3) as u8)
}

impl DeviceSet {
    /// IN from CONFIG_ADDRESS or CONFIG_DATA.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.1 Configuration Space Organization -> a function that is absent reads as all ones
    pub(super) fn config_port_read(&mut self, call: &mut BusCall<'_>, port: u16, size: u8) -> u32 {
        let Some(pci) = &self.pci else { return u32::MAX };
        if port == CONFIG_ADDRESS {
            return if size == 4 { pci.address } else { u32::MAX };
        }
        let Some((index, register)) = pci.selected(port) else { return u32::MAX };
        let clipped = clipped(port, size);
        match self.devices[index].pci() {
            Some(function) => {
                let value = function.config_read(&mut call.ctx(index), register, clipped);
                if clipped < 4 { value | u32::MAX << (8 * u32::from(clipped)) } else { value }
            }
            None => u32::MAX,
        }
    }

    /// OUT to CONFIG_ADDRESS or CONFIG_DATA.
    pub(super) fn config_port_write(&mut self, call: &mut BusCall<'_>, port: u16, size: u8, value: u32) {
        let Some(pci) = &mut self.pci else { return };
        if port == CONFIG_ADDRESS {
            if size == 4 {
                pci.address = value & WRITABLE;
            }
            return;
        }
        let Some((index, register)) = pci.selected(port) else { return };
        if let Some(function) = self.devices[index].pci() {
            function.config_write(&mut call.ctx(index), register, clipped(port, size), value);
            self.map_windows_of(index);
        }
    }

    /// Maps what every function answers.
    pub(super) fn map_windows(&mut self) {
        let Some(pci) = &self.pci else { return };
        let functions: Vec<usize> = pci.places().map(|(_, device)| device).collect();
        for index in functions {
            self.map_windows_of(index);
        }
    }

    /// Maps what a function answers now, where that changed.
    fn map_windows_of(&mut self, index: usize) {
        let (Some(pci), Some(function)) = (&mut self.pci, self.devices[index].pci()) else { return };
        let mut windows = Vec::new();
        function.windows(&mut windows);
        let before = pci.windows.insert(index, windows.clone()).unwrap_or_default();
        // What is behind a window may change without the window.
        let memory = &self.memory;
        for gone in before.iter().filter(|old| !old.io && !windows.iter().any(|new| new.bar == old.bar)) {
            if let Some(&map) = pci.maps.get(&(index, gone.bar)) {
                // A length of 0 reaches beyond no end.
                let _ = memory.remap(map, (GuestPhysAddr(0), 0), Region::UNASSIGNED);
            }
        }
        for window in windows.iter().filter(|window| !window.io) {
            let region = function.backing(window.bar).unwrap_or(Region::mmio(DeviceId(index as u8)));
            let map = match pci.maps.get(&(index, window.bar)) {
                Some(&map) => Some(map),
                None => new_map(memory).inspect(|&map| _ = pci.maps.insert((index, window.bar), map)),
            };
            if let Some(map) = map
                && let Err(error) = memory.remap(map, (GuestPhysAddr(window.start), window.len), region)
            {
                tracing::debug!(%error, "a base address register points beyond memory");
            }
        }
        let io = |windows: &[Window]| windows.iter().filter(|window| window.io).copied().collect::<Vec<_>>();
        if io(&before) != io(&windows) {
            self.map_ports();
        }
    }

    /// Rebuilds the port table: fixed ports take precedence over those of BARs.
    fn map_ports(&mut self) {
        let Some(pci) = &self.pci else { return };
        self.ports.copy_from_slice(&pci.fixed_ports);
        for (&index, windows) in &pci.windows {
            for window in windows.iter().filter(|window| window.io) {
                let first = (window.start as usize).min(self.ports.len());
                let end = (window.start.saturating_add(window.len) as usize).min(self.ports.len());
                for owner in self.ports[first..end].iter_mut().filter(|owner| **owner == UNASSIGNED) {
                    *owner = index as u8;
                }
            }
        }
    }

    /// Gives the configuration ports to the bus.
    pub(super) fn claim_config_ports(&mut self) {
        for port in [CONFIG_ADDRESS, CONFIG_DATA, CONFIG_DATA + 1, CONFIG_DATA + 2, CONFIG_DATA + 3] {
            let owner = &mut self.ports[usize::from(port)];
            if *owner == UNASSIGNED {
                *owner = PCI_BUS;
            }
        }
    }
}

fn new_map(memory: &Rc<GuestMemory>) -> Option<MapId> {
    memory.map("PCI", Priority::Movable, (GuestPhysAddr(0), 0), Region::UNASSIGNED).ok()
}
