mod msr_access;

use super::spec::{DEFAULT_BASE, Esr, VERSION, msr, reg};
use super::*;
use crate::bench::Bench;
use device_api::{Delivery, Snapshot};

/// An APIC on the bench; messages it sends are handed back to it, as the bus does.
struct Rig {
    apic: LocalApic,
    bench: Bench,
    sent: Vec<InterruptMessage>,
}

const EN: u64 = 1 << 11;
const EXTD: u64 = 1 << 10;
const BSP: u64 = 1 << 8;
const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
const TSC_DEADLINE: u32 = 2 << 17;
const SUPPRESS: u32 = 1 << 12;

impl Rig {
    fn new() -> Self {
        Self { apic: LocalApic::new(0, 3), bench: Bench::new(), sent: Vec::new() }
    }
    fn enabled() -> Self {
        let mut rig = Self::new();
        rig.write(reg::SVR, 0x1ff);
        rig
    }
    fn x2apic() -> Self {
        let mut rig = Self::enabled();
        assert_eq!(
            rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | EN | EXTD | BSP),
            MsrAccess::Handled(0xfee0_0d00)
        );
        rig
    }
    fn deliver(&mut self) {
        for message in std::mem::take(&mut self.bench.messages) {
            self.apic.message(&mut self.bench.ctx(), &message);
            self.sent.push(message);
        }
    }
    fn read(&mut self, register: u16) -> u32 {
        let at = GuestPhysAddr(DEFAULT_BASE + u64::from(register));
        self.apic.mmio_read(&mut self.bench.ctx(), at, 4) as u32
    }
    fn write(&mut self, register: u16, value: u32) {
        let at = GuestPhysAddr(DEFAULT_BASE + u64::from(register));
        self.apic.mmio_write(&mut self.bench.ctx(), at, 4, value.into());
        self.deliver();
    }
    fn rdmsr(&mut self, number: u32) -> MsrAccess {
        self.apic.read_msr(&mut self.bench.ctx(), number)
    }
    fn wrmsr(&mut self, number: u32, value: u64) -> MsrAccess {
        let access = self.apic.write_msr(&mut self.bench.ctx(), number, value);
        self.deliver();
        access
    }
    fn at(&mut self, ns: u64) -> &mut Self {
        self.bench.now = VmTime(ns);
        self.apic.advance(&mut self.bench.ctx());
        self
    }
    fn fixed(&mut self, vector: u8, level: bool) -> bool {
        self.message(Delivery::Fixed, 0, false, vector, level)
    }
    fn message(
        &mut self,
        delivery: Delivery,
        destination: u32,
        logical: bool,
        vector: u8,
        level: bool,
    ) -> bool {
        let message = InterruptMessage { destination, logical, delivery, vector, level };
        self.apic.message(&mut self.bench.ctx(), &message)
    }
    fn take(&mut self) -> Option<u8> {
        let pending = self.apic.pending();
        assert_eq!(self.apic.acknowledge(&mut self.bench.ctx()), pending);
        pending
    }
    fn esr(&mut self) -> u32 {
        self.write(reg::ESR, 0);
        self.read(reg::ESR)
    }
}

#[test]
fn the_page_shows_the_state_after_reset() {
    let mut rig = Rig::new();
    let mut expected = vec![
        (reg::ID, 0),
        (reg::VERSION, VERSION),
        (reg::TPR, 0),
        (reg::APR, 0),
        (reg::PPR, 0),
        (reg::RRD, 0),
        (reg::LDR, 0),
        (reg::DFR, u32::MAX),
        (reg::SVR, 0xff),
        (reg::ESR, 0),
        (reg::ICR_LOW, 0),
        (reg::ICR_HIGH, 0),
        (reg::INITIAL_COUNT, 0),
        (reg::CURRENT_COUNT, 0),
        (reg::DIVIDE, 0),
    ];
    expected.extend((0..6).map(|entry| (reg::LVT_TIMER + entry * 16, MASKED)));
    expected.extend((0..8).flat_map(|n| [reg::ISR, reg::TMR, reg::IRR].map(|set| (set + n * 16, 0))));
    for (register, value) in expected {
        assert_eq!(rig.read(register), value, "{register:#x}");
    }
    assert_eq!(rig.esr(), 0);
    assert_eq!(rig.rdmsr(msr::APIC_BASE), MsrAccess::Handled(0xfee0_0900));
    assert!(rig.apic.enabled() && !rig.apic.accepts_legacy());
}

