//! The 8042 keyboard controller.

mod chip;
mod keyboard;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{
    Ctx, DeviceDecl, FirmwareTables, IrqLine, MachineEvent, PortRange, Stage, VmTime, declare_device,
};

const ID: &str = "kbc-8042";
const IRQS: [IrqLine; 2] = [IrqLine(1), IrqLine(12)];

type Kbc = OnPorts<chip::Chip>;

impl PortChip for chip::Chip {
    const ID: &'static str = ID;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
    }
    fn drive(&self, ctx: &mut Ctx<'_>) {
        for (line, high) in IRQS.into_iter().zip(self.irqs()) {
            ctx.lines.set(line, high);
        }
        ctx.lines.open_a20(self.a20());
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.fixed.has_8042 = true;
        let node = Node {
            name: "KBD_",
            eisa: "PNP0303",
            ports: &[(spec::DATA, 1), (spec::COMMAND, 1)],
            irq: Some(1),
            ..Node::default()
        };
        node.write(&mut tables.bus);
    }
    fn read(&mut self, ctx: &mut Ctx<'_>, port: u16) -> u8 {
        let (byte, taken) = self.read_port(port);
        if taken {
            // The lines fall before the next byte raises them again.
            IRQS.into_iter().for_each(|line| ctx.lines.set(line, false));
        }
        byte
    }
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        if self.write_port(port, value) {
            ctx.events.push(MachineEvent::Init);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8042 keyboard controller with a keyboard",
    stage: Stage::Peripherals,
    ports: &[PortRange { start: spec::DATA, len: 1 }, PortRange { start: spec::COMMAND, len: 1 }],
    build: |_| Ok(Box::new(Kbc::default())),
    ..DeviceDecl::DEFAULT
});
