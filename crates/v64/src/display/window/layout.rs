//! Where the picture is in the window, and its pixels on the window's: whole multiples where the window has room for them.

use super::picture::Picture;
use device_api::Rect;

/// 1.0 of a [`Picture::pixel_aspect`].
const SQUARE: u32 = 1024;

/// Where the picture is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The window's pixels
    window: (u32, u32),
    /// The picture's pixels
    source: (u32, u32),
    /// Its place in the window
    place: (u32, u32),
    /// Its size there
    size: (u32, u32),
}

/// Returns the smallest size at which a picture is unscaled: pixels that are far from square are repeated in one
/// direction.
pub(super) fn natural_size(picture: &Picture) -> (u32, u32) {
    let aspect = picture.pixel_aspect.max(1);
    let times = |num: u32, den: u32| ((num + den / 2) / den).clamp(1, 4);
    (picture.width * times(aspect, SQUARE), picture.height * times(SQUARE, aspect))
}

/// Returns the largest whole factor by which a size fits into another; 0 where it does not fit at all.
pub(super) fn factor((width, height): (u32, u32), (most_width, most_height): (u32, u32)) -> u32 {
    (most_width / width.max(1)).min(most_height / height.max(1))
}

impl Layout {
    /// Returns the place of a picture in a window of this size: centred, at the largest whole multiple of its natural size
    /// that fits. A picture that is larger than the window is scaled down.
    pub(super) fn new(picture: &Picture, window: (u32, u32)) -> Self {
        let natural = natural_size(picture);
        let size = match factor(natural, window) {
            0 => {
                let [width, height] = [natural.0, natural.1].map(u64::from);
                let [most_width, most_height] = [window.0, window.1].map(u64::from);
                // The side that is the tighter one is filled.
                let (width, height) = if most_width * height <= most_height * width {
                    (most_width, height * most_width / width.max(1))
                } else {
                    (width * most_height / height.max(1), most_height)
                };
                (width.max(1) as u32, height.max(1) as u32)
            }
            factor => (natural.0 * factor, natural.1 * factor),
        };
        let size = (size.0.min(window.0), size.1.min(window.1));
        let place = ((window.0 - size.0) / 2, (window.1 - size.1) / 2);
        Self { window, source: (picture.width, picture.height), place, size }
    }

    /// Draws all of a picture, and black around it.
    pub(super) fn draw_all(&self, picture: &Picture, out: &mut [u32]) {
        out.fill(0);
        self.draw(picture, Rect { x: 0, y: 0, width: self.source.0, height: self.source.1 }, out);
    }

    /// Draws a part of a picture.
    pub(super) fn draw(&self, picture: &Picture, part: Rect, out: &mut [u32]) {
        let columns = covered(part.x, part.width, self.source.0, self.size.0);
        let rows = covered(part.y, part.height, self.source.1, self.size.1);
        let stride = self.window.0 as usize;
        let source_of: Vec<usize> =
            columns.clone().map(|column| source(column, self.source.0, self.size.0) as usize).collect();
        let left = (self.place.0 + columns.start) as usize;
        let mut drawn: Option<(u32, usize)> = None;
        for row in rows {
            let from = source(row, self.source.1, self.size.1);
            let start = (self.place.1 + row) as usize * stride + left;
            let end = start + source_of.len();
            if end > out.len() {
                return;
            }
            match drawn {
                Some((same, at)) if same == from => out.copy_within(at..at + source_of.len(), start),
                _ => {
                    let pixels = picture.pixels.get(from as usize * self.source.0 as usize..);
                    let pixels = pixels.unwrap_or_default();
                    for (to, &column) in out[start..end].iter_mut().zip(&source_of) {
                        *to = pixels.get(column).copied().unwrap_or(0);
                    }
                    drawn = Some((from, start));
                }
            }
        }
    }
}

/// Returns the pixel of `source` that a pixel of `size` shows.
fn source(at: u32, source: u32, size: u32) -> u32 {
    (u64::from(at) * u64::from(source) / u64::from(size.max(1))) as u32
}

/// Returns the pixels of `size` that show `count` pixels of `source` from `first` on.
fn covered(first: u32, count: u32, source: u32, size: u32) -> std::ops::Range<u32> {
    let [first, count, source, size] = [first, count, source, size].map(u64::from);
    let first = first.min(source);
    let last = (first + count).min(source);
    // The first pixel whose source is not before `at`.
    let shown = |at: u64| (at * size).div_ceil(source.max(1)) as u32;
    shown(first)..shown(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixel_aspect: u32) -> Picture {
        Picture::of(width, height, pixel_aspect, (1..=width * height).collect())
    }

    fn drawn(picture: &Picture, window: (u32, u32)) -> Vec<u32> {
        let mut out = vec![99; (window.0 * window.1) as usize];
        Layout::new(picture, window).draw_all(picture, &mut out);
        out
    }

    #[test]
    fn pixels_are_whole_multiples_with_black_around() {
        let two = picture(2, 1, 1024);
        assert_eq!(drawn(&two, (2, 1)), [1, 2]);
        assert_eq!(drawn(&two, (5, 3)), [1, 1, 2, 2, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(drawn(&two, (2, 3)), [0, 0, 1, 2, 0, 0]);
    }

    #[test]
    fn pixels_that_are_not_square_are_doubled_one_way() {
        for (width, height, aspect, natural) in [
            (640, 480, 1024, (640, 480)),
            (720, 400, 758, (720, 400)),
            (640, 200, 427, (640, 400)),
            (320, 400, 1707, (640, 400)),
            (320, 200, 853, (320, 200)),
            (1, 1, 0, (1, 4)),
        ] {
            assert_eq!(natural_size(&picture(width, height, aspect)), natural, "{width}x{height}");
        }
    }

    #[test]
    fn a_window_that_is_too_small_shows_all_of_the_picture() {
        let four = picture(4, 4, 1024);
        assert_eq!(drawn(&four, (2, 2)), [1, 3, 9, 11]);
        assert_eq!(drawn(&four, (2, 4)), [0, 0, 1, 3, 9, 11, 0, 0]);
        assert_eq!(drawn(&four, (1, 9)).iter().filter(|&&pixel| pixel != 0).count(), 1);
        assert_eq!(drawn(&Picture::default(), (2, 1)), [0, 0]);
    }

    #[test]
    fn parts_are_drawn_where_the_whole_has_them() {
        for window in [(3, 3), (7, 8), (9, 9), (2, 2), (1, 5), (13, 7)] {
            let (old, new) = (picture(3, 3, 1024), Picture::of(3, 3, 1024, vec![7; 9]));
            let layout = Layout::new(&old, window);
            for (x, y, width, height) in [(0, 0, 3, 3), (1, 1, 1, 1), (0, 2, 3, 1), (2, 0, 9, 9)] {
                let part = Rect { x, y, width, height };
                let mut both = old.pixels.clone();
                for (at, pixel) in (0..).zip(&mut both) {
                    let (column, row) = (at % 3, at / 3);
                    if (x..x + width).contains(&column) && (y..y + height).contains(&row) {
                        *pixel = 7;
                    }
                }
                let both = Picture::of(3, 3, 1024, both);
                let mut out = drawn(&old, window);
                layout.draw(&new, part, &mut out);
                assert_eq!(out, drawn(&both, window), "{window:?} {part:?}");
            }
        }
    }
}
