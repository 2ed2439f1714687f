use super::*;
use crate::bench::Bench;
use block::{Deferred, Memory};
use device_api::BlockInfo;

const LEN: usize = 0x1_0000;
const START: u64 = FOUR_GIB - LEN as u64;

/// A flash of 64 KiB right below 4 GiB, whose bytes are the low bytes of their offsets.
struct Board {
    bench: Bench,
    flash: Box<dyn Device>,
}

fn build(bench: &mut Bench, drive: Box<dyn BlockBackend>) -> Result<Box<dyn Device>, String> {
    bench.backends.blocks.insert("vars".to_owned(), drive);
    bench.build(crate::declaration(ID), &[("drive", "vars")], &[]).map_err(|error| error.to_string())
}

fn content() -> Vec<u8> {
    (0..LEN).map(|n| n as u8).collect()
}

impl Board {
    fn new(read_only: bool) -> Self {
        let mut bench = Bench::new();
        let flash = build(&mut bench, Box::new(Memory::new(content(), read_only))).unwrap();
        Self { bench, flash }
    }

    /// A byte as a processor reads it.
    fn read(&mut self, offset: u64) -> u8 {
        let at = GuestPhysAddr(START + offset);
        match self.bench.memory.region(at).0.read.ram() {
            Some(ram) => self.bench.memory.ram_value(ram, 1) as u8,
            None => self.flash.mmio().unwrap().mmio_read(&mut self.bench.ctx(), at, 1) as u8,
        }
    }

    fn write(&mut self, offset: u64, value: u8) {
        let at = GuestPhysAddr(START + offset);
        self.flash.mmio().unwrap().mmio_write(&mut self.bench.ctx(), at, 1, value.into());
    }

    fn saved(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.flash.save(&mut bytes);
        bytes
    }
}

#[test]
fn the_content_is_read_and_run_below_4_gib_and_below_1_mib() {
    let mut board = Board::new(false);
    for (at, byte) in [(START + 3, 3), (FOUR_GIB - 1, 0xff), (0xf_0005, 5)] {
        assert_eq!(board.bench.memory.read_array(GuestPhysAddr(at)), [byte], "{at:#x}");
        assert!(board.bench.memory.ram_to_execute(GuestPhysAddr(at), 1).is_some());
    }
    // The second lies below the first.
    let second = build(&mut board.bench, Box::new(Memory::new(vec![0x77; 0x2000], false)));
    assert!(second.is_ok());
    let memory = &board.bench.memory;
    assert_eq!(memory.read_array(GuestPhysAddr(START - 1)), [0x77]);
    assert_eq!(memory.read_array(GuestPhysAddr(START - 0x2000)), [0x77]);
    assert_eq!(memory.read_array(GuestPhysAddr(START - 0x2001)), [0xff], "nothing");
}

#[test]
fn firmware_finds_flash_and_no_ram_and_no_rom() {
    let mut board = Board::new(false);
    // Writes in order, what is read then: content, status, identity, content
    let table = [(0x50, 7), (0x70, 0x00), (0xff, 7), (0x90, 0), (0xff, 7), (0xf0, 7), (0x33, 7)];
    for (command, read) in table {
        board.write(7, command);
        assert_eq!(board.read(7), read, "after {command:#x}");
    }
    board.write(0x55, 0x98);
    let query: Vec<u8> = (0x10..0x40).map(|at| board.read(at)).collect();
    assert_eq!(&query[..4], b"QRY\x01");
    // 64 KiB in 16 sectors of 4 KiB, 256 bytes at once
    assert_eq!((query[0x17], query[0x1a], &query[0x1c..0x21]), (16, 8, &[1, 15, 0, 0x10, 0][..]));
    board.write(0, 0xff);
    assert_eq!(board.read(0x10), 0x10);
}

