use super::spec::{FIFO_SIZE, offset::*};
use super::*;
use crate::bench::Bench;
use device_api::Snapshot;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// The far end: bytes to send to the guest, bytes that came from it.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<(VecDeque<u8>, Vec<u8>)>>);

impl CharBackend for Wire {
    fn send(&mut self, byte: u8) {
        self.0.lock().unwrap().1.push(byte);
    }
    fn receive(&mut self) -> Option<u8> {
        self.0.lock().unwrap().0.pop_front()
    }
}

struct Rig {
    device: SerialDevice,
    bench: Bench,
    wire: Wire,
}

impl Rig {
    fn new() -> Self {
        let wire = Wire::default();
        let device = SerialDevice::new(0, PLACES[0], Some(Box::new(wire.clone())));
        Self { device, bench: Bench::new(), wire }
    }
    fn read(&mut self, register: u16) -> u8 {
        self.device.port_read(&mut self.bench.ctx(), 0x3f8 + register, 1) as u8
    }
    fn write(&mut self, register: u16, value: u8) {
        self.device.port_write(&mut self.bench.ctx(), 0x3f8 + register, 1, value.into());
    }
    fn feed(&mut self, bytes: &[u8]) {
        self.wire.0.lock().unwrap().0.extend(bytes);
    }
    fn sent(&self) -> Vec<u8> {
        self.wire.0.lock().unwrap().1.clone()
    }
    fn at(&mut self, ns: u64) {
        self.bench.now = VmTime(ns);
        self.device.advance(&mut self.bench.ctx());
    }
    fn announce(&mut self) {
        self.device.host_event(&mut self.bench.ctx(), HostEvent::CharInput);
    }
    fn irq(&self) -> bool {
        self.bench.irq.level(IrqLine(4))
    }
    /// 115200 baud, 8N1, FIFOs with this trigger, OUT2 open.
    fn programmed(fcr: u8, ier: u8) -> Self {
        let mut rig = Self::new();
        for (register, value) in [
            (LCR, 0x80),
            (RBR_THR_DLL, 1),
            (IER_DLM, 0),
            (LCR, 3),
            (IIR_FCR, fcr),
            (MCR, 0x0b),
            (IER_DLM, ier),
        ] {
            rig.write(register, value);
        }
        rig
    }
}

#[test]
fn registers_after_reset_with_and_without_a_cable() {
    let mut rig = Rig::new();
    for (register, value) in [
        (IER_DLM, 0),
        (IIR_FCR, 0x01),
        (LCR, 0),
        (MCR, 0),
        (LSR, 0x60),
        (MSR, 0xb0),
        (SCR, 0),
        (RBR_THR_DLL, 0),
    ] {
        assert_eq!(rig.read(register), value, "{register}");
    }
    let mut silent = SerialDevice::new(0, PLACES[0], None);
    let mut bench = Bench::new();
    assert_eq!(silent.port_read(&mut bench.ctx(), 0x3fe, 1), 0);
    silent.port_write(&mut bench.ctx(), 0x3f9, 1, 0x01);
    silent.port_write(&mut bench.ctx(), 0x3f8, 1, 0x41);
    assert_eq!(silent.port_read(&mut bench.ctx(), 0x3fd, 1), 0x60);
    assert_eq!(silent.next_deadline(), None, "nothing to wait for");
}

