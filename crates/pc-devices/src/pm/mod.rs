//! ACPI power management: PM1a and GPE0 registers, the PM timer, ACPI mode, soft off.

mod chip;
pub mod spec;

use crate::aml::Node;
use crate::ports::{OnPorts, PortChip};
use acpi_tables::Aml;
use acpi_tables::aml::{Name, Package};
use device_api::{
    Ctx, DeviceDecl, FirmwareTables, FixedHardware, HostEvent, InterruptOverride, IrqLine, MachineEvent,
    PortRange, Stage, VmTime, declare_device,
};

const ID: &str = "acpi-pm";

type Pm = OnPorts<chip::Chip>;

impl PortChip for chip::Chip {
    const ID: &'static str = ID;
    const TIMED: bool = true;

    /// The timer runs through the reset; what it passed before is no event.
    fn reset(&mut self, now: VmTime) {
        *self = Self::default();
        self.catch_up(now);
        self.clear(spec::Pm1::TMR);
    }
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.now);
    }
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.set(IrqLine(spec::SCI_IRQ), self.sci());
    }
    fn next_deadline(&self) -> Option<VmTime> {
        self.next_event()
    }
    fn host_event(&mut self, event: HostEvent) {
        if event == HostEvent::PowerButton {
            self.raise(spec::Pm1::PWRBTN);
        }
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        let off = Package::new(vec![&spec::SLP_TYP_S5, &spec::SLP_TYP_S5, &0_u8, &0_u8]);
        Name::new("_S5_".into(), &off).to_aml_bytes(&mut tables.root);
        let ports = [(spec::SMI_CMD, 2), (spec::PM1A_EVT, 12), (spec::GPE0, spec::GPE0_LEN)];
        let node = Node { name: "PM__", eisa: "PNP0C02", ports: &ports, uid: Some(2), ..Node::default() };
        node.write(&mut tables.bus);
        // The SCI is level-triggered, active high.
        let interrupt = u32::from(spec::SCI_IRQ);
        tables.overrides.push(InterruptOverride { irq: spec::SCI_IRQ, interrupt, flags: 0x0d });
        tables.fixed = FixedHardware {
            sci_int: u16::from(spec::SCI_IRQ),
            smi_cmd: u32::from(spec::SMI_CMD),
            acpi_enable: spec::ACPI_ENABLE,
            acpi_disable: spec::ACPI_DISABLE,
            pm1a_evt_blk: u32::from(spec::PM1A_EVT),
            pm1a_cnt_blk: u32::from(spec::PM1A_CNT),
            pm_tmr_blk: u32::from(spec::PM_TMR),
            gpe0_blk: u32::from(spec::GPE0),
            gpe0_blk_len: spec::GPE0_LEN,
            ..tables.fixed
        };
    }
    fn read(&mut self, ctx: &mut Ctx<'_>, port: u16) -> u8 {
        self.read_port(ctx.now, port)
    }
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8) {
        if self.write_port(port, value) {
            ctx.events.push(MachineEvent::PowerOff);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "ACPI power management: PM1a, GPE0, 24-bit PM timer, soft off",
    stage: Stage::Chipset,
    ports: &[
        PortRange { start: spec::PM1A_EVT, len: 12 },
        PortRange { start: spec::GPE0, len: 4 },
        PortRange { start: spec::SMI_CMD, len: 2 },
    ],
    build: |_| Ok(Box::new(Pm::default())),
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;
    use device_api::{Device, Pio};

    #[test]
    fn the_power_button_raises_line_9_until_it_is_acknowledged() {
        let mut bench = Bench::new();
        let mut pm = Pm::default();
        pm.port_write(&mut bench.ctx(), spec::SMI_CMD, 1, u32::from(spec::ACPI_ENABLE));
        pm.port_write(&mut bench.ctx(), spec::PM1A_EVT, 4, 0x0100_0000);
        pm.host_event(&mut bench.ctx(), HostEvent::PowerButton);
        assert!(bench.irq.level(IrqLine(9)));
        assert_eq!(pm.port_read(&mut bench.ctx(), spec::PM1A_EVT, 2), 0x100);
        pm.port_write(&mut bench.ctx(), spec::PM1A_EVT, 2, 0x100);
        assert!(!bench.irq.level(IrqLine(9)));
    }

    #[test]
    fn soft_off_is_an_event() {
        let mut bench = Bench::new();
        let mut pm = Pm::default();
        pm.port_write(&mut bench.ctx(), spec::PM1A_CNT, 2, 0x2001 | u32::from(spec::SLP_TYP_S5) << 10);
        assert_eq!(bench.events, [MachineEvent::PowerOff]);
        assert_eq!(pm.port_read(&mut bench.ctx(), spec::PM1A_CNT, 2), 0x1c01);
    }
}
