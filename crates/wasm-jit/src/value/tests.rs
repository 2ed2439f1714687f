//! Folding, and equal expressions as one value.

use super::*;

#[test]
fn constants_fold_and_equal_values_are_one() {
    let mut values = Values::default();
    let (a, two, three) = (values.entry(Entry::Gpr(0)), values.imm(2), values.imm(3));
    let five = values.two(Op2::Add, two, three);
    assert_eq!(values.constant(five), Some(5));
    let x = values.two(Op2::Add, a, two);
    let y = values.two(Op2::Add, two, a);
    assert_eq!(x, y);
    let z = values.two(Op2::Add, x, three);
    assert_eq!(values.node(z), Node::Two(Op2::Add, a, five));
    assert_eq!(values.select(two, a, x), a);
}

#[test]
fn a_mask_that_changes_nothing_is_dropped() {
    let mut values = Values::default();
    let (a, byte, word) = (values.entry(Entry::Gpr(0)), values.imm(0xff), values.imm(0xffff));
    let low = values.two(Op2::And, a, byte);
    assert_eq!(values.two(Op2::And, low, word), low);
    let wide = values.two(Op2::And, a, word);
    assert_ne!(values.two(Op2::And, wide, byte), wide);
}

#[test]
fn parts_of_registers_are_told_apart() {
    let mut values = Values::default();
    let (old, new) = (values.entry(Entry::Gpr(0)), values.entry(Entry::Gpr(1)));
    let word = values.imm(0xffff);
    let (low, rest) = (values.two(Op2::And, new, word), values.imm(!0xffff));
    let kept = values.two(Op2::And, old, rest);
    let joined = values.two(Op2::Or, kept, low);
    assert_eq!(values.two(Op2::And, joined, word), low);
    assert_eq!(values.two(Op2::And, joined, rest), kept);
    // AH: bits 15:8
    let (byte, eight, others) = (values.imm(0xff), values.imm(8), values.imm(!0xff00));
    let small = values.two(Op2::And, new, byte);
    let (high, kept) = (values.two(Op2::Shl, small, eight), values.two(Op2::And, old, others));
    let joined = values.two(Op2::Or, kept, high);
    let down = values.two(Op2::ShrU, joined, eight);
    assert_eq!(values.two(Op2::And, down, byte), small);
    let low = values.two(Op2::And, joined, byte);
    assert_eq!(values.node(low), Node::Two(Op2::And, old, byte));
    // Both operands contribute.
    let some = values.imm(0xff0);
    let both = values.two(Op2::And, joined, some);
    assert_eq!(values.node(both), Node::Two(Op2::And, joined, some));
}

#[test]
fn sums_are_cut_once() {
    let mut values = Values::default();
    let (a, low, one) = (values.entry(Entry::Gpr(0)), values.imm(0xffff_ffff), values.imm(1));
    let mut sum = a;
    for _ in 0..3 {
        let wide = values.two(Op2::Add, sum, one);
        sum = values.two(Op2::And, wide, low);
    }
    let three = values.imm(3);
    let wide = values.two(Op2::Add, a, three);
    assert_eq!(values.node(sum), Node::Two(Op2::And, wide, low));
    // With a mask wider than the byte, the carry out of the byte matters.
    let (byte, b) = (values.imm(0xff), values.entry(Entry::Gpr(1)));
    let cut = values.two(Op2::And, a, byte);
    let wide = values.two(Op2::Add, cut, b);
    assert_eq!(values.two(Op2::And, wide, low), values.add(Node::Two(Op2::And, wide, low)));
}

#[test]
fn forgotten_values_are_made_anew() {
    let mut values = Values::default();
    let a = values.entry(Entry::Gpr(0));
    let len = values.len();
    let seven = values.imm(7);
    values.truncate(len);
    let b = values.entry(Entry::Gpr(1));
    assert_eq!((b, values.entry(Entry::Gpr(0))), (seven, a));
    assert_eq!(values.node(b), Node::Entry(Entry::Gpr(1)));
    // More values than the table's initial size, then most of them removed.
    let all: Vec<Value> = (0..1000).map(|n| values.imm(n)).collect();
    values.truncate(500);
    let again: Vec<Value> = (0..1000).map(|n| values.imm(n)).collect();
    assert_eq!(all, again);
}
