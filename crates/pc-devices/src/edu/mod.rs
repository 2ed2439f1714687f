//! QEMU's educational PCI device: factorials, a buffer behind a bus master, and an interrupt by INTA# or by message. A
//! small driver can be written for it, and it shows all that a PCI function of this machine can do.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use chip::{Chip, Signal};
use device_api::pci::{Bar, Command, ConfigSpace, Identity};
use device_api::{
    BuildConfig, Ctx, Device, DeviceDecl, DeviceError, DmaMemory, Mmio, PciFunction, Presence, Property,
    PropertyKind, Snapshot, Stage, Timed, VmTime, capabilities, config_space, declare_device,
};
use x86_types::GuestPhysAddr;

const ID: &str = "edu";
/// The base address register of the registers.
const MEMORY: usize = 0;
/// INTA#.
const PIN: u8 = 1;
/// Address bits that the bus master drives by default: 28.
const DMA_MASK: u64 = (1 << 28) - 1;

/// The device on its bus.
#[derive(Debug)]
pub struct Edu {
    config: ConfigSpace,
    chip: Chip,
    dma_mask: u64,
}

impl Edu {
    fn new(dma_mask: u64) -> Self {
        let config = ConfigSpace::new(Identity {
            vendor: 0x1234,
            device: 0x11e8,
            revision: 0x10,
            class: 0x00_ff_00,
            subsystem: (0x1af4, 0x1100),
            multifunction: false,
        })
        .with_bar(MEMORY, Bar::Memory32 { len: spec::MEMORY_LEN, prefetchable: false })
        .with_interrupt_pin(PIN)
        .with_msi();
        Self { config: config.built(), chip: Chip::default(), dma_mask }
    }

    /// Sends a message for new interrupts where messages are enabled, and drives INTA# otherwise.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.8.1.3 Message Control for MSI -> a function whose messages are enabled must not use INTx#
    /// SPEC: pci-local-bus-3.0 :: 6.2.2 Device Control -> a message is a memory write, for which it must be bus master
    fn interrupt(&self, ctx: &mut Ctx<'_>, signal: Signal) {
        let command = self.config.command();
        let message = self.config.msi();
        let pin = self.chip.interrupts() && message.is_none() && !command.contains(Command::INTX_DISABLE);
        ctx.lines.set_intx(PIN, pin);
        if let Some(message) = message
            && signal == Signal::Raised
            && command.contains(Command::MASTER)
        {
            ctx.messages.push(message);
        }
    }

    fn offset(&self, address: GuestPhysAddr) -> Option<u64> {
        address.0.checked_sub(self.config.base(MEMORY)?)
    }
}

impl Mmio for Edu {
    fn mmio_read(&mut self, _ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        self.offset(address).map_or(u64::MAX, |at| self.chip.read(at, size))
    }

    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        let Some(at) = self.offset(address) else { return };
        let signal = self.chip.write(ctx.now, at, size, value);
        self.interrupt(ctx, signal);
    }
}

impl PciFunction for Edu {
    config_space!(config);

    fn config_write(&mut self, ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config.write(at, size, value);
        self.interrupt(ctx, Signal::Level);
    }
}

impl Timed for Edu {
    fn next_deadline(&self) -> Option<VmTime> {
        self.chip.deadline()
    }

    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        let is_master = self.config.command().contains(Command::MASTER);
        let memory: Option<&mut dyn DmaMemory> = if is_master { Some(&mut *ctx.dma) } else { None };
        let signal = self.chip.advance(ctx.now, self.dma_mask, memory);
        self.interrupt(ctx, signal);
    }
}

impl Device for Edu {
    capabilities!(mmio, pci, timed);

    fn id(&self) -> &'static str {
        ID
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.config.reset();
        self.chip = Chip::default();
        self.interrupt(ctx, Signal::Level);
    }
}

impl Snapshot for Edu {
    fn save(&self, out: &mut Vec<u8>) {
        // The mask is a property.
        let Self { config, chip, dma_mask: _ } = self;
        config.save(out);
        chip.put(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let mut config = self.config.clone();
        config.load(&mut rest)?;
        let chip = Chip::get(&mut rest).filter(Chip::is_valid)?;
        (self.config, self.chip) = (config, chip);
        *bytes = rest;
        Some(())
    }
}

fn build(config: &mut BuildConfig<'_>) -> Result<Box<dyn Device>, DeviceError> {
    Ok(Box::new(Edu::new(config.properties.number("dma_mask").unwrap_or(DMA_MASK))))
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Educational device: factorials, a bus master, interrupts by INTA# or by message",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    properties: &[Property {
        name: "dma_mask",
        kind: PropertyKind::Number { min: 0, max: u64::MAX },
        default: Some("0xfffffff"),
        summary: "address bits that the bus master drives",
    }],
    build,
    ..DeviceDecl::DEFAULT
});
