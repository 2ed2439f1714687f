//! The display mode, computed from the registers.

use super::chip::Chip;
use super::dac::Rgba;
use super::spec::{AttributeMode, Clocking, CrtcMode, GraphicsMode, VGA_BYTES, attr, crtc, dispi, gfx, seq};

/// The picture's largest size.
const MAX_WIDTH: u32 = dispi::MAX_XRES as u32;
const MAX_HEIGHT: u32 = dispi::MAX_YRES as u32;
/// Where double-word addressing is on
const DOUBLE_WORD: u8 = 1 << 6;

/// A picture, without the content of memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mode {
    /// The screen is dark
    Blank,
    /// Characters
    Text(Raster, Box<TextColors>),
    /// Planes, pairs of bits, or the VGA's 256 colours
    Planes(Raster, Shift, Vec<Rgba>),
    /// Pixels of 8 to 32 bits in a row
    Linear(Linear),
}

/// How the address counter runs over the screen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raster {
    /// Characters, or groups of eight dots, in a row
    pub(super) columns: u32,
    /// Rows of dots
    pub(super) height: u32,
    /// Dots of a character
    pub(super) dots: u32,
    /// Each dot is as wide as two
    pub(super) wide: bool,
    /// Rows of dots from the top, by where each takes its words
    pub(super) lines: Vec<Line>,
    /// Which bits of addresses come from the row scan, by bit of that
    pub(super) row_bits: [Option<u32>; 2],
    /// Words wrap around behind as many
    pub(super) words: u32,
}

/// Where a row of dots takes its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Address of the first word
    pub(super) address: u32,
    /// Row in the character
    pub(super) row: u8,
    /// Dots that are cut at the left
    pub(super) pan: u8,
}

/// How words become dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// A bit of each plane
    Planar,
    /// Two bits of planes 0 and 2, then of 1 and 3
    Interleaved,
    /// A byte of each plane in turn, two dots wide
    Bytes,
}

/// What there is to text beside its cells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextColors {
    pub(super) colors: [Rgba; 16],
    /// Planes of attributes that count
    pub(super) planes: u8,
    pub(super) blink: bool,
    pub(super) line_graphics: bool,
    /// Row that underlined characters have a line in
    pub(super) underline: u8,
    /// First words of the fonts of attributes with bit 3 clear and set
    pub(super) fonts: [u32; 2],
    /// First and last row of the cursor
    pub(super) cursor_rows: (u8, u8),
}

/// Rows of pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Linear {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Byte of the first pixel
    pub(super) start: u64,
    pub(super) pitch: u64,
    pub(super) depth: u16,
    pub(super) big_endian: bool,
    /// Colours of eight bits a pixel
    pub(super) colors: Vec<Rgba>,
}

impl Raster {
    pub(super) fn width(&self) -> u32 {
        (self.columns * self.dots) << u32::from(self.wide)
    }

    /// Returns the address of a word of a line.
    ///
    /// SPEC: freevga :: CRTC Mode Control Register (Index 17h) -> bits 13 and 14 of addresses from the row scan where MAP13 and MAP14 are clear
    pub(super) fn word(&self, line: Line, column: u32) -> u32 {
        let mut address = line.address.wrapping_add(column) & (self.words - 1);
        for (n, bit) in self.row_bits.iter().enumerate() {
            if let Some(bit) = bit {
                address = address & !(1 << bit) | (u32::from(line.row) >> n & 1) << bit;
            }
        }
        address
    }
}

impl Linear {
    pub(super) fn pixel_bytes(&self) -> usize {
        usize::from(self.depth.div_ceil(8))
    }

    /// Returns the first byte of a row, if all of it lies in video memory.
    pub(super) fn row(&self, y: u32, vram: u32) -> Option<u32> {
        let at = self.start + u64::from(y) * self.pitch;
        let end = at + u64::from(self.width) * self.pixel_bytes() as u64;
        (end <= vram.into()).then_some(at as u32)
    }
}

impl Mode {
    /// Returns width and height, if there is a picture.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        match self {
            Mode::Blank => None,
            Mode::Text(raster, _) | Mode::Planes(raster, ..) => Some((raster.width(), raster.height)),
            Mode::Linear(linear) => Some((linear.width, linear.height)),
        }
    }

    /// Returns the pixel aspect ratio, in 1/1024: VGA modes fill a 4:3 screen.
    pub(super) fn pixel_aspect(&self, is_dispi: bool) -> u32 {
        match self.size() {
            Some((width, height)) if !is_dispi => (height * 4096 / (width * 3)).clamp(256, 4096),
            _ => 1024,
        }
    }
}

