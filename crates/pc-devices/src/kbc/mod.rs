//! The 8042 keyboard controller with a keyboard and a mouse.

mod chip;
mod fifo;
mod keyboard;
mod mouse;
mod scancodes;
mod spec;
#[cfg(test)]
mod tests;
mod translate;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use chip::Chip;
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, HostEvent, IrqLine, MachineEvent, Pio, PortRange, Stage, Timed,
    VmTime, capabilities, declare_device,
};

const ID: &str = "i8042";
const IRQS: [IrqLine; 2] = [IrqLine(1), IrqLine(12)];

/// The controller on its ports.
#[derive(Debug, Default)]
pub struct Kbc {
    chip: Chip,
}

snapshot_of!(Kbc, chip);

impl Kbc {
    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.catch_up(ctx.now);
        for (line, high) in IRQS.into_iter().zip(self.chip.irqs()) {
            ctx.lines.set(line, high);
        }
        ctx.lines.open_a20(self.chip.a20());
    }
}

impl Device for Kbc {
    capabilities!(pio, timed);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.fixed.has_8042 = true;
        let keyboard = Node {
            name: "KBD_",
            eisa: "PNP0303",
            ports: &[(spec::DATA, 1), (spec::COMMAND, 1)],
            irq: Some(1),
            ..Node::default()
        };
        keyboard.write(&mut tables.bus);
        Node { name: "MOU_", eisa: "PNP0F13", irq: Some(12), ..Node::default() }.write(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip = Chip::default();
        self.drive(ctx);
    }
    fn host_event(&mut self, ctx: &mut Ctx<'_>, event: HostEvent) {
        if let HostEvent::Input(event) = event {
            self.chip.input(ctx.now, event);
            self.drive(ctx);
        }
    }
}

impl Pio for Kbc {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.chip.catch_up(ctx.now);
        let value = lanes::read(port, size, |port| {
            let (byte, taken) = self.chip.read_port(ctx.now, port);
            if taken {
                // The lines fall before the next byte raises them again.
                IRQS.into_iter().for_each(|line| ctx.lines.set(line, false));
            }
            byte
        });
        self.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.chip.catch_up(ctx.now);
        lanes::write(port, size, value, |port, byte| {
            if self.chip.write_port(port, byte) {
                ctx.events.push(MachineEvent::Init);
            }
        });
        self.drive(ctx);
    }
}

impl Timed for Kbc {
    fn next_deadline(&self) -> Option<VmTime> {
        self.chip.next_event()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.drive(ctx);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8042 keyboard controller with a keyboard and a mouse",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: spec::DATA, len: 1 }, PortRange { start: spec::COMMAND, len: 1 }],
    build: |_| Ok(Box::new(Kbc::default())),
    ..DeviceDecl::DEFAULT
});
