//! The I/O APIC (82093AA).

mod chip;
pub mod spec;
#[cfg(test)]
mod tests;

use crate::codec::snapshot_of;
use chip::IoApic;
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, InterruptOverride, IoApicEntry, IrqInputs, IrqLine, Mmio,
    MmioRange, Stage, capabilities, declare_device,
};
use spec::window;
use x86_types::GuestPhysAddr;

const ID: &str = "ioapic";

/// The I/O APIC on the bus.
#[derive(Debug, Default)]
pub struct IoApicDevice {
    state: IoApic,
}

snapshot_of!(IoApicDevice, state);

/// Returns the input that a line is wired to. ISA IRQ 0 drives input 2; ISA IRQ 2 is the 8259A cascade and drives
/// nothing.
///
/// SPEC: acpi-6.5 :: 5.2.12.5 Interrupt Source Override Structure -> the MADT declares IRQ 0 at global interrupt 2
fn input(line: IrqLine) -> Option<usize> {
    match line.0 {
        0 => Some(2),
        2 => None,
        line => Some(usize::from(line)),
    }
}

impl Device for IoApicDevice {
    capabilities!(mmio, irq_inputs);

    fn id(&self) -> &'static str {
        ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.io_apics.push(IoApicEntry { id: 0, address: spec::BASE as u32, first_interrupt: 0 });
        // The timer's IRQ 0 arrives at input 2.
        tables.overrides.push(InterruptOverride { irq: 0, interrupt: 2, flags: 0 });
    }
    fn info(&self, topic: &str) -> Option<String> {
        (topic == "pic").then(|| self.state.info())
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state = IoApic::default();
        // A reset does not change the levels of lines, which their drivers hold. Every entry is masked, so nothing is sent.
        for line in (0..spec::INPUTS as u8).map(IrqLine) {
            if let Some(input) = input(line) {
                self.state.set_pin(input, ctx.lines.level(line), ctx.messages);
            }
        }
    }
}

impl Mmio for IoApicDevice {
    /// Registers are doublewords; smaller loads get their bytes.
    fn mmio_read(&mut self, _ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        let offset = address.page_offset();
        let value = match offset & !3 {
            window::IOREGSEL => self.state.select(),
            window::IOWIN => self.state.read(),
            _ => 0,
        };
        let mask = if size >= 8 { u64::MAX } else { (1 << (8 * u32::from(size))) - 1 };
        (u64::from(value) >> (8 * (offset & 3))) & mask
    }
    /// Only IOREGSEL, which is a byte, takes stores that are not doublewords.
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        match (address.page_offset(), size) {
            (window::IOREGSEL, _) => self.state.set_select(value as u8),
            (window::IOWIN, 4) => self.state.write(value as u32, ctx.messages),
            (window::EOI, 4) => self.state.end_of_interrupt(value as u8, ctx.messages),
            _ => {}
        }
    }
}

impl IrqInputs for IoApicDevice {
    fn irq_changed(&mut self, ctx: &mut Ctx<'_>, line: IrqLine, high: bool) {
        if let Some(input) = input(line) {
            self.state.set_pin(input, high, ctx.messages);
        }
    }
    fn end_of_interrupt(&mut self, ctx: &mut Ctx<'_>, vector: u8) {
        self.state.end_of_interrupt(vector, ctx.messages);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "82093AA I/O APIC with 24 inputs",
    stage: Stage::Interrupts,
    ports: &[],
    mmio: &[MmioRange { start: GuestPhysAddr(spec::BASE), len: 0x1000 }],
    build: |_| Ok(Box::new(IoApicDevice::default())),
    ..DeviceDecl::DEFAULT
});