impl Chip {
    /// Returns what is on the screen.
    ///
    /// SPEC: freevga :: Clocking Mode Register (Index 01h) -> bit 5 turns the display off
    /// SPEC: freevga :: Attribute Address Register(3C0h) -> without bit 5 the palette is open to the processor, and the screen dark
    pub(super) fn mode(&self, vram: u32) -> Mode {
        if self.attr_index & attr::PALETTE_ON == 0 || self.clocking().contains(Clocking::SCREEN_OFF) {
            return Mode::Blank;
        }
        if let Some(picture) = self.dispi.picture() {
            let bits = self.dispi.pixel_bits().unwrap_or(8);
            if bits == 4 {
                return self.dispi_planes(vram);
            }
            let start =
                u64::from(picture.y) * u64::from(picture.pitch) + u64::from(picture.x) * u64::from(bits) / 8;
            return Mode::Linear(Linear {
                width: picture.width.into(),
                height: picture.height.into(),
                start,
                pitch: picture.pitch.into(),
                depth: picture.depth,
                big_endian: self.big_endian,
                colors: if bits == 8 { self.all_colors() } else { Vec::new() },
            });
        }
        if self.gfx[gfx::MISC] & 1 == 0 {
            let clocking = self.clocking();
            let dots = if clocking.contains(Clocking::DOTS_8) { 8 } else { 9 };
            return Mode::Text(self.raster(dots, clocking.contains(Clocking::HALVED)), Box::new(self.text()));
        }
        let mode = self.graphics_mode();
        // SPEC: freevga :: Graphics Mode Register (Index 05h) -> 256-colour shift has precedence over interleave
        if mode.contains(GraphicsMode::SHIFT_256) {
            return Mode::Planes(self.raster(8, false), Shift::Bytes, self.all_colors());
        }
        let shift = if mode.contains(GraphicsMode::INTERLEAVE) { Shift::Interleaved } else { Shift::Planar };
        let raster = self.raster(8, self.clocking().contains(Clocking::HALVED));
        Mode::Planes(raster, shift, self.planar_colors().to_vec())
    }

    /// Sixteen colours of the Bochs interface.
    fn dispi_planes(&self, vram: u32) -> Mode {
        let Some(picture) = self.dispi.picture() else { return Mode::Blank };
        let (x, pitch) = (u32::from(picture.x), picture.pitch / 4);
        let line = |row: u32| Line {
            address: (u32::from(picture.y) + row).wrapping_mul(pitch).wrapping_add(x / 8),
            row: 0,
            pan: (x % 8) as u8,
        };
        let height = u32::from(picture.height);
        let raster = Raster {
            columns: u32::from(picture.width) / 8,
            height,
            dots: 8,
            wide: false,
            lines: (0..height).map(line).collect(),
            row_bits: [None, None],
            words: vram / 4,
        };
        Mode::Planes(raster, Shift::Planar, self.planar_colors().to_vec())
    }

    /// Runs the CRT controller over a frame.
    fn raster(&self, dots: u32, wide: bool) -> Raster {
        let columns = u32::from(self.crtc[crtc::HORIZONTAL_DISPLAY_END]) + 1;
        let columns = columns.min(MAX_WIDTH / (dots << u32::from(wide)));
        let height = (self.crtc_long(crtc::VERTICAL_DISPLAY_END) + 1).min(MAX_HEIGHT);
        Raster {
            columns,
            height,
            dots,
            wide,
            lines: self.lines(height, dots),
            row_bits: self.row_bits(),
            words: VGA_BYTES / 4,
        }
    }

    /// Words lie without gaps in video memory (see `window`), so the bits that stand for bits 13 and 14 of addresses
    /// are lower where the controller counts words or double words.
    ///
    /// SPEC: freevga :: CRTC Mode Control Register (Index 17h) -> word or byte addresses; double words by the underline register
    fn row_bits(&self) -> [Option<u32>; 2] {
        let mode = self.crtc_mode();
        let shift = if self.crtc[crtc::UNDERLINE] & DOUBLE_WORD != 0 {
            2
        } else {
            u32::from(!mode.contains(CrtcMode::BYTE))
        };
        let bit = |map, bit: u32| (!mode.contains(map)).then_some(bit - shift);
        [bit(CrtcMode::MAP_13, 13), bit(CrtcMode::MAP_14, 14)]
    }

