//! The opcode table: rows in the notation of the manual's opcode maps, indexed by map and opcode at compile time.
//!
//! SPEC: intel-sdm-vol2 :: A.2 Key to Abbreviations -> letters of the operand specifications (Eb, Gv, Vx, ...)

#[macro_use]
mod row;
pub(crate) mod arg;
mod groups;
mod index;
mod one_byte;
mod sse;
mod sse_integer;
mod three_byte;
mod two_byte;
mod vex;
mod vex_3a;
mod vex_fma;
mod vex_integer;
mod x87;

pub(crate) use index::Map;
pub(crate) use row::{Row, flag, key};

use index::{MapData, entries};

macro_rules! map {
    ($name:ident: $($rows:expr),+) => {
        pub(crate) static $name: Map = {
            const PARTS: &[&[Row]] = &[$($rows),+];
            static DATA: MapData<{ entries(PARTS) }> = MapData::build(PARTS);
            DATA.map()
        };
    };
}

map!(ONE_BYTE: one_byte::ROWS, groups::ONE_BYTE, x87::ROWS);
map!(MAP_0F: two_byte::ROWS, groups::MAP_0F, sse::ROWS, sse_integer::ROWS);
map!(MAP_0F38: three_byte::MAP_0F38);
map!(MAP_0F3A: three_byte::MAP_0F3A);
map!(VEX_0F: vex::ROWS, vex_integer::MAP_0F);
map!(VEX_0F38: vex_integer::MAP_0F38, vex_fma::ROWS);
map!(VEX_0F3A: vex_3a::ROWS);

/// All maps.
#[cfg(test)]
pub(crate) static MAPS: [&Map; 7] = [&ONE_BYTE, &MAP_0F, &MAP_0F38, &MAP_0F3A, &VEX_0F, &VEX_0F38, &VEX_0F3A];
