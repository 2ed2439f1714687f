//! Rows of dots from words and bytes of video memory.

use super::cells::{Cell, Fonts};
use super::dac::Rgba;
use super::mode::{Line, Linear, Raster, Shift, TextColors};
use super::window::Vram;

/// The eight bits of a byte as the low bits of eight bytes, the highest first.
const BITS: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= (byte as u64 >> (7 - bit) & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// Copies dots to a row of pixels: some are cut at the left, and each may be two pixels wide.
fn place(dots: &[Rgba], pan: u8, wide: bool, row: &mut [Rgba]) {
    let dots = dots.get(usize::from(pan)..).unwrap_or(&[]);
    if wide {
        for (pair, dot) in row.chunks_mut(2).zip(dots) {
            pair.fill(*dot);
        }
    } else {
        for (pixel, dot) in row.iter_mut().zip(dots) {
            *pixel = *dot;
        }
    }
}

/// Draws a row of dots of characters.
///
/// SPEC: freevga :: Manipulating the Cursor Shape -> whole rows from start to end
/// SPEC: freevga :: Attribute Mode Control Register (Index 10h) -> the ninth dot of C0h to DFh repeats the eighth where line graphics are enabled (the description has the two values exchanged), else it is background
pub(super) fn text(
    (raster, text, fonts): (&Raster, &TextColors, &Fonts),
    line: Line,
    cells: &[Cell],
    row: &mut [Rgba],
) {
    let (first, last) = text.cursor_rows;
    let in_cursor = (first..=last).contains(&line.row);
    let mut dots = Vec::with_capacity(cells.len() * 9);
    for cell in cells {
        let Cell { code, attribute, cursor, hidden } = *cell;
        let (ink, background) = text.of(attribute);
        let foreground = if hidden { background } else { ink };
        let font = usize::from(attribute >> 3 & 1) << 13;
        let at = font + usize::from(code) * 32 + usize::from(line.row & 31);
        let mut bits = u16::from(fonts.get(at).copied().unwrap_or(0)) << 1;
        if text.line_graphics && (0xc0..=0xdf).contains(&code) {
            bits |= bits >> 1 & 1;
        }
        if TextColors::is_underlined(attribute) && line.row == text.underline {
            bits = 0x1ff;
        }
        // The cursor does not blink with its character.
        let ink = if cursor && in_cursor {
            bits = 0x1ff;
            ink
        } else {
            foreground
        };
        for dot in 0..raster.dots.min(9) {
            dots.push(if bits >> (8 - dot) & 1 != 0 { ink } else { background });
        }
    }
    place(&dots, line.pan, raster.wide, row);
}

/// Draws a row of dots of planes.
///
/// SPEC: freevga :: Graphics Mode Register (Index 05h) -> bit 5: pairs of bits of planes 0 and 2, then of 1 and 3; bit 6: bytes of all planes in turn
pub(super) fn planes(
    vram: &impl Vram,
    (raster, shift, colors): (&Raster, Shift, &[Rgba]),
    line: Line,
    row: &mut [Rgba],
) {
    let columns = raster.columns + u32::from(line.pan != 0);
    let color = |index: u8| colors.get(usize::from(index)).copied().unwrap_or([0, 0, 0, 255]);
    let mut dots = Vec::with_capacity(columns as usize * 8);
    for column in 0..columns {
        let bytes = vram.word(raster.word(line, column) * 4).to_le_bytes();
        match shift {
            Shift::Planar => {
                let [a, b, c, d] = bytes.map(|byte| BITS[usize::from(byte)]);
                dots.extend((a | b << 1 | c << 2 | d << 3).to_le_bytes().map(color));
            }
            Shift::Interleaved => {
                for (low, high) in [(bytes[0], bytes[2]), (bytes[1], bytes[3])] {
                    dots.extend([6, 4, 2, 0].map(|at| color(low >> at & 3 | (high >> at & 3) << 2)));
                }
            }
            Shift::Bytes => dots.extend(bytes.into_iter().flat_map(|byte| [color(byte); 2])),
        }
    }
    place(&dots, line.pan, raster.wide, row);
}

/// Draws a row of pixels of 8 to 32 bits; `bytes` is a buffer to keep.
pub(super) fn linear(vram: &impl Vram, linear: &Linear, y: u32, bytes: &mut Vec<u8>, row: &mut [Rgba]) {
    let size = linear.pixel_bytes();
    bytes.resize(row.len() * size, 0);
    match linear.row(y, vram.len()) {
        Some(at) => vram.copy(at, bytes),
        None => bytes.fill(0),
    }
    let five = |value: u16| (value << 3 | value >> 2) as u8;
    let word = |pair: &[u8; 2]| {
        if linear.big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }
    };
    match linear.depth {
        15 => each(bytes, row, |pair: &[u8; 2]| {
            let value = word(pair);
            [five(value >> 10 & 31), five(value >> 5 & 31), five(value & 31), 255]
        }),
        16 => each(bytes, row, |pair: &[u8; 2]| {
            let value = word(pair);
            let green = value >> 5 & 63;
            [five(value >> 11), (green << 2 | green >> 4) as u8, five(value & 31), 255]
        }),
        24 if linear.big_endian => each(bytes, row, |&[red, green, blue]| [red, green, blue, 255]),
        24 => each(bytes, row, |&[blue, green, red]| [red, green, blue, 255]),
        32 if linear.big_endian => each(bytes, row, |&[_, red, green, blue]| [red, green, blue, 255]),
        32 => each(bytes, row, |&[blue, green, red, _]| [red, green, blue, 255]),
        _ => each(bytes, row, |&[index]| {
            linear.colors.get(usize::from(index)).copied().unwrap_or([0, 0, 0, 255])
        }),
    }
}

#[inline]
fn each<const N: usize>(bytes: &[u8], row: &mut [Rgba], pixel: impl Fn(&[u8; N]) -> Rgba) {
    for (to, from) in row.iter_mut().zip(bytes.as_chunks().0) {
        *to = pixel(from);
    }
}
