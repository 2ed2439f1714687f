//! The 8237A pair and its page registers.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::aml::Node;
use crate::{codec::snapshot_of, lanes};
use device_api::{
    Ctx, Device, DeviceDecl, DmaController, DmaTransfer, FirmwareTables, Pio, PortRange, Stage, capabilities,
    declare_device,
};

const ID: &str = "dma-8237";

/// The pair on its ports.
#[derive(Debug, Default)]
struct Dma {
    chip: chip::Dma,
}

snapshot_of!(Dma, chip);

impl Device for Dma {
    capabilities!(pio, dma_controller);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node = Node {
            name: "DMAC",
            eisa: "PNP0200",
            ports: &[(0x00, 16), (0x81, 15), (0xc0, 32)],
            dma: Some(4),
            ..Node::default()
        };
        node.write(&mut tables.bus);
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        self.chip = chip::Dma::default();
    }
}

impl Pio for Dma {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        let requests = ctx.lines.dma_requests();
        lanes::read(port, size, |port| self.chip.read_port(port, requests))
    }
    fn port_write(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, byte| self.chip.write_port(port, byte));
    }
}

impl DmaController for Dma {
    fn transfer(&mut self, requests: u8) -> Option<DmaTransfer> {
        self.chip.transfer(requests)
    }
    fn moved(&mut self, channel: u8, bytes: u32) -> bool {
        self.chip.moved(channel, bytes)
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Two 8237A DMA controllers and page registers",
    stage: Stage::Peripherals,
    ports: &[
        PortRange { start: spec::LOW, len: 16 },
        PortRange { start: spec::PAGES, len: spec::PAGE_COUNT },
        PortRange { start: spec::HIGH, len: 32 },
    ],
    build: |_| Ok(Box::new(Dma::default())),
    ..DeviceDecl::DEFAULT
});