#[test]
fn only_aligned_doublewords_are_architectural() {
    let mut rig = Rig::enabled();
    let read = |rig: &mut Rig, offset: u64, size| {
        rig.apic.mmio_read(&mut rig.bench.ctx(), GuestPhysAddr(DEFAULT_BASE + offset), size)
    };
    for (offset, size, value) in [
        (0x30, 1, 0x14),
        (0x32, 1, 0x05),
        (0x32, 2, 0x0105),
        (0x30, 8, u64::from(VERSION)),
        (0x34, 4, 0),
        (0x3c, 4, 0),
    ] {
        assert_eq!(read(&mut rig, offset, size), value, "{offset:#x} {size}");
    }
    for (offset, size) in [(0x80, 1), (0x80, 2), (0x80, 8), (0x84, 4)] {
        let at = GuestPhysAddr(DEFAULT_BASE + offset);
        rig.apic.mmio_write(&mut rig.bench.ctx(), at, size, 0x55);
        assert_eq!(rig.read(reg::TPR), 0);
    }
}

#[test]
fn higher_classes_nest_and_each_eoi_ends_the_highest() {
    let mut rig = Rig::enabled();
    for vector in [0x31, 0x42, 0x35] {
        assert!(rig.fixed(vector, false));
    }
    assert_eq!(rig.take(), Some(0x42));
    assert_eq!(rig.read(reg::PPR), 0x40);
    assert_eq!(rig.take(), None, "lower classes wait");
    assert!(rig.fixed(0x4f, false));
    assert_eq!(rig.take(), None, "the same class waits");
    assert!(rig.fixed(0x50, false));
    assert_eq!(rig.take(), Some(0x50));
    assert_eq!(rig.read(reg::ISR + 0x20), 1 << 2 | 1 << 16);
    rig.write(reg::EOI, 0);
    assert_eq!(rig.take(), None);
    rig.write(reg::EOI, 0);
    assert_eq!(rig.take(), Some(0x4f));
    rig.write(reg::EOI, 0);
    assert_eq!(rig.take(), Some(0x35));
    rig.write(reg::EOI, 0);
    assert_eq!(rig.take(), Some(0x31));
    assert_eq!(rig.read(reg::IRR + 0x10), 0);
}

#[test]
fn task_priority_masks_its_class_and_those_below() {
    for (tpr, passes) in [(0, true), (0x3f, true), (0x40, false), (0x4f, false), (0xff, false)] {
        let mut rig = Rig::enabled();
        rig.write(reg::TPR, tpr);
        rig.fixed(0x41, false);
        assert_eq!(rig.apic.pending(), passes.then_some(0x41), "{tpr:#x}");
        assert_eq!(rig.read(reg::PPR), tpr);
        assert_eq!(u32::from(rig.apic.cr8()), tpr >> 4);
    }
    let mut rig = Rig::enabled();
    rig.write(reg::TPR, 0x5a);
    rig.apic.set_cr8(&mut rig.bench.ctx(), 7);
    assert_eq!(rig.read(reg::TPR), 0x70);
}

#[test]
fn level_triggered_ends_are_broadcast_unless_suppressed() {
    for (level, svr, broadcast) in
        [(true, 0x1ff, Some(0x61)), (false, 0x1ff, None), (true, 0x1ff | SUPPRESS, None)]
    {
        let mut rig = Rig::enabled();
        rig.write(reg::SVR, svr);
        rig.fixed(0x61, level);
        assert_eq!(rig.read(reg::TMR + 0x30), if level { 2 } else { 0 });
        assert_eq!(rig.take(), Some(0x61));
        rig.write(reg::EOI, 0);
        assert_eq!(rig.apic.take_eoi_broadcast(), broadcast);
        assert_eq!(rig.apic.take_eoi_broadcast(), None);
    }
}

