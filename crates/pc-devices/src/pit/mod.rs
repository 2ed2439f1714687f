//! The 8254 timer and port 61h.

mod chip;
mod counter;
mod spec;
#[cfg(test)]
mod tests;
mod wave;

use crate::{codec::codec_struct, codec::snapshot_of, lanes};
use device_api::{Ctx, Device, DeviceDecl, IrqLine, Pio, PortRange, Stage, Timed, VmTime, declare_device};

const ID: &str = "pit-8254";
const IRQ: IrqLine = IrqLine(0);

/// The timer on the bus.
#[derive(Debug, Default)]
pub struct Pit {
    state: State,
}

#[derive(Debug, Default)]
struct State {
    chip: chip::Chip,
    /// How the interrupt line was driven last: it is touched only when OUT changes, since the HPET may drive it too
    driven: bool,
}
codec_struct!(State { chip, driven });
snapshot_of!(Pit, state);

impl Pit {
    /// Brings the chip up to now and passes the changes of OUT 0 on. A pulse that came and went counts as an edge.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        let State { chip, driven } = &mut self.state;
        let rose = chip.settle(ctx.now);
        if rose {
            if *driven {
                ctx.irq.set(IRQ, false);
            }
            ctx.irq.set(IRQ, true);
            *driven = true;
        }
        self.drive(ctx);
    }

    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        let out = self.state.chip.out0(ctx.now);
        if self.state.driven != out {
            self.state.driven = out;
            ctx.irq.set(IRQ, out);
        }
    }
}

impl Device for Pit {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state.chip = chip::Chip::default();
        self.drive(ctx);
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
    fn timed(&mut self) -> Option<&mut dyn Timed> {
        Some(self)
    }
}

impl Pio for Pit {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.settle(ctx);
        lanes::read(port, size, |port| self.state.chip.read(ctx.now, port))
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.settle(ctx);
        lanes::write(port, size, value, |port, byte| self.state.chip.write(ctx.now, port, byte));
        self.drive(ctx);
    }
}

impl Timed for Pit {
    fn next_deadline(&self) -> Option<VmTime> {
        self.state.chip.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8254 interval timer and system control port B",
    stage: Stage::Timers,
    ports: &[PortRange { start: spec::COUNTER0, len: 4 }, PortRange { start: spec::PORT_B, len: 1 },],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(Pit::default()))),
});
