use super::spec::{DATA, DMA_HIGH, DMA_LOW, SELECTOR, key};
use super::*;
use crate::bench::Bench;
use device_api::Snapshot;

const UUID: u16 = 0x02;
const NB_CPUS: u16 = 0x05;
const IRQ0_OVERRIDE: u16 = 0x8002;

fn device() -> FwCfg {
    let mut device = FwCfg::default();
    device.set_item(NB_CPUS, vec![3, 0]);
    device.set_item(IRQ0_OVERRIDE, vec![1, 0, 0, 0]);
    // Not in the order of their names
    for (name, bytes) in [("etc/e820", &b"ram"[..]), ("bootorder", b"/rom@genroms"), ("opt/empty", b"")] {
        device.set_file(name, bytes.to_vec());
    }
    device
}

/// Reads bytes of an item by ports.
fn read(device: &mut FwCfg, key: u16, len: usize) -> Vec<u8> {
    let mut bench = Bench::new();
    device.port_write(&mut bench.ctx(), SELECTOR, 2, u32::from(key));
    (0..len).map(|_| device.port_read(&mut bench.ctx(), DATA, 1) as u8).collect()
}

/// Starts a DMA request that lies at 1000h. Returns its control word.
fn request(device: &mut FwCfg, bench: &mut Bench, (control, length, address): (u32, u32, u64)) -> u32 {
    let at = GuestPhysAddr(0x1000);
    bench.memory.write(at, &control.to_be_bytes());
    bench.memory.write(GuestPhysAddr(0x1004), &length.to_be_bytes());
    bench.memory.write(GuestPhysAddr(0x1008), &address.to_be_bytes());
    device.port_write(&mut bench.ctx(), DMA_HIGH, 4, 0);
    device.port_write(&mut bench.ctx(), DMA_LOW, 4, 0x1000_u32.swap_bytes());
    u32::from_be_bytes(bench.memory.read_array(at))
}

#[test]
fn items_are_read_byte_by_byte_and_end_in_zeros() {
    let mut device = device();
    let table = [
        (key::SIGNATURE, &b"QEMU\0\0"[..]),
        (key::ID, &[3, 0, 0, 0, 0]),
        (NB_CPUS, &[3, 0, 0]),
        (IRQ0_OVERRIDE, &[1, 0, 0, 0, 0]),
        // The same number without the architecture's bit is another item.
        (UUID, &[0, 0]),
        (0x7fff, &[0]),
        (0xffff, &[0]),
        // The bit of the write channel does not count.
        (0x4000 | NB_CPUS, &[3, 0]),
    ];
    for (key, bytes) in table {
        assert_eq!(read(&mut device, key, bytes.len()), bytes, "{key:#x}");
    }
}

#[test]
fn files_are_listed_in_the_order_of_their_names() {
    let mut device = device();
    let directory = read(&mut device, key::FILE_DIR, 4 + 3 * 64 + 1);
    assert_eq!(directory[..4], [0, 0, 0, 3]);
    assert_eq!(directory.last(), Some(&0));
    let expected = [("bootorder", &b"/rom@genroms"[..]), ("etc/e820", b"ram"), ("opt/empty", b"")];
    for (n, (entry, (name, content))) in directory[4..].chunks(64).zip(expected).enumerate() {
        assert_eq!(entry[..4], (content.len() as u32).to_be_bytes());
        assert_eq!(entry[4..8], [0, 0x20 + n as u8, 0, 0]);
        assert!(entry[8..].starts_with(name.as_bytes()) && entry[8 + name.len()] == 0);
        assert_eq!(read(&mut device, 0x20 + n as u16, content.len()), content);
    }
    assert_eq!(read(&mut device, 0x23, 1), [0], "no more files");
    // New content under an old name; a name that is too long.
    device.set_file("etc/e820", b"more".to_vec());
    device.set_file(&"x".repeat(80), vec![7]);
    assert_eq!(read(&mut device, 0x21, 4), b"more");
    let directory = read(&mut device, key::FILE_DIR, 4 + 4 * 64);
    assert_eq!(directory[3], 4);
    assert_eq!(directory[4 + 3 * 64 + 8..], [&[b'x'; 55][..], &[0]].concat());
}

