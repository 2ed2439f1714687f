//! A test bench: everything that a [`Ctx`] lends, owned in one place.

use device_api::{Ctx, DmaMemory, InterruptMessage, IrqLines, MachineEvent, VmTime};
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
    pub(crate) irq: IrqLines,
    pub(crate) messages: Vec<InterruptMessage>,
    pub(crate) events: Vec<MachineEvent>,
    dma: NoMemory,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            now: VmTime::ZERO,
            irq: IrqLines::default(),
            messages: Vec::new(),
            events: Vec::new(),
            dma: NoMemory,
        }
    }

    pub(crate) fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            irq: &mut self.irq,
            messages: &mut self.messages,
            events: &mut self.events,
            dma: &mut self.dma,
        }
    }
}
