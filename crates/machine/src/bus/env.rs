//! What surrounds the devices while they are called.

use device_api::{Ctx, DmaMemory, InterruptMessage, IrqLine, IrqLines, MachineEvents, Snapshot, VmTime};

/// What devices may change while they are called.
#[derive(Default)]
pub struct BusEnv {
    /// Interrupt lines
    pub irq: IrqLines,
    /// Interrupt messages on their way
    pub messages: Vec<InterruptMessage>,
    /// What devices want of the machine
    pub events: MachineEvents,
}

/// Between accesses the levels of the lines are all there is: messages have arrived, events belong to the run loop.
impl Snapshot for BusEnv {
    fn save(&self, out: &mut Vec<u8>) {
        let levels =
            (0..32).fold(0_u32, |levels, line| levels | u32::from(self.irq.level(IrqLine(line))) << line);
        out.extend(levels.to_le_bytes());
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (levels, rest) = bytes.split_first_chunk()?;
        let levels = u32::from_le_bytes(*levels);
        *self = Self::default();
        for line in 0..32 {
            self.irq.set(IrqLine(line), levels & 1 << line != 0);
        }
        // The devices' own states hold what followed from the levels.
        self.irq.take_changes();
        *bytes = rest;
        Some(())
    }
}

/// A call to one device with what is around it.
pub(super) struct Call<'a> {
    pub(super) env: &'a mut BusEnv,
    pub(super) dma: &'a mut dyn DmaMemory,
    pub(super) now: VmTime,
}

impl Call<'_> {
    pub(super) fn ctx(&mut self) -> Ctx<'_> {
        Ctx {
            now: self.now,
            irq: &mut self.env.irq,
            messages: &mut self.env.messages,
            events: &mut self.env.events,
            dma: self.dma,
        }
    }
}
