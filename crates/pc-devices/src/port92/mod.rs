//! System control port A: fast A20 and fast reset.

mod chip;
mod spec;

use crate::{codec::snapshot_of, lanes};
use device_api::{Ctx, Device, DeviceDecl, MachineEvent, Pio, PortRange, Stage, declare_device};

const ID: &str = "port-92";

/// Port 92h on the bus.
#[derive(Debug, Default)]
pub struct Port92 {
    state: chip::Chip,
}

snapshot_of!(Port92, state);

impl Device for Port92 {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.state = chip::Chip::default();
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
}

impl Pio for Port92 {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| if port == spec::PORT92 { self.state.read() } else { 0xff })
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, _size: u8, value: u32) {
        if port != spec::PORT92 {
            return;
        }
        let effect = self.state.write(value as u8);
        // Said at every write: the keyboard controller may have switched the gate meanwhile.
        ctx.events.push(MachineEvent::A20(effect.a20));
        if effect.reset {
            ctx.events.push(MachineEvent::Reset);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "System control port A: fast A20 and reset",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::PORT92, len: 1 }],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(Port92::default()))),
});
