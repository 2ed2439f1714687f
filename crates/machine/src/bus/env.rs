//! What surrounds the devices while they are called.

use device_api::{Ctx, DeviceId, DmaMemory, Driver, InterruptMessage, Lines, MachineEvents, VmTime};
use guest_memory::GuestMemory;
use std::rc::Rc;

/// What devices may change while they are called.
pub struct BusEnv {
    /// Wires
    pub lines: Lines,
    /// Interrupt messages on their way
    pub messages: Vec<InterruptMessage>,
    /// Requests of the devices to the machine
    pub events: MachineEvents,
    /// The processor that performs the access
    pub processor: usize,
    pub(super) memory: Rc<GuestMemory>,
    /// Slot on the PCI bus by device
    pub(super) slots: Vec<u8>,
    /// Devices called since the last query of deadlines
    pub(super) called: Vec<usize>,
}

impl BusEnv {
    /// Returns what surrounds devices that share this memory.
    pub fn new(memory: &Rc<GuestMemory>) -> Self {
        Self {
            lines: Lines::default(),
            messages: Vec::new(),
            events: Vec::new(),
            processor: 0,
            memory: Rc::clone(memory),
            slots: Vec::new(),
            called: Vec::new(),
        }
    }

    /// Returns the same surroundings with all wires low and nothing on its way.
    pub(crate) fn quiet(&self) -> Self {
        Self { slots: self.slots.clone(), ..Self::new(&self.memory) }
    }
}

/// A call of devices: what they may change, guest memory for bus masters, and the time.
pub struct BusCall<'a> {
    /// What devices may change
    pub env: &'a mut BusEnv,
    /// Guest memory as bus masters reach it
    pub dma: &'a mut dyn DmaMemory,
    /// Now
    pub now: VmTime,
}

impl BusCall<'_> {
    /// Returns what the device at `index` is given.
    pub(super) fn ctx(&mut self, index: usize) -> Ctx<'_> {
        let env = &mut *self.env;
        env.called.push(index);
        let slot = env.slots.get(index).copied().unwrap_or(0);
        // The tables of devices hold at most 253.
        let number = index as u8;
        Ctx {
            now: self.now,
            lines: env.lines.pins_of_slot(Driver(number), slot),
            messages: &mut env.messages,
            events: &mut env.events,
            memory: &env.memory,
            device: DeviceId(number),
            dma: self.dma,
        }
    }
}
