//! The parallel port with a printer that writes to the host.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use chip::Chip;
use device_api::{
    BuildConfig, CharBackend, Ctx, Device, DeviceDecl, DeviceError, FirmwareTables, IrqLine, Pio, PortRange,
    Presence, Property, PropertyKind, Role, Stage, capabilities, declare_device,
};

const ID: &str = "isa-parallel";

/// The port. Without a back end its bytes are dropped.
struct Parallel {
    chip: Chip,
    base: u16,
    irq: IrqLine,
    host: Option<Box<dyn CharBackend>>,
}

impl std::fmt::Debug for Parallel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parallel").field("base", &self.base).field("chip", &self.chip).finish_non_exhaustive()
    }
}

snapshot_of!(Parallel, chip);

impl Parallel {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let base = config.properties.number("iobase").unwrap_or(0x378) as u16;
        let irq = IrqLine(config.properties.number("irq").unwrap_or(7) as u8);
        config.ports.push(PortRange { start: base, len: spec::PORTS });
        Ok(Box::new(Self { chip: Chip::default(), base, irq, host: config.take_char("chardev")? }))
    }
}

impl Device for Parallel {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        // The usual places have their numbers.
        let number = match self.base {
            0x378 => 1,
            0x278 => 2,
            0x3bc => 3,
            _ => return,
        };
        let node = Node {
            name: ["LPT1", "LPT2", "LPT3"][usize::from(number) - 1],
            eisa: "PNP0400",
            ports: &[(self.base, spec::PORTS as u8)],
            irq: Some(self.irq.0),
            uid: Some(number),
            ..Node::default()
        };
        node.write(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip = Chip::default();
        ctx.lines.set(self.irq, false);
    }
}

impl Pio for Parallel {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        let value = lanes::read(port, size, |port| self.chip.read(port.wrapping_sub(self.base)));
        ctx.lines.set(self.irq, self.chip.interrupt());
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| {
            let printed = self.chip.write(port.wrapping_sub(self.base), byte);
            if let (Some(byte), Some(host)) = (printed, &mut self.host) {
                host.send(byte);
            }
        });
        ctx.lines.set(self.irq, self.chip.interrupt());
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Parallel port with a printer",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0, max: 0xfffc },
            default: Some("0x378"),
            summary: "first port; 0x278 and 0x3bc are the others of a PC",
        },
        Property {
            name: "irq",
            kind: PropertyKind::Number { min: 0, max: 15 },
            default: Some("7"),
            summary: "interrupt line",
        },
        Property {
            name: "chardev",
            kind: PropertyKind::Backend(Role::Char),
            default: None,
            summary: "where bytes go; without it they are dropped",
        },
    ],
    build: Parallel::build,
    ..DeviceDecl::DEFAULT
});
