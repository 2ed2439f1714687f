//! ACPI power management: PM1a and GPE0 registers, the PM timer, ACPI mode, soft off.

mod chip;
pub mod spec;

use crate::{codec::snapshot_of, lanes};
use device_api::{
    Ctx, Device, DeviceDecl, IrqLine, MachineEvent, Pio, PortRange, Stage, Timed, VmTime, declare_device,
};

const ID: &str = "acpi-pm";

/// The power management registers on the bus.
#[derive(Debug, Default)]
pub struct Pm {
    state: chip::Chip,
}

snapshot_of!(Pm, state);

impl Pm {
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.irq.set(IrqLine(spec::SCI_IRQ), self.state.sci());
    }

    /// The power button was pressed.
    pub fn power_button(&mut self, ctx: &mut Ctx<'_>) {
        self.state.raise(spec::Pm1::PWRBTN);
        self.drive(ctx);
    }

    /// General-purpose event 0 to 15 happened; others do not exist.
    pub fn general_purpose_event(&mut self, ctx: &mut Ctx<'_>, event: u8) {
        self.state.raise_gpe(event);
        self.drive(ctx);
    }
}

impl Device for Pm {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state = chip::Chip::default();
        self.state.settle(ctx.now);
        // The timer ran through the reset; what it passed before is no event.
        self.state.write(spec::PM1A_EVT, spec::Pm1::TMR.bits() as u8);
        self.drive(ctx);
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
    fn timed(&mut self) -> Option<&mut dyn Timed> {
        Some(self)
    }
}

impl Pio for Pm {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.state.settle(ctx.now);
        self.drive(ctx);
        lanes::read(port, size, |port| self.state.read(ctx.now, port))
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.state.settle(ctx.now);
        let mut off = false;
        lanes::write(port, size, value, |port, byte| off |= self.state.write(port, byte));
        if off {
            ctx.events.push(MachineEvent::PowerOff);
        }
        self.drive(ctx);
    }
}

impl Timed for Pm {
    fn next_deadline(&self) -> Option<VmTime> {
        self.state.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.state.settle(ctx.now);
        self.drive(ctx);
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
    mmio: &[],
    dynamic_ports: None,
    build: |_| Ok(Some(Box::new(Pm::default()))),
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    #[test]
    fn the_power_button_raises_line_9_until_it_is_acknowledged() {
        let mut bench = Bench::new();
        let mut pm = Pm::default();
        pm.port_write(&mut bench.ctx(), spec::SMI_CMD, 1, u32::from(spec::ACPI_ENABLE));
        pm.port_write(&mut bench.ctx(), spec::PM1A_EVT, 4, 0x0100_0000);
        pm.power_button(&mut bench.ctx());
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
