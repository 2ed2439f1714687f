//! Builds the devices and the address map.

use super::BusEnv;
use super::instances::{Instance, instances};
use super::pci::PciBus;
use device_api::{
    Backends, BuildConfig, Device, DeviceDecl, DeviceError, DeviceSpec, FirmwareConfig, FirmwareTables,
    MmioRange, PciAddress, PortRange, VmTime, declarations,
};
use guest_memory::{DeviceId, GuestMemory, MapError, MapId, Priority, Region};
use std::rc::Rc;
use thiserror::Error;
use x86_types::GuestPhysAddr;

/// Two claims to the same place, or one to a place that does not exist.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Conflict {
    /// Two devices claim the same ports
    #[error("devices {first} and {second} both claim {}", ports(*from, *to))]
    Ports {
        /// The first device
        first: &'static str,
        /// The second device
        second: &'static str,
        /// First port in common
        from: u16,
        /// Last port of this run
        to: u16,
    },
    /// A device claims ports beyond the last one
    #[error("device {id} claims ports from {start:#x} that extend beyond 0xffff")]
    PortsEnd {
        /// Which device
        id: &'static str,
        /// Its first port
        start: u16,
    },
    /// A device claims memory of another device or of RAM, or beyond the address space
    #[error(transparent)]
    Memory(#[from] MapError),
}

/// Why the devices could not be put together.
#[derive(Debug, Error)]
pub enum BusError {
    /// Devices are in each other's way; every place is named
    #[error("{}; leave one out", list(.0))]
    Conflicts(Vec<Conflict>),
    /// A device could not be built
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A requested device does not exist
    #[error("no device is called {model}; there are {}", models.join(", "))]
    Unknown {
        /// The requested model
        model: String,
        /// What there is
        models: Vec<&'static str>,
    },
    /// More devices than the port table can name
    #[error("{count} devices are more than the {MAX_DEVICES} that a machine can have; leave some out")]
    TooMany {
        /// How many
        count: usize,
    },
}

/// Devices that a machine has at most.
const MAX_DEVICES: usize = PCI_BUS as usize;

/// What a board is made of.
pub struct BoardConfig<'a> {
    /// Seconds since 1970 at power-on
    pub epoch_seconds: u64,
    /// Number of processors
    pub processors: u32,
    /// Requested devices, in addition to those of every machine
    pub devices: &'a [DeviceSpec],
    /// Devices of every machine that this one lacks, by model
    pub left_out: &'a [&'static str],
    /// What the host supplies
    pub backends: &'a mut Backends,
}

fn ports(from: u16, to: u16) -> String {
    if from == to { format!("port {from:#x}") } else { format!("ports {from:#x} to {to:#x}") }
}

fn list(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(Conflict::to_string).collect::<Vec<_>>().join("; ")
}

/// No device answers.
pub(super) const UNASSIGNED: u8 = 0xff;
/// The PCI bus answers.
pub(super) const PCI_BUS: u8 = 0xfe;

/// All devices of a machine, in building order, and the tables that find them.
pub struct DeviceSet {
    pub(super) devices: Vec<Box<dyn Device>>,
    /// Names of the instances
    pub(super) names: Vec<String>,
    /// Device index by port
    pub(super) ports: Box<[u8]>,
    /// The map from addresses to devices
    pub(super) memory: Rc<GuestMemory>,
    /// Local APICs by processor
    pub(super) locals: Vec<usize>,
    /// Where a local APIC's page is seen that was moved; beside the place where it is after a reset
    pub(super) moved_apic: Option<MapId>,
    /// Index of the 8259A pair
    pub(super) legacy: Option<usize>,
    /// Index of the coprocessor error logic
    pub(super) coprocessor_error: Option<usize>,
    /// Devices that listen to interrupt lines
    pub(super) listeners: Vec<usize>,
    /// Devices that make requests of the host
    pub(super) host_io: Vec<usize>,
    /// Index of the 8237A pair
    pub(super) dma_controller: Option<usize>,
    /// The PCI bus, where there are functions
    pub(super) pci: Option<PciBus>,
    /// Next deadline by device, and the earliest of them
    pub(super) deadlines: Vec<Option<VmTime>>,
    pub(super) earliest: Option<VmTime>,
}

