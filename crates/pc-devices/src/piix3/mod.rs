//! The ISA bridge, function 01.0: it routes the wires of PCI interrupts to ISA interrupts.

mod chip;
mod spec;
mod tables;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use device_api::pci::{ConfigSpace, Identity, offset};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, IrqInputs, IrqLine, PIRQA, PciAddress, PciFunction, Snapshot,
    Stage, capabilities, config_space, declare_device,
};

const ID: &str = "PIIX3";

/// The bridge.
#[derive(Debug)]
pub struct IsaBridge {
    config: ConfigSpace,
    chip: chip::Chip,
}

impl IsaBridge {
    /// SPEC: intel-82371sb :: PCICMD—PCI Command Register -> bus master, memory and I/O accesses are always on; special cycles and SERR# keep what is written
    fn new() -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: spec::VENDOR,
            device: spec::DEVICE,
            revision: 0,
            class: 0x06_01_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: true,
        });
        config.set_u16(offset::COMMAND, 0x0007);
        config.allow(offset::COMMAND, &[1 << 3, 1]);
        config.set_u16(offset::STATUS, 0x0200);
        for (at, values) in spec::PLAIN {
            for (&value, at) in values.iter().zip(*at..) {
                config.set_u8(at, value);
                config.allow(at, &[0xff]);
            }
        }
        for at in spec::PIRQRC..spec::PIRQRC + spec::PIRQS as u8 {
            config.set_u8(at, spec::ROUTE_DISABLED);
            config.allow(at, &[spec::ROUTE_WRITABLE]);
        }
        Self { config: config.built(), chip: chip::Chip::default() }
    }

    fn drive(&self, ctx: &mut Ctx<'_>) {
        let routes = std::array::from_fn(|n| self.config.u8(spec::PIRQRC + n as u8));
        let driven = self.chip.isa_interrupts(routes);
        for line in 0..16 {
            ctx.lines.set(IrqLine(line), driven >> line & 1 != 0);
        }
    }
}

impl Snapshot for IsaBridge {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { config, chip } = self;
        chip.put(out);
        config.save(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let chip = chip::Chip::get(&mut rest)?;
        self.config.load(&mut rest)?;
        self.chip = chip;
        *bytes = rest;
        Some(())
    }
}

impl Device for IsaBridge {
    capabilities!(pci, irq_inputs);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables::add(tables);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        // A reset does not change the levels of lines, which their drivers hold.
        for n in 0..spec::PIRQS as u8 {
            self.chip.set(n, ctx.lines.level(spec::pirq(n)));
        }
        self.drive(ctx);
    }
}

impl PciFunction for IsaBridge {
    config_space!(config);

    fn config_write(&mut self, ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config.write(at, size, value);
        self.drive(ctx);
    }
}

impl IrqInputs for IsaBridge {
    fn irq_changed(&mut self, ctx: &mut Ctx<'_>, line: IrqLine, high: bool) {
        if let Some(n) = line.0.checked_sub(PIRQA.0).filter(|&n| n < spec::PIRQS as u8) {
            self.chip.set(n, high);
            self.drive(ctx);
        }
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "82371SB (PIIX3) ISA bridge, which routes PCI interrupts",
    stage: Stage::Chipset,
    pci: Some(PciAddress { slot: 1, function: 0 }),
    build: |_| Ok(Box::new(IsaBridge::new())),
    ..DeviceDecl::DEFAULT
});
