//! The opcode table: rows in the notation of the manual's opcode maps, compiled to forms and an index of them.
//!
//! SPEC: intel-sdm-vol2 :: A.2 Key to Abbreviations -> letters of the operand specifications (Eb, Gv, Vx, ...)

#[macro_use]
mod row;
pub(crate) mod arg;
pub(crate) mod form;
mod groups;
pub(crate) mod immediate;
pub(crate) mod index;
mod one_byte;
mod sse;
mod sse_integer;
pub(crate) mod template;
mod three_byte;
mod two_byte;
mod vex;
mod vex_3a;
mod vex_fma;
mod vex_integer;
mod x87;

pub(crate) use row::{Row, key};

use form::Form;
use index::{Index, Parts, Rows};
use template::Template;

// Numbers of the opcode maps.
pub(crate) const ONE_BYTE: u8 = 0;
pub(crate) const MAP_0F: u8 = 1;
pub(crate) const MAP_0F38: u8 = 2;
pub(crate) const MAP_0F3A: u8 = 3;
pub(crate) const VEX_0F: u8 = 4;
pub(crate) const VEX_0F38: u8 = 5;
pub(crate) const VEX_0F3A: u8 = 6;

/// The maps, by their numbers.
const SOURCE: [Parts; index::MAPS] = [
    Parts(&[one_byte::ROWS, groups::ONE_BYTE, x87::ROWS]),
    Parts(&[two_byte::ROWS, groups::MAP_0F, sse::ROWS, sse_integer::ROWS]),
    Parts(&[three_byte::MAP_0F38]),
    Parts(&[three_byte::MAP_0F3A]),
    Parts(&[vex::ROWS, vex_integer::MAP_0F]),
    Parts(&[vex_integer::MAP_0F38, vex_fma::ROWS]),
    Parts(&[vex_3a::ROWS]),
];

const COUNT: usize = index::rows(&SOURCE);
const ROWS: Rows<COUNT> = Rows::new(&SOURCE);
const TEMPLATE_COUNT: usize = template::count(&ROWS).next_power_of_two();
const COMPILED: ([Form; COUNT + 1], [Template; TEMPLATE_COUNT]) = ROWS.forms();

/// All forms, in the order of the rows, behind one that matches nothing.
pub(crate) static FORMS: [Form; COUNT + 1] = COMPILED.0;

/// The forms' operands, but for register numbers.
pub(crate) static TEMPLATES: [Template; TEMPLATE_COUNT] = COMPILED.1;

/// Opcodes of the maps.
pub(crate) static INDEX: Index<{ ROWS.slot_count().next_power_of_two() }> = ROWS.index();

/// Returns whether a byte in an opcode's place is a prefix or an escape, in some mode.
const fn is_prefix(map: usize, byte: u8) -> bool {
    match map as u8 {
        ONE_BYTE => matches!(
            byte,
            0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x62 | 0x64..=0x67 | 0xc4 | 0xc5 | 0xf0 | 0xf2 | 0xf3
        ),
        MAP_0F => matches!(byte, 0x38 | 0x3a),
        _ => false,
    }
}

/// Returns the rows of one opcode of one map.
#[cfg(test)]
pub(crate) fn rows(map: usize, opcode: u8) -> &'static [Row] {
    static ALL: [Row; COUNT] = ROWS.rows;
    let (first, count) = ROWS.spans[map][opcode as usize];
    &ALL[first as usize..][..count as usize]
}
