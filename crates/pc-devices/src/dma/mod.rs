//! The 8237A pair and its page registers: state that can be probed, without transfers.

mod chip;
mod spec;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{Ctx, DeviceDecl, FirmwareTables, PortRange, Stage, VmTime, declare_device};

const ID: &str = "dma-8237";

impl PortChip for chip::Dma {
    const ID: &'static str = ID;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
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
    fn read(&mut self, _ctx: &mut Ctx<'_>, port: u16) -> u8 {
        self.read_port(port)
    }
    fn write(&mut self, _ctx: &mut Ctx<'_>, port: u16, value: u8) {
        self.write_port(port, value);
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
    build: |_| Ok(Box::new(OnPorts::<chip::Dma>::default())),
    ..DeviceDecl::DEFAULT
});
