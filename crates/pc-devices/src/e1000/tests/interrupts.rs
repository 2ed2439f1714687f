use super::*;
use crate::e1000::spec::Cause;

#[test]
fn causes_masks_and_the_line() {
    let mut board = Board::new();
    board.write(offset::ICS, Cause::RXT0.bits());
    assert!(!board.interrupt(), "masked");
    board.write(offset::IMS, (Cause::RXT0 | Cause::LSC).bits());
    assert!(board.interrupt());
    assert_eq!(board.read(offset::ICS), Cause::RXT0.bits(), "this does not acknowledge");
    assert!(board.interrupt());
    board.write(offset::IMC, Cause::RXT0.bits());
    assert!(!board.interrupt());
    assert_eq!(board.read(offset::IMS), Cause::LSC.bits());
    board.write(offset::IMS, Cause::RXT0.bits());
    assert_eq!(board.read(offset::ICR), Cause::RXT0.bits());
    assert!(!board.interrupt(), "read is acknowledged");
    assert_eq!(board.read(offset::ICR), 0);
    board.write(offset::ICS, (Cause::RXT0 | Cause::TXDW).bits());
    board.write(offset::ICR, Cause::RXT0.bits());
    assert_eq!(board.read(offset::ICR), Cause::TXDW.bits(), "a written one acknowledges its own");
    // The command register can keep it from the line.
    board.write(offset::ICS, Cause::RXT0.bits());
    board.configure(0x04, 7 | 1 << 10);
    assert!(!board.interrupt());
}

#[test]
fn interrupts_are_throttled() {
    let mut board = Board::new();
    // 1000 units are 256 us.
    board.write(offset::ITR, 1000);
    board.write(offset::IMS, Cause::RXT0.bits());
    board.write(offset::ICS, Cause::RXT0.bits());
    assert!(board.interrupt());
    board.read(offset::ICR);
    board.pass(100_000);
    board.write(offset::ICS, Cause::RXT0.bits());
    assert!(!board.interrupt(), "too early");
    board.pass(155_999);
    assert!(!board.interrupt());
    board.pass(1);
    assert!(board.interrupt());
}

#[test]
fn receive_interrupts_wait_for_a_pause_but_not_for_ever() {
    let mut board = Board::started();
    board.write(offset::RDTR, 100);
    board.write(offset::RADV, 250);
    let cause = |board: &mut Board| board.read(offset::ICR) & Cause::RXT0.bits() != 0;
    board.comes(&frame(MAC, 60));
    assert!(!cause(&mut board));
    board.pass(102_400);
    assert!(cause(&mut board));
    // One frame after the other: the absolute timer runs out first.
    for _ in 0..4 {
        board.comes(&frame(MAC, 60));
        assert!(!cause(&mut board));
        board.pass(60_000);
    }
    board.pass(16_000);
    assert!(cause(&mut board), "256 us after the first");
    board.pass(1_000_000);
    assert!(!cause(&mut board), "and not once more");
    board.comes(&frame(MAC, 60));
    board.write(offset::RDTR, 1 << 31 | 100);
    assert!(cause(&mut board), "flushed");
}

#[test]
fn transmit_interrupts_are_delayed_where_descriptors_say_so() {
    let mut board = Board::started();
    board.write(offset::TIDV, 100);
    let cause = |board: &mut Board| board.read(offset::ICR) & Cause::TXDW.bits() != 0;
    board.send(&frame([0xff; 6], 60), TxCommand::RS);
    assert!(cause(&mut board));
    board.send(&frame([0xff; 6], 60), TxCommand::RS | TxCommand::IDE);
    assert!(!cause(&mut board));
    board.pass(102_400);
    assert!(cause(&mut board));
    board.send(&frame([0xff; 6], 60), TxCommand::empty());
    board.pass(1_000_000);
    assert!(!cause(&mut board), "without RS there is no report");
}
