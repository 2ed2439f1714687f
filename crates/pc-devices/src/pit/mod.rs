//! The 8254 timer and port 61h.

mod chip;
mod counter;
mod speaker;
mod spec;
#[cfg(test)]
mod tests;
mod wave;

pub use chip::Chip;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, FirmwareTables, IrqLine, Pio, PortRange, Property,
    PropertyKind, Role, Stage, Timed, VmTime, capabilities, declare_device,
};
use speaker::Speaker;

const ID: &str = "pit-8254";
const IRQ: IrqLine = IrqLine(0);

/// The chip on its ports, with the speaker.
#[derive(Default)]
struct Pit {
    chip: Chip,
    speaker: Speaker,
}

impl std::fmt::Debug for Pit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pit").field("chip", &self.chip).finish_non_exhaustive()
    }
}

snapshot_of!(Pit, chip);

impl Pit {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        Ok(Box::new(Self { chip: Chip::default(), speaker: Speaker::new(config.voice("audiodev")?) }))
    }

    /// Brings the chip up to now. Precedes every access. A pulse of OUT that came and went counts as an edge.
    fn catch_up(&mut self, ctx: &mut Ctx<'_>) {
        self.speaker.catch_up(ctx.now);
        if self.chip.catch_up(ctx.now) {
            ctx.lines.edge(IRQ);
            self.drive(ctx);
        }
    }

    /// Drives the pins as they are now. Follows every access.
    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        self.speaker.follow(&self.chip, ctx.now);
        ctx.lines.set(IRQ, self.chip.out0(ctx.now));
    }
}

impl Device for Pit {
    capabilities!(pio, timed);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node =
            Node { name: "TIMR", eisa: "PNP0100", ports: &[(0x40, 4)], irq: Some(0), ..Node::default() };
        node.write(&mut tables.bus);
        let node = Node { name: "SPKR", eisa: "PNP0800", ports: &[(0x61, 1)], ..Node::default() };
        node.write(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
        self.chip = Chip::default();
        self.drive(ctx);
    }
}

impl Pio for Pit {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.catch_up(ctx);
        let value = lanes::read(port, size, |port| self.chip.read_port(ctx.now, port));
        self.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.catch_up(ctx);
        lanes::write(port, size, value, |port, byte| self.chip.write_port(ctx.now, port, byte));
        self.drive(ctx);
    }
}

impl Timed for Pit {
    fn next_deadline(&self) -> Option<VmTime> {
        let own = self.chip.next_event();
        self.speaker.next_deadline().map_or(own, |speaker| Some(own.map_or(speaker, |own| own.min(speaker))))
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
        self.drive(ctx);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "8254 interval timer and system control port B",
    stage: Stage::Timers,
    properties: &[Property {
        name: "audiodev",
        kind: PropertyKind::Backend(Role::Sound),
        default: None,
        summary: "where the speaker is heard; -machine pcspk-audiodev=ID sets it",
    }],
    ports: &[PortRange { start: spec::COUNTER0, len: 4 }, PortRange { start: spec::PORT_B, len: 1 },],
    build: Pit::build,
    ..DeviceDecl::DEFAULT
});
