//! What guests draw.

use crate::card::{Card, FRAME_BUFFER};
use crate::modes::{CGA_4, CGA_6, EGA_0D, MODE_X, Mode, TEXT_40, TEXT_80, VGA_12, VGA_13};

/// A picture to compare: its name, and what draws it.
pub(crate) type Scene = (&'static str, fn(&mut Card));

pub(crate) const SCENES: &[Scene] = &[
    ("text-attributes", text_attributes),
    ("text-blink-off", text_blink_off),
    ("text-two-fonts", text_two_fonts),
    ("text-40-columns", text_40),
    ("text-smooth-scroll-split", text_split),
    ("planes-640x480", planes_640),
    ("planes-320x200-panned", planes_320),
    ("planes-wrapped", planes_wrapped),
    ("chain4-320x200", chain4),
    ("chain4-split", chain4_split),
    ("mode-x-page", mode_x),
    ("cga-4-colours", cga_4),
    ("cga-2-colours", cga_6),
    ("vbe-4", |card| vbe(card, 4, 0)),
    ("vbe-8", |card| vbe(card, 8, 0)),
    ("vbe-8-bit-dac", |card| vbe(card, 8, 0x20)),
    ("vbe-15", |card| vbe(card, 15, 0)),
    ("vbe-16", |card| vbe(card, 16, 0)),
    ("vbe-24", |card| vbe(card, 24, 0)),
    ("vbe-32", |card| vbe(card, 32, 0)),
    ("vbe-banked", vbe_banked),
    ("vbe-panned", vbe_panned),
    ("blank", |card| {
        text_attributes(card);
        card.input(0x3da);
        card.out(0x3c0, 0);
    }),
];

fn text(card: &mut Card, mode: &Mode) {
    card.set_mode(mode);
    card.clear();
    card.load_font(0, |bits| bits);
    card.load_font(1, |bits| !bits);
    card.restore_access(mode);
}

/// Every attribute and every character, lines of nine dots, and the cursor.
fn text_attributes(card: &mut Card) {
    text(card, &TEXT_80);
    for n in 0..=255u8 {
        let at = 0xb_8000 + u64::from(n / 32) * 160 + u64::from(n % 32) * 4;
        card.poke(at, &[b'A', n, n, 0x07]);
    }
    card.poke(0xb_8000 + 10 * 160, &[0xda, 0x0f, 0xc4, 0x0f, 0xcd, 0x0e, 0xcd, 0x0e, 0xb0, 0x0b, 0xb0, 0x0b]);
    card.poke(0xb_8000 + 11 * 160, &[0xb3, 0x0f, 0xdb, 0x1c, 0xdb, 0x1c, 0xc8, 0x0a, 0xbf, 0x0a, 0xe0, 0x0a]);
    // Underline, as on monochrome displays
    card.set(0x3d4, 0x14, 0x0d);
    card.poke(0xb_8000 + 12 * 160, &[b'U', 0x01, b'U', 0x09, b'N', 0x07]);
    cursor(card, 11 * 80 + 1, 4, 11);
}

fn cursor(card: &mut Card, at: u16, first: u8, last: u8) {
    for (index, value) in [(0xe, (at >> 8) as u8), (0xf, at as u8), (0xa, first), (0xb, last)] {
        card.set(0x3d4, index, value);
    }
}

fn text_blink_off(card: &mut Card) {
    text_attributes(card);
    card.wait(300);
}

fn text_two_fonts(card: &mut Card) {
    text(card, &TEXT_80);
    // Map 4, at 2000h, for attributes with bit 3
    card.set(0x3c4, 3, 0x20);
    // All sixteen backgrounds rather than blinking; the cursor where none is
    card.attribute(0x10, 0x04);
    for n in 0..16u8 {
        card.poke(0xb_8000 + u64::from(n) * 164, &[0x40 + n, n | n << 4 ^ 0x70, 0x40 + n, 0x87]);
    }
    cursor(card, 5, 9, 8);
}

fn text_40(card: &mut Card) {
    text(card, &TEXT_40);
    for n in 0..=255u8 {
        card.poke(0xb_8000 + u64::from(n) * 2, &[n, n & 0x7f]);
    }
    cursor(card, 45, 6, 7);
}

/// The upper part panned by five dots and seven rows, the lower fixed.
fn text_split(card: &mut Card) {
    text(card, &TEXT_80);
    for row in 0..40u8 {
        let line: Vec<u8> = (0..80u8).flat_map(|column| [column ^ row << 2, (row % 7 + 1) | 8]).collect();
        card.poke(0xb_8000 + u64::from(row) * 160, &line);
    }
    card.set(0x3d4, 0x0d, 80);
    card.set(0x3d4, 0x08, 7 | 1 << 5);
    card.attribute(0x13, 4);
    card.attribute(0x10, 0x2c);
    // Line 299
    card.set(0x3d4, 0x18, 0x2b);
    card.set(0x3d4, 0x07, 0x1f);
    card.set(0x3d4, 0x09, 0x0f);
    cursor(card, 1000, 0, 15);
}

/// Bars, then rectangles by each write mode.
fn planes_640(card: &mut Card) {
    card.start(&VGA_12);
    for color in 0..16u64 {
        card.set(0x3c4, 2, color as u8);
        for row in 0..100 {
            card.poke(0xa_0000 + (row + 4) * 80 + color * 5, &[0xff; 5]);
        }
    }
    card.set(0x3c4, 2, 0x0f);
    let rows = |card: &mut Card, top: u64, left: u64, data: u8| {
        for row in top..top + 40 {
            for column in left..left + 10 {
                let at = 0xa_0000 + row * 80 + column;
                card.peek(at);
                card.poke(at, &[data]);
            }
        }
    };
    card.set(0x3ce, 0, 0x0c);
    card.set(0x3ce, 1, 0x0f);
    card.set(0x3ce, 8, 0xf0);
    rows(card, 120, 4, 0);
    card.set(0x3ce, 1, 0x00);
    card.set(0x3ce, 3, 0x03);
    rows(card, 120, 24, 0xcc);
    card.set(0x3ce, 5, 2);
    card.set(0x3ce, 3, 0x18);
    card.set(0x3ce, 8, 0xff);
    rows(card, 80, 10, 0x0f);
    card.set(0x3ce, 5, 3);
    card.set(0x3ce, 3, 0x00);
    rows(card, 120, 44, 0x5a);
    card.set(0x3ce, 5, 1);
    for row in 0..100 {
        card.peek(0xa_0000 + (row + 40) * 80 + 12);
        card.poke(0xa_0000 + (row + 200) * 80 + 4, &[0; 10]);
    }
    // A circle of single dots
    card.set(0x3ce, 5, 2);
    for n in 0..1024i64 {
        let (x, y) = ((n - 512) / 4, 0i64);
        let height = (128 * 128 - x * x).max(0).isqrt();
        for y in [y - height, y + height] {
            let (x, y) = ((x + 400) as u64, (y + 330) as u64);
            card.set(0x3ce, 8, 0x80 >> (x & 7));
            let at = 0xa_0000 + y * 80 + x / 8;
            card.peek(at);
            card.poke(at, &[14]);
        }
    }
}

fn stripes(card: &mut Card, pitch: u64, rows: u64) {
    for row in 0..rows {
        let line: Vec<u8> = (0..pitch).map(|column| (row as u8) ^ (column as u8) << 1).collect();
        for plane in 0..4 {
            card.set(0x3c4, 2, 1 << plane);
            let line: Vec<u8> =
                line.iter().map(|byte| byte.rotate_left(plane * (row as u32 >> 3 & 3))).collect();
            card.poke(0xa_0000 + row * pitch, &line);
        }
    }
}

fn planes_320(card: &mut Card) {
    card.start(&EGA_0D);
    // A screen of 384 dots, panned by 8 + 3
    card.set(0x3d4, 0x13, 24);
    stripes(card, 48, 220);
    card.set(0x3d4, 0x0d, 48 * 4 + 1);
    card.attribute(0x13, 3);
    card.attribute(0x12, 0x0b);
}

/// A screen that goes over the end of the memory.
fn planes_wrapped(card: &mut Card) {
    card.start(&EGA_0D);
    stripes(card, 40, 200);
    card.set(0x3d4, 0x0c, 0xf8);
    card.set(0x3d4, 0x0d, 0x30);
}

fn chain4_lines(card: &mut Card) {
    for row in 0..200u64 {
        let line: Vec<u8> = (0..320u64).map(|column| (row * 2 + column * 256 / 320) as u8).collect();
        card.poke(0xa_0000 + row * 320, &line);
    }
}

fn chain4(card: &mut Card) {
    card.start(&VGA_13);
    chain4_lines(card);
    // One colour of another kind
    card.color(200, [63, 0, 0]);
    card.poke(0xa_0000 + 100 * 320, &[200; 320]);
}

fn chain4_split(card: &mut Card) {
    card.start(&VGA_13);
    chain4_lines(card);
    card.set(0x3d4, 0x0d, 80);
    card.attribute(0x13, 4);
    card.attribute(0x10, 0x61);
    card.set(0x3d4, 0x18, 0x2c);
    card.set(0x3d4, 0x09, 0x01);
}

/// The second page, with three planes filled at once.
fn mode_x(card: &mut Card) {
    card.start(&MODE_X);
    for row in 0..240u64 {
        for plane in 0..4u64 {
            card.set(0x3c4, 2, 1 << plane);
            let line: Vec<u8> = (0..80u64).map(|column| (column * 4 + plane + row) as u8 | 0x80).collect();
            card.poke(0xa_0000 + 19200 + row * 80, &line);
        }
    }
    card.set(0x3c4, 2, 0x0d);
    for row in 60..120 {
        card.poke(0xa_0000 + 19200 + row * 80 + 10, &[4; 30]);
    }
    card.set(0x3d4, 0x0c, 0x4b);
    card.set(0x3d4, 0x0d, 0x00);
}

fn cga_4(card: &mut Card) {
    card.start(&CGA_4);
    for y in 0..200u64 {
        let line: Vec<u8> = (0..80u64)
            .map(|x| [0x00, 0x55, 0xaa, 0xff, 0x1b, 0xe4, 0x39, 0xc6][(x / 10 + y / 25) as usize % 8])
            .collect();
        card.poke(0xb_8000 + (y & 1) * 0x2000 + (y >> 1) * 80, &line);
    }
}

fn cga_6(card: &mut Card) {
    card.start(&CGA_6);
    for y in 0..200u64 {
        let line: Vec<u8> =
            (0..80u64).map(|x| if (x + y / 8) % 3 == 0 { 0xff >> (y & 7) } else { (x * y) as u8 }).collect();
        card.poke(0xb_8000 + (y & 1) * 0x2000 + (y >> 1) * 80, &line);
    }
}

fn vbe_mode(card: &mut Card, width: u16, height: u16, depth: u16, flags: u16) {
    card.set_mode(&VGA_13);
    for (index, value) in [(4, 0), (1, width), (2, height), (3, depth), (4, 0x41 | flags)] {
        card.dispi(index, value);
    }
}

/// Bytes of a pixel of a picture with all shades.
fn pixel(depth: u16, x: u64, y: u64) -> Vec<u8> {
    let (r, g, b) = (x & 255, y & 255, ((x + y) * 2) & 255);
    match depth {
        8 => vec![(x + y * 3) as u8],
        15 => (((r >> 3) << 10 | (g >> 3) << 5 | b >> 3) as u16).to_le_bytes().to_vec(),
        16 => (((r >> 3) << 11 | (g >> 2) << 5 | b >> 3) as u16).to_le_bytes().to_vec(),
        24 => vec![b as u8, g as u8, r as u8],
        _ => vec![b as u8, g as u8, r as u8, (x * y) as u8],
    }
}

fn vbe(card: &mut Card, depth: u16, flags: u16) {
    vbe_mode(card, 320, 240, depth, flags);
    if depth == 4 {
        card.set(0x3ce, 5, 0);
        card.set(0x3c4, 4, 6);
        card.attribute(0x10, 1);
        stripes(card, 40, 240);
        return;
    }
    if flags & 0x20 != 0 {
        (0..=255).for_each(|n| card.color(n, [n, 255 - n, n ^ 0x55]));
    }
    for y in 0..240 {
        let line: Vec<u8> = (0..320).flat_map(|x| pixel(depth, x, y)).collect();
        card.poke(FRAME_BUFFER + y * line.len() as u64, &line);
    }
}

fn vbe_banked(card: &mut Card) {
    vbe_mode(card, 640, 400, 8, 0);
    for bank in 0..4u64 {
        card.dispi(5, bank as u16);
        let bytes: Vec<u8> = (0..0x1_0000)
            .map(|n| {
                let at = bank << 16 | n;
                (at % 640 / 4 + at / 640) as u8
            })
            .collect();
        card.poke(0xa_0000, &bytes);
    }
}

fn vbe_panned(card: &mut Card) {
    vbe_mode(card, 320, 240, 32, 0);
    card.dispi(6, 400);
    for y in 0..300 {
        let line: Vec<u8> = (0..400).flat_map(|x| pixel(32, x, y)).collect();
        card.poke(FRAME_BUFFER + y * 1600, &line);
    }
    card.dispi(8, 71);
    card.dispi(9, 50);
}
