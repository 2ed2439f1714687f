use super::*;

/// A monitor reads what a processor would, and nothing in the adapter changes.
#[test]
fn looking_at_the_window_leaves_the_latches() {
    const LATCH: u32 = 0x1122_3344;
    let mut card = card();
    card.planar();
    card.set_word(7, LATCH);
    card.set_word(8, 0x5566_7788);
    card.peek(0xa_0007);
    let look = |card: &mut Card, at| card.vga.mmio().unwrap().peek(&card.bench.memory, GuestPhysAddr(at));
    assert_eq!(look(&mut card, 0xa_0008), Some(0x88));
    assert_eq!(look(&mut card, 0xfebf_0000), None, "registers");
    card.set(0x3ce, 5, 1);
    card.poke(0xa_0009, 0);
    assert_eq!(card.word(9), LATCH);
}
