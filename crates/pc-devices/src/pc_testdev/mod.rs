//! QEMU's pc-testdev, which kvm-unit-tests use: a register in I/O space, bytes of memory behind a device, and interrupt lines
//! that a guest drives itself.

use crate::codec::Codec;
use device_api::{
    Ctx, Device, DeviceDecl, IrqLine, Mmio, MmioRange, Pio, PortRange, Presence, Snapshot, Stage,
    capabilities, declare_device,
};
use x86_types::GuestPhysAddr;

const ID: &str = "pc-testdev";

/// The register: read and written by bytes, words and doublewords
const REGISTER: u16 = 0xe0;
/// A page to unmap and map again on the host, which a guest does not see
const FLUSH_PAGE: u16 = 0xe4;
/// The register again, for single bytes
const BYTE: u16 = 0xe8;
/// One port for each ISA interrupt line: a write of 0 deasserts it, any other asserts it
const LINES: u16 = 0x2000;
const LINE_COUNT: u16 = 16;
/// Memory-mapped range; every access reaches the device
const MEMORY: u64 = 0xff00_0000;
const MEMORY_LEN: usize = 0x1_0000;

/// The device on the bus: what a guest has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestDevice {
    register: u32,
    memory: Vec<u8>,
}

impl Default for TestDevice {
    fn default() -> Self {
        Self { register: 0, memory: vec![0; MEMORY_LEN] }
    }
}

/// Of the memory only what is not zero is saved: offsets and bytes.
impl Snapshot for TestDevice {
    fn save(&self, out: &mut Vec<u8>) {
        let Self { register, memory } = self;
        register.put(out);
        let used: Vec<(u16, u8)> =
            (0..=u16::MAX).zip(memory.iter().copied()).filter(|&(_, byte)| byte != 0).collect();
        used.put(out);
    }
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let mut rest = *bytes;
        let mut loaded = Self { register: u32::get(&mut rest)?, ..Self::default() };
        for (at, byte) in Vec::<(u16, u8)>::get(&mut rest)? {
            *loaded.memory.get_mut(usize::from(at))? = byte;
        }
        *self = loaded;
        *bytes = rest;
        Some(())
    }
}

impl TestDevice {
    /// Returns the bytes of an access to the memory, fewer at its end.
    fn bytes(&mut self, address: GuestPhysAddr, size: u8) -> &mut [u8] {
        let start = usize::try_from(address.0.wrapping_sub(MEMORY)).unwrap_or(MEMORY_LEN);
        let tail = self.memory.get_mut(start..).unwrap_or_default();
        let len = tail.len().min(size.into());
        &mut tail[..len]
    }
}

fn mask(size: u8) -> u32 {
    u32::MAX >> (32 - 8 * u32::from(size.clamp(1, 4)))
}

impl Device for TestDevice {
    capabilities!(pio, mmio);

    fn id(&self) -> &'static str {
        ID
    }
    /// As in QEMU, what was written survives a reset.
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
}

impl Pio for TestDevice {
    fn port_read(&mut self, _ctx: &mut Ctx<'_>, port: u16, size: u8) -> u32 {
        match port {
            REGISTER..FLUSH_PAGE | BYTE => self.register >> (8 * (port & 3)) & mask(size),
            _ => 0,
        }
    }

    fn port_write(&mut self, ctx: &mut Ctx<'_>, port: u16, size: u8, value: u32) {
        match port {
            REGISTER..FLUSH_PAGE | BYTE => {
                let (shift, mask) = (8 * u32::from(port & 3), mask(size));
                let register = &mut self.register;
                *register = *register & !(mask << shift) | (value & mask) << shift;
            }
            _ => {
                if let Some(line) = port.checked_sub(LINES).filter(|&line| line < LINE_COUNT) {
                    ctx.lines.set(IrqLine(line as u8), value & mask(size) != 0);
                }
            }
        }
    }
}

impl Mmio for TestDevice {
    fn mmio_read(&mut self, _ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8) -> u64 {
        let mut value = [0; 8];
        let bytes = self.bytes(address, size.min(8));
        value.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(value)
    }

    fn mmio_write(&mut self, _ctx: &mut Ctx<'_>, address: GuestPhysAddr, size: u8, value: u64) {
        self.bytes(address, size.min(8))
            .iter_mut()
            .zip(value.to_le_bytes())
            .for_each(|(to, from)| *to = from);
    }
}

declare_device!(DeviceDecl {
    id: ID,
    summary: "Test device of kvm-unit-tests: interrupt lines, memory and a register for a guest to drive",
    stage: Stage::Peripherals,
    presence: Presence::OnRequest,
    ports: &[
        PortRange { start: REGISTER, len: 4 },
        PortRange { start: FLUSH_PAGE, len: 4 },
        PortRange { start: BYTE, len: 1 },
        PortRange { start: LINES, len: LINE_COUNT },
    ],
    mmio: &[MmioRange { start: GuestPhysAddr(MEMORY), len: MEMORY_LEN as u64 }],
    build: |_| Ok(Box::new(TestDevice::default())),
    ..DeviceDecl::DEFAULT
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;

    #[test]
    fn the_register_is_reached_by_its_parts() {
        let (mut device, mut bench) = (TestDevice::default(), Bench::new());
        let ctx = &mut bench.ctx();
        device.port_write(ctx, REGISTER, 4, 0x1234_5678);
        device.port_write(ctx, REGISTER + 1, 1, 0xffff_ffab);
        assert_eq!(device.port_read(ctx, REGISTER, 4), 0x1234_ab78);
        assert_eq!(device.port_read(ctx, REGISTER + 2, 2), 0x1234);
        assert_eq!(device.port_read(ctx, BYTE, 1), 0x78);
        device.port_write(ctx, FLUSH_PAGE, 4, 0x1000);
        assert_eq!(device.port_read(ctx, REGISTER, 4), 0x1234_ab78);
    }

    #[test]
    fn its_ports_are_interrupt_lines() {
        let (mut device, mut bench) = (TestDevice::default(), Bench::new());
        device.port_write(&mut bench.ctx(), LINES + 11, 4, 1);
        assert!(bench.irq.level(IrqLine(11)) && !bench.irq.level(IrqLine(10)));
        device.port_write(&mut bench.ctx(), LINES + 11, 1, 0x100);
        assert!(!bench.irq.level(IrqLine(11)));
        device.port_write(&mut bench.ctx(), LINES + LINE_COUNT, 1, 1);
        assert!(!bench.irq.level(IrqLine(LINE_COUNT as u8)));
    }

    #[test]
    fn memory_holds_what_is_written_up_to_its_end() {
        let (mut device, mut bench) = (TestDevice::default(), Bench::new());
        let ctx = &mut bench.ctx();
        let at = |offset: u64| GuestPhysAddr(MEMORY + offset);
        device.mmio_write(ctx, at(4), 8, 0x1122_3344_5566_7788);
        assert_eq!(device.mmio_read(ctx, at(6), 4), 0x3344_5566);
        device.mmio_write(ctx, at(0xfffe), 4, 0xdead_beef);
        assert_eq!(device.mmio_read(ctx, at(0xfffe), 2), 0xbeef);
        assert_eq!(device.mmio_read(ctx, at(0x1_0000), 8), 0);
        let mut saved = Vec::new();
        device.save(&mut saved);
        let mut other = TestDevice::default();
        assert!(other.load(&mut &saved[..]).is_some());
        assert_eq!(other, device);
    }
}
