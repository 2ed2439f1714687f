//! isa-debug-exit: a guest leaves the machine with a status. It is no chip: it has no state and one rule.

use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, MachineEvent, Pio, PortRange, Snapshot, Stage,
    declare_device,
};

const ID: &str = "isa-debug-exit";
/// Ports it takes from the configured one on
const PORTS: u16 = 4;

/// The status that writing `value` leaves with: always odd, so that it never looks like success.
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
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
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

fn ports(config: &BuildConfig<'_>) -> Vec<PortRange> {
    config.debug_exit.map(|start| PortRange { start, len: PORTS }).into_iter().collect()
}

fn build(config: &mut BuildConfig<'_>) -> Result<Option<Box<dyn Device>>, DeviceError> {
    match config.debug_exit {
        None => Ok(None),
        Some(port) if port.checked_add(PORTS - 1).is_none() => Err(DeviceError::Config {
            id: ID,
            reason: format!("port {port:#x} leaves no room for {PORTS} ports; choose a lower one"),
        }),
        Some(_) => Ok(Some(Box::new(DebugExit::default()))),
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Leaves the machine with status value * 2 + 1 when written",
    stage: Stage::Peripherals,
    ports: &[],
    mmio: &[],
    dynamic_ports: Some(ports),
    per_processor: false,
    build,
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    fn config(port: Option<u16>, test: impl FnOnce(&mut BuildConfig<'_>)) {
        let mut serial = [None, None, None, None];
        test(&mut BuildConfig {
            ram_bytes: 1 << 20,
            epoch_seconds: 0,
            serial: &mut serial,
            debug_exit: port,
            processors: 1,
            processor: 0,
        });
    }

    #[test]
    fn it_is_built_only_where_it_is_asked_for() {
        config(None, |config| {
            assert!(ports(config).is_empty());
            assert!(matches!(build(config), Ok(None)));
        });
        config(Some(0x501), |config| {
            assert_eq!(ports(config), [PortRange { start: 0x501, len: 4 }]);
            assert!(matches!(build(config), Ok(Some(_))));
        });
        config(Some(0xfffc), |config| assert!(matches!(build(config), Ok(Some(_)))));
        config(Some(0xfffd), |config| assert!(matches!(build(config), Err(DeviceError::Config { .. }))));
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
