//! What surrounds the devices while they are called.

use device_api::{Ctx, DmaMemory, Driver, InterruptMessage, Lines, MachineEvents, VmTime};

/// What devices may change while they are called.
#[derive(Default)]
pub struct BusEnv {
    /// Wires
    pub lines: Lines,
    /// Interrupt messages on their way
    pub messages: Vec<InterruptMessage>,
    /// What devices want of the machine
    pub events: MachineEvents,
    /// The processor whose access this is
    pub processor: usize,
}

/// A call to one device with what is around it.
pub(super) struct Call<'a> {
    pub(super) env: &'a mut BusEnv,
    pub(super) dma: &'a mut dyn DmaMemory,
    pub(super) now: VmTime,
}

impl Call<'_> {
    /// What the device at `index` is given.
    pub(super) fn ctx(&mut self, index: usize) -> Ctx<'_> {
        Ctx {
            now: self.now,
            // The tables of devices hold at most 254.
            lines: self.env.lines.pins(Driver(index as u8)),
            messages: &mut self.env.messages,
            events: &mut self.env.events,
            dma: self.dma,
        }
    }
}
