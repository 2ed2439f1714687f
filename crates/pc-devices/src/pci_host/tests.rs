use super::PciHost;
use crate::bench::Bench;
use device_api::{Ctx, PciFunction, Pio};

struct Memory {
    slot: (u8, u8),
    dwords: [u32; 64],
}

impl PciFunction for Memory {
    fn slot(&self) -> (u8, u8) {
        self.slot
    }
    fn config_read(&mut self, offset: u8) -> u32 {
        self.dwords[usize::from(offset / 4)]
    }
    fn config_write(&mut self, _ctx: &mut Ctx<'_>, offset: u8, value: u32, mask: u32) {
        let dword = &mut self.dwords[usize::from(offset / 4)];
        *dword = *dword & !mask | value & mask;
    }
}

fn memory(device: u8, function: u8) -> Box<Memory> {
    Box::new(Memory { slot: (device, function), dwords: std::array::from_fn(|n| 0x0101_0101 * n as u32) })
}

fn read(host: &mut PciHost, address: u32, lane: u16, size: u8) -> u32 {
    let mut bench = Bench::new();
    host.port_write(&mut bench.ctx(), 0xcf8, 4, address);
    let value = host.port_read(&mut bench.ctx(), 0xcfc + lane, size);
    value & (u64::MAX >> (64 - 8 * u32::from(size))) as u32
}

fn write(host: &mut PciHost, address: u32, lane: u16, size: u8, value: u32) {
    let mut bench = Bench::new();
    host.port_write(&mut bench.ctx(), 0xcf8, 4, address);
    host.port_write(&mut bench.ctx(), 0xcfc + lane, size, value);
}

#[test]
fn the_bridge_is_found_at_0_0_0_and_nothing_else() {
    // Address, lane, size, value
    let table = [
        (0x8000_0000, 0, 4, 0x1237_8086),
        (0x8000_0000, 0, 2, 0x8086),
        (0x8000_0000, 2, 2, 0x1237),
        (0x8000_0000, 1, 1, 0x80),
        (0x8000_0008, 2, 2, 0x0600),
        (0x8000_0000, 3, 2, 0xff12),
        (0x8000_0100, 0, 4, 0xffff_ffff),
        (0x8000_0800, 0, 4, 0xffff_ffff),
        (0x8001_0000, 0, 4, 0xffff_ffff),
        (0x0000_0000, 0, 4, 0xffff_ffff),
    ];
    let mut host = PciHost::default();
    for (address, lane, size, value) in table {
        assert_eq!(read(&mut host, address, lane, size), value, "{address:#x} + {lane}, {size} bytes");
    }
}

#[test]
fn config_address_is_a_dword_register() {
    let mut bench = Bench::new();
    let mut host = PciHost::default();
    host.port_write(&mut bench.ctx(), 0xcf8, 4, 0xffff_ffff);
    assert_eq!(host.port_read(&mut bench.ctx(), 0xcf8, 4), 0x80ff_fffc);
    host.port_write(&mut bench.ctx(), 0xcf8, 1, 0);
    host.port_write(&mut bench.ctx(), 0xcf8, 2, 0);
    assert_eq!(host.port_read(&mut bench.ctx(), 0xcf8, 4), 0x80ff_fffc);
    assert_eq!(host.port_read(&mut bench.ctx(), 0xcf8, 1) & 0xff, 0xff);
}

#[test]
fn only_some_registers_of_the_bridge_can_be_written() {
    let table = [
        (0x8000_0000, 0x1237_8086),
        (0x8000_0058, 0x3333_3300),
        (0x8000_005c, 0x3333_3333),
        (0x8000_0070, 0x007f_0000),
    ];
    let mut host = PciHost::default();
    for (address, value) in table {
        write(&mut host, address, 0, 4, 0xffff_ffff);
        assert_eq!(read(&mut host, address, 0, 4), value, "{address:#x}");
    }
    write(&mut host, 0x8000_005c, 1, 1, 0);
    assert_eq!(read(&mut host, 0x8000_005c, 0, 4), 0x3333_0033);
}

#[test]
fn attached_functions_answer_in_their_slots() {
    let mut host = PciHost::default();
    assert!(host.attach(memory(3, 1)).is_ok());
    assert!(host.attach(memory(31, 7)).is_ok());
    for (device, function) in [(3, 1), (0, 0), (32, 0), (1, 8)] {
        assert!(host.attach(memory(device, function)).is_err(), "{device}.{function}");
    }
    assert_eq!(read(&mut host, 0x8000_1910, 0, 4), 0x0404_0404);
    assert_eq!(read(&mut host, 0x8000_fffc, 0, 4), 0x3f3f_3f3f);
    write(&mut host, 0x8000_1910, 2, 2, 0xabcd);
    assert_eq!(read(&mut host, 0x8000_1910, 0, 4), 0xabcd_0404);
}
