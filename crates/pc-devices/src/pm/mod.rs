//! ACPI power management: PM1a and GPE0 registers, the PM timer, ACPI mode, soft off.

mod chip;
pub mod spec;

use crate::ports::{OnPorts, PortChip};
use device_api::{
    Ctx, DeviceDecl, HostEvent, IrqLine, MachineEvent, PortRange, Stage, VmTime, declare_device,
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
