//! The picture between the machine's thread and the window's.

use device_api::{Frame, Rect};

/// Damaged rectangles that are kept; more are the whole picture.
const MOST_RECTS: usize = 16;

/// What the guest's screen shows, with what the window has yet to draw of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    /// Pixels in a row
    pub(super) width: u32,
    /// Rows
    pub(super) height: u32,
    /// As [`Frame::pixel_aspect`]
    pub(super) pixel_aspect: u32,
    /// Rows from the top, 00RRGGBBh
    pub(super) pixels: Vec<u32>,
    /// What changed since [`Picture::take_damage`]
    damage: Vec<Rect>,
    /// The machine runs
    pub(super) is_running: bool,
}

impl Picture {
    /// Returns a picture of these pixels.
    #[cfg(test)]
    pub(super) fn of(width: u32, height: u32, pixel_aspect: u32, pixels: Vec<u32>) -> Self {
        Self { width, height, pixel_aspect, pixels, ..Self::default() }
    }

    /// Takes over what changed in a frame. Returns whether something did.
    pub(super) fn update(&mut self, frame: &Frame) -> bool {
        let shape = (frame.width, frame.height, frame.pixel_aspect);
        let whole = Rect { x: 0, y: 0, width: frame.width, height: frame.height };
        if shape != (self.width, self.height, self.pixel_aspect) {
            (self.width, self.height, self.pixel_aspect) = shape;
            self.pixels.clear();
            self.pixels.resize(frame.width as usize * frame.height as usize, 0);
            self.damage.clear();
            self.copy(frame, whole);
            self.damage.push(whole);
            return true;
        }
        for &rect in &frame.damage {
            self.copy(frame, rect);
            self.damage.push(rect);
        }
        if self.damage.len() > MOST_RECTS {
            self.damage.clear();
            self.damage.push(whole);
        }
        !frame.damage.is_empty()
    }

    fn copy(&mut self, frame: &Frame, rect: Rect) {
        let width = self.width as usize;
        let columns = rect.x as usize..(rect.x.saturating_add(rect.width) as usize).min(width);
        for row in rect.y..rect.y.saturating_add(rect.height).min(self.height) {
            let start = row as usize * width;
            let place = start + columns.start.min(columns.end)..start + columns.end;
            let from = frame.rgba.get(place.start * 4..place.end * 4).unwrap_or_default();
            let to = self.pixels.get_mut(place).unwrap_or_default();
            for (to, &[red, green, blue, _]) in to.iter_mut().zip(from.as_chunks::<4>().0) {
                *to = u32::from_be_bytes([0, red, green, blue]);
            }
        }
    }

    /// Sets whether the machine runs. Returns whether that changed.
    pub(super) fn set_running(&mut self, is_running: bool) -> bool {
        std::mem::replace(&mut self.is_running, is_running) != is_running
    }

    /// Returns what changed since the last call.
    pub(super) fn take_damage(&mut self) -> Vec<Rect> {
        std::mem::take(&mut self.damage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, damage: Vec<Rect>) -> Frame {
        let rgba = (0..width * height).flat_map(|n| [n as u8, 1, 2, 255]).collect();
        Frame { width, height, rgba, damage, pixel_aspect: 1024, version: 1 }
    }

    #[test]
    fn only_damage_is_copied_unless_the_size_is_new() {
        let mut picture = Picture::default();
        assert!(picture.update(&frame(3, 2, Vec::new())));
        assert_eq!(picture.pixels, [0x0102, 0x01_0102, 0x02_0102, 0x03_0102, 0x04_0102, 0x05_0102]);
        assert_eq!(picture.take_damage(), [Rect { x: 0, y: 0, width: 3, height: 2 }]);
        assert!(!picture.update(&frame(3, 2, Vec::new())));
        assert_eq!(picture.take_damage(), []);
        let part = Rect { x: 1, y: 1, width: 5, height: 5 };
        let mut changed = frame(3, 2, vec![part]);
        changed.rgba.fill(9);
        assert!(picture.update(&changed));
        assert_eq!(picture.pixels, [0x0102, 0x01_0102, 0x02_0102, 0x03_0102, 0x09_0909, 0x09_0909]);
        assert_eq!(picture.take_damage(), [part]);
    }

    #[test]
    fn damage_is_bounded_while_nothing_is_drawn() {
        let mut picture = Picture::default();
        let part = Rect { x: 0, y: 0, width: 1, height: 1 };
        for _ in 0..100 {
            picture.update(&frame(2, 2, vec![part]));
            assert!(picture.damage.len() <= MOST_RECTS);
        }
        assert!(picture.take_damage().contains(&Rect { x: 0, y: 0, width: 2, height: 2 }));
    }

    #[test]
    fn a_state_is_news_once() {
        let mut picture = Picture::default();
        assert!(picture.set_running(true) && !picture.set_running(true) && picture.set_running(false));
    }
}
