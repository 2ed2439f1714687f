//! RAM and the map over it, as processors and bus masters see them.

use guest_memory::{Backing, DeviceId, GuestMemory, MemoryError, Priority, Region};
use x86_types::{GuestPhysAddr, PAGE_SIZE, RamAddr};

const fn at(address: u64) -> GuestPhysAddr {
    GuestPhysAddr(address)
}

#[test]
fn bytes_come_back_and_outside_reads_as_ones() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    memory.write(at(0xf_fffe), &[1, 2, 3]);
    assert_eq!(memory.read_array::<4>(at(0xf_fffd)), [0, 1, 2, 0xff]);
    assert_eq!(memory.read_u64(at(0xc000_0000)), u64::MAX);
    assert_eq!(memory.read_u64(at(u64::MAX - 3)), 0xffff_ffff, "addresses begin again behind the last");
}

#[test]
fn values_of_every_size_come_back() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    for size in 1..=8 {
        let value = 0x8877_6655_4433_2211 & (u64::MAX >> (64 - 8 * size));
        memory.set_ram_value(RamAddr(0x101), 8, u64::MAX);
        memory.set_ram_value(RamAddr(0x101), size, value);
        assert_eq!(memory.ram_value(RamAddr(0x101), size), value);
        let behind = memory.read_array::<9>(at(0x101))[size as usize];
        assert_eq!(behind, if size < 8 { 0xff } else { 0 });
    }
    assert_eq!(memory.ram_value(RamAddr(0xf_fffe), 4), 0xffff_0000);
}

#[test]
fn copies_overlap_and_fills_stay_inside() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    memory.write(at(0), b"abcdef");
    assert!(memory.ram_copy(RamAddr(0), RamAddr(2), 4));
    assert_eq!(&memory.read_array::<6>(at(0)), b"ababcd");
    assert!(memory.ram_fill(RamAddr(1), 2, b'x'));
    assert_eq!(&memory.read_array::<4>(at(0)), b"axxb");
    assert!(!memory.ram_fill(RamAddr(0xf_ffff), 2, 0));
    assert!(!memory.ram_copy(RamAddr(0), RamAddr(0xf_ffff), 2));
}

#[test]
fn sizes_that_are_none_are_refused() {
    assert!(matches!(GuestMemory::new(0), Err(MemoryError::Size { .. })));
    assert!(matches!(GuestMemory::new(u64::MAX), Err(MemoryError::Size { .. })));
}

#[test]
fn eight_gib_are_reserved_and_not_touched() {
    let memory = GuestMemory::new(8 << 30).unwrap();
    memory.write_u64(at(0x1_4000_0000), 42);
    assert_eq!(memory.read_u64(at(0x1_4000_0000)), 42);
}

#[test]
fn rom_keeps_its_bytes_and_shadow_ram_takes_writes_unseen() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    let firmware = memory.allocate(64 << 10).unwrap();
    memory.ram_write(firmware, b"firmware");
    let ram = Region::ram(RamAddr(0xf_0000));
    let rom = Region::rom(firmware);
    let range = (at(0xf_0000), 64 << 10);
    let before = memory.generation();
    let pam = memory.map("pam", Priority::Overlay, range, rom).unwrap();
    assert_ne!(memory.generation(), before);
    memory.write(at(0xf_0000), b"xxxx");
    assert_eq!(&memory.read_array::<8>(at(0xf_0000)), b"firmware");
    assert!(!memory.page_backing(at(0xf_0000), false).writable);

    // Reads come from ROM, writes go to the RAM under it: how firmware copies itself.
    memory.remap(pam, range, Region { write: ram.write, ..rom }).unwrap();
    let copy = memory.read_array::<8>(at(0xf_0000));
    memory.write(at(0xf_0000), &copy);
    assert!(!memory.page_backing(at(0xf_0000), false).writable, "other bytes than are read");
    memory.remap(pam, range, ram).unwrap();
    memory.write(at(0xf_0000), b"F");
    assert_eq!(&memory.read_array::<8>(at(0xf_0000)), b"Firmware");
    let same = memory.generation();
    memory.remap(pam, range, ram).unwrap();
    assert_eq!(memory.generation(), same, "nothing changed");
}