/// The steps by which the Linux 8250 driver detects a 16550A.
#[test]
fn linux_autoconfig_finds_a_16550a() {
    let mut rig = Rig::new();
    // Writes of (register, value), then the register read, mask and expectation.
    type Step = (&'static [(u16, u8)], u16, u8, u8);
    let steps: [Step; 10] = [
        (&[(IER_DLM, 0)], IER_DLM, 0x0f, 0x00),
        (&[(IER_DLM, 0x0f)], IER_DLM, 0x0f, 0x0f),
        (&[(IER_DLM, 0), (MCR, 0x1a)], MSR, 0xf0, 0x90),
        (&[(MCR, 0), (LCR, 0xbf), (IIR_FCR, 0), (LCR, 0), (IIR_FCR, 0x01)], IIR_FCR, 0xc0, 0xc0),
        (&[(LCR, 0x83), (IIR_FCR, 0x21)], IIR_FCR, 0xe0, 0xc0),
        (&[(LCR, 0x03), (IIR_FCR, 0x01), (IIR_FCR, 0x21)], IIR_FCR, 0xe0, 0xc0),
        (&[(IER_DLM, 0x40)], IER_DLM, 0x40, 0x00),
        (&[(SCR, 0xa5)], SCR, 0xff, 0xa5),
        (&[(SCR, 0x5a)], SCR, 0xff, 0x5a),
        (&[(IIR_FCR, 0x07), (IIR_FCR, 0)], IIR_FCR, 0xcf, 0x01),
    ];
    for (number, (writes, register, mask, expected)) in steps.into_iter().enumerate() {
        for (register, value) in writes {
            rig.write(*register, *value);
        }
        assert_eq!(rig.read(register) & mask, expected, "step {number}");
    }
}

#[test]
fn the_divisor_latch_hides_data_and_ier() {
    let mut rig = Rig::new();
    rig.write(LCR, 0x83);
    rig.write(RBR_THR_DLL, 0x34);
    rig.write(IER_DLM, 0x12);
    assert_eq!((rig.read(RBR_THR_DLL), rig.read(IER_DLM)), (0x34, 0x12));
    rig.write(LCR, 0x03);
    assert_eq!((rig.read(RBR_THR_DLL), rig.read(IER_DLM)), (0, 0));
    assert!(rig.sent().is_empty());
}

#[test]
fn words_shorter_than_eight_bits_lose_their_top() {
    for (lcr, byte) in [(0, 0x1f), (1, 0x3f), (2, 0x7f), (3, 0xff)] {
        let mut rig = Rig::new();
        rig.write(RBR_THR_DLL, 0xff);
        assert_eq!(rig.sent(), [0xff], "before the line is programmed");
        rig.write(LCR, lcr | 0x80);
        rig.write(RBR_THR_DLL, 12);
        rig.write(LCR, lcr);
        rig.write(RBR_THR_DLL, 0xff);
        assert_eq!(rig.sent(), [0xff, byte]);
    }
}

#[test]
fn data_interrupts_at_the_trigger_and_falls_below_it() {
    for (fcr, trigger) in [(0x00, 1), (0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)] {
        let mut rig = Rig::programmed(fcr, 0x01);
        rig.feed(&vec![7; trigger - 1]);
        rig.at(2_000_000);
        assert!(!rig.irq(), "{trigger}: one short");
        rig.feed(&[7]);
        assert_eq!(rig.read(IIR_FCR) & 0x0f, 0x04, "{trigger}");
        assert!(rig.irq());
        assert_eq!(rig.read(RBR_THR_DLL), 7);
        assert!(!rig.irq());
        assert_eq!(rig.read(LSR) & 1 != 0, trigger > 1);
    }
}

#[test]
fn the_character_timeout_is_four_characters_to_the_nanosecond() {
    // LCR, divisor, bits in a character.
    for (lcr, divisor, bits) in [(0x03, 1, 10), (0x03, 12, 10), (0x00, 1, 7), (0x0f, 3, 12)] {
        let mut rig = Rig::programmed(0x41, 0x01);
        rig.write(LCR, 0x80);
        rig.write(RBR_THR_DLL, divisor as u8);
        rig.write(LCR, lcr);
        rig.feed(b"a");
        rig.at(5_000_000);
        let at = 5_000_000 + 4 * bits * divisor * 16 * 1_000_000_000 / spec::CLOCK_HZ;
        assert_eq!(rig.device.state.uart.timeout_at(), Some(VmTime(at)));
        rig.at(at - 1);
        assert!(!rig.irq());
        rig.at(at);
        assert!(rig.irq());
        assert_eq!(rig.read(IIR_FCR), 0xcc);
        assert_eq!(rig.read(RBR_THR_DLL), b'a');
        assert!(!rig.irq());
        assert_eq!(rig.read(IIR_FCR), 0xc1);
    }
}

#[test]
fn sources_show_in_the_order_of_their_priority() {
    let mut rig = Rig::programmed(0x01, 0x00);
    // Loopback overruns the FIFO (line status, data), and its modem lines change; then everything is enabled.
    rig.write(MCR, 0x1a);
    for byte in 0..=FIFO_SIZE as u8 {
        rig.write(RBR_THR_DLL, byte);
    }
    rig.write(MCR, 0x0b);
    rig.write(IER_DLM, 0x0f);
    assert!(rig.irq());
    assert_eq!(rig.read(IIR_FCR), 0xc6);
    assert_eq!(rig.read(LSR), 0x63);
    assert_eq!(rig.read(IIR_FCR), 0xc4);
    for byte in 0..FIFO_SIZE as u8 {
        assert_eq!(rig.read(RBR_THR_DLL), byte, "the byte that overran is the one lost");
    }
    assert_eq!(rig.read(LSR), 0x60);
    assert_eq!(rig.read(IIR_FCR), 0xc2);
    assert_eq!(rig.read(IIR_FCR), 0xc0, "reading reset the transmitter's");
    assert_eq!(rig.read(MSR), 0xb2, "DSR dropped out and came back");
    assert_eq!(rig.read(IIR_FCR), 0xc1);
    assert!(!rig.irq());
}

#[test]
fn without_fifos_an_overrun_keeps_the_new_byte() {
    let mut rig = Rig::new();
    rig.write(LCR, 3);
    rig.write(MCR, 0x10);
    rig.write(RBR_THR_DLL, 1);
    rig.write(RBR_THR_DLL, 2);
    assert_eq!(rig.read(LSR), 0x63);
    assert_eq!(rig.read(RBR_THR_DLL), 2);
    assert_eq!(rig.read(LSR), 0x60);
}

#[test]
fn the_transmitter_interrupts_when_enabled_and_after_each_write() {
    let mut rig = Rig::programmed(0x01, 0x02);
    assert!(rig.irq(), "empty when enabled");
    assert_eq!(rig.read(IIR_FCR), 0xc2);
    assert!(!rig.irq());
    rig.write(IER_DLM, 0x02);
    assert!(!rig.irq(), "no edge of the enable bit");
    rig.write(RBR_THR_DLL, b'x');
    assert!(rig.irq());
    assert_eq!(rig.sent(), b"x");
    rig.write(IER_DLM, 0x00);
    assert!(!rig.irq());
}

#[test]
fn loopback_mirrors_modem_lines_and_gates_the_interrupt() {
    for (mcr, msr) in [(0x10, 0x00), (0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80), (0x1f, 0xf0)] {
        let mut rig = Rig::new();
        rig.write(MCR, mcr);
        assert_eq!(rig.read(MSR) & 0xf0, msr, "{mcr:#x}");
    }
    let mut rig = Rig::new();
    rig.write(MCR, 0x14);
    rig.read(MSR);
    rig.write(MCR, 0x10);
    assert_eq!(rig.read(MSR), 0x04, "the trailing edge of the ring line");
    rig.write(MCR, 0x14);
    assert_eq!(rig.read(MSR), 0x40, "its leading edge counts for nothing");
    rig.write(MCR, 0x1b);
    rig.write(IER_DLM, 0x02);
    assert!(!rig.irq());
    rig.feed(b"z");
    assert_eq!([(); 5].map(|()| rig.read(LSR)), [0x60; 5], "the wire is cut off");
    rig.write(MCR, 0x03);
    assert!(!rig.irq(), "OUT2 is closed");
    rig.write(MCR, 0x0b);
    assert!(rig.irq());
}

#[test]
fn switching_or_clearing_the_fifo_empties_it() {
    for (fcr, left) in [(0x01, true), (0x03, false), (0x00, false), (0x05, true)] {
        let mut rig = Rig::programmed(0x01, 0x01);
        rig.feed(b"a");
        assert_eq!(rig.read(LSR), 0x61);
        rig.write(IIR_FCR, fcr);
        assert_eq!(rig.read(LSR) & 1 != 0, left, "{fcr:#x}");
    }
}

#[test]
fn input_that_is_announced_interrupts_where_the_guest_listens() {
    let mut rig = Rig::programmed(0x01, 0x00);
    rig.feed(&[1]);
    rig.announce();
    assert_eq!((rig.irq(), rig.device.next_deadline()), (false, None));
    rig.write(IER_DLM, 0x01);
    assert_eq!(rig.device.next_deadline(), Some(VmTime(START_TIME)));
    rig.announce();
    assert!(!rig.irq(), "not before the port has been started");
    rig.at(START_TIME);
    assert!(rig.irq());
    assert_eq!(rig.read(RBR_THR_DLL), 1);
    // Nothing is done without input.
    assert_eq!((rig.irq(), rig.device.next_deadline()), (false, None));
    // In loopback the line is cut off, and looked at again behind it.
    rig.write(MCR, 0x1b);
    rig.feed(&[1; 40]);
    rig.announce();
    assert_eq!((rig.irq(), rig.device.next_deadline()), (false, None));
    rig.write(MCR, 0x0b);
    assert_eq!(rig.device.next_deadline(), Some(VmTime(2 * START_TIME)));
    rig.at(2 * START_TIME);
    assert!(rig.irq());
    rig.at(10 * START_TIME);
    assert_eq!(rig.device.next_deadline(), None, "the FIFO is full and its timeout has passed");
    for _ in 0..40 {
        assert_eq!(rig.read(RBR_THR_DLL), 1);
    }
    assert_eq!(rig.read(LSR), 0x60, "nothing was lost");
}

#[test]
fn input_stays_with_the_host_until_the_interrupt_is_enabled() {
    let mut rig = Rig::new();
    rig.feed(b"ab");
    let start = 20_000_000;
    rig.at(start);
    // As Linux starts a port: it clears the FIFOs, reads what there is, and enables the FIFOs behind the interrupt.
    for value in [0x01, 0x07, 0x00] {
        rig.write(IIR_FCR, value);
    }
    for register in [LSR, RBR_THR_DLL, IIR_FCR, MSR, LSR, LSR, IIR_FCR, LSR, RBR_THR_DLL, IIR_FCR, MSR] {
        assert_ne!(rig.read(register), b'a');
    }
    rig.write(MCR, 0x0b);
    rig.write(IER_DLM, 0x01);
    rig.at(start + START_TIME - 1);
    rig.write(IIR_FCR, 0x01);
    assert!(!rig.irq());
    assert_eq!(rig.device.next_deadline(), Some(VmTime(start + START_TIME)));
    rig.at(start + START_TIME);
    assert!(rig.irq());
    assert_eq!([rig.read(RBR_THR_DLL), rig.read(RBR_THR_DLL)], *b"ab");
}

#[test]
fn a_guest_that_polls_gets_its_input_and_one_that_sends_does_not() {
    let mut rig = Rig::new();
    rig.feed(b"ab");
    for byte in *b"text" {
        assert_eq!(rig.read(LSR), 0x60);
        rig.write(RBR_THR_DLL, byte);
    }
    assert_eq!([(); 4].map(|()| rig.read(LSR)), [0x60, 0x60, 0x60, 0x61], "the fourth look in a row");
    assert_eq!(rig.read(RBR_THR_DLL), b'a');
    assert_eq!(rig.read(LSR), 0x61, "from now on it polls");
    rig.write(RBR_THR_DLL, b'a');
    assert_eq!(rig.read(LSR), 0x61);
    rig.write(IIR_FCR, 0x07);
    rig.feed(b"c");
    assert_eq!(rig.read(LSR), 0x60, "programmed anew");
}

#[test]
fn an_index_chooses_ports_and_interrupt_which_can_be_given_too() {
    let decl = crate::declaration(ID);
    let mut bench = Bench::new();
    let mut ports = |properties: &[(&str, &str)]| {
        bench.build(decl, properties, &[]).map(|_| bench.ports[0].start).map_err(|error| error.reason)
    };
    assert_eq!(ports(&[]), Ok(0x3f8));
    assert_eq!(ports(&[("index", "3")]), Ok(0x2e8));
    assert_eq!(ports(&[("index", "1"), ("iobase", "0x100")]), Ok(0x100));
    assert_eq!(ports(&[("index", "4")]), Err("index cannot be 4; possible: 0 to 3".into()));
    let error = "chardev=x: no character device has this name, or another device has it; there is none left";
    assert_eq!(ports(&[("chardev", "x")]), Err(error.into()));
}

#[test]
fn a_restored_port_is_equal() {
    let mut rig = Rig::programmed(0x81, 0x03);
    rig.feed(b"abc");
    rig.at(2_000_000);
    let mut bytes = Vec::new();
    rig.device.save(&mut bytes);
    let mut other = Rig::new();
    assert_eq!(other.device.load(&mut &bytes[..bytes.len() - 1]), None);
    assert_eq!(other.device.load(&mut &bytes[..]), Some(()));
    assert_eq!(other.device.state, rig.device.state);
    assert_eq!(other.read(RBR_THR_DLL), b'a');
}

#[test]
fn com1_and_com3_share_a_line_without_lowering_it_for_each_other() {
    let mut lines = device_api::Lines::default();
    let mut ports = [0, 2].map(|index| SerialDevice::new(index as u8, PLACES[index], None));
    let mut write = |port: usize, register: u16, value: u32| {
        let mut bench = Bench::new();
        let ctx = &mut Ctx { lines: lines.pins(device_api::Driver(port as u8)), ..bench.ctx() };
        let base = ports[port].base;
        ports[port].port_write(ctx, base + register, 1, value);
        lines.level(IrqLine(4))
    };
    for port in [0, 1] {
        write(port, MCR, 0x08);
        assert!(write(port, IER_DLM, 0x02), "transmitter of {port} is empty");
    }
    assert!(write(0, IER_DLM, 0), "the other still holds the line");
    assert!(!write(1, IER_DLM, 0));
}
