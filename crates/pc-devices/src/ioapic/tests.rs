use super::spec::{BASE, Entry, VERSION, index};
use super::*;
use crate::bench::Bench;
use device_api::{Delivery, Driver, InterruptMessage, Snapshot};

struct Rig {
    chip: IoApicDevice,
    bench: Bench,
}

const LEVEL: u64 = Entry::LEVEL.bits();
const MASKED: u64 = Entry::MASKED.bits();
const REMOTE_IRR: u64 = Entry::REMOTE_IRR.bits();

impl Rig {
    fn new() -> Self {
        Self { chip: IoApicDevice::default(), bench: Bench::new() }
    }
    fn store(&mut self, offset: u64, value: u32) {
        self.chip.mmio_write(&mut self.bench.ctx(), GuestPhysAddr(BASE + offset), 4, value.into());
    }
    fn read(&mut self, select: u8) -> u32 {
        self.store(window::IOREGSEL, select.into());
        self.chip.mmio_read(&mut self.bench.ctx(), GuestPhysAddr(BASE + window::IOWIN), 4) as u32
    }
    fn write(&mut self, select: u8, value: u32) {
        self.store(window::IOREGSEL, select.into());
        self.store(window::IOWIN, value);
    }
    fn entry(&mut self, input: u8) -> u64 {
        let low = u64::from(self.read(index::REDIRECTION + 2 * input));
        low | u64::from(self.read(index::REDIRECTION + 2 * input + 1)) << 32
    }
    fn set_entry(&mut self, input: u8, value: u64) {
        self.write(index::REDIRECTION + 2 * input + 1, (value >> 32) as u32);
        self.write(index::REDIRECTION + 2 * input, value as u32);
    }
    fn line(&mut self, line: u8, high: bool) {
        self.chip.irq_changed(&mut self.bench.ctx(), IrqLine(line), high);
    }
    fn eoi(&mut self, vector: u8) {
        self.chip.end_of_interrupt(&mut self.bench.ctx(), vector);
    }
    /// Vectors sent since the last call.
    fn sent(&mut self) -> Vec<u8> {
        self.bench.messages.drain(..).map(|message| message.vector).collect()
    }
}

#[test]
fn registers_after_reset() {
    let mut rig = Rig::new();
    assert_eq!(rig.read(index::VERSION), VERSION);
    assert_eq!(VERSION, 0x0017_0020);
    for input in 0..24 {
        assert_eq!(rig.entry(input), MASKED, "{input}");
    }
    rig.write(index::ID, 0xff00_0000);
    assert_eq!(rig.read(index::ID), 0x0f00_0000);
    assert_eq!(rig.read(index::ARBITRATION), 0x0f00_0000);
    rig.write(index::VERSION, 0);
    assert_eq!(rig.read(index::VERSION), VERSION);
    for hole in [0x03, 0x0f, 0x40, 0xff] {
        rig.write(hole, u32::MAX);
        assert_eq!(rig.read(hole), 0, "{hole:#x}");
    }
}

#[test]
fn read_only_and_reserved_bits_of_an_entry_stay_zero() {
    let mut rig = Rig::new();
    rig.set_entry(5, u64::MAX);
    assert_eq!(rig.entry(5), 0xff00_0000_0001_afff);
}

#[test]
fn lines_reach_their_inputs() {
    for (line, input) in [(0, Some(2)), (1, Some(1)), (2, None), (4, Some(4)), (23, Some(23)), (24, None)] {
        let mut rig = Rig::new();
        for input in 0..24 {
            rig.set_entry(input, u64::from(0x40 + input));
        }
        rig.line(line, true);
        assert_eq!(rig.sent(), input.map(|input: u8| 0x40 + input).into_iter().collect::<Vec<_>>(), "{line}");
    }
}

#[test]
fn an_edge_sends_once_and_is_lost_while_masked() {
    let mut rig = Rig::new();
    rig.set_entry(4, 0x44 | MASKED);
    rig.line(4, true);
    rig.set_entry(4, 0x44);
    assert_eq!(rig.sent(), [], "the edge came while masked");
    rig.line(4, false);
    rig.line(4, true);
    assert_eq!(rig.sent(), [0x44]);
    rig.line(4, true);
    rig.eoi(0x44);
    assert_eq!(rig.sent(), []);
    assert_eq!(rig.entry(4), 0x44);
}

