mod peek;

use super::*;
use crate::bench::Bench;
use device_api::bench::Bench as AnyBench;
use guest_memory::Backing;

/// The adapter with its bus.
struct Card {
    bench: AnyBench,
    vga: Box<dyn Device>,
}

impl Card {
    fn new(properties: &[(&str, &str)]) -> Self {
        let mut bench = AnyBench::with_ram(1 << 20).unwrap();
        bench.backends.images.insert("bios".to_owned(), vec![0x55; 5000]);
        let decl = device_api::declarations().into_iter().find(|decl| decl.id == ID).unwrap();
        let mut vga = bench.build(decl, properties, &[]).unwrap();
        vga.reset(&mut bench.ctx());
        let mut card = Self { bench, vga };
        card.out(0x3c2, 0x67);
        card
    }
    fn out(&mut self, at: u16, value: u32) {
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), at, 1, value);
    }
    fn input(&mut self, at: u16) -> u8 {
        self.vga.pio().unwrap().port_read(&mut self.bench.ctx(), at, 1) as u8
    }
    /// Index and data in one OUT of a word.
    fn set(&mut self, at: u16, index: u8, value: u8) {
        let word = u32::from(value) << 8 | u32::from(index);
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), at, 2, word);
    }
    fn get(&mut self, at: u16, index: u8) -> u8 {
        self.out(at, index.into());
        self.input(at + 1)
    }
    fn dispi(&mut self, index: u32, value: u32) {
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), 0x1ce, 2, index);
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), 0x1cf, 2, value);
    }
    fn read_dispi(&mut self, index: u32) -> u16 {
        self.vga.pio().unwrap().port_write(&mut self.bench.ctx(), 0x1ce, 2, index);
        self.vga.pio().unwrap().port_read(&mut self.bench.ctx(), 0x1d0, 2) as u16
    }
    fn answers(&self, address: u64) -> Backing {
        self.bench.memory.region(GuestPhysAddr(address)).0.write
    }
    fn poke(&mut self, address: u64, value: u8) {
        match self.answers(address) {
            Backing::Mmio(_) => {
                let (mmio, at) = (self.vga.mmio().unwrap(), GuestPhysAddr(address));
                mmio.mmio_write(&mut self.bench.ctx(), at, 1, value.into());
            }
            _ => self.bench.memory.write(GuestPhysAddr(address), &[value]),
        }
    }
    fn peek(&mut self, address: u64) -> u8 {
        let mut byte = [0];
        match self.answers(address) {
            Backing::Mmio(_) => {
                let (mmio, at) = (self.vga.mmio().unwrap(), GuestPhysAddr(address));
                byte[0] = mmio.mmio_read(&mut self.bench.ctx(), at, 1) as u8;
            }
            _ => self.bench.memory.read(GuestPhysAddr(address), &mut byte),
        }
        byte[0]
    }
    fn vram(&self) -> RamAddr {
        self.bench.memory.blocks()[1].0
    }
    /// Four planes of a word.
    fn word(&self, n: u64) -> u32 {
        self.bench.memory.ram_value(self.vram().wrapping_add(4 * n), 4) as u32
    }
    fn set_word(&self, n: u64, value: u32) {
        self.bench.memory.set_ram_value(self.vram().wrapping_add(4 * n), 4, value.into());
    }
    /// Sixteen colours, nothing between processor and planes.
    fn planar(&mut self) {
        self.set(0x3c4, 2, 0x0f);
        self.set(0x3c4, 4, 0x06);
        for (index, value) in (0..).zip([0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff]) {
            self.set(0x3ce, index, value);
        }
    }
    fn write_bar(&mut self, offset: u64, size: u8, value: u64) {
        let at = GuestPhysAddr(0xfebf_0000 + offset);
        self.vga.mmio().unwrap().mmio_write(&mut self.bench.ctx(), at, size, value);
    }
    fn read_bar(&mut self, offset: u64, size: u8) -> u64 {
        let at = GuestPhysAddr(0xfebf_0000 + offset);
        self.vga.mmio().unwrap().mmio_read(&mut self.bench.ctx(), at, size)
    }
    fn config(&mut self, at: u8, size: u8, value: u32) {
        self.vga.pci().unwrap().config_write(&mut self.bench.ctx(), at, size, value);
    }
}

