//! Transfers by the bus master.

use super::*;
use x86_types::GuestPhysAddr;

const TABLE: u64 = 0x1000;
const LBA: u8 = 0xe0;

impl Rig {
    /// Lays descriptors down: address, bytes (0: 64 KiB), the last one marked; and points the primary channel to them.
    fn describe(&mut self, regions: &[(u32, u16)]) {
        for (n, &(address, len)) in regions.iter().enumerate() {
            let end = if n + 1 == regions.len() { 0x8000_0000 } else { 0 };
            let bytes = [address.to_le_bytes(), (u32::from(len) | end).to_le_bytes()].concat();
            self.bench.memory.write(GuestPhysAddr(TABLE + 8 * n as u64), &bytes);
        }
        self.out_sized(MASTER + 4, 4, TABLE as u32);
        self.out_sized(MASTER + 12, 4, TABLE as u32);
    }

    fn memory_at(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.bench.memory.read(GuestPhysAddr(at), &mut bytes);
        bytes
    }
}

#[test]
fn a_read_is_scattered_over_memory() {
    let mut rig = Rig::with_disk(1000);
    rig.describe(&[(0x10000, 1024), (0x20000, 512)]);
    rig.command(PRIMARY, 0xc8, [0, 3, 7, 0, 0, LBA]);
    assert_eq!((rig.byte(PRIMARY + 0x206), rig.irq(14), rig.byte(MASTER + 2)), (0x58, false, 0));
    rig.out(MASTER, 9);
    assert_eq!(rig.byte(MASTER + 2), 4);
    assert_eq!(rig.registers(PRIMARY), [0, 0, 10, 0, 0, LBA, 0x50]);
    assert_eq!(rig.acknowledge(PRIMARY), (true, 0x50));
    assert_eq!(rig.memory_at(0x10000 + 511, 2), [7, 8]);
    assert_eq!(rig.memory_at(0x20000 - 1, 2), [0, 9]);
    rig.out(MASTER, 8);
    rig.out(MASTER + 2, 6);
    assert_eq!(rig.byte(MASTER + 2), 0);
}

#[test]
fn a_write_is_gathered_from_memory_in_many_parts() {
    let mut rig = Rig::with_disk(1000);
    rig.bench.memory.write(GuestPhysAddr(0x10000), &vec![0x5a; 0x30000]);
    // 300 sectors: more than one request of the medium, regions of 64 KiB
    rig.describe(&[(0x10000, 0), (0x20000, 0), (0x30000, 0)]);
    for (n, value) in [(2, 1), (3, 0), (4, 0), (5, 0)] {
        rig.out(PRIMARY + n, value);
    }
    rig.command(PRIMARY, 0x35, [0, 44, 100, 0, 0, LBA]);
    rig.out(MASTER, 1);
    assert_eq!(rig.byte(MASTER + 2), 5, "done, and descriptors are left");
    assert_eq!(rig.registers(PRIMARY), [0, 0, 0x90, 1, 0, LBA, 0x50]);
    rig.out(MASTER, 0);
    assert_eq!(rig.byte(MASTER + 2), 4);
    rig.command(PRIMARY, 0x20, [0, 3, 143, 1, 0, LBA]);
    let bytes: Vec<_> = (0..3).map(|_| rig.data(PRIMARY, 512)[0]).collect();
    assert_eq!(bytes, [0x5a, 0x90, 0x91]);
}

#[test]
fn too_few_descriptors_end_without_an_interrupt() {
    let mut rig = Rig::with_disk(1000);
    rig.describe(&[(0x10000, 512)]);
    rig.command(PRIMARY, 0xc8, [0, 2, 7, 0, 0, LBA]);
    rig.out(MASTER, 9);
    assert_eq!((rig.byte(MASTER + 2), rig.irq(14), rig.byte(PRIMARY + 7)), (0, false, 0x50));
}

