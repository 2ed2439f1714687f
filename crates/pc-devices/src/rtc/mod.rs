//! The MC146818A clock and its CMOS memory.

mod calendar;
mod chip;
mod cmos;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{Ctx, DeviceDecl, FirmwareTables, IrqLine, PortRange, Stage, VmTime, declare_device};

const ID: &str = "rtc-mc146818";
const IRQ: IrqLine = IrqLine(8);

impl PortChip for chip::Chip {
    const ID: &'static str = ID;
    const TIMED: bool = true;

    fn reset(&mut self, _now: VmTime) {
        self.clear();
    }
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.now);
    }
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.set(IRQ, self.irq());
    }
    fn next_deadline(&self) -> Option<VmTime> {
        self.next_event()
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.fixed.century = spec::CENTURY;
        let node = Node {
            name: "RTC_",
            eisa: "PNP0B00",
            ports: &[(spec::INDEX, 2)],
            irq: Some(8),
            ..Node::default()
        };
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
    summary: "MC146818A real-time clock and CMOS memory",
    stage: Stage::Timers,
    ports: &[PortRange { start: spec::INDEX, len: 2 }],
    build: |config| Ok(Box::new(OnPorts { chip: chip::Chip::new(config.epoch_seconds, config.ram_bytes) })),
    ..DeviceDecl::DEFAULT
});