fn card() -> Card {
    Card::new(&[])
}

#[test]
fn write_modes_do_what_their_stages_say() {
    const LATCH: u32 = 0x0ff0_55aa;
    // Mode, rotate and operation, set/reset, its enable, bit mask, map mask, data; the planes behind it
    let table = [
        (0, 0x00, 0x0, 0x0, 0xff, 0xf, 0x81, 0x8181_8181),
        (0, 0x01, 0x0, 0x0, 0xff, 0xf, 0x81, 0xc0c0_c0c0),
        (0, 0x00, 0x5, 0xf, 0xff, 0xf, 0x81, 0x00ff_00ff),
        (0, 0x00, 0x5, 0x3, 0xff, 0xf, 0x81, 0x8181_00ff),
        (0, 0x08, 0x0, 0x0, 0xff, 0xf, 0x3c, 0x0c30_1428),
        (0, 0x10, 0x0, 0x0, 0xff, 0xf, 0x3c, 0x3ffc_7dbe),
        (0, 0x18, 0x0, 0x0, 0xff, 0xf, 0x3c, 0x33cc_6996),
        (0, 0x00, 0x0, 0x0, 0x0f, 0xf, 0x3c, 0x0cfc_5cac),
        (0, 0x00, 0x0, 0x0, 0xff, 0x5, 0x3c, 0x113c_333c),
        (1, 0x1f, 0xf, 0xf, 0x00, 0xf, 0x3c, LATCH),
        (2, 0x00, 0x0, 0x0, 0xf0, 0xf, 0x06, 0x0ff0_f50a),
        (3, 0x00, 0x9, 0x0, 0xf0, 0xf, 0x3c, 0x3fc0_45ba),
        (3, 0x04, 0x9, 0x0, 0xff, 0xf, 0x3c, 0xcf30_14eb),
    ];
    for (mode, rotate, set_reset, enable, bits, maps, data, planes) in table {
        let mut card = card();
        card.planar();
        card.set_word(7, LATCH);
        card.set_word(9, 0x1122_3344);
        card.peek(0xa_0007);
        for (index, value) in [(0, set_reset), (1, enable), (3, rotate), (5, mode), (8, bits)] {
            card.set(0x3ce, index, value);
        }
        card.set(0x3c4, 2, maps);
        card.poke(0xa_0009, data);
        assert_eq!(
            card.word(9),
            planes,
            "mode {mode}, rotate {rotate:#x}, mask {bits:#x}: {:#x}",
            card.word(9)
        );
    }
}

#[test]
fn read_modes_give_a_plane_or_compare() {
    let mut card = card();
    card.planar();
    card.set_word(5, 0xc3_f0_0f_aa);
    for (plane, value) in [(0, 0xaa), (1, 0x0f), (2, 0xf0), (3, 0xc3)] {
        card.set(0x3ce, 4, plane);
        assert_eq!(card.peek(0xa_0005), value, "plane {plane}");
    }
    card.set(0x3ce, 5, 8);
    // Colour, planes that count, where the eight pixels 9, 8, 5, 4, 3, 2, 15, 14 in binary match
    let pixels = [0xd, 0xc, 0x5, 0x4, 0x3, 0x2, 0xb, 0xa];
    for (color, care) in [(0xd, 0xf), (0x4, 0x6), (0x0, 0x8), (0x0, 0x0), (0xf, 0x1)] {
        card.set(0x3ce, 2, color);
        card.set(0x3ce, 7, care);
        let want = pixels.iter().fold(0u8, |bits, pixel| bits << 1 | u8::from((pixel ^ color) & care == 0));
        assert_eq!(card.peek(0xa_0005), want, "{color:#x} {care:#x}");
    }
}

