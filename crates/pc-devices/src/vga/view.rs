//! The picture for the host: what changed since it was last drawn is drawn again.

use super::cells::{self, Band, Fonts, Time};
use super::chip::Chip;
use super::dac::Rgba;
use super::draw;
use super::mode::{Line, Mode, Raster, TextColors};
use super::window::Vram;
use device_api::{Frame, Rect, VmTime};
use x86_types::PAGE_SIZE;

/// Frames in which the cursor and blinking characters are shown, and then not.
///
/// SPEC: freevga :: Cursor Blink Rate -> on and off change every 16 frames
/// SPEC: freevga :: Attributes -> characters blink at the vertical rate divided by 32
const BLINK_FRAMES: u64 = 16;

/// Black.
const BLACK: Rgba = [0, 0, 0, 255];
/// Width and height before a guest sets any.
const SIZE_AT_FIRST: (u32, u32) = (640, 480);

/// What was drawn, and when. Each call of [`View::render`] has a number, a frame holds that of the call that drew it
/// last: so any number of frames can be kept.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Number of the last call
    call: u64,
    mode: Option<Mode>,
    /// Call in which the mode was found changed
    mode_changed: u64,
    /// By page of video memory, the call in which it was found written
    pages: Vec<u64>,
    /// The rows of a text mode
    text: Option<Text>,
}

#[derive(Debug)]
struct Text {
    fonts: Fonts,
    time: Time,
    /// With the call in which each was found changed
    bands: Vec<(Band, u64)>,
}

impl View {
    /// Invalidates the picture: video memory changed without entries in the dirty log.
    pub(super) fn invalidate(&mut self) {
        self.mode = None;
    }

    /// Records that a page was written.
    pub(super) fn mark_page(&mut self, offset: u64) {
        let page = (offset / PAGE_SIZE) as usize;
        if self.pages.len() <= page {
            self.pages.resize(page + 1, 0);
        }
        self.pages[page] = self.call + 1;
    }

    /// Returns whether one of the bytes `from..to` was written after a call.
    fn is_written(&self, from: u64, to: u64, since: u64) -> bool {
        let pages = (from / PAGE_SIZE) as usize..to.div_ceil(PAGE_SIZE) as usize;
        let end = pages.end.min(self.pages.len());
        self.pages.get(pages.start.min(end)..end).unwrap_or(&[]).iter().any(|&call| call > since)
    }

    /// Draws what changed since the frame was drawn last.
    pub(super) fn render(&mut self, chip: &Chip, vram: &impl Vram, now: VmTime, frame: &mut Frame) {
        let known = if frame.version > self.call { 0 } else { frame.version };
        self.call += 1;
        let call = self.call;
        let mode = chip.mode(vram.len());
        if self.mode.as_ref() != Some(&mode) {
            self.mode_changed = call;
            self.text = None;
        }
        if let Mode::Text(raster, colors) = &mode {
            let time = time_of(chip, colors, now);
            self.update_text(vram, raster, colors, time);
        }
        let kept = if frame.width == 0 { SIZE_AT_FIRST } else { (frame.width, frame.height) };
        let (width, height) = mode.size().unwrap_or(kept);
        let aspect = mode.pixel_aspect(chip.dispi.pixel_bits().is_some());
        let aspect = if mode == Mode::Blank && frame.pixel_aspect != 0 { frame.pixel_aspect } else { aspect };
        let len = width as usize * height as usize * 4;
        let same = (frame.width, frame.height, frame.rgba.len()) == (width, height, len);
        let since =
            if same && frame.pixel_aspect == aspect && known >= self.mode_changed { known } else { 0 };
        frame.damage.clear();
        if since == 0 {
            (frame.width, frame.height, frame.pixel_aspect) = (width, height, aspect);
            frame.rgba.resize(len, 0);
        }
        self.draw(&mode, vram, since, frame);
        if since == 0 {
            frame.damage = vec![Rect { x: 0, y: 0, width, height }];
        }
        frame.version = call;
        self.mode = Some(mode);
    }

