//! Building the devices, and who answers where.

use device_api::{BuildConfig, Device, DeviceDecl, DeviceError, MmioRange, PortRange, declarations};
use thiserror::Error;
use x86_types::GuestPhysAddr;

/// Why the devices could not be put together.
#[derive(Debug, Error)]
pub enum BusError {
    /// Two devices want the same port
    #[error("devices {first} and {second} both answer port {port:#x}; leave one out")]
    PortConflict {
        /// Who came first
        first: &'static str,
        /// Who came second
        second: &'static str,
        /// Which port
        port: u32,
    },
    /// Two devices want the same memory
    #[error("devices {first} and {second} both answer memory at {address}; leave one out")]
    MmioConflict {
        /// Who came first
        first: &'static str,
        /// Who came second
        second: &'static str,
        /// The first address in common
        address: GuestPhysAddr,
    },
    /// A device could not be built
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// More devices than the port table can name
    #[error("{count} devices are more than the 254 that a machine can have; link fewer")]
    TooMany {
        /// How many
        count: usize,
    },
}

/// No device answers.
pub(super) const NOBODY: u8 = 0xff;

/// All devices of a machine, in building order, and the tables that find them.
pub struct DeviceSet {
    pub(super) devices: Vec<Box<dyn Device>>,
    /// Device index by port
    pub(super) ports: Box<[u8]>,
    /// Ranges by start address
    pub(super) mmio: Vec<(MmioRange, u8)>,
    /// Index of the local APIC
    pub(super) local: Option<usize>,
    /// Index of the 8259A pair
    pub(super) legacy: Option<usize>,
    /// Devices that listen to interrupt lines
    pub(super) listeners: Vec<usize>,
    /// Devices with deadlines
    pub(super) timed: Vec<usize>,
}

impl DeviceSet {
    /// Builds every device that is linked into the program.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build(config: &mut BuildConfig<'_>) -> Result<Self, BusError> {
        Self::build_from(&declarations(), config)
    }

    /// Builds the devices declared.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build_from(decls: &[&'static DeviceDecl], config: &mut BuildConfig<'_>) -> Result<Self, BusError> {
        let mut set = DeviceSet {
            devices: Vec::new(),
            ports: vec![NOBODY; 1 << 16].into_boxed_slice(),
            mmio: Vec::new(),
            local: None,
            legacy: None,
            listeners: Vec::new(),
            timed: Vec::new(),
        };
        if decls.len() >= usize::from(NOBODY) {
            return Err(BusError::TooMany { count: decls.len() });
        }
        for decl in decls {
            let dynamic = decl.dynamic_ports.map(|ports| ports(config)).unwrap_or_default();
            let Some(device) = (decl.build)(config)? else { continue };
            let index = set.devices.len();
            set.devices.push(device);
            for range in decl.ports {
                set.claim_ports(index, *range)?;
            }
            for range in dynamic {
                set.claim_ports(index, range)?;
            }
            for range in decl.mmio {
                set.claim_memory(index, *range)?;
            }
            set.note_capabilities(index);
        }
        set.mmio.sort_by_key(|(range, _)| range.start);
        Ok(set)
    }

    fn claim_ports(&mut self, index: usize, range: PortRange) -> Result<(), BusError> {
        for port in u32::from(range.start)..(u32::from(range.start) + u32::from(range.len)).min(1 << 16) {
            let owner = &mut self.ports[port as usize];
            if *owner != NOBODY {
                let (first, second) = (usize::from(*owner), index);
                let (first, second) = (self.devices[first].id(), self.devices[second].id());
                return Err(BusError::PortConflict { first, second, port });
            }
            *owner = index as u8;
        }
        Ok(())
    }

    fn claim_memory(&mut self, index: usize, range: MmioRange) -> Result<(), BusError> {
        for (other, owner) in &self.mmio {
            let start = other.start.max(range.start);
            let end = other.start.0.saturating_add(other.len).min(range.start.0.saturating_add(range.len));
            if start.0 < end {
                let (first, second) = (self.devices[usize::from(*owner)].id(), self.devices[index].id());
                return Err(BusError::MmioConflict { first, second, address: start });
            }
        }
        self.mmio.push((range, index as u8));
        Ok(())
    }

    fn note_capabilities(&mut self, index: usize) {
        let device = &mut self.devices[index];
        if device.local_controller().is_some() {
            self.local.get_or_insert(index);
        }
        if device.legacy_controller().is_some() {
            self.legacy.get_or_insert(index);
        }
        if device.irq_inputs().is_some() {
            self.listeners.push(index);
        }
        if device.timed().is_some() {
            self.timed.push(index);
        }
    }

    /// Ids in building order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.devices.iter().map(|device| device.id()).collect()
    }

    /// Appends every device's state.
    pub fn save(&self, out: &mut Vec<u8>) {
        for device in &self.devices {
            device.save(out);
        }
    }
}
