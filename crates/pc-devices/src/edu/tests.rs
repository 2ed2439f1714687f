//! The device as a driver sees it.

use super::*;
use crate::bench::Bench;
use device_api::{Delivery, InterruptMessage, IrqLine, PIRQA};

const BASE: u64 = 0xfe00_0000;

struct Rig {
    bench: Bench,
    edu: Box<dyn Device>,
}

impl Rig {
    fn new(properties: &[(&str, &str)]) -> Self {
        let mut bench = Bench::new();
        let edu = bench.build(crate::declaration(ID), properties, &[]).expect("it is built");
        let mut rig = Self { bench, edu };
        rig.configure(0x10, 4, BASE as u32);
        rig.configure(0x04, 2, 0x0006);
        rig
    }
    fn configure(&mut self, at: u8, size: u8, value: u32) {
        self.edu.pci().unwrap().config_write(&mut self.bench.ctx(), at, size, value);
    }
    fn read(&mut self, at: u64, size: u8) -> u64 {
        self.edu.mmio().unwrap().mmio_read(&mut self.bench.ctx(), GuestPhysAddr(BASE + at), size)
    }
    fn write(&mut self, at: u64, size: u8, value: u64) {
        self.edu.mmio().unwrap().mmio_write(&mut self.bench.ctx(), GuestPhysAddr(BASE + at), size, value);
    }
    /// Lets what is under way end.
    fn wait(&mut self) {
        let timed = self.edu.timed().unwrap();
        self.bench.now = timed.next_deadline().expect("something is under way");
        timed.advance(&mut self.bench.ctx());
    }
    /// Enables messages: to the processor with APIC id 2, vector 61h.
    fn enable_messages(&mut self) {
        let capability = self.edu.pci().unwrap().config().u8(0x34);
        self.configure(capability + 4, 4, 0xfee0_2000);
        self.configure(capability + 12, 2, 0x0061);
        self.configure(capability + 2, 2, 0x0001);
    }
    fn pin(&self) -> bool {
        (0..4).any(|n| self.bench.irq.level(IrqLine(PIRQA.0 + n)))
    }
}

#[test]
fn it_says_who_it_is_and_lives() {
    let mut rig = Rig::new(&[]);
    assert_eq!(rig.edu.pci().unwrap().config().u32(0), 0x11e8_1234);
    assert_eq!(rig.read(0, 4), 0x0100_00ed);
    rig.write(4, 4, 0x1234_5678);
    assert_eq!(rig.read(4, 4), 0xedcb_a987);
    assert_eq!(rig.read(4, 8), u64::MAX, "registers below 80h have 32 bits");
    assert_eq!(rig.read(0x0c, 4), u64::MAX, "there is none");
}

#[test]
fn factorials_take_a_while() {
    let mut rig = Rig::new(&[]);
    for (n, expected) in [(0, 1), (5, 120), (13, 1_932_053_504), (33, 0x8000_0000), (34, 0), (u32::MAX, 0)] {
        rig.write(8, 4, n.into());
        assert_eq!(rig.read(0x20, 4), 1, "{n}! is being computed");
        rig.write(8, 4, 3);
        rig.wait();
        assert_eq!((rig.read(8, 4), rig.read(0x20, 4)), (expected, 0), "{n}!");
    }
    assert!(!rig.pin(), "nothing asked for interrupts");
}

#[test]
fn the_pin_interrupts_until_all_is_acknowledged() {
    let mut rig = Rig::new(&[]);
    rig.write(0x20, 4, 0x80);
    rig.write(8, 4, 5);
    rig.wait();
    assert_eq!((rig.pin(), rig.read(0x24, 4)), (true, 1));
    rig.write(0x60, 4, 0x10);
    rig.write(0x64, 4, 1);
    assert_eq!((rig.pin(), rig.read(0x24, 4)), (true, 0x10));
    rig.configure(0x04, 2, 0x0406);
    assert!(!rig.pin(), "interrupt disable");
    rig.configure(0x04, 2, 0x0006);
    assert!(rig.pin());
    rig.write(0x64, 4, 0x10);
    assert!(!rig.pin());
    assert!(rig.bench.messages.is_empty());
}

