use super::*;
use crate::bench::Bench;
use device_api::Driver;

/// The number of a PCI function that interrupts.
const OTHER: Driver = Driver(9);

/// Drives PIRQ# `n` and hands the change to the bridge.
fn assert_pirq(bench: &mut Bench, bridge: &mut IsaBridge, n: u8, high: bool) {
    bench.ctx_of(OTHER).lines.set(spec::pirq(n), high);
    for (line, high) in bench.irq.take_changes() {
        bridge.irq_changed(&mut bench.ctx(), line, high);
    }
    bench.irq.take_changes();
}

/// A bit for each ISA interrupt that is high.
fn high(bench: &Bench) -> u16 {
    (0..16).filter(|&line| bench.irq.level(IrqLine(line))).fold(0, |lines, line| lines | 1 << line)
}

#[test]
fn every_route_leads_where_its_register_says() {
    for n in 0..4 {
        let (mut bench, mut bridge) = (Bench::new(), IsaBridge::new());
        assert_pirq(&mut bench, &mut bridge, n, true);
        assert_eq!(high(&bench), 0, "after a reset");
        for route in 0..=0xff_u8 {
            bridge.config_write(&mut bench.ctx(), 0x60 + n, 1, u32::from(route));
            let irq = route & 0xf;
            let led = route & 0x80 == 0 && ![0, 1, 2, 8, 13].contains(&irq);
            assert_eq!(high(&bench), u16::from(led) << irq, "PIRQ {n} with {route:#x}");
        }
    }
}

#[test]
fn wires_that_share_an_interrupt_hold_it_until_the_last_lets_go() {
    let (mut bench, mut bridge) = (Bench::new(), IsaBridge::new());
    bridge.config_write(&mut bench.ctx(), 0x60, 4, 0x0b0b_0a0a);
    // Wire, level, what is high then
    let table = [
        (0, true, 1 << 10),
        (1, true, 1 << 10),
        (3, true, 1 << 10 | 1 << 11),
        (0, false, 1 << 10 | 1 << 11),
        (1, false, 1 << 11),
        (3, false, 0),
    ];
    for (n, level, lines) in table {
        assert_pirq(&mut bench, &mut bridge, n, level);
        assert_eq!(high(&bench), lines, "PIRQ {n} {level}");
    }
    // ISA lines are no wires of PCI.
    bridge.irq_changed(&mut bench.ctx(), IrqLine(10), true);
    bridge.irq_changed(&mut bench.ctx(), IrqLine(20), true);
    assert_eq!(high(&bench), 0);
}

#[test]
fn a_reset_takes_routes_away_and_keeps_what_others_drive() {
    let (mut bench, mut bridge) = (Bench::new(), IsaBridge::new());
    bridge.config_write(&mut bench.ctx(), 0x62, 1, 5);
    assert_pirq(&mut bench, &mut bridge, 2, true);
    assert_eq!(high(&bench), 1 << 5);
    bridge.reset(&mut bench.ctx());
    assert_eq!((high(&bench), bridge.config.read(0x60, 4)), (0, 0x8080_8080));
    bridge.config_write(&mut bench.ctx(), 0x62, 1, 5);
    assert_eq!(high(&bench), 1 << 5, "the wire is still asserted");
}

#[test]
fn registers_begin_as_the_data_sheet_says() {
    let (mut bench, mut bridge) = (Bench::new(), IsaBridge::new());
    // Offset, value after a reset, value after ones were written
    let table = [
        (0x00, 0x7000_8086, 0x7000_8086),
        (0x04, 0x0200_0007, 0x0200_010f),
        (0x08, 0x0601_0000, 0x0601_0000),
        (0x0c, 0x0080_0000, 0x0080_0000),
        (0x4c, 0x0003_004d, 0xffff_00ff),
        (0x60, 0x8080_8080, 0x8f8f_8f8f),
        (0x68, 0x0000_0200, 0xffff_ff00),
        (0xa0, 0x0000_0008, 0xffff_00ff),
    ];
    for (at, reset, written) in table {
        assert_eq!(bridge.config_read(&mut bench.ctx(), at, 4), reset, "{at:#x}");
        bridge.config_write(&mut bench.ctx(), at, 4, u32::MAX);
        assert_eq!(bridge.config_read(&mut bench.ctx(), at, 4), written, "{at:#x}");
    }
}
