//! System control port A: fast A20 and fast reset.

mod chip;
mod spec;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use device_api::{Ctx, DeviceDecl, FirmwareTables, MachineEvent, PortRange, Stage, VmTime, declare_device};

const ID: &str = "port-92";

impl PortChip for chip::Chip {
    const ID: &'static str = ID;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
    }
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.open_a20(self.a20());
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let node =
            Node { name: "P92_", eisa: "PNP0C02", ports: &[(0x92, 1)], uid: Some(1), ..Node::default() };
        node.write(&mut tables.bus);
    }
    fn read(&mut self, _ctx: &mut Ctx<'_>, port: u16) -> u8 {
        if port == spec::PORT92 { self.value() } else { 0xff }
    }
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        if port == spec::PORT92 && self.set(value) {
            ctx.events.push(MachineEvent::Init);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "System control port A: fast A20 and reset",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::PORT92, len: 1 }],
    build: |_| Ok(Box::new(OnPorts::<chip::Chip>::default())),
    ..DeviceDecl::DEFAULT
});
