//! A grid of characters on a terminal: what differs from what is there is written.

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::style::{Attribute, Color, Print, SetAttribute, SetBackgroundColor, SetForegroundColor};
use crossterm::terminal::{Clear, ClearType};
use device_api::{TextScreen, TextStyle};
use std::io::{self, Write};

/// The colours of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colors {
    /// Any
    True,
    /// The palette of 256
    Palette,
}

/// A character and how it looks.
type Glyph = (char, TextStyle);

/// What is to be on the terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grid {
    columns: u16,
    glyphs: Vec<Glyph>,
    cursor: Option<(u16, u16)>,
}

const PLAIN: TextStyle =
    TextStyle { foreground: [0xaa; 3], background: [0; 3], blink: false, underline: false };
/// How the command's own words look.
const OWN: TextStyle =
    TextStyle { foreground: [0; 3], background: [0xaa; 3], blink: false, underline: false };

/// Returns where a window of `shown` out of `all` begins, so that the cursor is in it.
fn first_shown(cursor: u16, shown: u16, all: u16) -> u16 {
    cursor.saturating_sub(shown.saturating_sub(1)).min(all.saturating_sub(shown))
}

impl Grid {
    /// Returns an empty grid of a terminal's size.
    pub(super) fn new((columns, rows): (u16, u16)) -> Self {
        let len = usize::from(columns) * usize::from(rows);
        Self { columns, glyphs: vec![(' ', PLAIN); len], cursor: None }
    }

    fn put(&mut self, column: u16, row: u16, glyph: Glyph) {
        let at = usize::from(row) * usize::from(self.columns) + usize::from(column);
        if column < self.columns
            && let Some(place) = self.glyphs.get_mut(at)
        {
            *place = glyph;
        }
    }

    fn rows(&self) -> u16 {
        (self.glyphs.len() / usize::from(self.columns.max(1))) as u16
    }

    /// Puts a text screen onto it; where that is larger, the part that has the cursor.
    pub(super) fn put_screen(&mut self, screen: &TextScreen) {
        let (column, row) = screen.cursor.unwrap_or_default();
        let left = first_shown(column, self.columns, screen.columns);
        let top = first_shown(row, self.rows(), screen.rows.len() as u16);
        let shown = self.rows();
        let rows = screen.rows.iter().zip(&screen.styles).skip(top.into()).take(shown.into());
        for (row, (text, styles)) in (0..).zip(rows) {
            for (column, glyph) in
                (0..self.columns).zip(text.chars().zip(styles.iter().copied()).skip(left.into()))
            {
                self.put(column, row, glyph);
            }
        }
        self.cursor = screen.cursor.map(|(column, row)| (column - left, row - top));
    }

    /// Puts lines of the command's own onto it, from the top.
    pub(super) fn put_lines(&mut self, lines: &[String]) {
        let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        for (row, line) in (0..self.rows()).zip(lines) {
            for (column, character) in (0..self.columns).zip(format!("{line:width$}").chars()) {
                self.put(column, row, (character, OWN));
            }
        }
    }
}

/// Returns the number of the nearest colour of the palette of 256: a cube of six steps and 24 greys behind the 16 colours
/// that users may have changed.
fn palette([red, green, blue]: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |value: u8| (0..6_u8).min_by_key(|&n| STEPS[usize::from(n)].abs_diff(value)).unwrap_or(0);
    let distance = |[a, b, c]: [u8; 3]| {
        let square = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
        square(a, red) + square(b, green) + square(c, blue)
    };
    let cube = [nearest(red), nearest(green), nearest(blue)];
    let mean = (u32::from(red) + u32::from(green) + u32::from(blue)) / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    if distance([8 + 10 * grey; 3]) < distance(cube.map(|n| STEPS[usize::from(n)])) {
        232 + grey
    } else {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]
    }
}

impl Colors {
    fn color(self, rgb: [u8; 3]) -> Color {
        match (self, rgb) {
            (Self::True, [r, g, b]) => Color::Rgb { r, g, b },
            (Self::Palette, rgb) => Color::AnsiValue(palette(rgb)),
        }
    }
}

/// What a terminal shows.
#[derive(Debug, Default)]
pub(super) struct Painter {
    shown: Option<Grid>,
}

impl Painter {
    /// Invalidates the whole screen.
    pub(super) fn invalidate(&mut self) {
        self.shown = None;
    }

