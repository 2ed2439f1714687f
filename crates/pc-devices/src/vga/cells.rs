//! The cells of a text screen.

use super::dac::Rgba;
use super::mode::{Line, Raster, TextColors};
use super::window::Vram;
use device_api::{TextScreen, TextStyle};

/// A character cell: code, attribute, blinking and cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) code: u8,
    pub(super) attribute: u8,
    /// The cursor is here, and shown
    pub(super) cursor: bool,
    /// It blinks, and is not to be seen now
    pub(super) hidden: bool,
}

/// What the time makes of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// The word with the cursor, where it is shown
    pub(super) cursor: Option<u32>,
    /// Characters with bit 7 of their attribute are not to be seen
    pub(super) hides_blinking: bool,
}

/// Rows of dots of one row of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Band {
    /// First row of dots
    pub(super) first: usize,
    /// How many
    pub(super) count: usize,
    pub(super) cells: Vec<Cell>,
}

/// Font data: 32 rows of each of 256 characters, twice.
pub(super) type Fonts = Vec<u8>;

/// Splits the rows of dots where another row of characters begins. Returns first row and count of each part.
pub(super) fn bands(lines: &[Line]) -> Vec<(usize, usize)> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<Line> = None;
    for (n, line) in lines.iter().enumerate() {
        match (parts.last_mut(), last) {
            (Some((_, count)), Some(before))
                if before.address == line.address && before.pan == line.pan && before.row <= line.row =>
            {
                *count += 1;
            }
            _ => parts.push((n, 1)),
        }
        last = Some(*line);
    }
    parts
}

/// Returns the cells of a row of characters, one more than are shown whole where it is panned.
pub(super) fn row(vram: &impl Vram, raster: &Raster, line: Line, time: Time) -> Vec<Cell> {
    let columns = raster.columns + u32::from(line.pan != 0);
    (0..columns)
        .map(|column| {
            let address = raster.word(line, column);
            let word = vram.word(address * 4);
            let attribute = (word >> 8) as u8;
            Cell {
                code: word as u8,
                attribute,
                cursor: time.cursor == Some(address),
                hidden: time.hides_blinking && attribute & 0x80 != 0,
            }
        })
        .collect()
}

/// Reads both fonts.
///
/// SPEC: freevga :: Fonts -> 32 bytes of plane 2 for each of 256 characters
pub(super) fn fonts(vram: &impl Vram, text: &TextColors) -> Fonts {
    let bytes = |first: u32| (0..0x2000).map(move |n| vram.byte((first + n) * 4 + 2));
    text.fonts.into_iter().flat_map(bytes).collect()
}

impl TextColors {
    /// Returns the colours of a character and of what is behind it.
    ///
    /// SPEC: freevga :: Attributes -> background 7:4, foreground 3:0; with blinking, background 6:4
    pub(super) fn of(&self, attribute: u8) -> (Rgba, Rgba) {
        let color = |nibble: u8| self.colors[usize::from(nibble & self.planes & 15)];
        let background = if self.blink { attribute >> 4 & 7 } else { attribute >> 4 };
        (color(attribute & 15), color(background))
    }

    /// Returns whether a character has a line in the row of dots [`TextColors::underline`].
    ///
    /// SPEC: freevga :: Attributes -> underline where 6:4 is 000b and 2:0 is 001b
    pub(super) fn is_underlined(attribute: u8) -> bool {
        attribute & 0x77 == 0x01
    }

    fn style(&self, attribute: u8, rows: u8) -> TextStyle {
        let (foreground, background) = self.of(attribute);
        let rgb = |[red, green, blue, _]: Rgba| [red, green, blue];
        TextStyle {
            foreground: rgb(foreground),
            background: rgb(background),
            blink: self.blink && attribute & 0x80 != 0,
            // The line is out of sight where it is below the last row of dots, as in the modes with colours.
            underline: Self::is_underlined(attribute) && self.underline < rows,
        }
    }
}

/// Returns the contents of a text screen.
pub(super) fn text_screen(
    vram: &impl Vram,
    raster: &Raster,
    colors: &TextColors,
    cursor: Option<u32>,
) -> TextScreen {
    let mut screen = TextScreen { columns: raster.columns as u16, ..TextScreen::default() };
    let page: Vec<char> = CODE_PAGE_437.chars().collect();
    let unicode = |cell: &Cell| page.get(usize::from(cell.code)).copied().unwrap_or(' ');
    for (n, (first, count)) in bands(&raster.lines).into_iter().enumerate() {
        let Some(&line) = raster.lines.get(first) else { continue };
        let time = Time { cursor, hides_blinking: false };
        let cells = row(vram, raster, Line { pan: 0, ..line }, time);
        if let Some(column) = cells.iter().position(|cell| cell.cursor) {
            screen.cursor = Some((column as u16, n as u16));
        }
        screen.rows.push(cells.iter().map(unicode).collect());
        let rows = line.row.saturating_add(count.min(32) as u8);
        screen.styles.push(cells.iter().map(|cell| colors.style(cell.attribute, rows)).collect());
    }
    screen
}

/// Code page 437, as the display shows it: control characters have pictures too.
const CODE_PAGE_437: &str = concat!(
    " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼",
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~⌂",
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ "
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_page_437_has_256_characters() {
        assert_eq!(CODE_PAGE_437.chars().count(), 256);
        let unicode = |code: usize| CODE_PAGE_437.chars().nth(code).unwrap_or('?');
        for (code, character) in
            [(0, ' '), (0x41, 'A'), (0x7e, '~'), (0x80, 'Ç'), (0xc4, '─'), (0xe1, 'ß'), (0xdb, '█')]
        {
            assert_eq!(unicode(code), character, "{code:#x}");
        }
    }
}
