//! The 8042 keyboard controller.

mod chip;
mod keyboard;
mod spec;
#[cfg(test)]
mod tests;

use crate::{codec::snapshot_of, lanes};
use chip::Effect;
use device_api::{Ctx, Device, DeviceDecl, IrqLine, MachineEvent, Pio, PortRange, Stage, declare_device};

const ID: &str = "kbc-8042";
const IRQS: [IrqLine; 2] = [IrqLine(1), IrqLine(12)];

/// The controller on the bus.
#[derive(Debug, Default)]
pub struct Kbc {
    state: chip::Chip,
}

snapshot_of!(Kbc, state);

impl Kbc {
    fn drive(&self, ctx: &mut Ctx<'_>) {
        for (line, high) in IRQS.into_iter().zip(self.state.irqs()) {
            ctx.irq.set(line, high);
        }
    }

    /// A byte of a key's scan code, as the guest is to read it.
    pub fn key(&mut self, ctx: &mut Ctx<'_>, byte: u8) {
        self.state.key(byte);
        self.drive(ctx);
    }
}

impl Device for Kbc {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state = chip::Chip::default();
        self.drive(ctx);
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
}

impl Pio for Kbc {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| {
            let (byte, taken) = self.state.read(port);
            if taken {
                // The lines fall before the next byte raises them again.
                IRQS.into_iter().for_each(|line| ctx.irq.set(line, false));
                self.drive(ctx);
            }
            byte
        })
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| {
            match self.state.write(port, byte) {
                Some(Effect::Reset) => ctx.events.push(MachineEvent::Reset),
                Some(Effect::A20(open)) => ctx.events.push(MachineEvent::A20(open)),
                None => {}
            }
            self.drive(ctx);
        });
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8042 keyboard controller with a keyboard",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: spec::DATA, len: 1 }, PortRange { start: spec::COMMAND, len: 1 }],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(Kbc::default()))),
});