#[test]
fn a_transfer_waits_for_the_right_to_be_master() {
    let mut rig = Rig::with_disk(1000);
    rig.describe(&[(0x10000, 512)]);
    rig.config(4, 2, 1);
    rig.command(PRIMARY, 0xc8, [0, 1, 7, 0, 0, LBA]);
    rig.out(MASTER, 9);
    assert_eq!((rig.byte(MASTER + 2), rig.irq(14)), (1, false));
    rig.config(4, 2, 5);
    assert_eq!((rig.byte(MASTER + 2), rig.irq(14)), (4, true));
}

#[test]
fn registers_are_as_in_the_reference_machine() {
    let mut rig = Rig::with_disk(10);
    let bytes: Vec<_> = (0..16).map(|n| rig.byte(MASTER + n)).collect();
    assert_eq!(bytes, [0, 0xff, 0, 0xff, 0, 0, 0, 0, 0, 0xff, 0, 0xff, 0, 0, 0, 0]);
    rig.out_sized(MASTER + 4, 4, 0x1003);
    rig.out(MASTER + 2, 0xff);
    assert_eq!((rig.sized(MASTER + 4, 4), rig.byte(MASTER + 2)), (0x1000, 0x60));
    let read = |rig: &mut Rig, at| rig.device.pci().unwrap().config().read(at, 4);
    assert_eq!((read(&mut rig, 0), read(&mut rig, 8)), (0x7010_8086, 0x0101_8000));
    assert_eq!((read(&mut rig, 4), read(&mut rig, 0x40)), (0x0280_0005, 0));
    rig.config(0x40, 4, 0x8000_8000);
    assert_eq!(read(&mut rig, 0x40), 0x8000_8000);
}

#[test]
fn a_reset_ends_a_transfer_that_waits() {
    let mut rig = Rig::with_disk(1000);
    rig.describe(&[(0x10000, 512)]);
    rig.command(PRIMARY, 0xc8, [0, 1, 7, 0, 0, LBA]);
    rig.out(PRIMARY + 0x206, 4);
    rig.out(PRIMARY + 0x206, 0);
    rig.out(MASTER, 9);
    assert_eq!((rig.byte(MASTER + 2), rig.byte(PRIMARY + 7)), (1, 0x50), "nothing to move");
    assert_eq!(rig.memory_at(0x10000, 1), [0]);
}

#[test]
fn a_cd_is_read_by_dma() {
    let mut rig = Rig::with_cd(300);
    rig.describe(&[(0x10000, 0), (0x20000, 0), (0x30000, 0)]);
    for (packet, bytes) in [(&[0x28, 0, 0, 0, 0, 3, 0, 0, 70][..], 70 * 2048), (&[0x12, 0, 0, 0, 36], 36)] {
        rig.command(SECONDARY, 0xa0, [1, 0, 0, 0, 0, 0xa0]);
        let mut whole = [0; 12];
        whole[..packet.len()].copy_from_slice(packet);
        rig.fill(SECONDARY, &whole);
        assert_eq!(rig.byte(SECONDARY + 0x206) & 0x88, 8);
        rig.out(MASTER + 8, 9);
        assert_eq!(rig.byte(MASTER + 10) & 6, 4);
        assert_eq!(rig.registers(SECONDARY)[1] & 7, 3);
        assert_eq!(rig.acknowledge(SECONDARY), (true, 0x50));
        rig.out(MASTER + 8, 8);
        rig.out(MASTER + 10, 4);
        assert_eq!(rig.memory_at(0x10000 + bytes, 1), [0], "no byte more");
        if bytes == 36 {
            assert_eq!(rig.memory_at(0x10008, 4), b"QEMU");
        } else {
            assert_eq!(rig.memory_at(0x10000 + bytes - 2049, 2), [71, 72]);
        }
        rig.bench.memory.write(GuestPhysAddr(0x10000), &vec![0; 70 * 2048]);
    }
}