#[test]
fn reads_and_writes_cross_regions() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    let block = memory.allocate(PAGE_SIZE).unwrap();
    memory.map("window", Priority::Overlay, (at(0x1000), 0x1000), Region::ram(block)).unwrap();
    memory.map("chip", Priority::Overlay, (at(0x3000), 0x10), Region::mmio(DeviceId(1))).unwrap();
    memory.write(at(0xffe), &[1, 2, 3, 4]);
    assert_eq!(memory.ram_value(RamAddr(0xffe), 2), 0x0201);
    assert_eq!(memory.ram_value(block, 2), 0x0403);
    assert_eq!(memory.read_u32(at(0xffe)), 0x0403_0201);
    memory.write(at(0x2ffe), &[5; 32]);
    let mut bytes = [0; 32];
    memory.read(at(0x2ffe), &mut bytes);
    assert_eq!((bytes[1], bytes[2], bytes[17], bytes[18]), (5, 0xff, 0xff, 5));
    assert_eq!(memory.region(at(0x3000)), (Region::mmio(DeviceId(1)), 0x10));
    let page = memory.page_backing(at(0x3000), false);
    assert_eq!((page.ram, page.plain_write), (None, false), "a page of two regions is slow");
}

#[test]
fn line_20_cuts_processors_and_nothing_else() {
    let memory = GuestMemory::new(4 << 20).unwrap();
    assert_eq!(memory.through_a20(at(0x12_3456)), at(0x12_3456));
    let before = memory.generation();
    memory.set_a20(false);
    assert_ne!(memory.generation(), before);
    assert_eq!(memory.through_a20(at(0x1_0012_3456)), at(0x1_0002_3456));
    assert_eq!(memory.through_a20(at(0x22_3456)), at(0x22_3456));
    memory.write(at(0x10_0000), &[7]);
    assert_eq!(memory.ram_value(RamAddr(0x10_0000), 1), 7, "a bus master");
    let closed = memory.generation();
    memory.set_a20(false);
    assert_eq!(memory.generation(), closed);
}

#[test]
fn logged_writes_are_noted_until_they_are_taken() {
    let memory = GuestMemory::new(1 << 20).unwrap();
    let video = memory.allocate(8 * PAGE_SIZE).unwrap();
    assert!(memory.take_dirty(video).is_none());
    memory.log_writes(video);
    let start = at(0xe000_0000);
    memory.map("video", Priority::Movable, (start, 8 * PAGE_SIZE), Region::ram(video)).unwrap();
    assert!(!memory.page_backing(start, false).plain_write && memory.page_backing(start, false).writable);
    memory.write(start.wrapping_add(PAGE_SIZE - 1), &[1, 2]);
    assert!(memory.page_backing(start, false).plain_write, "noted already");
    let before = memory.generation();
    let dirty = memory.take_dirty(video).unwrap();
    assert_eq!(dirty.pages().collect::<Vec<_>>(), [0, PAGE_SIZE]);
    assert_ne!(memory.generation(), before, "translations that write unseen have to go");
    assert!(!memory.page_backing(start, false).plain_write);
    assert!(memory.take_dirty(video).unwrap().is_empty());
}

#[test]
fn a_device_over_ram_is_refused_and_both_are_named() {
    let memory = GuestMemory::new(64 << 20).unwrap();
    let range = (at(0x300_0000), 0x2000);
    let error = memory.map("chip", Priority::Fixed, range, Region::mmio(DeviceId(0))).unwrap_err();
    assert_eq!(error.to_string(), "ram and chip both claim memory at 0x3000000");
    assert_eq!(memory.region(range.0).0.read, Backing::Ram(RamAddr(0x300_0000)));
}
