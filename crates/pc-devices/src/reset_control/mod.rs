//! The reset control register at CF9h.

mod chip;
mod spec;

use crate::ports::{OnPorts, PortChip};
use chip::Pulse;
use device_api::{Ctx, DeviceDecl, FirmwareTables, MachineEvent, PortRange, Stage, VmTime, declare_device};

const ID: &str = "reset-cf9";

impl PortChip for chip::Chip {
    const ID: &'static str = ID;

    fn reset(&mut self, _now: VmTime) {
        *self = Self::default();
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        (tables.fixed.reset_reg, tables.fixed.reset_value) = (0xcf9, 6);
    }
    fn read(&mut self, _ctx: &mut Ctx<'_>, port: u16) -> u8 {
        if port == spec::RST_CNT { self.value() } else { 0xff }
    }
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        if port == spec::RST_CNT {
            ctx.events.extend(self.set(value).map(|pulse| match pulse {
                Pulse::Init => MachineEvent::Init,
                Pulse::Reset => MachineEvent::Reset,
            }));
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Reset control register",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::RST_CNT, len: 1 }],
    build: |_| Ok(Box::new(OnPorts::<chip::Chip>::default())),
    ..DeviceDecl::DEFAULT
});
