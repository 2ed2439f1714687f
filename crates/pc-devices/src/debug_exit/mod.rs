//! isa-debug-exit: a guest leaves the machine with a status. It is no chip: it has no state and one rule.

use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, MachineEvent, Pio, PortRange, Presence, Property,
    PropertyKind, Snapshot, Stage, capabilities, declare_device,
};

const ID: &str = "isa-debug-exit";

/// Returns the status that writing `value` leaves with: always odd, so that it never looks like success.
pub const fn status(value: u32) -> u32 {
    value << 1 | 1
}

/// The device on the bus.
#[derive(Debug, Default)]
pub struct DebugExit {
    _stateless: (),
}

impl Snapshot for DebugExit {
    fn save(&self, _out: &mut Vec<u8>) {
        let Self { _stateless: () } = self;
    }
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for DebugExit {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
}

impl Pio for DebugExit {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, _port: u16, _size: u8) -> u32 {
        0
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, _port: u16, size: u8, value: u32) {
        let value = match size {
            1 => value & 0xff,
            2 => value & 0xffff,
            _ => value,
        };
        ctx.events.push(MachineEvent::DebugExit(status(value)));
    }
}

fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    let number = |name| config.properties.number(name).unwrap_or(0) as u16;
    let (start, len) = (number("iobase"), number("iosize"));
    if start.checked_add(len - 1).is_none() {
        return Err(
            config.error(format!("port {start:#x} leaves no room for {len} ports; choose a lower iobase"))
        );
    }
    config.ports.push(PortRange { start, len });
    Ok(Box::new(DebugExit::default()))
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Leaves the machine with status value * 2 + 1 when written",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0, max: 0xffff },
            default: Some("0x501"),
            summary: "first port",
        },
        Property {
            name: "iosize",
            kind: PropertyKind::Number { min: 1, max: 4 },
            default: Some("2"),
            summary: "number of ports",
        },
    ],
    build,
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    fn built(port: &str) -> Result<Vec<PortRange>, DeviceError> {
        let decl = crate::declaration(ID);
        let mut bench = Bench::new();
        bench.build(decl, &[("iobase", port), ("iosize", "4")], &[]).map(|_| bench.ports.clone())
    }

    #[test]
    fn it_answers_where_it_is_asked_to() {
        assert_eq!(built("0xf4"), Ok(vec![PortRange { start: 0xf4, len: 4 }]));
        assert!(built("0xfffc").is_ok());
        assert!(built("0xfffd").is_err());
    }

    #[test]
    fn a_write_leaves_with_an_odd_status() {
        let table =
            [(1, 0x10, 0x21), (1, 0xffff_ff10, 0x21), (2, 0x1_0000, 1), (4, 0xffff_ffff, 0xffff_ffff)];
        for (size, value, status) in table {
            let mut bench = Bench::new();
            DebugExit::default().port_write(&mut bench.ctx(), 0xf4, size, value);
            assert_eq!(bench.events, [MachineEvent::DebugExit(status)], "{size} bytes of {value:#x}");
        }
    }
}
