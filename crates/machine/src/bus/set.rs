//! Building the devices, and who answers where.

use device_api::{BuildConfig, Device, DeviceDecl, DeviceError, MmioRange, PortRange, declarations};
use guest_memory::{DeviceId, GuestMemory, MapError, MapId, Priority, Region};
use std::rc::Rc;
use thiserror::Error;
use x86_types::GuestPhysAddr;

/// Two claims to the same place, or one to a place that does not exist.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Conflict {
    /// Two devices want the same ports
    #[error("devices {first} and {second} both answer {}", ports(*from, *to))]
    Ports {
        /// Who came first
        first: &'static str,
        /// Who came second
        second: &'static str,
        /// First port in common
        from: u16,
        /// Last port of this run
        to: u16,
    },
    /// A device wants ports behind the last one
    #[error("device {id} answers ports from {start:#x}, which end behind 0xffff")]
    PortsEnd {
        /// Which device
        id: &'static str,
        /// Its first port
        start: u16,
    },
    /// A device wants memory that another device or RAM has, or that does not exist
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
    /// More devices than the port table can name
    #[error("{count} devices are more than the 254 that a machine can have; link fewer")]
    TooMany {
        /// How many
        count: usize,
    },
}

fn ports(from: u16, to: u16) -> String {
    if from == to { format!("port {from:#x}") } else { format!("ports {from:#x} to {to:#x}") }
}

fn list(conflicts: &[Conflict]) -> String {
    conflicts.iter().map(Conflict::to_string).collect::<Vec<_>>().join("; ")
}

/// No device answers.
pub(super) const NOBODY: u8 = 0xff;

/// All devices of a machine, in building order, and the tables that find them.
pub struct DeviceSet {
    pub(super) devices: Vec<Box<dyn Device>>,
    /// Device index by port
    pub(super) ports: Box<[u8]>,
    /// Says which device answers an address
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
    /// Devices with deadlines
    pub(super) timed: Vec<usize>,
}

impl DeviceSet {
    /// Builds every device that is linked into the program.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build(config: &mut BuildConfig<'_>, memory: &Rc<GuestMemory>) -> Result<Self, BusError> {
        Self::build_from(&declarations(), config, memory)
    }

    /// Builds the devices declared, and maps their registers into `memory`.
    ///
    /// # Errors
    /// Every kind of [`BusError`].
    pub fn build_from(
        decls: &[&'static DeviceDecl],
        config: &mut BuildConfig<'_>,
        memory: &Rc<GuestMemory>,
    ) -> Result<Self, BusError> {
        let mut set = DeviceSet {
            devices: Vec::new(),
            ports: vec![NOBODY; 1 << 16].into_boxed_slice(),
            memory: Rc::clone(memory),
            locals: Vec::new(),
            moved_apic: None,
            legacy: None,
            coprocessor_error: None,
            listeners: Vec::new(),
            timed: Vec::new(),
        };
        let instances = |decl: &DeviceDecl| if decl.per_processor { config.processors } else { 1 };
        let count = decls.iter().map(|decl| instances(decl) as usize).sum();
        if count >= usize::from(NOBODY) {
            return Err(BusError::TooMany { count });
        }
        let mut conflicts = Vec::new();
        for decl in decls {
            for processor in 0..if decl.per_processor { config.processors } else { 1 } {
                config.processor = processor;
                let dynamic = decl.dynamic_ports.map(|ports| ports(config)).unwrap_or_default();
                let Some(device) = (decl.build)(config)? else { continue };
                let index = set.devices.len();
                set.devices.push(device);
                set.note_capabilities(index);
                // Which of several is meant follows from the processor that accesses them.
                if processor > 0 {
                    continue;
                }
                for range in decl.ports.iter().copied().chain(dynamic) {
                    set.claim_ports(index, range, &mut conflicts);
                }
                for range in decl.mmio {
                    set.claim_memory(index, *range, &mut conflicts);
                }
            }
        }
        if !conflicts.is_empty() {
            return Err(BusError::Conflicts(conflicts));
        }
        if let Some(&first) = set.locals.first() {
            let (id, nowhere) = (set.devices[first].id(), (GuestPhysAddr(0), 0));
            set.moved_apic = memory.map(id, Priority::Processor, nowhere, Region::UNASSIGNED).ok();
        }
        Ok(set)
    }

    fn claim_ports(&mut self, index: usize, range: PortRange, conflicts: &mut Vec<Conflict>) {
        let id = self.devices[index].id();
        if u32::from(range.start) + u32::from(range.len) > 1 << 16 {
            conflicts.push(Conflict::PortsEnd { id, start: range.start });
        }
        let from = usize::from(range.start);
        let mut previous = NOBODY;
        for (port, owner) in self.ports.iter_mut().enumerate().skip(from).take(usize::from(range.len)) {
            let port = port as u16;
            match (*owner, conflicts.last_mut()) {
                (NOBODY, _) => *owner = index as u8,
                // The same two devices, one port further on.
                (taken, Some(Conflict::Ports { to, .. })) if taken == previous => *to = port,
                (taken, _) => {
                    let first = self.devices[usize::from(taken)].id();
                    conflicts.push(Conflict::Ports { first, second: id, from: port, to: port });
                }
            }
            previous = if *owner == index as u8 { NOBODY } else { *owner };
        }
    }

    fn claim_memory(&mut self, index: usize, range: MmioRange, conflicts: &mut Vec<Conflict>) {
        let region = Region::mmio(DeviceId(index as u8));
        let id = self.devices[index].id();
        if let Err(error) = self.memory.map(id, Priority::Fixed, (range.start, range.len), region) {
            conflicts.push(error.into());
        }
    }

    fn note_capabilities(&mut self, index: usize) {
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
        if device.timed().is_some() {
            self.timed.push(index);
        }
    }

    /// Ids in building order.
    pub fn ids(&self) -> Vec<&'static str> {
        self.devices.iter().map(|device| device.id()).collect()
    }
}