    /// Finds which rows of characters changed.
    fn update_text(&mut self, vram: &impl Vram, raster: &Raster, colors: &TextColors, time: Time) {
        let call = self.call;
        let is_current = self.text.as_ref().is_some_and(|text| text.time == time);
        let bytes = u64::from(raster.words) * 4;
        if is_current && !self.is_written(0, bytes, call - 1) {
            return;
        }
        let before = self.text.take();
        let fonts = cells::fonts(vram, colors);
        let same_fonts = before.as_ref().is_some_and(|text| text.fonts == fonts);
        let mut old = before.map(|text| text.bands).unwrap_or_default().into_iter();
        let mut bands = Vec::new();
        for (first, count) in cells::bands(&raster.lines) {
            let Some(&line) = raster.lines.get(first) else { continue };
            let band = Band { first, count, cells: cells::row(vram, raster, line, time) };
            let changed = match old.next() {
                Some((same, at)) if same_fonts && same == band => at,
                _ => call,
            };
            bands.push((band, changed));
        }
        self.text = Some(Text { fonts, time, bands });
    }

    fn draw(&self, mode: &Mode, vram: &impl Vram, since: u64, frame: &mut Frame) {
        let width = frame.width as usize;
        let mut damage = Damage { frame_width: frame.width, rects: &mut frame.damage };
        let mut rows = frame.rgba.as_chunks_mut::<4>().0.chunks_exact_mut(width.max(1));
        match mode {
            Mode::Blank if since == 0 => rows.for_each(|row| row.fill(BLACK)),
            Mode::Blank => {}
            Mode::Text(raster, colors) => {
                let Some(text) = &self.text else { return };
                for (band, changed) in &text.bands {
                    let redraw = *changed > since;
                    for (n, row) in rows.by_ref().take(band.count).enumerate() {
                        if let Some(&line) = raster.lines.get(band.first + n).filter(|_| redraw) {
                            draw::text((raster, colors, &text.fonts), line, &band.cells, row);
                        }
                    }
                    if redraw {
                        damage.add(band.first as u32, band.count as u32);
                    }
                }
            }
            Mode::Planes(raster, shift, colors) => {
                let all = since == 0 || self.is_scattered_write(raster, since);
                for ((y, row), &line) in (0..).zip(rows).zip(&raster.lines) {
                    if all || self.is_line_written(raster, line, since) {
                        draw::planes(vram, (raster, *shift, colors), line, row);
                        damage.add(y, 1);
                    }
                }
            }
            Mode::Linear(linear) => {
                let mut bytes = Vec::new();
                for (y, row) in (0..).zip(rows) {
                    let from = linear.start + u64::from(y) * linear.pitch;
                    let to = from + (row.len() * linear.pixel_bytes()) as u64;
                    if since == 0 || self.is_written(from, to, since) {
                        draw::linear(vram, linear, y, &mut bytes, row);
                        damage.add(y, 1);
                    }
                }
            }
        }
    }

    /// Returns whether anything was written where lines take their words from all over the VGA's memory.
    fn is_scattered_write(&self, raster: &Raster, since: u64) -> bool {
        raster.row_bits != [None, None] && self.is_written(0, u64::from(raster.words) * 4, since)
    }

    fn is_line_written(&self, raster: &Raster, line: Line, since: u64) -> bool {
        let first = u64::from(line.address & (raster.words - 1));
        let last = first + u64::from(raster.columns) + 1;
        let words = u64::from(raster.words);
        self.is_written(first * 4, last.min(words) * 4, since)
            || last > words && self.is_written(0, (last - words) * 4, since)
    }
}

/// Returns the blink phases at a time.
fn time_of(chip: &Chip, colors: &TextColors, now: VmTime) -> Time {
    let off = !(chip.timing().frame(now) / BLINK_FRAMES).is_multiple_of(2);
    Time { cursor: chip.cursor().filter(|_| !off), hides_blinking: off && colors.blink }
}

/// Rows that were drawn, with neighbours in one rectangle.
struct Damage<'a> {
    frame_width: u32,
    rects: &'a mut Vec<Rect>,
}

impl Damage<'_> {
    fn add(&mut self, y: u32, height: u32) {
        match self.rects.last_mut() {
            Some(last) if last.y + last.height == y => last.height += height,
            _ => self.rects.push(Rect { x: 0, y, width: self.frame_width, height }),
        }
    }
}