impl DeviceSet {
    /// Builds the devices that every machine has and those that are requested, from the declarations linked into the
    /// program.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build(
        config: &mut BoardConfig<'_>,
        memory: &Rc<GuestMemory>,
        env: &mut BusEnv,
    ) -> Result<Self, BusError> {
        Self::build_from(&declarations(), config, memory, env)
    }

    /// Builds devices of these declarations, and maps their registers into `memory`.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build_from(
        decls: &[&'static DeviceDecl],
        config: &mut BoardConfig<'_>,
        memory: &Rc<GuestMemory>,
        env: &mut BusEnv,
    ) -> Result<Self, BusError> {
        let mut set = DeviceSet {
            devices: Vec::new(),
            names: Vec::new(),
            ports: vec![UNASSIGNED; 1 << 16].into_boxed_slice(),
            memory: Rc::clone(memory),
            locals: Vec::new(),
            moved_apic: None,
            legacy: None,
            coprocessor_error: None,
            listeners: Vec::new(),
            host_io: Vec::new(),
            dma_controller: None,
            pci: None,
            deadlines: Vec::new(),
            earliest: None,
        };
        let instances = instances(decls, config.devices, config.left_out, config.processors)?;
        if instances.len() >= MAX_DEVICES {
            return Err(BusError::TooMany { count: instances.len() });
        }
        let mut conflicts = Vec::new();
        for instance in &instances {
            let index = set.devices.len();
            let mut build = BuildConfig {
                ram_bytes: memory.layout().size(),
                epoch_seconds: config.epoch_seconds,
                processors: config.processors,
                processor: instance.processor,
                id: &instance.id,
                properties: &instance.properties,
                attached: &instance.attached,
                backends: config.backends,
                memory,
                device: DeviceId(index as u8),
                ports: Vec::new(),
            };
            let device = (instance.decl.build)(&mut build)?;
            let ports = build.ports;
            set.devices.push(device);
            set.names.push(instance.id.clone());
            set.record_capabilities(index);
            // Which of several is meant follows from the processor that accesses them.
            if instance.processor > 0 {
                continue;
            }
            for range in instance.decl.ports.iter().copied().chain(ports) {
                set.claim_ports(index, range, &mut conflicts);
            }
            for range in instance.decl.mmio {
                set.claim_memory(index, *range, &mut conflicts);
            }
        }
        if !conflicts.is_empty() {
            return Err(BusError::Conflicts(conflicts));
        }
        set.place_functions(&instances, env)?;
        if let Some(&first) = set.locals.first() {
            let (id, nowhere) = (set.devices[first].id(), (GuestPhysAddr(0), 0));
            set.moved_apic = memory.map(id, Priority::Processor, nowhere, Region::UNASSIGNED).ok();
        }
        set.query_deadlines();
        Ok(set)
    }

    /// Assigns a PCI address to every function: first the fixed ones, then the others in the order of the requests.
    fn place_functions(&mut self, instances: &[Instance], env: &mut BusEnv) -> Result<(), BusError> {
        let mut bus = PciBus::default();
        env.slots = vec![0; self.devices.len()];
        let mut order: Vec<usize> = (0..instances.len()).collect();
        order.sort_by_key(|&n| (instances[n].address.is_none(), instances[n].order));
        for n in order {
            let Instance { id, address, .. } = &instances[n];
            let error = |reason: String| BusError::Device(DeviceError { id: id.clone(), reason });
            if self.devices[n].pci().is_none() {
                if let Some(PciAddress { slot, function }) = address {
                    return Err(error(format!(
                        "it is no PCI function, and cannot be at {slot:02x}.{function}"
                    )));
                }
                continue;
            }
            let at = match *address {
                Some(at) => at,
                None => {
                    bus.free_slot().ok_or_else(|| error("all 32 slots of the PCI bus are taken".into()))?
                }
            };
            if !bus.place(at, n) {
                let PciAddress { slot, function } = at;
                return Err(error(format!(
                    "the PCI slot {slot:02x}.{function} is taken; choose another addr"
                )));
            }
            env.slots[n] = at.slot;
        }
        if bus.places().next().is_some() {
            self.claim_config_ports();
            bus.keep_fixed_ports(&self.ports);
            self.pci = Some(bus);
            self.map_windows();
        }
        Ok(())
    }

    fn claim_ports(&mut self, index: usize, range: PortRange, conflicts: &mut Vec<Conflict>) {
        let id = self.devices[index].id();
        if u32::from(range.start) + u32::from(range.len) > 1 << 16 {
            conflicts.push(Conflict::PortsEnd { id, start: range.start });
        }
        let from = usize::from(range.start);
        let mut previous = UNASSIGNED;
        for (port, owner) in self.ports.iter_mut().enumerate().skip(from).take(usize::from(range.len)) {
            let port = port as u16;
            match (*owner, conflicts.last_mut()) {
                (UNASSIGNED, _) => *owner = index as u8,
                // The same two devices, one port further on.
                (taken, Some(Conflict::Ports { to, .. })) if taken == previous => *to = port,
                (taken, _) => {
                    let first = self.devices[usize::from(taken)].id();
                    conflicts.push(Conflict::Ports { first, second: id, from: port, to: port });
                }
            }
            previous = if *owner == index as u8 { UNASSIGNED } else { *owner };
        }
    }

    fn claim_memory(&mut self, index: usize, range: MmioRange, conflicts: &mut Vec<Conflict>) {
        let region = Region::mmio(DeviceId(index as u8));
        let id = self.devices[index].id();
        if let Err(error) = self.memory.map(id, Priority::Fixed, (range.start, range.len), region) {
            conflicts.push(error.into());
        }
    }

    fn record_capabilities(&mut self, index: usize) {
        let device = &mut self.devices[index];
        if device.local_controller().is_some() {
            self.locals.push(index);
        }
        if device.legacy_controller().is_some() {
            self.legacy.get_or_insert(index);
        }
        if device.coprocessor_error().is_some() {
            self.coprocessor_error.get_or_insert(index);
        }
        if device.irq_inputs().is_some() {
            self.listeners.push(index);
        }
        if device.host_io().is_some() {
            self.host_io.push(index);
        }
        if device.dma_controller().is_some() {
            self.dma_controller.get_or_insert(index);
        }
    }

    /// Returns the entries of the devices in firmware's tables.
    pub fn firmware_tables(&self) -> FirmwareTables {
        let mut tables = FirmwareTables::default();
        self.devices.iter().for_each(|device| device.firmware_tables(&mut tables));
        tables
    }

    /// Returns the device by which firmware gets its configuration.
    pub fn firmware_config(&mut self) -> Option<&mut dyn FirmwareConfig> {
        self.devices.iter_mut().find_map(|device| device.firmware_config())
    }

    /// Models of the devices in building order.
    pub fn models(&self) -> Vec<&'static str> {
        self.devices.iter().map(|device| device.id()).collect()
    }
}
