//! The MC146818A clock and its CMOS memory.

mod calendar;
mod chip;
mod cmos;
mod spec;
#[cfg(test)]
mod tests;

use crate::{codec::codec_struct, codec::snapshot_of, lanes};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, IrqLine, Pio, PortRange, Stage, Timed, VmTime, declare_device,
};

const ID: &str = "rtc-mc146818";
const IRQ: IrqLine = IrqLine(8);

/// The clock on the bus.
#[derive(Debug)]
pub struct Rtc {
    state: State,
}

#[derive(Debug)]
struct State {
    chip: chip::Chip,
    /// How the line was driven last: it is touched only when it changes, since the HPET may drive it too
    driven: bool,
}
codec_struct!(State { chip, driven });
snapshot_of!(Rtc, state);

impl Rtc {
    /// A clock that was switched on at this time, in a machine with so much RAM.
    pub fn new(config: &BuildConfig<'_>) -> Self {
        Self { state: State { chip: chip::Chip::new(config.epoch_seconds, config.ram_bytes), driven: false } }
    }

    /// Whether bit 7 of port 70h keeps NMIs from the processor.
    pub fn nmi_disabled(&self) -> bool {
        self.state.chip.nmi_disabled()
    }

    fn drive(&mut self, ctx: &mut Ctx<'_>) {
        let irq = self.state.chip.irq();
        if self.state.driven != irq {
            self.state.driven = irq;
            ctx.irq.set(IRQ, irq);
        }
    }

    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        self.state.chip.settle(ctx.now);
        self.drive(ctx);
    }
}

impl Device for Rtc {
    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state.chip.settle(ctx.now);
        self.state.chip.reset();
        self.drive(ctx);
    }
    fn pio(&mut self) -> Option<&mut dyn Pio> {
        Some(self)
    }
    fn timed(&mut self) -> Option<&mut dyn Timed> {
        Some(self)
    }
}

impl Pio for Rtc {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.settle(ctx);
        let value = lanes::read(port, size, |port| self.state.chip.read(ctx.now, port));
        self.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.settle(ctx);
        lanes::write(port, size, value, |port, byte| self.state.chip.write(ctx.now, port, byte));
        self.drive(ctx);
    }
}

impl Timed for Rtc {
    fn next_deadline(&self) -> Option<VmTime> {
        self.state.chip.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "MC146818A real-time clock and CMOS memory",
    stage: Stage::Timers,
    ports: &[PortRange { start: spec::INDEX, len: 2 }],
    mmio: &[],
    dynamic_ports: None,
    build: |config| Ok(Some(Box::new(Rtc::new(config)))),
});