#[test]
fn odd_and_even_addresses_are_character_and_attribute() {
    let mut card = card();
    for (at, index, value) in
        [(0x3c4, 2, 3), (0x3c4, 4, 2), (0x3ce, 5, 0x10), (0x3ce, 6, 0x0e), (0x3ce, 8, 0xff)]
    {
        card.set(at, index, value);
    }
    card.poke(0xb_8004, b'A');
    card.poke(0xb_8005, 0x1f);
    assert_eq!(card.word(2), 0x1f41);
    assert_eq!((card.peek(0xb_8004), card.peek(0xb_8005)), (b'A', 0x1f));
    assert_eq!((card.peek(0xa_0004), card.peek(0xb_0004)), (0xff, 0xff), "elsewhere nothing answers");
    card.out(0x3c2, 0x65);
    assert_eq!(card.peek(0xb_8004), 0xff, "nor anywhere with the buffer's decoder off");
}

#[test]
fn the_buffer_is_memory_where_it_is_plain_bytes() {
    let mut card = card();
    card.planar();
    let (window, vram) = (0xa_0000, card.vram());
    assert_eq!(card.answers(window), Backing::Mmio(DEVICE));
    card.set(0x3c4, 4, 0x0e);
    assert_eq!(card.answers(window), Backing::Ram(vram));
    assert_eq!(card.answers(0xb_0000), Backing::Mmio(DEVICE), "behind the 64 KiB");
    card.poke(0xa_1235, 0x77);
    assert_eq!(card.word(0x1235 / 4), 0x7700);
    // What stands between processor and memory; then back to nothing
    let stages: [(u16, u8, u8, u8); 7] = [
        (0x3ce, 1, 1, 0),
        (0x3ce, 3, 0x18, 0),
        (0x3ce, 5, 0x42, 0x40),
        (0x3ce, 5, 0x48, 0x40),
        (0x3ce, 8, 0xfe, 0xff),
        (0x3c4, 2, 0x07, 0x0f),
        (0x3c4, 4, 0x06, 0x0e),
    ];
    for (at, index, off, on) in stages {
        card.set(at, index, off);
        assert_eq!(card.answers(window), Backing::Mmio(DEVICE), "{at:#x}.{index}={off:#x}");
        card.set(at, index, on);
        assert_eq!(card.answers(window), Backing::Ram(vram), "{at:#x}.{index}={on:#x}");
    }
    card.set(0x3c4, 2, 0x05);
    card.poke(0xa_1234, 0x11);
    card.poke(0xa_1235, 0x22);
    assert_eq!(card.word(0x1234 / 4), 0x7711, "planes 1 and 3 are masked in chain 4 too");
    card.vga.reset(&mut card.bench.ctx());
    assert_eq!(card.answers(window), Backing::Mmio(DEVICE));
}

const DEVICE: device_api::DeviceId = device_api::DeviceId(0);

#[test]
fn banks_of_the_bochs_interface_are_memory_at_a0000h() {
    let mut card = card();
    card.planar();
    for (index, value) in [(1, 1024), (2, 768), (3, 8), (4, 0x41)] {
        card.dispi(index, value);
    }
    assert_eq!(card.answers(0xa_0000), Backing::Ram(card.vram()));
    card.dispi(5, 3);
    assert_eq!(card.answers(0xa_0000), Backing::Ram(card.vram().wrapping_add(0x3_0000)));
    card.dispi(5, 0x1ff);
    assert_eq!(card.read_dispi(5), 0xff, "as many banks as there are");
    card.dispi(4, 0);
    assert_eq!(card.answers(0xa_0000), Backing::Mmio(DEVICE), "planes again without a mode");
    card.set(0x3c4, 4, 0x0e);
    assert_eq!(card.answers(0xa_0000), Backing::Ram(card.vram()), "from the first bank on");
}

