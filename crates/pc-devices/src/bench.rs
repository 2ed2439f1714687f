//! A test bench: everything that a [`Ctx`] lends, owned in one place.

use device_api::{Ctx, DmaMemory, Driver, InterruptMessage, Lines, MachineEvent, VmTime};
use x86_types::GuestPhysAddr;

/// No memory.
pub(crate) struct NoMemory;

impl DmaMemory for NoMemory {
    fn read(&mut self, _address: GuestPhysAddr, bytes: &mut [u8]) {
        bytes.fill(0xff);
    }
    fn write(&mut self, _address: GuestPhysAddr, _bytes: &[u8]) {}
}

/// Lines, messages, events and the time.
pub(crate) struct Bench {
    pub(crate) now: VmTime,
    pub(crate) irq: Lines,
    pub(crate) messages: Vec<InterruptMessage>,
    pub(crate) events: Vec<MachineEvent>,
    dma: NoMemory,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            now: VmTime::ZERO,
            irq: Lines::default(),
            messages: Vec::new(),
            events: Vec::new(),
            dma: NoMemory,
        }
    }

    pub(crate) fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            lines: self.irq.pins(Driver(0)),
            messages: &mut self.messages,
            events: &mut self.events,
            dma: &mut self.dma,
        }
    }
}