#[test]
fn programming_clears_bits_and_erasing_sets_them() {
    let mut board = Board::new(false);
    for command in [0x40, 0x10] {
        board.write(0x1234, command);
        board.write(0x1234, 0xf0);
        assert_eq!(board.read(0), 0x80, "ready");
    }
    board.write(0, 0xff);
    assert_eq!((board.read(0x1234), board.read(0x1235)), (0x34 & 0xf0, 0x35));
    board.write(0x1fff, 0x20);
    assert_eq!(board.read(0x1234), 0x80, "not yet erased");
    board.write(0x1fff, 0xd0);
    board.write(0, 0xff);
    let sector = [0x0fff, 0x1000, 0x1234, 0x1fff, 0x2000].map(|at| board.read(at));
    assert_eq!(sector, [0xff, 0xff, 0xff, 0xff, 0x00]);
    board.write(0x2010, 0x20);
    board.write(0x2010, 0x55);
    assert_eq!(board.read(0x2010), 0x10, "no confirmation");
    // A buffer of three bytes
    for (at, value) in [(0x1000, 0xe8), (0x1000, 2), (0x1000, 0xa1), (0x1001, 0xa2), (0x1002, 0xa3)] {
        board.write(at, value);
    }
    board.write(0x1000, 0xd0);
    board.write(0, 0xff);
    assert_eq!([0x1000, 0x1001, 0x1002, 0x1003].map(|at| board.read(at)), [0xa1, 0xa2, 0xa3, 0xff]);
}

#[test]
fn writes_reach_the_medium_when_the_array_is_read_again() {
    let mut board = Board::new(false);
    let before = board.saved().len();
    board.write(0x3000, 0x40);
    board.write(0x3000, 0x00);
    board.write(0, 0xff);
    assert!(!board.flash.host_io().unwrap().is_waiting());
    assert!(board.saved().len() > before + 512, "the medium keeps what was written");

    let (deferred, host) = Deferred::new(BlockInfo { bytes: LEN as u64, read_only: false });
    let error = build(&mut Bench::new(), Box::new(deferred)).err().unwrap_or_default();
    assert!(error.contains("give a medium in memory or a local file"), "{error}");
    assert_eq!(host.take_requests().len(), 1);
}

#[test]
fn a_medium_that_takes_no_writes_makes_operations_fail() {
    let mut board = Board::new(true);
    for (first, second, status) in [(0x40, 0x00, 0x90), (0x20, 0xd0, 0xb0)] {
        board.write(0x105, first);
        board.write(0x105, second);
        assert_eq!(board.read(0), status, "errors stay until they are cleared");
    }
    board.write(0, 0x50);
    assert_eq!(board.read(0x105), 5);
}

#[test]
fn a_state_in_the_middle_of_a_command_comes_back() {
    let mut board = Board::new(false);
    board.write(0x100, 0xe8);
    board.write(0x100, 1);
    board.write(0x100, 0x11);
    let bytes = board.saved();
    let mut copy = Board::new(false);
    assert_eq!(copy.flash.load(&mut &bytes[..]), Some(()));
    assert_eq!(copy.saved(), bytes);
    assert!(copy.flash.host_io().unwrap().is_waiting(), "the map has to follow");
    copy.flash.host_io().unwrap().poll(&mut copy.bench.ctx());
    assert_eq!(copy.read(0x100), 0x80);
    copy.write(0x101, 0x00);
    copy.write(0x100, 0xd0);
    copy.write(0x100, 0xff);
    assert_eq!((copy.read(0x100), copy.read(0x101)), (0, 0));
    copy.write(0x100, 0x70);
    copy.flash.reset(&mut copy.bench.ctx());
    assert_eq!(copy.read(0x102), 2, "a reset reads the array");
}

#[test]
fn sizes_that_flash_cannot_have_are_refused_in_one_line() {
    for len in [0_u64, 0x800, 0x1800, (8 << 20) + 0x1000] {
        let medium = Box::new(Memory::new(vec![0; len as usize], false));
        let error = build(&mut Bench::new(), medium).err().unwrap_or_default();
        let expected = format!(
            "device cfi.pflash01: the medium has {len} bytes; flash has a multiple of 4096, at most 8388608 where it is to be"
        );
        assert_eq!(error, expected);
    }
}