#[test]
fn bochs_registers_are_adjusted_to_what_can_be_had() {
    let mut card = card();
    assert_eq!((card.read_dispi(0), card.read_dispi(10), card.read_dispi(11)), (0xb0c5, 256, 0));
    for (id, want) in [(0xb0c0, 0xb0c0), (0xb0c4, 0xb0c4), (0xb0c6, 0xb0c4), (0xb0c5, 0xb0c5)] {
        card.dispi(0, id);
        assert_eq!(card.read_dispi(0), want);
    }
    card.dispi(4, 2);
    assert_eq!([1, 2, 3].map(|index| card.read_dispi(index)), [2560, 1600, 32]);
    card.dispi(4, 0);
    // Width, height, depth; then width, height, depth, virtual width and height as they become
    let table = [
        ([640, 480, 32], [640, 480, 32, 640, 6553]),
        ([1366, 768, 16], [1360, 768, 16, 1360, 6168]),
        ([9999, 9999, 24], [2560, 1600, 24, 2560, 2184]),
        ([0, 0, 7], [8, 1, 8, 8, 65535]),
        ([800, 600, 4], [800, 600, 4, 800, 41943]),
        ([1024, 768, 15], [1024, 768, 15, 1024, 8192]),
    ];
    for (given, want) in table {
        for (index, value) in (1..).zip(given) {
            card.dispi(index, value);
        }
        card.dispi(4, 0x41);
        assert_eq!([1, 2, 3, 6, 7].map(|index| card.read_dispi(index)), want);
        card.dispi(4, 0);
    }
    for (index, value) in [(1, 800), (2, 600), (3, 32), (4, 0x41), (6, 1600), (8, 100), (9, 200)] {
        card.dispi(index, value);
    }
    assert_eq!([6, 7, 8, 9].map(|index| card.read_dispi(index)), [1600, 2621, 100, 200]);
    card.dispi(9, 2600);
    assert_eq!(card.read_dispi(9), 0, "rows that memory does not have");
}

#[test]
fn enabling_a_mode_clears_memory_unless_told_otherwise() {
    let mut card = card();
    card.set_word(100, 0x1234_5678);
    for (index, value) in [(1, 640), (2, 480), (3, 32), (4, 0xc1)] {
        card.dispi(index, value);
    }
    assert_eq!(card.word(100), 0x1234_5678);
    card.dispi(4, 0);
    card.dispi(4, 0x41);
    assert_eq!(card.word(100), 0);
}

#[test]
fn indexed_registers_keep_the_bits_that_exist() {
    let mut card = card();
    for (at, index, written, read) in [
        (0x3c4, 1, 0xff, 0x3d),
        (0x3c4, 5, 0xff, 0x00),
        (0x3ce, 3, 0xff, 0x1f),
        (0x3ce, 8, 0xff, 0xff),
        (0x3d4, 0x18, 0xa5, 0xa5),
        (0x3d4, 0x0e, 0xff, 0xff),
    ] {
        card.set(at, index, written);
        assert_eq!(card.get(at, index), read, "{at:#x}.{index:#x}");
    }
    card.set(0x3d4, 7, 0x21);
    card.set(0x3d4, 0x11, 0x8e);
    card.set(0x3d4, 7, 0xff);
    card.set(0x3d4, 0, 0xff);
    assert_eq!((card.get(0x3d4, 7), card.get(0x3d4, 0)), (0x31, 0), "protected but for the line compare");
    assert_eq!(card.input(0x3b5), 0xff, "the monochrome address");
    card.out(0x3c2, 0x66);
    assert_eq!((card.get(0x3b4, 7), card.input(0x3d5)), (0x31, 0xff));
    assert_eq!(card.input(0x3cc), 0x66);
}

#[test]
fn the_attribute_controller_takes_index_and_data_by_turns() {
    let mut card = card();
    card.input(0x3da);
    for value in [0x10, 0xff, 0x05, 0x3f, 0x33] {
        card.out(0x3c0, value);
    }
    card.input(0x3da);
    card.out(0x3c0, 0x25);
    assert_eq!((card.input(0x3c0), card.input(0x3c1)), (0x25, 0x3f));
    card.input(0x3da);
    card.out(0x3c0, 0x10);
    assert_eq!(card.input(0x3c1), 0xef);
    card.out(0x3c0, 0x00);
    card.out(0x3c0, 0x1f);
    card.out(0x3c0, 0x55);
    assert_eq!(card.input(0x3c1), 0, "there is no such register");
}