#[test]
fn a_level_is_sent_again_after_each_eoi_while_it_lasts() {
    let mut rig = Rig::new();
    rig.set_entry(11, 0x5b | LEVEL | MASKED);
    rig.line(11, true);
    assert_eq!(rig.sent(), []);
    rig.set_entry(11, 0x5b | LEVEL);
    assert_eq!(rig.sent(), [0x5b], "a level acts once unmasked");
    assert_eq!(rig.entry(11), 0x5b | LEVEL | REMOTE_IRR);
    rig.line(11, false);
    rig.line(11, true);
    assert_eq!(rig.sent(), [], "remote IRR holds it");
    rig.eoi(0x5a);
    assert_eq!(rig.sent(), [], "another vector's end");
    rig.eoi(0x5b);
    assert_eq!(rig.sent(), [0x5b]);
    rig.line(11, false);
    rig.eoi(0x5b);
    assert_eq!(rig.sent(), []);
    assert_eq!(rig.entry(11), 0x5b | LEVEL);
}

#[test]
fn the_eoi_register_and_the_switch_to_edge_clear_remote_irr() {
    let mut rig = Rig::new();
    rig.set_entry(11, 0x5b | LEVEL);
    rig.line(11, true);
    rig.store(window::EOI, 0x5b);
    assert_eq!(rig.sent(), [0x5b, 0x5b]);
    rig.line(11, false);
    rig.set_entry(11, 0x5b | LEVEL | MASKED);
    assert_eq!(rig.entry(11) & REMOTE_IRR, REMOTE_IRR, "writing does not touch it");
    rig.set_entry(11, 0x5b | MASKED);
    rig.set_entry(11, 0x5b | LEVEL);
    assert_eq!(rig.entry(11), 0x5b | LEVEL);
    assert_eq!(rig.sent(), []);
}

#[test]
fn messages_carry_the_entry() {
    let fixed = InterruptMessage {
        destination: 0x83,
        logical: true,
        delivery: Delivery::Fixed,
        vector: 0x61,
        level: true,
    };
    for (mode, delivery, level) in [
        (0, Some(Delivery::Fixed), true),
        (1, Some(Delivery::LowestPriority), true),
        (2, Some(Delivery::Smi), false),
        (3, None, true),
        (4, Some(Delivery::Nmi), false),
        (5, Some(Delivery::Init), false),
        (6, None, true),
        (7, Some(Delivery::ExtInt), false),
    ] {
        let mut rig = Rig::new();
        rig.set_entry(9, 0x8300_0000_0000_0861 | LEVEL | mode << 8);
        rig.line(9, true);
        let expected: Vec<_> =
            delivery.map(|delivery| InterruptMessage { delivery, level, ..fixed }).into_iter().collect();
        assert_eq!(rig.bench.messages, expected, "{mode}");
        assert_eq!(rig.entry(9) & REMOTE_IRR != 0, mode < 2, "{mode}");
    }
}

#[test]
fn reset_masks_but_keeps_the_lines() {
    let mut rig = Rig::new();
    rig.set_entry(11, 0x5b | LEVEL);
    rig.bench.irq.pins(Driver(9)).set(IrqLine(11), true);
    rig.line(11, true);
    rig.sent();
    rig.chip.reset(&mut rig.bench.ctx());
    assert_eq!(rig.entry(11), MASKED);
    rig.set_entry(11, 0x5b | LEVEL);
    assert_eq!(rig.sent(), [0x5b]);
}

#[test]
fn odd_accesses_do_no_harm() {
    let mut rig = Rig::new();
    rig.set_entry(0, 0x30);
    rig.store(window::IOREGSEL, index::VERSION.into());
    for (offset, size, value) in
        [(0x10, 1, 0x20), (0x12, 2, 0x17), (0x10, 8, 0x17_0020), (0x14, 4, 0), (0, 1, 1)]
    {
        let at = GuestPhysAddr(BASE + offset);
        assert_eq!(rig.chip.mmio_read(&mut rig.bench.ctx(), at, size), value, "{offset:#x} {size}");
    }
    rig.store(window::IOREGSEL, index::REDIRECTION.into());
    for (offset, size) in [(0x10, 1), (0x10, 2), (0x10, 8), (0x11, 4), (0xffc, 4)] {
        rig.chip.mmio_write(&mut rig.bench.ctx(), GuestPhysAddr(BASE + offset), size, u64::MAX);
    }
    assert_eq!(rig.entry(0), 0x30);
}

#[test]
fn a_restored_chip_is_equal() {
    let mut rig = Rig::new();
    rig.set_entry(11, 0x5b | LEVEL);
    rig.line(11, true);
    let mut bytes = Vec::new();
    rig.chip.save(&mut bytes);
    let mut other = IoApicDevice::default();
    assert_eq!(other.load(&mut &bytes[1..]), None);
    assert_eq!(other.load(&mut &bytes[..]), Some(()));
    assert_eq!(other.state, rig.chip.state);
}
