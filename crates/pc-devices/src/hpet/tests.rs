use super::{Hpet, spec::*};
use crate::bench::Bench;
use device_api::{Device, Driver, IrqLine, Mmio, Timed, VmTime};
use x86_types::GuestPhysAddr;

struct Board {
    hpet: Hpet,
    bench: Bench,
}

impl Board {
    fn new() -> Self {
        Self { hpet: Hpet::default(), bench: Bench::new() }
    }
    fn write(&mut self, offset: u64, size: u8, value: u64) {
        self.hpet.mmio_write(&mut self.bench.ctx(), GuestPhysAddr(BASE + offset), size, value);
    }
    fn read(&mut self, offset: u64, size: u8) -> u64 {
        self.hpet.mmio_read(&mut self.bench.ctx(), GuestPhysAddr(BASE + offset), size)
    }
    /// Runs to tick `ticks`; the ticks and lines of rising edges on the way.
    fn run(&mut self, ticks: u64) -> Vec<(u64, u8)> {
        let until = VmTime::at_tick(ticks, HZ);
        let mut rises = Vec::new();
        while let Some(at) = self.hpet.next_deadline().filter(|at| *at <= until) {
            assert!(at > self.bench.now);
            self.bench.now = at;
            self.hpet.advance(&mut self.bench.ctx());
            let changes = self.bench.irq.take_changes();
            rises.extend(changes.iter().filter(|change| change.1).map(|change| (at.ticks(HZ), change.0.0)));
        }
        self.bench.now = until;
        self.hpet.advance(&mut self.bench.ctx());
        rises
    }
}

const T0: u64 = TIMER0;
const T2: u64 = TIMER0 + 2 * TIMER_STRIDE;

#[test]
fn capabilities_name_the_period_and_what_there_is() {
    let mut board = Board::new();
    assert_eq!(board.read(GCAP_ID + 4, 4), 100_000_000, "femtoseconds: 10 MHz");
    assert_eq!(board.read(GCAP_ID, 4), 0x8086_a201);
    assert_eq!(board.read(T2 + 4, 4), 0x00f0_0800);
    assert_eq!(board.read(T2, 4), 0x30);
}

#[test]
fn the_counter_runs_only_while_enabled_and_can_be_set() {
    let mut board = Board::new();
    board.run(500);
    assert_eq!(board.read(MAIN_CNT, 8), 0);
    board.write(MAIN_CNT, 8, 0xffff_ffff_0000_0000);
    board.write(GEN_CONF, 4, 1);
    board.run(600);
    assert_eq!(board.read(MAIN_CNT, 8), 0xffff_ffff_0000_0064);
    assert_eq!(board.read(MAIN_CNT + 4, 4), 0xffff_ffff);
    board.write(GEN_CONF, 4, 0);
    board.run(900);
    assert_eq!(board.read(MAIN_CNT, 4), 100);
}

#[test]
fn a_one_shot_edge_comes_once_on_its_route() {
    let mut board = Board::new();
    board.write(T0, 4, INT_ENB | 20 << INT_ROUTE_SHIFT);
    board.write(T0 + 8, 8, 1000);
    board.write(GEN_CONF, 4, ENABLE_CNF);
    assert_eq!(board.run(5000), [(1000, 20)]);
    assert_eq!(board.read(GINTR_STA, 8), 0, "an edge has no status");
    assert_eq!(board.hpet.next_deadline(), None, "64 bits take for ever to come round");
}

#[test]
fn a_32_bit_timer_comes_round() {
    let mut board = Board::new();
    board.write(T0, 4, INT_ENB | MODE32 | 20 << INT_ROUTE_SHIFT);
    board.write(T0 + 8, 4, 1000);
    board.write(GEN_CONF, 4, ENABLE_CNF);
    assert_eq!(board.run((1 << 32) + 2000), [(1000, 20), ((1 << 32) + 1000, 20)]);
}

#[test]
fn a_periodic_timer_is_set_up_by_two_writes() {
    let mut board = Board::new();
    board.write(GEN_CONF, 4, ENABLE_CNF);
    board.run(10);
    board.write(T0, 4, INT_ENB | TYPE | VAL_SET | MODE32 | 21 << INT_ROUTE_SHIFT);
    board.write(T0 + 8, 4, 60);
    board.write(T0 + 8, 4, 100);
    assert_eq!(board.read(T0, 4) & VAL_SET, 0);
    assert_eq!(board.run(400), [(60, 21), (160, 21), (260, 21), (360, 21)]);
    assert_eq!(board.read(T0 + 8, 8), 460);
    // A late call is one edge, and the comparator is ahead again.
    board.bench.now = VmTime::at_tick(1000, HZ);
    board.hpet.advance(&mut board.bench.ctx());
    assert_eq!(board.bench.irq.take_changes(), [(IrqLine(21), false), (IrqLine(21), true)]);
    assert_eq!(board.read(T0 + 8, 8), 1060);
}

#[test]
fn a_level_stays_until_its_status_is_cleared() {
    let mut board = Board::new();
    board.write(T2, 4, INT_ENB | INT_TYPE | 11 << INT_ROUTE_SHIFT);
    board.write(T2 + 8, 8, 50);
    board.write(GEN_CONF, 4, ENABLE_CNF);
    assert_eq!(board.run(60), [(50, 11)]);
    assert!(board.bench.irq.level(IrqLine(11)));
    assert_eq!(board.read(GINTR_STA, 8), 4);
    board.write(GINTR_STA, 4, 3);
    assert!(board.bench.irq.level(IrqLine(11)));
    board.write(GINTR_STA, 4, 4);
    assert!(!board.bench.irq.level(IrqLine(11)));
}

#[test]
fn legacy_replacement_drives_lines_0_and_8() {
    let mut board = Board::new();
    for n in 0..2 {
        board.write(TIMER0 + n * TIMER_STRIDE, 4, INT_ENB | 20 << INT_ROUTE_SHIFT);
        board.write(TIMER0 + n * TIMER_STRIDE + 8, 8, 10 + n);
    }
    // The 8254's output is high most of the time; it is cut off while the replacement lasts.
    board.bench.irq.pins(Driver(7)).set(IrqLine(0), true);
    board.write(GEN_CONF, 4, LEG_RT_CNF);
    assert!(board.bench.irq.level(IrqLine(0)), "the main counter is off");
    board.write(GEN_CONF, 4, ENABLE_CNF | LEG_RT_CNF);
    assert!(!board.bench.irq.level(IrqLine(0)));
    board.bench.irq.take_changes();
    assert_eq!(board.run(20), [(10, 0), (11, 8)]);
    board.hpet.reset(&mut board.bench.ctx());
    assert!(board.bench.irq.level(IrqLine(0)), "the 8254 is back");
    board.bench.irq.pins(Driver(7)).set(IrqLine(0), false);
    assert!(!board.bench.irq.level(IrqLine(0)) && !board.bench.irq.level(IrqLine(8)));
}

#[test]
fn only_offered_routes_stick() {
    let mut board = Board::new();
    for (timer, route, sticks) in
        [(T0, 20, true), (T0, 11, false), (T2, 11, true), (T2, 2, false), (T2, 31, false)]
    {
        board.write(timer, 4, route << INT_ROUTE_SHIFT);
        assert_eq!(board.read(timer, 4) >> INT_ROUTE_SHIFT & 31, if sticks { route } else { 0 }, "{route}");
    }
}