#[test]
fn the_timer_fires_at_the_exact_nanosecond() {
    // Divide configuration, divisor.
    let divisors = [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128), (11, 1)];
    for (code, divisor) in divisors {
        for periodic in [false, true] {
            let mut rig = Rig::enabled();
            rig.at(500);
            rig.write(reg::DIVIDE, code);
            rig.write(reg::LVT_TIMER, 0x40 | if periodic { PERIODIC } else { 0 });
            rig.write(reg::INITIAL_COUNT, 1000);
            let first = 500 + 1000 * divisor;
            assert_eq!(rig.apic.next_deadline(), Some(VmTime(first)), "{code}");
            assert_eq!(rig.at(first - 1).take(), None);
            assert_eq!(
                rig.read(reg::CURRENT_COUNT),
                if divisor == 1 { 1 } else { 1000 - ((first - 501) / divisor) as u32 }
            );
            assert_eq!(rig.at(first).take(), Some(0x40));
            rig.write(reg::EOI, 0);
            let second = first + 1000 * divisor;
            assert_eq!(rig.apic.next_deadline(), periodic.then_some(VmTime(second)));
            assert_eq!(rig.read(reg::CURRENT_COUNT), if periodic { 1000 } else { 0 });
            // Three periods late: one interrupt, and the next stays on the grid.
            let late = first + 3 * 1000 * divisor + 7;
            assert_eq!(rig.at(late).take(), periodic.then_some(0x40));
            assert_eq!(rig.apic.next_deadline(), periodic.then_some(VmTime(first + 4 * 1000 * divisor)));
        }
    }
}

#[test]
fn the_timer_counts_while_masked_and_stops_at_zero() {
    let mut rig = Rig::enabled();
    rig.write(reg::DIVIDE, 0xb);
    rig.write(reg::LVT_TIMER, 0x40 | PERIODIC | MASKED);
    rig.write(reg::INITIAL_COUNT, 100);
    assert_eq!(rig.apic.next_deadline(), None, "a masked timer needs no wake-up");
    rig.at(250);
    assert_eq!(rig.read(reg::CURRENT_COUNT), 50);
    rig.write(reg::LVT_TIMER, 0x40 | PERIODIC);
    assert_eq!(rig.take(), None, "what passed while masked is lost");
    assert_eq!(rig.apic.next_deadline(), Some(VmTime(300)));
    // Halving the speed doubles what is left.
    rig.write(reg::DIVIDE, 0);
    assert_eq!(rig.apic.next_deadline(), Some(VmTime(350)));
    rig.write(reg::INITIAL_COUNT, 0);
    assert_eq!(rig.apic.next_deadline(), None);
    assert_eq!(rig.read(reg::CURRENT_COUNT), 0);
}

#[test]
fn tsc_deadlines_fire_once_and_mode_switches_disarm() {
    let mut rig = Rig::enabled();
    assert_eq!(rig.wrmsr(msr::TSC_DEADLINE, 900), MsrAccess::Handled(900));
    assert_eq!(rig.rdmsr(msr::TSC_DEADLINE), MsrAccess::Handled(0), "ignored in one-shot mode");
    rig.write(reg::LVT_TIMER, 0x40 | TSC_DEADLINE);
    rig.write(reg::INITIAL_COUNT, 5);
    assert_eq!((rig.apic.next_deadline(), rig.read(reg::CURRENT_COUNT)), (None, 0));
    rig.wrmsr(msr::TSC_DEADLINE, 900);
    assert_eq!(rig.apic.next_deadline(), Some(VmTime(900)));
    assert_eq!(rig.at(899).take(), None);
    assert_eq!(rig.at(900).take(), Some(0x40));
    assert_eq!(rig.rdmsr(msr::TSC_DEADLINE), MsrAccess::Handled(0));
    rig.write(reg::EOI, 0);
    rig.wrmsr(msr::TSC_DEADLINE, 1);
    assert_eq!(rig.take(), Some(0x40), "a deadline that has passed fires at once");
    rig.wrmsr(msr::TSC_DEADLINE, 2000);
    rig.write(reg::LVT_TIMER, 0x40);
    rig.write(reg::LVT_TIMER, 0x40 | TSC_DEADLINE);
    assert_eq!(rig.apic.next_deadline(), None);
}

