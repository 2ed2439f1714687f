use super::*;
use crate::e1000::spec::{Cause, Eecd};
use device_api::Pio;

#[test]
fn the_eeprom_holds_the_address_and_adds_up() {
    let mut board = Board::new();
    let mut sum = 0u16;
    for at in 0..64 {
        board.write(offset::EERD, at << 8 | 1);
        let value = board.read(offset::EERD);
        assert_eq!(value & 0x10, 0x10, "done");
        sum = sum.wrapping_add((value >> 16) as u16);
    }
    assert_eq!(sum, 0xbaba);
    assert_eq!(board.read(offset::RA), 0x1200_5452);
    assert_eq!(board.read(offset::RA + 4), 0x8000_5634);
}

/// Shifts bits in, most significant first, and returns the levels of DO behind each rising edge.
fn shift(board: &mut Board, value: u32, bits: u32) -> u32 {
    let mut out = 0;
    for n in (0..bits).rev() {
        let selected = (Eecd::CS | Eecd::REQ).bits() | if value >> n & 1 != 0 { Eecd::DI.bits() } else { 0 };
        board.write(offset::EECD, selected);
        board.write(offset::EECD, selected | Eecd::SK.bits());
        out = out << 1 | u32::from(board.read(offset::EECD) & Eecd::DO.bits() != 0);
        board.write(offset::EECD, selected);
    }
    out
}

fn select(board: &mut Board, on: bool) {
    board.write(offset::EECD, (Eecd::REQ | if on { Eecd::CS } else { Eecd::empty() }).bits());
}

#[test]
fn the_eeprom_is_read_and_written_by_its_wires() {
    let mut board = Board::new();
    select(&mut board, true);
    assert_eq!(board.read(offset::EECD) & Eecd::GNT.bits(), Eecd::GNT.bits());
    // Read, from word 1 on
    shift(&mut board, 0b110_000001, 9);
    assert_eq!(shift(&mut board, 0, 32), 0x1200_5634);
    select(&mut board, false);
    // Write, first without and then with writes enabled
    for enabled in [false, true] {
        if enabled {
            select(&mut board, true);
            shift(&mut board, 0b100_110000, 9);
            select(&mut board, false);
        }
        select(&mut board, true);
        shift(&mut board, 0b101_000010 << 16 | 0xbeef, 25);
        select(&mut board, false);
        board.write(offset::EERD, 2 << 8 | 1);
        assert_eq!(board.read(offset::EERD) >> 16, if enabled { 0xbeef } else { 0x5634 });
    }
}

/// Reads a register of the PHY.
fn phy(board: &mut Board, register: u32) -> u32 {
    board.write(offset::MDIC, 2 << 26 | 1 << 21 | register << 16);
    let value = board.read(offset::MDIC);
    assert_eq!(value >> 28, 1, "ready, and no error");
    value & 0xffff
}

#[test]
fn the_link_goes_down_and_up_again_with_negotiation() {
    let mut board = Board::new();
    assert_eq!((phy(&mut board, 2), phy(&mut board, 3)), (0x0141, 0x0c20));
    assert_eq!(board.read(offset::STATUS), 0x8008_0783);
    // Negotiation restarts
    board.write(offset::MDIC, 1 << 26 | 1 << 21 | 0x1340);
    assert_eq!(board.read(offset::STATUS) & 2, 0);
    assert_eq!(phy(&mut board, 1) & 0x24, 0);
    assert_eq!(board.read(offset::ICR), Cause::LSC.bits());
    board.pass(500_000_000);
    assert_eq!(board.read(offset::STATUS) & 2, 2);
    assert_eq!(phy(&mut board, 1) & 0x24, 0x24);
    assert_eq!(phy(&mut board, 17) & 0x0c00, 0x0c00);
    assert_eq!(board.read(offset::ICR), Cause::LSC.bits());
    // Another PHY is not there.
    board.write(offset::MDIC, 2 << 26 | 2 << 21);
    assert_eq!(board.read(offset::MDIC) >> 28, 5);
}

#[test]
fn the_link_follows_the_cable() {
    let mut board = Board::new();
    board.cable.unplug(true);
    board.poll();
    assert_eq!((board.read(offset::STATUS) & 2, board.read(offset::ICR)), (0, Cause::LSC.bits()));
    board.pass(1_000_000_000);
    assert_eq!(board.read(offset::STATUS) & 2, 0);
    board.cable.unplug(false);
    board.poll();
    board.pass(1_000_000_000);
    assert_eq!((board.read(offset::STATUS) & 2, board.read(offset::ICR)), (2, Cause::LSC.bits()));
    let mut alone = E1000::new(MAC, None);
    assert!(!alone.chip.link(), "without a network there is no cable");
    assert_eq!(alone.chip.read(offset::STATUS) & 2, 0);
}

#[test]
fn registers_are_reached_by_ports_and_by_older_offsets() {
    let mut board = Board::new();
    let ctx = &mut board.bench.ctx();
    board.card.port_write(ctx, 0xc000, 4, offset::RDBAL);
    board.card.port_write(ctx, 0xc004, 4, 0x1234_5678);
    assert_eq!(board.card.port_read(ctx, 0xc004, 4), 0x1234_5670, "16 bytes are one descriptor");
    assert_eq!(board.card.port_read(ctx, 0xc000, 4), offset::RDBAL);
    board.card.port_write(ctx, 0xc000, 4, u32::MAX);
    assert_eq!(board.card.port_read(ctx, 0xc004, 4), 0, "behind the registers");
    assert_eq!(board.read(0x0110), 0x1234_5670);
    board.write(0x0200, 5);
    board.write(0x07fc, 6);
    assert_eq!((board.read(offset::MTA), board.read(offset::VFTA + 0x1fc)), (5, 6));
    assert_eq!(board.read(0x1000), 0x0010_0030);
    assert_eq!((board.read(0x1_fffc), board.read(0x4ffc)), (0, 0));
}

#[test]
fn the_software_reset_loads_the_address_anew_and_keeps_the_phy() {
    let mut board = Board::new();
    board.write(offset::RA, 1);
    board.write(offset::ITR, 100);
    board.write(offset::MDIC, 1 << 26 | 1 << 21 | 4 << 16 | 0x0001);
    board.write(offset::CTRL, Ctrl::RST.bits() | Ctrl::SLU.bits());
    assert_eq!(board.read(offset::CTRL), Ctrl::SLU.bits());
    assert_eq!((board.read(offset::RA), board.read(offset::ITR)), (0x1200_5452, 0));
    assert_eq!(phy(&mut board, 4), 1);
    board.write(offset::CTRL, Ctrl::PHY_RST.bits());
    assert_eq!(phy(&mut board, 4), 0x0de1);
}
