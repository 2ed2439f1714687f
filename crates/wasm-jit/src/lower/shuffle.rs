//! Operations that only move lanes, as byte shuffles of two vectors.

use crate::value::IDENTITY;
use x86_exec::vector::VecOp;
use x86_types::Width;

/// An operand of a shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The destination before
    First,
    /// The source
    Second,
    Zeros,
}

/// Returns the shuffle in which lane `n` of the result is lane `from(n)` of two vectors.
pub(crate) fn lanes(w: Width, from: impl Fn(u8) -> u8) -> [u8; 16] {
    let size = w.bytes() as u8;
    IDENTITY.map(|byte| (from(byte / size) * size + byte % size) & 31)
}

/// Returns the shuffle that interleaves the lower, or the higher, halves.
fn unpack(w: Width, high: bool) -> [u8; 16] {
    let count = 16 / w.bytes() as u8;
    let start = if high { count / 2 } else { 0 };
    lanes(w, |n| start + n / 2 + (n & 1) * count)
}

/// Returns the shuffle that takes lanes of the second vector where `imm` has a one.
fn blend(w: Width, imm: u8) -> [u8; 16] {
    let count = 16 / w.bytes() as u8;
    lanes(w, |n| if imm >> n & 1 != 0 { count + n } else { n })
}

/// Returns the shuffle that takes sixteen bytes from byte `start` on.
fn window(start: u8) -> [u8; 16] {
    IDENTITY.map(|byte| (byte + start) & 31)
}

/// Returns the shuffle of an operation, and its two operands; `None` for other operations.
pub(crate) fn moves(op: VecOp, imm: u8) -> Option<([u8; 16], Side, Side)> {
    use Side::{First, Second, Zeros};
    let selector = |n: u8| imm >> (2 * (n & 3)) & 3;
    let both = |bytes| (bytes, First, Second);
    let source = |bytes| (bytes, Second, Second);
    Some(match op {
        VecOp::Punpcklbw => both(unpack(Width::B1, false)),
        VecOp::Punpcklwd => both(unpack(Width::B2, false)),
        VecOp::Punpckldq => both(unpack(Width::B4, false)),
        VecOp::Punpcklqdq => both(unpack(Width::B8, false)),
        VecOp::Punpckhbw => both(unpack(Width::B1, true)),
        VecOp::Punpckhwd => both(unpack(Width::B2, true)),
        VecOp::Punpckhdq => both(unpack(Width::B4, true)),
        VecOp::Punpckhqdq => both(unpack(Width::B8, true)),
        VecOp::Pshufd => source(lanes(Width::B4, selector)),
        VecOp::Pshuflw => source(lanes(Width::B2, |n| if n < 4 { selector(n) } else { n })),
        VecOp::Pshufhw => source(lanes(Width::B2, |n| if n < 4 { n } else { 4 + selector(n) })),
        VecOp::Shufps => both(lanes(Width::B4, |n| selector(n) + if n < 2 { 0 } else { 4 })),
        VecOp::Shufpd => both(lanes(Width::B8, |n| (imm >> n & 1) + 2 * n)),
        VecOp::Pblendw => both(blend(Width::B2, imm)),
        VecOp::Blendps => both(blend(Width::B4, imm)),
        VecOp::Blendpd => both(blend(Width::B8, imm)),
        VecOp::Movsldup => source(lanes(Width::B4, |n| n & 2)),
        VecOp::Movshdup => source(lanes(Width::B4, |n| n | 1)),
        VecOp::Movddup | VecOp::Broadcastq => source(lanes(Width::B8, |_| 0)),
        VecOp::Broadcastb => source(lanes(Width::B1, |_| 0)),
        VecOp::Broadcastw => source(lanes(Width::B2, |_| 0)),
        VecOp::Broadcastd => source(lanes(Width::B4, |_| 0)),
        VecOp::Pslldq => (window(16 - imm.min(16)), Zeros, First),
        VecOp::Psrldq => (window(imm.min(16)), First, Zeros),
        VecOp::Palignr if imm <= 16 => (window(imm), Second, First),
        VecOp::Palignr => (window(imm.min(32) - 16), First, Zeros),
        _ => return None,
    })
}
