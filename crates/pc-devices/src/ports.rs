//! The adapter that chips on byte-wide ports share: bytes in order, the time before each access, the pins after it.

use crate::codec::Codec;
use crate::lanes;
use device_api::{Ctx, Device, FirmwareTables, Pio, Snapshot, Timed, VmTime, capabilities};

/// A chip with byte registers at I/O ports.
pub(crate) trait PortChip: Codec + 'static {
    /// The `id` of its declaration
    const ID: &'static str;
    /// Whether it ever has a deadline
    const TIMED: bool = false;

    /// RESET#
    fn reset(&mut self, now: VmTime);
    /// Brings the chip up to `ctx.now`. Precedes every access.
    fn catch_up(&mut self, _ctx: &mut Ctx<'_>) {}
    /// Drives the chip's pins as they are now. Follows every access.
    fn drive(&self, _ctx: &mut Ctx<'_>) {}
    /// Returns the next time at which an output may change without an access.
    fn next_deadline(&self) -> Option<VmTime> {
        None
    }
    /// Adds the chip's entries to firmware's tables.
    fn firmware_tables(&self, _tables: &mut FirmwareTables) {}
    /// IN of a byte.
    fn read(&mut self, ctx: &mut Ctx<'_>, port: u16) -> u8;
    /// OUT of a byte.
    fn write(&mut self, ctx: &mut Ctx<'_>, port: u16, value: u8);
}

/// A chip on its ports.
#[derive(Debug, Default)]
pub(crate) struct OnPorts<C> {
    pub(crate) chip: C,
}

impl<C: PortChip> Snapshot for OnPorts<C> {
    fn save(&self, out: &mut Vec<u8>) {
        self.chip.put(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        self.chip = C::get(&mut rest)?;
        *bytes = rest;
        Some(())
    }
}

impl<C: PortChip> Device for OnPorts<C> {
    capabilities!(pio);

    fn id(&self) -> &'static str {
        C::ID
    }
    fn firmware_tables(&self, tables: &mut FirmwareTables) {
        self.chip.firmware_tables(tables);
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.catch_up(ctx);
        self.chip.reset(ctx.now);
        self.chip.drive(ctx);
    }
    fn timed(&mut self) -> Option<&mut dyn Timed> {
        if C::TIMED { Some(self) } else { None }
    }
}

impl<C: PortChip> Pio for OnPorts<C> {
    fn port_read(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        self.chip.catch_up(ctx);
        let value = lanes::read(port, size, |port| self.chip.read(ctx, port));
        self.chip.drive(ctx);
        value
    }
    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        self.chip.catch_up(ctx);
        lanes::write(port, size, value, |port, byte| self.chip.write(ctx, port, byte));
        self.chip.drive(ctx);
    }
}

impl<C: PortChip> Timed for OnPorts<C> {
    fn next_deadline(&self) -> Option<VmTime> {
        self.chip.next_deadline()
    }
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        self.chip.catch_up(ctx);
        self.chip.drive(ctx);
    }
}
