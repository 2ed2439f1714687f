//! The debug console: one port; bytes written to it go to the host.

use device_api::{
    BuildConfig, CharBackend, Ctx, Device, DeviceDecl, DeviceError, Pio, PortRange, Presence, Property,
    PropertyKind, Role, Snapshot, Stage, capabilities, declare_device,
};

const ID: &str = "isa-debugcon";

/// The port. It has no state that a guest could change.
struct DebugConsole {
    port: u16,
    readback: u32,
    host: Option<Box<dyn CharBackend>>,
}

impl std::fmt::Debug for DebugConsole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DebugConsole").field("port", &self.port).finish_non_exhaustive()
    }
}

impl DebugConsole {
    fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
        let number = |name| config.properties.number(name).unwrap_or(0xe9);
        let (port, readback) = (number("iobase") as u16, number("readback") as u32);
        config.ports.push(PortRange { start: port, len: 1 });
        Ok(Box::new(Self { port, readback, host: config.take_char("chardev")? }))
    }
}

impl Snapshot for DebugConsole {
    fn save(&self, _out: &mut Vec<u8>) {}
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

impl Device for DebugConsole {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
}

impl Pio for DebugConsole {
    /// A guest reads a fixed value there to find out whether the console exists.
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, _port: u16, size: u8) -> u32 {
        self.readback & u32::MAX >> (32 - 8 * u32::from(size.clamp(1, 4)))
    }
    fn port_write(&mut self, _ctx: &mut Ctx<'_>, _port: u16, _size: u8, value: u32) {
        if let Some(host) = &mut self.host {
            host.send(value as u8);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Debug console at one port",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[
        Property {
            name: "iobase",
            kind: PropertyKind::Number { min: 0, max: 0xffff },
            default: Some("0xe9"),
            summary: "the port; firmware writes to 0x402",
        },
        Property {
            name: "readback",
            kind: PropertyKind::Number { min: 0, max: 0xffff_ffff },
            default: Some("0xe9"),
            summary: "what reading the port returns",
        },
        Property {
            name: "chardev",
            kind: PropertyKind::Backend(Role::Char),
            default: None,
            summary: "where bytes go; without it they are dropped",
        },
    ],
    build: DebugConsole::build,
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Bench, Sink};

    #[test]
    fn bytes_go_to_the_host_and_the_port_says_what_it_is() {
        // Properties, port, what it reads as a byte and as a word
        type Row = (&'static [(&'static str, &'static str)], u16, u32, u32);
        let table: &[Row] =
            &[(&[], 0xe9, 0xe9, 0xe9), (&[("iobase", "0x402"), ("readback", "0x1234")], 0x402, 0x34, 0x1234)];
        for (properties, port, byte, word) in table {
            let mut bench = Bench::new();
            let sink = Sink::default();
            bench.backends.chars.insert("log".to_owned(), Box::new(sink.clone()));
            let properties = [properties, &[("chardev", "log")][..]].concat();
            let mut device = bench.build(crate::declaration(ID), &properties, &[]).unwrap();
            assert_eq!(bench.ports, [PortRange { start: *port, len: 1 }]);
            let pio = device.pio().unwrap();
            for letter in b"hi" {
                pio.port_write(&mut bench.ctx(), *port, 1, u32::from(*letter));
            }
            assert_eq!(pio.port_read(&mut bench.ctx(), *port, 1), *byte);
            assert_eq!(pio.port_read(&mut bench.ctx(), *port, 2), *word);
            assert_eq!(sink.taken(), b"hi");
        }
    }
}