#[test]
fn dma_selects_reads_and_skips() {
    let (mut device, mut bench) = (device(), Bench::new());
    let lanes: Vec<u8> =
        (DMA_HIGH..DMA_HIGH + 8).map(|port| device.port_read(&mut bench.ctx(), port, 1) as u8).collect();
    assert_eq!(lanes, b"QEMU CFG");
    assert_eq!(device.port_read(&mut bench.ctx(), DMA_LOW, 4), u32::from_le_bytes(*b" CFG"));
    bench.memory.write(GuestPhysAddr(0x2000), &[0xee; 16]);
    // Select the file "bootorder" and read four bytes.
    assert_eq!(request(&mut device, &mut bench, (0x0020_000a, 4, 0x2000)), 0);
    assert_eq!(bench.memory.read_array(GuestPhysAddr(0x2000)), *b"/rom\xee");
    // Skip one, then read what is left and zeros.
    assert_eq!(request(&mut device, &mut bench, (4, 1, 0)), 0);
    assert_eq!(request(&mut device, &mut bench, (2, 10, 0x2000)), 0);
    assert_eq!(bench.memory.read_array(GuestPhysAddr(0x2000)), *b"genroms\0\0\0\xee");
    // Select without a transfer; the ports continue at DMA's position.
    assert_eq!(request(&mut device, &mut bench, (0x0005_0008, 0x100, 0x2000)), 0);
    assert_eq!(device.port_read(&mut bench.ctx(), DATA, 1), 3);
    // An item that does not exist reads as zeros, in pieces too large for one write.
    bench.memory.write(GuestPhysAddr(0x2_0000), &[0xee; 0x1_1001]);
    assert_eq!(request(&mut device, &mut bench, (0x1234_000a, 0x1_1000, 0x2_0000)), 0);
    let mut bytes = vec![1; 0x1_1001];
    bench.memory.read(GuestPhysAddr(0x2_0000), &mut bytes);
    assert!(bytes[..0x1_1000].iter().all(|&byte| byte == 0) && bytes[0x1_1000] == 0xee);
}

#[test]
fn writes_fail_and_requests_outside_of_ram_do_nothing() {
    let (mut device, mut bench) = (device(), Bench::new());
    assert_eq!(request(&mut device, &mut bench, (0x0005_0018, 2, 0x2000)), 1);
    assert_eq!(request(&mut device, &mut bench, (0x0005_0018, 0, 0x2000)), 0);
    assert_eq!(read(&mut device, NB_CPUS, 2), [3, 0]);
    let before = device.chip.clone();
    for (high, low) in [(0, 0xf_fff8_u32), (0, 0x10_0000), (0xffff_ffff, 0xffff_fff8)] {
        device.port_write(&mut bench.ctx(), DMA_HIGH, 4, high);
        device.port_write(&mut bench.ctx(), DMA_LOW, 4, low.swap_bytes());
        assert_eq!(device.chip, before);
    }
    // An upper half is used once; bytes and words start nothing.
    device.port_write(&mut bench.ctx(), DMA_HIGH, 4, 1);
    device.port_write(&mut bench.ctx(), DMA_LOW, 4, 0);
    assert_eq!(request(&mut device, &mut bench, (0x0003_0008, 0, 0)), 0);
    device.port_write(&mut bench.ctx(), DMA_LOW, 2, 0x10);
    device.port_write(&mut bench.ctx(), SELECTOR, 1, 5);
    device.port_write(&mut bench.ctx(), DATA, 1, 5);
    assert_eq!(device.port_read(&mut bench.ctx(), DATA, 1), 0, "the item of the request is selected still");
}

#[test]
fn items_and_position_come_back_and_a_reset_keeps_items() {
    let (mut device, mut bench) = (device(), Bench::new());
    read(&mut device, 0x20, 5);
    let mut bytes = Vec::new();
    device.save(&mut bytes);
    let mut copy = FwCfg::default();
    assert_eq!(copy.load(&mut &bytes[..]), Some(()));
    assert_eq!(copy.chip, device.chip);
    assert_eq!(copy.port_read(&mut bench.ctx(), DATA, 1), u32::from(b"/rom@g"[5]));
    copy.reset(&mut bench.ctx());
    assert_eq!(copy.port_read(&mut bench.ctx(), DATA, 1), u32::from(b'Q'));
    assert_eq!(read(&mut copy, 0x20, 4), b"/rom");
}
