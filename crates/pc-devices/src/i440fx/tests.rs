use super::*;
use crate::bench::Bench;
use guest_memory::Priority;

/// What the bytes of ROM and of RAM are.
const ROM: u8 = 0x5a;
const RAM: u8 = 0x11;

/// A bridge in a machine, with firmware or without.
struct Board {
    bench: Bench,
    bridge: Box<dyn Device>,
}

impl Board {
    fn new(firmware: bool) -> Self {
        let mut bench = Bench::new();
        for at in (0..1 << 20).step_by(0x1000) {
            bench.memory.write(GuestPhysAddr(at), &[RAM; 0x1000]);
        }
        let bridge = bench.build(crate::declaration(ID), &[], &[]).unwrap();
        if firmware {
            let rom = bench.memory.allocate(128 << 10).unwrap();
            bench.memory.ram_write(rom, &vec![ROM; 128 << 10]);
            for start in [0xe_0000, 0xfffe_0000] {
                let range = (GuestPhysAddr(start), 128 << 10);
                bench.memory.map("rom", Priority::Overlay, range, Region::rom(rom)).unwrap();
            }
        }
        let mut board = Self { bench, bridge };
        board.bridge.reset(&mut board.bench.ctx());
        board
    }

    fn config_write(&mut self, at: u8, size: u8, value: u32) {
        self.bridge.pci().unwrap().config_write(&mut self.bench.ctx(), at, size, value);
    }

    fn config_read(&mut self, at: u8, size: u8) -> u32 {
        self.bridge.pci().unwrap().config_read(&mut self.bench.ctx(), at, size)
    }

    /// What is read at an address, and whether a write changes that or RAM; the windows are mapped as the bus does it.
    fn access(&mut self, address: u64) -> (u8, bool, bool) {
        let function = self.bridge.pci().unwrap();
        let mut windows = Vec::new();
        function.windows(&mut windows);
        let memory = &self.bench.memory;
        let maps: Vec<_> = windows
            .iter()
            .map(|window| {
                let range = (GuestPhysAddr(window.start), window.len);
                let region = function.backing(window.bar).unwrap();
                memory.map("PCI", Priority::Movable, range, region).unwrap()
            })
            .collect();
        let read = memory.read_array::<1>(GuestPhysAddr(address))[0];
        memory.write(GuestPhysAddr(address), &[0x77]);
        let seen = memory.read_array::<1>(GuestPhysAddr(address))[0] == 0x77;
        let mut ram = [0];
        memory.ram_read(RamAddr(address), &mut ram);
        memory.ram_write(RamAddr(address), &[RAM]);
        for map in maps {
            memory.remap(map, (GuestPhysAddr(0), 0), Region::UNASSIGNED).unwrap();
        }
        (read, seen, ram == [0x77])
    }
}

#[test]
fn each_segment_is_read_and_written_as_its_attributes_say() {
    let mut board = Board::new(true);
    // Register and shift of a segment's attributes, its first address, what the bus has there
    let mut segments = vec![(0x59, 4, 0xf_0000, ROM)];
    for n in 0..12_u8 {
        let start = 0xc_0000 + 0x4000 * u64::from(n);
        segments.push((0x5a + n / 2, 4 * (n % 2), start, if start < 0xe_0000 { 0xff } else { ROM }));
    }
    for (register, shift, start, bus) in segments {
        let expected = [(bus, false, false), (RAM, false, false), (bus, false, true), (RAM, true, true)];
        for (attributes, expected) in expected.into_iter().enumerate() {
            board.config_write(register, 1, (attributes as u32) << shift);
            let last = start + if start == 0xf_0000 { 0xffff } else { 0x3fff };
            for address in [start, last] {
                assert_eq!(board.access(address), expected, "{address:#x} with {attributes}");
            }
            // Neighbours are as they were.
            for neighbour in [start - 1, last + 1] {
                let bus = if neighbour < 0xe_0000 { 0xff } else { ROM };
                if (0xc_0000..=0xf_ffff).contains(&neighbour) {
                    assert_eq!(board.access(neighbour), (bus, false, false), "{neighbour:#x}");
                }
            }
        }
        board.config_write(register, 1, 0);
    }
}

#[test]
fn without_firmware_the_segments_are_ram() {
    for (firmware, pam, first) in [(true, 0, ROM), (false, 0x3333_3333, RAM)] {
        let mut board = Board::new(firmware);
        assert_eq!(board.config_read(0x5c, 4), pam);
        assert_eq!(board.access(0xe_0000).0, first);
        assert_eq!(board.access(0xb_8000).0, 0xff, "the window of the display is no RAM");
        assert_eq!(board.access(0x9_ffff).0, RAM);
        board.config_write(0x5c, 4, 0x1111_1111);
        board.bridge.reset(&mut board.bench.ctx());
        assert_eq!(board.config_read(0x5c, 4), pam, "after a reset");
    }
}

#[test]
fn system_management_ram_is_open_until_it_is_locked() {
    // Writes in order, what is read back, whether 0xa0000 is RAM
    let table = [(0x00, 0x02, false), (0xff, 0x3a, false), (0x48, 0x1a, false), (0x00, 0x12, false)];
    let mut board = Board::new(true);
    for (open, value, ram) in [(0x40, 0x42, false), (0x48, 0x4a, true), (0x20, 0x22, false)] {
        board.config_write(0x72, 1, open);
        assert_eq!(board.config_read(0x72, 1), value);
        assert_eq!(board.access(0xa_0000).0, if ram { RAM } else { 0xff }, "{open:#x}");
        assert_eq!(board.access(0xb_ffff).0, if ram { RAM } else { 0xff }, "{open:#x}");
    }
    for (written, value, ram) in table {
        board.config_write(0x70, 4, written << 16);
        assert_eq!(board.config_read(0x72, 1), value, "after {written:#x}");
        assert_eq!(board.access(0xa_0000).0 == RAM, ram, "after {written:#x}");
    }
    board.bridge.reset(&mut board.bench.ctx());
    board.config_write(0x72, 1, 0x48);
    assert_eq!(board.access(0xa_0000).0, RAM, "a reset unlocks");
}

#[test]
fn the_header_is_that_of_an_82441fx() {
    let mut board = Board::new(true);
    board.config_write(4, 4, u32::MAX);
    let words = [0, 4, 8, 0xc, 0x10, 0x2c, 0x34, 0x3c].map(|at| board.config_read(at, 4));
    assert_eq!(words, [0x1237_8086, 0x0280_0146, 0x0600_0002, 0, 0, 0x1100_1af4, 0, 0]);
}

#[test]
fn a_machine_with_less_than_a_megabyte_maps_no_memory_of_others() {
    let memory = GuestMemory::new(0xe_0000).unwrap();
    let mut bridge = HostBridge::new(memory.layout());
    bridge.config.write(0x5c, 4, 0x3333_3333);
    let mut windows = Vec::new();
    bridge.windows(&mut windows);
    assert_eq!(windows.iter().map(|window| window.start).max(), Some(0xd_c000));
}
