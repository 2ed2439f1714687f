//! The registers of standard modes, as a video BIOS sets them.

use crate::card::Card;
use crate::font::glyph;

/// Registers of a mode.
pub(crate) struct Mode {
    misc: u8,
    sequencer: [u8; 4],
    crtc: [u8; 25],
    graphics: [u8; 9],
    /// Palette, then 10h to 14h
    palette: [u8; 16],
    attribute: [u8; 5],
}

const EGA: [u8; 16] = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f];
const IDENTITY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// 80 by 25 characters of 9 by 16 dots.
pub(crate) const TEXT_80: Mode = Mode {
    misc: 0x67,
    sequencer: [0x00, 0x03, 0x00, 0x02],
    crtc: [
        0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
        0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff],
    palette: EGA,
    attribute: [0x0c, 0x00, 0x0f, 0x08, 0x00],
};

/// 40 by 25 characters of 8 by 8 dots, each dot two wide and two high.
pub(crate) const TEXT_40: Mode = Mode {
    misc: 0x63,
    sequencer: [0x09, 0x03, 0x00, 0x02],
    crtc: [
        0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc7, 0x06, 0x07, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
        0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    ],
    attribute: [0x0c, 0x00, 0x0f, 0x00, 0x00],
    ..TEXT_80
};

/// 320 by 200, four colours.
pub(crate) const CGA_4: Mode = Mode {
    misc: 0x63,
    sequencer: [0x09, 0x03, 0x00, 0x02],
    crtc: [
        0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14,
        0x00, 0x96, 0xb9, 0xa2, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x30, 0x0f, 0x00, 0xff],
    palette: [0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17],
    attribute: [0x01, 0x00, 0x03, 0x00, 0x00],
};

/// 640 by 200, two colours.
pub(crate) const CGA_6: Mode = Mode {
    misc: 0x63,
    sequencer: [0x01, 0x01, 0x00, 0x06],
    crtc: [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28,
        0x00, 0x96, 0xb9, 0xc2, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x00, 0x0d, 0x00, 0xff],
    palette: [0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17],
    attribute: [0x01, 0x00, 0x01, 0x00, 0x00],
};

/// 320 by 200, sixteen colours.
pub(crate) const EGA_0D: Mode = Mode {
    misc: 0x63,
    sequencer: [0x09, 0x0f, 0x00, 0x06],
    crtc: [
        0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc0, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14,
        0x00, 0x96, 0xb9, 0xe3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x00, 0x05, 0x0f, 0xff],
    palette: EGA,
    attribute: [0x01, 0x00, 0x0f, 0x00, 0x00],
};

/// 640 by 480, sixteen colours.
pub(crate) const VGA_12: Mode = Mode {
    misc: 0xe3,
    sequencer: [0x01, 0x0f, 0x00, 0x06],
    crtc: [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28,
        0x00, 0xe7, 0x04, 0xe3, 0xff,
    ],
    ..EGA_0D
};

/// 320 by 200, 256 colours.
pub(crate) const VGA_13: Mode = Mode {
    misc: 0x63,
    sequencer: [0x01, 0x0f, 0x00, 0x0e],
    crtc: [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28,
        0x40, 0x96, 0xb9, 0xa3, 0xff,
    ],
    graphics: [0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff],
    palette: IDENTITY,
    attribute: [0x41, 0x00, 0x0f, 0x00, 0x00],
};

/// 320 by 240, 256 colours in planes.
pub(crate) const MODE_X: Mode = Mode {
    misc: 0xe3,
    sequencer: [0x01, 0x0f, 0x00, 0x06],
    crtc: [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0d, 0x3e, 0x00, 0x41, 0, 0, 0, 0, 0, 0, 0xea, 0xac, 0xdf, 0x28,
        0x00, 0xe7, 0x06, 0xe3, 0xff,
    ],
    ..VGA_13
};

impl Card {
    /// Sets a mode, with the 64 colours of the EGA, a grey scale and a colour circle.
    pub(crate) fn set_mode(&mut self, mode: &Mode) {
        self.dispi(4, 0);
        self.out(0x3c2, mode.misc);
        self.set(0x3c4, 0, 1);
        for (index, value) in (1..).zip(mode.sequencer) {
            self.set(0x3c4, index, value);
        }
        self.set(0x3c4, 0, 3);
        self.set(0x3d4, 0x11, 0);
        for (index, value) in (0..).zip(mode.crtc) {
            self.set(0x3d4, index, value);
        }
        for (index, value) in (0..).zip(mode.graphics) {
            self.set(0x3ce, index, value);
        }
        self.out(0x3c6, 0xff);
        for n in 0..=255u8 {
            self.color(n, color(n));
        }
        self.input(0x3da);
        for (index, value) in (0..).zip(mode.palette.into_iter().chain(mode.attribute)) {
            self.out(0x3c0, index);
            self.out(0x3c0, value);
        }
        self.out(0x3c0, 0x20);
    }

    /// Clears all planes from the start of the buffer on, whatever the mode. Leaves planar access.
    pub(crate) fn clear(&mut self) {
        self.planar_access();
        self.poke(0xa_0000, &[0; 0x1_0000]);
    }

    fn planar_access(&mut self) {
        self.set(0x3c4, 2, 0x0f);
        self.set(0x3c4, 4, 0x06);
        self.set(0x3ce, 5, 0x00);
        self.set(0x3ce, 6, 0x05);
    }

    /// Puts the font into one of the eight maps; `change` is applied to its bits.
    pub(crate) fn load_font(&mut self, map: u64, change: impl Fn(u8) -> u8) {
        self.planar_access();
        self.set(0x3c4, 2, 0x04);
        for code in 0..=255 {
            self.poke(0xa_0000 + map * 0x2000 + u64::from(code) * 32, &glyph(code).map(&change));
        }
    }

    /// Goes from planar access to that of a mode.
    pub(crate) fn restore_access(&mut self, mode: &Mode) {
        self.set(0x3c4, 2, mode.sequencer[1]);
        self.set(0x3c4, 4, mode.sequencer[3]);
        self.set(0x3ce, 5, mode.graphics[5]);
        self.set(0x3ce, 6, mode.graphics[6]);
    }

    /// Sets a mode with empty memory.
    pub(crate) fn start(&mut self, mode: &Mode) {
        self.set_mode(mode);
        self.clear();
        self.restore_access(mode);
    }
}

/// Six-bit components of a colour.
fn color(n: u8) -> [u8; 3] {
    let two = |high: u8, low: u8| (n >> high & 1) * 42 + (n >> low & 1) * 21;
    match n {
        0..64 => [two(2, 5), two(1, 4), two(0, 3)],
        64..128 => [n - 64; 3],
        _ => [n & 63, (n >> 1) & 63, 63 - (n & 63)],
    }
}
