//! How immediates are read: how many bytes, and how they are extended.

use super::arg::{Class, Size};
use super::row::Row;
use x86_types::Width;

/// An immediate of one operand size: `len` bytes, of which `(value & mask ^ sign) - sign` is the value.
#[derive(Clone, Copy)]
pub(crate) struct Immediate {
    pub(crate) mask: u64,
    pub(crate) sign: u64,
    pub(crate) len: u8,
}

const NONE: u8 = 0;
const BYTE: u8 = 1;
const WORD: u8 = 2;
const BYTE_SIGNED: u8 = 3;
/// 16 bits with a 16-bit operand size, else 32; sign-extended
const SIGNED: u8 = 4;
/// As many bits as the operand
const FULL: u8 = 5;
const COUNT: usize = 6;
/// The constant 1
const ONE: u8 = 6;
/// ENTER's two
const ENTER: u8 = 7;
/// A far pointer
const FAR: u8 = 8;
/// A memory offset
const OFFSET: u8 = 9;
/// A register in bits 7:4 of a byte
pub(crate) const REGISTER: u8 = 10;

/// Immediates by kind and operand size; kinds from [`ONE`] on are read otherwise.
pub(crate) static IMMEDIATES: [[Immediate; 4]; COUNT] = READ;

const READ: [[Immediate; 4]; COUNT] = {
    let mut table = [[read(0, false); 4]; COUNT];
    let mut size = 0;
    while size < 4 {
        let word = size == Width::B2 as usize;
        table[BYTE as usize][size] = read(1, false);
        table[WORD as usize][size] = read(2, false);
        table[BYTE_SIGNED as usize][size] = read(1, true);
        table[SIGNED as usize][size] = read(if word { 2 } else { 4 }, true);
        table[FULL as usize][size] = read(if size < 2 { 2 } else { 1 << size }, false);
        size += 1;
    }
    table
};

const fn read(len: u8, signed: bool) -> Immediate {
    let mask = if len == 0 { 0 } else { u64::MAX >> (64 - 8 * len as u32) };
    let sign = if signed { 1 << (8 * len as u32 - 1) } else { 0 };
    Immediate { mask, sign, len }
}

/// What is read where other instructions have an immediate: how many bytes, and the value, of which `raw` holds the bytes.
#[cold]
pub(crate) const fn unusual(kind: u8, opsize: Width, addrsize: Width, raw: u64) -> (u8, u64) {
    let word = matches!(opsize, Width::B2);
    match kind {
        ONE => (0, 1),
        ENTER => (3, raw & 0xff_ffff),
        FAR if word => (4, raw & 0xffff | raw << 16 & 0xffff_0000_0000),
        FAR => (6, raw & 0xffff_ffff_ffff),
        OFFSET => (addrsize.bytes() as u8, addrsize.trunc(raw)),
        _ => (1, raw & 0xff),
    }
}

/// Instead of a length: it depends on more than opcode and operand size.
pub(crate) const VARIES: u8 = 0xff;

/// Returns how many bytes a row's immediate has in a [context](super::form::opctx).
pub(super) const fn len(row: &Row, vex: bool, context: u8) -> u8 {
    let rule = super::form::opsize_rule(row, vex);
    let opsize = super::form::opsize(rule >> 1, rule & 1 != 0, context);
    let kind = kind(row);
    match kind {
        OFFSET => VARIES,
        _ if (kind as usize) < COUNT => READ[kind as usize][opsize as usize].len,
        _ => unusual(kind, opsize, Width::B8, 0).0,
    }
}

/// Returns the kind of a row's immediate.
pub(super) const fn kind(row: &Row) -> u8 {
    let mut kind = NONE;
    let mut i = 0;
    while i < 4 {
        let size = row.args[i].size;
        let own = match row.args[i].class {
            Class::I if matches!(size, Size::B) => BYTE,
            Class::I if matches!(size, Size::W) => WORD,
            Class::I => SIGNED,
            Class::Ibs => BYTE_SIGNED,
            Class::Iv => FULL,
            Class::J if matches!(size, Size::B) => BYTE_SIGNED,
            Class::J => SIGNED,
            Class::One => ONE,
            Class::I2 => ENTER,
            Class::A => FAR,
            Class::O => OFFSET,
            Class::L => REGISTER,
            _ => NONE,
        };
        assert!(own == NONE || kind == NONE || own == ENTER && kind == WORD, "two immediates");
        kind = if own != NONE { own } else { kind };
        i += 1;
    }
    kind
}
