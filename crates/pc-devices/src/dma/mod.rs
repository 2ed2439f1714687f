//! The 8237A pair and its page registers: state that can be probed, without transfers.

mod chip;
mod spec;

use crate::{codec::snapshot_of, lanes};
use device_api::{Ctx, Device, DeviceDecl, Pio, PortRange, Stage, declare_device};

const ID: &str = "dma-8237";

/// Both controllers on the bus.
#[derive(Debug, Default)]
pub struct DmaControllers {
    state: chip::Dma,
}

snapshot_of!(DmaControllers, state);

impl Device for DmaControllers {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.state = chip::Dma::default();
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
}

impl Pio for DmaControllers {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        lanes::read(port, size, |port| self.state.read(port))
    }
    fn port_write(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| self.state.write(port, byte));
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Two 8237A DMA controllers and page registers, without transfers",
    stage: Stage::Peripherals,
    ports: &[
        PortRange { start: spec::LOW, len: 16 },
        PortRange { start: spec::PAGES, len: spec::PAGE_COUNT },
        PortRange { start: spec::HIGH, len: 32 },
    ],
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(DmaControllers::default()))),
});
