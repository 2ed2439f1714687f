//! The reset control register at CF9h.

mod chip;
mod spec;

use crate::{codec::snapshot_of, lanes};
use device_api::{Ctx, Device, DeviceDecl, MachineEvent, Pio, PortRange, Stage, declare_device};

const ID: &str = "reset-cf9";

/// Port CF9h on the bus.
#[derive(Debug, Default)]
pub struct ResetControl {
    state: chip::Chip,
}

snapshot_of!(ResetControl, state);

impl Device for ResetControl {
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

impl Pio for ResetControl {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| if port == spec::RST_CNT { self.state.read() } else { 0xff })
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, _size: u8, value: u32) {
        if port == spec::RST_CNT && self.state.write(value as u8) {
            ctx.events.push(MachineEvent::Reset);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Reset control register",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::RST_CNT, len: 1 }],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(ResetControl::default()))),
});