#[test]
fn colours_are_written_and_read_in_threes() {
    let mut card = card();
    card.out(0x3c8, 254);
    for value in [1, 2, 3, 0xff, 5, 6, 7, 8] {
        card.out(0x3c9, value);
    }
    assert_eq!((card.input(0x3c7), card.input(0x3c8)), (0, 0));
    card.out(0x3c7, 254);
    let read: Vec<_> = (0..6).map(|_| card.input(0x3c9)).collect();
    assert_eq!(read, [1, 2, 3, 0x3f, 5, 6]);
    assert_eq!(card.input(0x3c7), 3);
    assert_eq!(card.input(0x3c9), 0, "two of three components change no colour");
    card.dispi(4, 0x20);
    card.out(0x3c8, 9);
    (0..3).for_each(|_| card.out(0x3c9, 0xfe));
    card.out(0x3c7, 9);
    assert_eq!(card.input(0x3c9), 0xfe, "eight bits");
    card.out(0x3c6, 0x0f);
    assert_eq!(card.input(0x3c6), 0x0f);
}

#[test]
fn a_colour_monitor_is_sensed_by_bright_colours() {
    let mut card = card();
    for (level, sense) in [(0x04, 0x10), (0x12, 0x10), (0x2d, 0)] {
        card.out(0x3c8, 0);
        (0..3).for_each(|_| card.out(0x3c9, level));
        assert_eq!(card.input(0x3c2) & 0x10, sense, "{level:#x}");
    }
}

/// Registers of text mode 3: 449 lines of 900 dots at 28.322 MHz.
fn time_as_mode_3(card: &mut Card) {
    card.set(0x3c4, 1, 0);
    card.set(0x3d4, 0x11, 0);
    for (index, value) in
        [(0, 0x5f), (1, 0x4f), (6, 0xbf), (7, 0x1f), (0x10, 0x9c), (0x12, 0x8f), (0x11, 0x8e)]
    {
        card.set(0x3d4, index, value);
    }
}

#[test]
fn retrace_follows_from_the_registers_and_the_time() {
    let mut card = card();
    time_as_mode_3(&mut card);
    // Line and dot of the second frame; bits 0 and 3
    let table = [
        (0, 0, 0),
        (0, 719, 0),
        (0, 720, 1),
        (399, 0, 0),
        (400, 0, 1),
        (411, 899, 1),
        (412, 0, 9),
        (413, 899, 9),
        (414, 0, 1),
        (448, 899, 1),
    ];
    for (line, dot, bits) in table {
        card.bench.now = VmTime::at_tick(449 * 900 + line * 900 + dot, 28_322_000);
        assert_eq!(card.input(0x3da) & 9, bits, "line {line}, dot {dot}");
    }
    card.vga.reset(&mut card.bench.ctx());
    card.out(0x3c2, 1);
    let seen = (0..1000).fold((0, 0), |(any, all), n| {
        card.bench.now = VmTime(n * 16_667);
        let bits = card.input(0x3da) & 9;
        (any | bits, all | !bits & 9)
    });
    assert_eq!(seen, (9, 9), "without registers a guest that waits sees both come and go");
}

#[test]
fn registers_are_in_memory_too() {
    let mut card = card();
    card.config(0x18, 4, 0xfebf_0000);
    card.config(4, 2, 2);
    card.write_bar(0x414, 2, 0x4513);
    assert_eq!((card.get(0x3d4, 0x13), card.read_bar(0x415, 1)), (0x45, 0x45));
    card.write_bar(0x502, 2, 1280);
    card.write_bar(0x504, 4, 32 << 16 | 1024);
    assert_eq!((card.read_bar(0x500, 2), card.read_bar(0x502, 2), card.read_dispi(2)), (0xb0c5, 1280, 1024));
    assert_eq!((card.read_bar(0x504, 4), card.read_bar(0x505, 1)), (32 << 16 | 1024, 4));
    assert_eq!((card.read_bar(0x600, 4), card.read_bar(0x604, 4)), (8, 0x1e1e_1e1e));
    card.write_bar(0x604, 4, 0xbebe_bebe);
    assert_eq!(card.read_bar(0x604, 4), 0xbebe_bebe);
    assert_eq!(
        (card.read_bar(0, 8), card.read_bar(0x180, 2), card.read_bar(0x608, 4)),
        (0x00ff_ffff_ffff_ff00, 0xffff, 0xffff_ffff)
    );
}