/// SPEC: pci-local-bus-3.0 :: 6.8.1 MSI Capability Structure -> address and data say where the message goes
#[test]
fn enabled_messages_replace_the_pin() {
    let mut rig = Rig::new(&[]);
    rig.write(0x60, 4, 1);
    assert!(rig.pin());
    rig.enable_messages();
    assert!(!rig.pin(), "a function with messages enabled does not drive its pin");
    assert!(rig.bench.messages.is_empty(), "what was raised before is no new interrupt");
    rig.write(0x60, 4, 2);
    let message = InterruptMessage {
        destination: 2,
        logical: false,
        delivery: Delivery::Fixed,
        vector: 0x61,
        level: false,
    };
    assert_eq!(rig.bench.messages, [message]);
    rig.write(0x64, 4, 3);
    assert_eq!(rig.bench.messages.len(), 1, "to acknowledge is no interrupt");
    rig.configure(0x04, 2, 0x0002);
    rig.write(0x60, 4, 4);
    assert_eq!(rig.bench.messages.len(), 1, "a message is a write, and it is no bus master any more");
}

#[test]
fn the_bus_master_copies_both_ways_and_only_inside_its_buffer() {
    let mut rig = Rig::new(&[]);
    let text = *b"through the buffer";
    rig.bench.memory.write(GuestPhysAddr(0x2000), &text);
    let transfer = |rig: &mut Rig, source: u64, destination: u64, count: u64, command: u64| {
        for (at, value) in [(0x80, source), (0x88, destination), (0x90, count), (0x98, command)] {
            rig.write(at, 8, value);
        }
        assert_eq!(rig.read(0x98, 8), command, "it runs");
        rig.write(0x80, 8, 0);
        assert_eq!(rig.read(0x80, 8), source, "registers keep their values meanwhile");
        rig.wait();
        assert_eq!(rig.read(0x98, 8), command & !1);
    };
    let len = text.len() as u64;
    transfer(&mut rig, 0x2000, 0x4_0ff0 - len, len, 1);
    assert!(!rig.pin(), "no interrupt was asked for");
    transfer(&mut rig, 0x4_0ff0 - len, 0x1_0000_3000, len, 7);
    let mut copy = [0; 18];
    rig.bench.memory.read(GuestPhysAddr(0x3000), &mut copy);
    assert_eq!(copy, text, "address bits above the 28th are not driven");
    assert_eq!((rig.pin(), rig.read(0x24, 4)), (true, 0x100));
    rig.write(0x64, 4, 0x100);
    for (inside, count) in [(0x4_0ff0, 17), (0x3_ffff, 1), (0x4_0000, u64::MAX), (u64::MAX, 2)] {
        transfer(&mut rig, inside, 0x3000, count, 3);
        rig.bench.memory.read(GuestPhysAddr(0x3000), &mut copy);
        assert_eq!(copy, text, "{inside:#x} and {count} bytes");
    }
    rig.configure(0x04, 2, 0x0002);
    transfer(&mut rig, 0x4_0000, 0x3000, len, 3);
    rig.bench.memory.read(GuestPhysAddr(0x3000), &mut copy);
    assert_eq!(copy, text, "it is no bus master");
}

#[test]
fn state_is_saved_while_it_computes_and_transfers() {
    let mut rig = Rig::new(&[("dma_mask", "0xffffffff")]);
    rig.enable_messages();
    rig.write(0x20, 4, 0x80);
    rig.write(8, 4, 4);
    rig.write(0x90, 4, 8);
    rig.write(0x98, 4, 5);
    let mut bytes = Vec::new();
    rig.edu.save(&mut bytes);
    let mut other = Rig::new(&[]);
    assert_eq!(other.edu.load(&mut &bytes[..]), Some(()));
    let mut again = Vec::new();
    other.edu.save(&mut again);
    assert_eq!(again, bytes);
    other.wait();
    assert_eq!((other.read(8, 4), other.bench.messages.len()), (24, 1));
    assert_eq!(other.edu.load(&mut &bytes[..bytes.len() - 1]), None);
}

#[test]
fn a_reset_leaves_nothing() {
    let mut rig = Rig::new(&[]);
    rig.write(0x60, 4, 1);
    rig.write(8, 4, 5);
    rig.edu.reset(&mut rig.bench.ctx());
    assert!(!rig.pin());
    assert_eq!(rig.edu.timed().unwrap().next_deadline(), None);
    assert_eq!(rig.edu.pci().unwrap().config().command(), Command::empty());
}