#[test]
fn software_disable_masks_the_table_and_refuses_fixed_interrupts() {
    let mut rig = Rig::enabled();
    rig.write(reg::LVT_LINT0, 0x700);
    assert!(rig.apic.accepts_legacy());
    rig.fixed(0x55, false);
    rig.write(reg::SVR, 0xff);
    assert_eq!(rig.read(reg::LVT_LINT0), 0x700 | MASKED);
    rig.write(reg::LVT_LINT0, 0x700);
    assert_eq!(rig.read(reg::LVT_LINT0), 0x700 | MASKED);
    assert!(!rig.apic.accepts_legacy());
    assert!(!rig.fixed(0x56, false));
    assert_eq!(rig.take(), Some(0x55), "held interrupts are still handled");
    assert!(rig.message(Delivery::Nmi, 0, false, 0, false) && rig.apic.take_nmi());
    assert!(!rig.apic.take_nmi());
}

#[test]
fn only_an_unmasked_extint_lint0_or_a_disabled_apic_passes_intr() {
    for (lint0, passes) in [(0x700, true), (0x700 | MASKED, false), (0x040, false), (0x400, false)] {
        let mut rig = Rig::enabled();
        rig.write(reg::LVT_LINT0, lint0);
        assert_eq!(rig.apic.accepts_legacy(), passes, "{lint0:#x}");
        rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | BSP);
        assert!(rig.apic.accepts_legacy());
    }
}

#[test]
fn destinations_match_as_their_mode_says() {
    // DFR, LDR, destination, logical, matches (id 0).
    for (dfr, ldr, destination, logical, matches) in [
        (0xf, 0x00, 0, false, true),
        (0xf, 0x00, 1, false, false),
        (0xf, 0x00, 0xff, false, true),
        (0xf, 0x04, 0x06, true, true),
        (0xf, 0x04, 0x03, true, false),
        (0xf, 0x00, 0xff, true, true),
        (0x0, 0x21, 0x23, true, true),
        (0x0, 0x21, 0x22, true, false),
        (0x0, 0x21, 0x31, true, false),
        (0x0, 0x21, 0xff, true, true),
    ] {
        let mut rig = Rig::enabled();
        rig.write(reg::DFR, dfr << 28);
        rig.write(reg::LDR, ldr << 24);
        for delivery in [Delivery::Fixed, Delivery::LowestPriority] {
            let hit = rig.message(delivery, destination, logical, 0x77, false);
            assert_eq!(hit, matches, "{dfr:x} {ldr:x} {destination:x} {logical}");
            assert_eq!(rig.apic.pending().is_some(), matches);
        }
    }
    for (id, destination, logical, matches) in [
        (0x25, 0x25, false, true),
        (0x25, 0xff, false, false),
        (0x25, u32::MAX, false, true),
        (0x25, 0x2_0020, true, true),
        (0x25, 0x2_0010, true, false),
        (0x25, 0x1_0020, true, false),
        (0x25, u32::MAX, true, true),
    ] {
        let mut rig = Rig { apic: LocalApic::new(id, 1), bench: Bench::new(), sent: Vec::new() };
        rig.write(reg::SVR, 0x1ff);
        rig.wrmsr(msr::APIC_BASE, DEFAULT_BASE | EN | EXTD);
        assert_eq!(rig.rdmsr(0x80d), MsrAccess::Handled(0x2_0020));
        assert_eq!(
            rig.message(Delivery::Fixed, destination, logical, 0x77, false),
            matches,
            "{destination:x}"
        );
    }
}