    /// Returns where each row of dots takes its words.
    ///
    /// SPEC: freevga :: Preset Row Scan Register (Index 08h) -> first row of the first character; bytes to pan by
    /// SPEC: freevga :: Maximum Scan Line Register (Index 09h) -> rows of a character; each shown twice
    /// SPEC: freevga :: Line Compare Register (Index 18h) -> behind it the address is 0, and the row scan
    /// SPEC: freevga :: Attribute Mode Control Register (Index 10h) -> PPM: below the split nothing is panned
    /// SPEC: freevga :: Offset Register (Index 13h) -> twice its value from row to row
    fn lines(&self, height: u32, dots: u32) -> Vec<Line> {
        let crtc = &self.crtc;
        let preset = crtc[crtc::PRESET_ROW_SCAN];
        let start = u32::from(crtc[crtc::START_HIGH]) << 8 | u32::from(crtc[crtc::START_LOW]);
        let scan = crtc[crtc::MAXIMUM_SCAN_LINE];
        let (last_row, doubled) = (scan & 0x1f, scan & 0x80 != 0);
        let pitch = u32::from(crtc[crtc::OFFSET]) * 2;
        let compare = self.crtc_long(crtc::LINE_COMPARE);
        let resets_pan =
            AttributeMode::from_bits_retain(self.attr[attr::MODE]).contains(AttributeMode::PAN_RESET);
        let mut line =
            Line { address: start + u32::from(preset >> 5 & 3), row: preset & 0x1f, pan: self.panning(dots) };
        let mut repeat = doubled;
        let mut lines = Vec::with_capacity(height as usize);
        for n in 0..height {
            lines.push(line);
            if n == compare {
                line = Line { address: 0, row: 0, pan: if resets_pan { 0 } else { line.pan } };
                repeat = doubled;
            } else if repeat {
                repeat = false;
            } else {
                repeat = doubled;
                if line.row == last_row {
                    line = Line { address: line.address.wrapping_add(pitch), row: 0, ..line };
                } else {
                    // A row scan that begins behind the last row runs through all 32.
                    line.row = (line.row + 1) & 0x1f;
                }
            }
        }
        lines
    }

    /// SPEC: freevga :: Smooth Panning and Scrolling -> 0 to 7 dots; 8 and 0 to 7 are none to eight with nine dots; two a pixel in 256 colours
    fn panning(&self, dots: u32) -> u8 {
        let count = self.attr[attr::PANNING] & 0xf;
        if dots == 9 {
            if count >= 8 { 0 } else { count + 1 }
        } else if self.gfx[gfx::MISC] & 1 != 0 && self.graphics_mode().contains(GraphicsMode::SHIFT_256) {
            count & 6
        } else {
            count & 7
        }
    }

    /// Returns the colours of four bits.
    ///
    /// SPEC: freevga :: Attribute Mode Control Register (Index 10h) -> P54S: bits 5:4 from the colour select register
    /// SPEC: freevga :: Color Select Register (Index 14h) -> bits 7:6 and 5:4 of the DAC's address
    fn attribute_colors(&self) -> [Rgba; 16] {
        let select = self.attr[attr::COLOR_SELECT];
        let replaced =
            AttributeMode::from_bits_retain(self.attr[attr::MODE]).contains(AttributeMode::P54_SELECT);
        std::array::from_fn(|n| {
            let color = self.attr[n] & 0x3f;
            let low = if replaced { color & 0xf | (select & 3) << 4 } else { color };
            self.dac.color((select & 0xc) << 4 | low)
        })
    }

    /// Returns the colours of four planes, of which some may be off.
    ///
    /// SPEC: freevga :: Color Plane Enable Register (Index 12h) -> a plane that is off counts as 0
    fn planar_colors(&self) -> [Rgba; 16] {
        let (colors, planes) = (self.attribute_colors(), usize::from(self.attr[attr::PLANE_ENABLE] & 15));
        std::array::from_fn(|n| colors[n & planes])
    }

    fn all_colors(&self) -> Vec<Rgba> {
        (0..=255).map(|number| self.dac.color(number)).collect()
    }

    /// SPEC: freevga :: Character Map Select Register (Index 03h) -> two of eight fonts, by bit 3 of attributes
    fn text(&self) -> TextColors {
        let map = u32::from(self.seq[seq::CHARACTER_MAP]);
        let font = |low: u32, high: u32| ((map >> low & 3) << 1 | map >> high & 1) * 0x2000;
        let mode = AttributeMode::from_bits_retain(self.attr[attr::MODE]);
        let start = self.crtc[crtc::CURSOR_START];
        let end = self.crtc[crtc::CURSOR_END] & 0x1f;
        TextColors {
            colors: self.attribute_colors(),
            planes: self.attr[attr::PLANE_ENABLE] & 15,
            blink: mode.contains(AttributeMode::BLINK),
            line_graphics: mode.contains(AttributeMode::LINE_GRAPHICS),
            underline: self.crtc[crtc::UNDERLINE] & 0x1f,
            fonts: [font(0, 4), font(2, 5)],
            cursor_rows: (start & 0x1f, end),
        }
    }

    /// Returns the address of the word with the cursor, if it has one.
    ///
    /// SPEC: freevga :: Cursor Start Register (Index 0Ah) -> bit 5 turns it off
    /// SPEC: freevga :: Cursor End Register (Index 0Bh) -> the skew is added to its place; with an end before its start it is not drawn
    pub(super) fn cursor(&self) -> Option<u32> {
        let (start, end) = (self.crtc[crtc::CURSOR_START], self.crtc[crtc::CURSOR_END]);
        let place = u32::from(self.crtc[crtc::CURSOR_HIGH]) << 8 | u32::from(self.crtc[crtc::CURSOR_LOW]);
        let shown = start & 0x20 == 0 && start & 0x1f <= end & 0x1f;
        shown.then(|| (place + u32::from(end >> 5 & 3)) & 0xffff)
    }
}
