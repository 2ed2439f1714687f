//! The MC146818A clock and its CMOS memory.

mod calendar;
mod chip;
mod cmos;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, FirmwareTables, IrqLine, PortRange, Property,
    PropertyKind, Stage, VmTime, declare_device,
};

const ID: &str = "rtc-mc146818";
const IRQ: IrqLine = IrqLine(8);

impl PortChip for chip::Chip {
    const ID: &'static str = ID;
    const TIMED: bool = true;

    fn reset(&mut self, _now: VmTime) {
        self.reset();
    }
    fn catch_up(&mut self, ctx: &mut Ctx<'_>) {
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

const fn floppy(name: &'static str, summary: &'static str) -> Property {
    Property { name, kind: PropertyKind::Number { min: 0, max: 5 }, default: Some("0"), summary }
}

fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    let letters = config.properties.text("boot").unwrap_or_default();
    let boot = cmos::boot_devices(letters).map_err(|reason| config.error(reason))?;
    let later = config.properties.text("boot-later").map(cmos::boot_devices).transpose();
    let boot_later = later.map_err(|reason| config.error(reason))?;
    let floppy = |name| config.properties.number(name).unwrap_or(0) as u8;
    let setup = cmos::Setup {
        ram_bytes: config.ram_bytes,
        processors: config.processors,
        floppies: [floppy("floppy-a"), floppy("floppy-b")],
        boot,
        boot_later,
    };
    Ok(Box::new(OnPorts { chip: chip::Chip::new(config.epoch_seconds, &setup) }))
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "MC146818A real-time clock and CMOS memory",
    stage: Stage::Timers,
    ports: &[PortRange { start: spec::INDEX, len: 2 }],
    properties: &[
        Property {
            name: "boot",
            kind: PropertyKind::Text,
            default: Some("cad"),
            summary: "what firmware boots from: a floppy, c disk, d CD, n network",
        },
        Property {
            name: "boot-later",
            kind: PropertyKind::Text,
            default: None,
            summary: "the same from the first reset on; without, it stays as it is",
        },
        floppy("floppy-a", "kind of the first floppy drive: 0 none, 2 1.2 MB, 4 1.44 MB, 5 2.88 MB"),
        floppy("floppy-b", "kind of the second floppy drive"),
    ],
    build,
    ..DeviceDecl::DEFAULT
});
