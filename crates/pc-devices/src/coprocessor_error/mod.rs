//! Coprocessor error logic: FERR# to IRQ 13, and IGNNE# by port F0h.

mod chip;
mod spec;

use crate::codec::snapshot_of;
use crate::lanes;
use device_api::{
    CoprocessorError, Ctx, Device, DeviceDecl, Pio, PortRange, Stage, capabilities, declare_device,
};

const ID: &str = "coprocessor-error";

/// The logic on its port.
#[derive(Default)]
struct Logic {
    chip: chip::Chip,
}
snapshot_of!(Logic, chip);

impl Logic {
    fn drive(&self, ctx: &mut Ctx<'_>) {
        ctx.lines.set(spec::FP_IRQ, self.chip.irq());
    }
}

impl Device for Logic {
    capabilities!(pio, coprocessor_error);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip = chip::Chip::default();
        self.drive(ctx);
    }
}

impl Pio for Logic {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, _port: u16, _size: u8) -> u32 {
        u32::MAX
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        lanes::write(port, size, value, |port, _| {
            if port == spec::COPROC_ERR {
                self.chip.clear();
            }
        });
        self.drive(ctx);
    }
}

impl CoprocessorError for Logic {
    fn set_ferr(&mut self, ctx: &mut Ctx<'_>, asserted: bool) {
        self.chip.set_ferr(asserted);
        self.drive(ctx);
    }
    fn ignne(&self) -> bool {
        self.chip.ignne()
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Coprocessor error logic: FERR# to IRQ 13, IGNNE#",
    stage: Stage::Chipset,
    ports: &[PortRange { start: spec::COPROC_ERR, len: 1 }],
    build: |_| Ok(Box::new(Logic::default())),
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    #[test]
    fn an_error_raises_irq_13_until_port_f0_is_written() {
        let (mut logic, mut bench) = (Logic::default(), Bench::new());
        let level = |bench: &mut Bench| bench.ctx().lines.level(spec::FP_IRQ);
        logic.set_ferr(&mut bench.ctx(), true);
        assert!(level(&mut bench) && !logic.ignne());
        logic.port_write(&mut bench.ctx(), 0xf0, 1, 0);
        assert!(!level(&mut bench) && logic.ignne());
        logic.set_ferr(&mut bench.ctx(), false);
        logic.set_ferr(&mut bench.ctx(), true);
        assert!(level(&mut bench) && !logic.ignne());
        logic.reset(&mut bench.ctx());
        assert!(!level(&mut bench) && !logic.ignne());
    }
}
