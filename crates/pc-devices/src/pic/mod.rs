//! The 8259A pair.

mod chip;
mod info;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, IrqInputs, IrqLine, LegacyController, Pio, PortRange, Stage,
    capabilities, declare_device,
};

const ID: &str = "pic-8259a";

/// The pair on the bus.
#[derive(Debug, Default)]
pub struct Pic {
    state: chip::Pair,
}

snapshot_of!(Pic, state);

impl Device for Pic {
    capabilities!(pio, irq_inputs, legacy_controller);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node = Node {
            name: "PIC_",
            eisa: "PNP0000",
            ports: &[(0x20, 2), (0xa0, 2), (0x4d0, 2)],
            irq: Some(2),
            ..Node::default()
        };
        node.write(&mut tables.bus);
    }
    fn info(&self, topic: &str) -> Option<String> {
        (topic == "pic").then(|| self.state.info())
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state = chip::Pair::default();
        // A reset does not change the levels of lines, which their drivers hold.
        for line in 0..16 {
            self.state.set_line(line, ctx.lines.level(IrqLine(line)));
        }
    }
}

impl Pio for Pic {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| self.state.read(port))
    }
    fn port_write(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| self.state.write(port, byte));
    }
}

impl IrqInputs for Pic {
    fn irq_changed(&mut self, _ctx: &mut Ctx<'_>, line: IrqLine, high: bool) {
        self.state.set_line(line.0, high);
    }
}

impl LegacyController for Pic {
    fn intr(&self) -> bool {
        self.state.int()
    }
    fn acknowledge(&mut self) -> u8 {
        self.state.acknowledge()
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Two 8259A interrupt controllers with edge/level control",
    stage: Stage::Interrupts,
    ports: &[
        PortRange { start: spec::MASTER, len: 2 },
        PortRange { start: spec::SLAVE, len: 2 },
        PortRange { start: spec::ELCR, len: 2 },
    ],
    build: |_| Ok(Box::new(Pic::default())),
    ..DeviceDecl::DEFAULT
});