#[test]
fn the_command_register_sends_what_it_describes() {
    // High, low, sent destinations, whether vector 51h is pending here afterwards.
    let cases: [(u32, u32, &[u32], bool); 9] = [
        (0, 0x0000_4051, &[0], true),
        (0x0200_0000, 0x0000_4051, &[2], false),
        (0xff00_0000, 0x0000_0051, &[0xff], true),
        (0, 0x0004_0051, &[], true),
        (0, 0x0008_0051, &[1, 2], true),
        (0, 0x000c_0051, &[1, 2], false),
        (0, 0x0004_0451, &[], false),
        (0, 0x0000_8551, &[], false),
        (0, 0x0000_0351, &[], false),
    ];
    for (high, low, destinations, pending) in cases {
        let mut rig = Rig::enabled();
        rig.write(reg::ICR_HIGH, high);
        rig.write(reg::ICR_LOW, low);
        let sent: Vec<u32> = rig.sent.iter().map(|message| message.destination).collect();
        assert_eq!(sent, destinations, "{low:#x}");
        assert_eq!(rig.apic.pending().is_some(), pending, "{low:#x}");
        assert_eq!(rig.read(reg::ICR_LOW) & 1 << 12, 0, "idle");
        assert_eq!(rig.esr(), 0);
    }
}

#[test]
fn init_startup_and_nmi_reach_the_processor() {
    let mut rig = Rig::enabled();
    rig.write(reg::TPR, 0x20);
    rig.fixed(0x55, false);
    rig.write(reg::ICR_LOW, 0x4400);
    assert!(rig.apic.take_nmi());
    rig.write(reg::ICR_LOW, 0x4500);
    assert!(rig.apic.take_init() && !rig.apic.take_init());
    assert_eq!((rig.read(reg::TPR), rig.read(reg::SVR), rig.apic.pending()), (0, 0xff, None));
    rig.write(reg::ICR_LOW, 0x46_9a & 0xffff);
    assert_eq!(rig.apic.take_startup(), Some(0x9a));
    assert_eq!(rig.apic.take_startup(), None);
}

#[test]
fn errors_show_after_a_write_and_interrupt_once_until_then() {
    let mut rig = Rig::enabled();
    rig.write(reg::LVT_ERROR, 0xe0);
    rig.write(reg::ICR_LOW, 0x0000_0005);
    assert_eq!(rig.read(reg::ESR), 0, "nothing before the write");
    assert_eq!(rig.take(), Some(0xe0));
    rig.write(reg::EOI, 0);
    rig.read(0x0040);
    rig.fixed(0x0f, false);
    assert_eq!(rig.take(), None, "not armed again yet");
    let all = Esr::SEND_ILLEGAL_VECTOR | Esr::ILLEGAL_REGISTER | Esr::RECEIVE_ILLEGAL_VECTOR;
    assert_eq!(rig.esr(), all.bits());
    assert_eq!(rig.esr(), 0);
    rig.read(0x0040);
    assert_eq!(rig.take(), Some(0xe0));
    rig.write(reg::LVT_ERROR, 0x03);
    rig.esr();
    rig.read(0x0040);
    assert_eq!(rig.esr(), (Esr::ILLEGAL_REGISTER | Esr::RECEIVE_ILLEGAL_VECTOR).bits());
}

#[test]
fn a_restored_apic_goes_on_where_it_was() {
    let mut rig = Rig::enabled();
    rig.write(reg::LVT_TIMER, 0x40 | PERIODIC);
    rig.write(reg::INITIAL_COUNT, 1000);
    rig.fixed(0x61, true);
    rig.take();
    rig.fixed(0x71, false);
    let mut bytes = Vec::new();
    rig.apic.save(&mut bytes);
    let mut other = LocalApic::new(0, 3);
    assert_eq!(other.load(&mut &bytes[..bytes.len() - 1]), None);
    assert_eq!(other.state, Lapic::new(0));
    assert_eq!(other.load(&mut &bytes[..]), Some(()));
    assert_eq!(other.state, rig.apic.state);
}
