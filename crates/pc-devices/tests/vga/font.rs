//! A font: the code of each character in two hexadecimal digits, and a few lines and blocks.

/// Three by five dots each, the highest bit unused.
const DIGITS: [u16; 16] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_010_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
    0b111_101_111_101_101,
    0b110_101_110_101_110,
    0b111_100_100_100_111,
    0b110_101_101_101_110,
    0b111_100_111_100_111,
    0b111_100_111_100_100,
];

/// Returns the rows of a character, 32 bytes.
pub(crate) fn glyph(code: u8) -> [u8; 32] {
    std::array::from_fn(|row| match (code, row) {
        (0x00 | 0x20, _) => 0,
        (0xdb, _) => 0xff,
        (0xb0, _) => 0x55 << (row & 1),
        (0xb3 | 0xba, _) => 0x18,
        (0xc4, 7) => 0xff,
        (0xcd, 6 | 8) => 0xff,
        (0xda, 7) => 0x1f,
        (0xda, 8..) => 0x18,
        (0xc1..=0xdf, _) => 0x01,
        (_, 2..=6) => digit(code >> 4, row - 2) << 4 | digit(code & 15, row - 2),
        _ => 0,
    })
}

fn digit(value: u8, row: usize) -> u8 {
    (DIGITS[usize::from(value)] >> (12 - 3 * row) & 7) as u8
}
