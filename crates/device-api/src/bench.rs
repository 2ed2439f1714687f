//! A test bench for devices: it owns everything that a [`Ctx`] borrows.

use crate::{
    Attached, Backends, BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DeviceId, DmaMemory, Driver,
    InterruptMessage, Lines, MachineEvent, PortRange, Properties, VmTime,
};
use guest_memory::{GuestMemory, MemoryError};
use std::rc::Rc;
use x86_types::GuestPhysAddr;

/// Guest memory as bus masters reach it.
struct Dma(Rc<GuestMemory>);

impl DmaMemory for Dma {
    fn read(&mut self, address: GuestPhysAddr, bytes: &mut [u8]) {
        self.0.read(address, bytes);
    }
    fn write(&mut self, address: GuestPhysAddr, bytes: &[u8]) {
        self.0.write(address, bytes);
    }
}

/// Memory, wires, messages, events, back ends and the time.
pub struct Bench {
    /// Now
    pub now: VmTime,
    /// Wires
    pub irq: Lines,
    /// Messages that devices sent
    pub messages: Vec<InterruptMessage>,
    /// Requests of devices to the machine
    pub events: Vec<MachineEvent>,
    /// RAM
    pub memory: Rc<GuestMemory>,
    /// What devices are built with
    pub backends: Backends,
    /// Ports that the device last built answers beside those of its declaration
    pub ports: Vec<PortRange>,
    /// Processors that devices are built for
    pub processors: u32,
    dma: Dma,
}

impl Bench {
    /// Returns a bench with `ram` bytes of memory.
    ///
    /// # Errors
    /// The host has none.
    pub fn with_ram(ram: u64) -> Result<Self, MemoryError> {
        let memory = Rc::new(GuestMemory::new(ram)?);
        Ok(Self {
            now: VmTime::ZERO,
            irq: Lines::default(),
            messages: Vec::new(),
            events: Vec::new(),
            dma: Dma(Rc::clone(&memory)),
            memory,
            backends: Backends::default(),
            ports: Vec::new(),
            processors: 1,
        })
    }

    /// Returns what a device is given in a call.
    pub fn ctx(&mut self) -> Ctx<'_> {
        self.ctx_of(Driver(0))
    }

    /// Returns what the device with this number is given in a call.
    pub fn ctx_of(&mut self, driver: Driver) -> Ctx<'_> {
        Ctx {
            now: self.now,
            lines: self.irq.pins(driver),
            messages: &mut self.messages,
            events: &mut self.events,
            memory: &self.memory,
            device: DeviceId(driver.0),
            dma: &mut self.dma,
        }
    }

    /// Builds a device with properties, and with others attached to it.
    ///
    /// # Errors
    /// Properties that it does not have, and errors of its constructor.
    pub fn build(
        &mut self,
        decl: &'static DeviceDecl,
        properties: &[(&str, &str)],
        attached: &[(&'static DeviceDecl, &[(&str, &str)])],
    ) -> Result<Box<dyn Device>, DeviceError> {
        let attached: Result<Vec<_>, _> = attached
            .iter()
            .enumerate()
            .map(|(n, (decl, list))| {
                let id = format!("{}{n}", decl.id);
                Ok(Attached { decl, properties: checked(decl, list)?, id })
            })
            .collect();
        let (attached, properties) = (attached?, checked(decl, properties)?);
        let mut config = BuildConfig {
            ram_bytes: self.memory.layout().size(),
            epoch_seconds: 1_700_000_000,
            processors: self.processors,
            processor: 0,
            id: decl.id,
            properties: &properties,
            attached: &attached,
            backends: &mut self.backends,
            memory: &self.memory,
            device: DeviceId(0),
            ports: Vec::new(),
        };
        let device = (decl.build)(&mut config);
        self.ports = config.ports;
        device
    }
}

fn checked(decl: &DeviceDecl, list: &[(&str, &str)]) -> Result<Properties, DeviceError> {
    let list: Vec<_> = list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Properties::new(decl.properties, &list).map_err(|reason| DeviceError { id: decl.id.to_owned(), reason })
}
