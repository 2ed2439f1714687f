//! The 8254 timer and port 61h.

mod chip;
mod counter;
mod spec;
#[cfg(test)]
mod tests;
mod wave;

pub use chip::Chip;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{Ctx, DeviceDecl, FirmwareTables, IrqLine, PortRange, Stage, VmTime, declare_device};

const ID: &str = "pit-8254";
const IRQ: IrqLine = IrqLine(0);

type Pit = OnPorts<chip::Chip>;

impl PortChip for chip::Chip {
    const ID: &'static str = ID;
    const TIMED: bool = true;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
    }
    /// A pulse that came and went counts as an edge.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        if self.catch_up(ctx.now) {
            ctx.lines.edge(IRQ);
            self.drive(ctx);
        }
    }
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.set(IRQ, self.out0(ctx.now));
    }
    fn next_deadline(&self) -> Option<VmTime> {
        self.next_event()
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node =
            Node { name: "TIMR", eisa: "PNP0100", ports: &[(0x40, 4)], irq: Some(0), ..Node::default() };
        node.write(&mut tables.bus);
        let node = Node { name: "SPKR", eisa: "PNP0800", ports: &[(0x61, 1)], ..Node::default() };
        node.write(&mut tables.bus);
    }
    fn read(&mut self, ctx: &mut Ctx<'_>, port: u16) -> u8 {
        self.read_port(ctx.now, port)
    }
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        self.write_port(ctx.now, port, value);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8254 interval timer and system control port B",
    stage: Stage::Timers,
    ports: &[PortRange { start: spec::COUNTER0, len: 4 }, PortRange { start: spec::PORT_B, len: 1 },],
    build: |_| Ok(Box::new(Pit::default())),
    ..DeviceDecl::DEFAULT
});