/// What QEMU 7.2 gives with `-device VGA,xmax=2560,ymax=1600`; a block of zeros follows.
const QEMU_EDID: &str = "
    00ffffffffffff0049143412000000002a180104a520147806ee91a3544c9926
    0f5054210800e1c0d1c0d100a940b300950081808140ea2900c051201c304026
    444045cb10000018000000f7000a004082002820000000000000000000fd0032
    7d1ea0ff010a202020202020000000fc0051454d55204d6f6e69746f720a013a
    0203070042591f00000010000000000000000000000000000000000010000000
    0000000000000000000000000000100000000000000000000000000000000000
    1000000000000000000000000000000000001000000000000000000000000000
    00000000100000000000000000000000000000000000000000000000000000da";

#[test]
fn the_monitor_is_qemus() {
    let digits: String = QEMU_EDID.split_whitespace().collect();
    let ours = edid::edid(1280, 800);
    let (blocks, rest) = ours.split_at(256);
    assert_eq!(blocks.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), digits);
    assert!(rest.iter().all(|&byte| byte == 0));
    for (width, height) in [(1280, 800), (640, 480), (2560, 1600), (1920, 1080)] {
        for block in edid::edid(width, height).chunks(128) {
            assert_eq!(block.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0, "{width}x{height}");
        }
    }
}

#[test]
fn the_function_is_qemus_with_a_rom_where_one_is_given() {
    let mut card = Card::new(&[("romfile", "bios"), ("vgamem_mb", "5")]);
    let read = |card: &mut Card, at| card.vga.pci().unwrap().config_read(&mut card.bench.ctx(), at, 4);
    assert_eq!([0, 8, 0x2c, 0x3c].map(|at| read(&mut card, at)), [0x1111_1234, 0x0300_0002, 0x1100_1af4, 0]);
    for at in [0x10, 0x14, 0x18, 0x30] {
        card.config(at, 4, u32::MAX);
    }
    let sizes = [0x10, 0x14, 0x18, 0x30].map(|at| read(&mut card, at));
    assert_eq!(sizes, [0xff80_0008, 0, 0xffff_f000, 0xffff_e001], "8 MiB, none, 4 KiB, 8 KiB");
    let rom = card.vga.pci().unwrap().backing(6).unwrap();
    assert_eq!(rom.write, Backing::Unassigned);
    assert_eq!(card.bench.memory.ram_value(rom.read.ram().unwrap(), 2), 0x5555);
    assert_eq!(card.read_dispi(10), 128);
}

#[test]
fn the_state_comes_back_with_the_mapped_window() {
    let mut card = card();
    card.planar();
    card.set(0x3c4, 4, 0x0e);
    card.out(0x3c8, 3);
    card.out(0x3c9, 4);
    let mut bytes = Vec::new();
    card.vga.save(&mut bytes);
    let mut other = self::card();
    for cut in [0, 1, 100, bytes.len() - 1] {
        assert_eq!(other.vga.load(&mut &bytes[..cut]), None);
    }
    assert_eq!(other.vga.load(&mut &bytes[..]), Some(()));
    let memory = std::rc::Rc::clone(&other.bench.memory);
    other.vga.map_restored(&memory);
    assert_eq!(other.answers(0xa_0000), Backing::Ram(other.vram()));
    let mut again = Vec::new();
    other.vga.save(&mut again);
    assert_eq!(again, bytes);
    assert!(bytes.len() < 4096, "video memory is not in it");
}

#[test]
fn a_rom_of_no_possible_size_is_refused() {
    let mut bench = Bench::new();
    bench.backends.images.insert("empty".to_owned(), Vec::new());
    let decl = device_api::declarations().into_iter().find(|decl| decl.id == ID).unwrap();
    let error = bench.build(decl, &[("romfile", "empty")], &[]).err().unwrap();
    assert_eq!(error.to_string(), "device VGA: romfile has 0 bytes; a video BIOS has up to 1024 KiB");
}