    /// Writes what makes the terminal show a grid.
    ///
    /// # Errors
    /// Those of `out`.
    pub(super) fn paint(&mut self, grid: Grid, colors: Colors, out: &mut impl Write) -> io::Result<()> {
        let before = self
            .shown
            .take()
            .filter(|before| (before.columns, before.glyphs.len()) == (grid.columns, grid.glyphs.len()));
        if before.as_ref() == Some(&grid) {
            self.shown = before;
            return Ok(());
        }
        queue!(out, Hide)?;
        if before.is_none() {
            queue!(out, SetAttribute(Attribute::Reset), Clear(ClearType::All))?;
        }
        let mut style = None;
        let columns = usize::from(grid.columns.max(1));
        for (row, glyphs) in grid.glyphs.chunks(columns).enumerate() {
            let old = before.as_ref().and_then(|before| before.glyphs.get(row * columns..)).unwrap_or(&[]);
            let mut at = None;
            for (column, glyph) in glyphs.iter().enumerate() {
                if old.get(column) == Some(glyph) {
                    continue;
                }
                if at != Some(column) {
                    queue!(out, MoveTo(column as u16, row as u16))?;
                }
                if style != Some(glyph.1) {
                    set_style(glyph.1, colors, out)?;
                    style = Some(glyph.1);
                }
                queue!(out, Print(glyph.0))?;
                at = Some(column + 1);
            }
        }
        queue!(out, SetAttribute(Attribute::Reset))?;
        if let Some((column, row)) = grid.cursor {
            queue!(out, MoveTo(column, row), Show)?;
        }
        self.shown = Some(grid);
        Ok(())
    }
}

fn set_style(style: TextStyle, colors: Colors, out: &mut impl Write) -> io::Result<()> {
    queue!(
        out,
        SetAttribute(Attribute::Reset),
        SetForegroundColor(colors.color(style.foreground)),
        SetBackgroundColor(colors.color(style.background))
    )?;
    if style.blink {
        queue!(out, SetAttribute(Attribute::SlowBlink))?;
    }
    if style.underline {
        queue!(out, SetAttribute(Attribute::Underlined))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(rows: &[&str], cursor: Option<(u16, u16)>) -> TextScreen {
        let columns = rows[0].chars().count();
        TextScreen {
            columns: columns as u16,
            rows: rows.iter().map(|&row| row.to_owned()).collect(),
            styles: vec![vec![PLAIN; columns]; rows.len()],
            cursor,
        }
    }

    fn grid(size: (u16, u16), screen: &TextScreen) -> Grid {
        let mut grid = Grid::new(size);
        grid.put_screen(screen);
        grid
    }

    fn painted(painter: &mut Painter, grid: Grid) -> String {
        let mut out = Vec::new();
        painter.paint(grid, Colors::True, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut painter = Painter::default();
        let size = (4, 2);
        let all = painted(&mut painter, grid(size, &screen(&["ab┌d", "wxyz"], Some((1, 0)))));
        assert!(
            all.contains("ab┌d") && all.contains("wxyz") && all.ends_with("\x1b[1;2H\x1b[?25h"),
            "{all:?}"
        );
        assert!(all.contains("\x1b[38;2;170;170;170m\x1b[48;2;0;0;0m"), "{all:?}");
        assert_eq!(painted(&mut painter, grid(size, &screen(&["ab┌d", "wxyz"], Some((1, 0))))), "");
        let some = painted(&mut painter, grid(size, &screen(&["ab┌d", "wXYz"], None)));
        assert!(some.contains("\x1b[2;2H") && some.contains("XY"), "{some:?}");
        assert!(!some.contains('a') && !some.contains("\x1b[?25h"), "{some:?}");
        painter.invalidate();
        assert!(painted(&mut painter, grid(size, &screen(&["ab┌d", "wXYz"], None))).contains("ab┌d"));
    }

    #[test]
    fn a_terminal_that_is_smaller_shows_the_part_with_the_cursor() {
        let rows = screen(&["abcd", "efgh", "ijkl"], Some((3, 2)));
        let small = grid((2, 2), &rows);
        let text: String = small.glyphs.iter().map(|glyph| glyph.0).collect();
        assert_eq!((text.as_str(), small.cursor), ("ghkl", Some((1, 1))));
        let wide = grid((3, 9), &screen(&["ab"], Some((1, 0))));
        assert_eq!((wide.glyphs[0].0, wide.glyphs[2].0, wide.cursor), ('a', ' ', Some((1, 0))));
        assert_eq!(grid((0, 0), &rows).glyphs, []);
    }

    #[test]
    fn own_lines_are_one_box() {
        let mut grid = Grid::new((6, 3));
        grid.put_lines(&["ab".into(), "cdef".into()]);
        assert_eq!(grid.glyphs[3], (' ', OWN));
        assert_eq!((grid.glyphs[4], grid.glyphs[9]), ((' ', PLAIN), ('f', OWN)));
    }

    #[test]
    fn colours_become_the_nearest_of_the_palette() {
        for (rgb, number) in [
            ([0, 0, 0], 16),
            ([255, 255, 255], 231),
            ([0xaa, 0, 0], 124),
            ([0, 0, 0xaa], 19),
            ([0xaa; 3], 248),
            ([0x55; 3], 240),
            ([0x55, 0xff, 0x55], 83),
        ] {
            assert_eq!(palette(rgb), number, "{rgb:?}");
        }
    }
}
