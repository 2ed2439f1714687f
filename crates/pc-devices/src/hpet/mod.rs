//! The high precision event timer.

mod chip;
mod spec;
#[cfg(test)]
mod tests;

use crate::codec::{codec_struct, snapshot_of};
use acpi_tables::Aml;
use acpi_tables::aml::{Device as Node, EISAName, Memory32Fixed, Name, ResourceTemplate};
use acpi_tables::sdt::{GenericAddress, Sdt};
use device_api::{
    Ctx, Device, DeviceDecl, FirmwareTables, IrqLine, Mmio, MmioRange, Stage, Timed, VmTime, capabilities,
    declare_device,
};
use spec::TIMERS;
use x86_types::GuestPhysAddr;

/// The name of the model.
pub const MODEL: &str = "hpet";

/// The block on the bus.
#[derive(Debug, Default)]
pub struct Hpet {
    state: State,
}

#[derive(Debug, Default)]
struct State {
    chip: chip::Chip,
    /// Lines that each timer drives high
    high: [Option<u8>; TIMERS],
}
codec_struct!(State { chip, high });
snapshot_of!(Hpet, state);

impl Hpet {
    fn catch_up(&mut self, ctx: &mut Ctx<'_>) {
        let matched = self.state.chip.catch_up(ctx.now);
        self.drive(ctx, matched);
    }

    /// An edge falls first and then stays high until the next one, so that no controller can miss it.
    fn drive(&mut self, ctx: &mut Ctx<'_>, matched: u64) {
        let State { chip, high } = &mut self.state;
        for line in spec::LEGACY_LINES {
            ctx.lines.take_over(IrqLine(line), chip.replaces_legacy());
        }
        for (signal, high) in chip.signals(matched).into_iter().zip(high) {
            let edge = signal.is_some_and(|signal| signal.edge);
            let level = signal.is_some_and(|signal| signal.level);
            let hold = signal.is_some_and(|signal| signal.hold);
            let wanted = signal.map(|signal| signal.line);
            if let Some(line) = *high {
                let keep = wanted == Some(line) && !edge && (level || hold);
                if !keep {
                    ctx.lines.set(IrqLine(line), false);
                    *high = None;
                }
            }
            if let Some(line) = wanted.filter(|_| edge || level) {
                ctx.lines.set(IrqLine(line), true);
                *high = Some(line);
            }
        }
    }
}

/// Returns the register that holds `address`, and the position of its byte in it.
fn register(address: GuestPhysAddr) -> (u64, u32) {
    let offset = address.0.wrapping_sub(spec::BASE);
    (offset & !7, (offset & 7) as u32 * 8)
}

fn size_mask(size: u8) -> u64 {
    if size >= 8 { u64::MAX } else { (1 << (8 * u32::from(size))) - 1 }
}

/// SPEC: intel-hpet-1.0a :: 3.2.4 The ACPI 2.0 HPET Description Table (HPET) -> id of the event timer block, its address, the least tick between periodic interrupts
fn table() -> Vec<u8> {
    let mut table = Sdt::new(*b"HPET", 56, 1, *b"V64   ", *b"V64PC   ", 1);
    table.write_u32(36, spec::CAPABILITIES as u32);
    table.write(40, GenericAddress::mmio_address::<u64>(spec::BASE));
    table.write_u8(52, 0);
    table.write_u16(53, 128);
    table.update_checksum();
    table.as_slice().to_vec()
}

impl Device for Hpet {
    capabilities!(mmio, timed);

    fn id(&self) -> &'static str {
        MODEL
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        tables.tables.push(table());
        let hid = Name::new("_HID".into(), &EISAName::new("PNP0103"));
        let registers = Memory32Fixed::new(true, spec::BASE as u32, spec::LEN as u32);
        let crs = Name::new("_CRS".into(), &ResourceTemplate::new(vec![&registers]));
        Node::new("HPET".into(), vec![&hid, &crs]).to_aml_bytes(&mut tables.bus);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.state.chip = chip::Chip::default();
        self.catch_up(ctx);
    }
}

impl Mmio for Hpet {
    /// SPEC: intel-hpet-1.0a :: 2.3.1 Register Overview -> software accesses aligned dwords and qwords; the rest is answered by bytes
    fn mmio_read(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        self.catch_up(ctx);
        let (offset, shift) = register(address);
        self.state.chip.read(offset) >> shift & size_mask(size)
    }
    fn mmio_write(&mut self, ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        self.catch_up(ctx);
        let (offset, shift) = register(address);
        let mask = size_mask(size) << shift;
        let value = value << shift & mask;
        if offset == spec::GINTR_STA {
            self.state.chip.clear_status(value);
        } else {
            let old = self.state.chip.merge_base(offset);
            self.state.chip.write(offset, old & !mask | value);
        }
        self.drive(ctx, 0);
    }
}

impl Timed for Hpet {
    fn next_deadline(&self) -> Option<VmTime> {
        self.state.chip.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
    }
}

declare_device!(DeviceDecl {
    id: MODEL,
    summary: "High precision event timer: three comparators, 10 MHz",
    stage: Stage::Timers,
    ports: &[],
    mmio: &[MmioRange { start: GuestPhysAddr(spec::BASE), len: spec::LEN }],
    build: |_| Ok(Box::new(Hpet::default())),
    ..DeviceDecl::DEFAULT
});
