//! The picture of a display adapter, read when the host draws it.

use crate::VmTime;
use guest_memory::GuestMemory;

/// Part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge
    pub x: u32,
    /// Top edge
    pub y: u32,
    /// Width
    pub width: u32,
    /// Height
    pub height: u32,
}

/// A picture. The host keeps it between calls: what did not change is not drawn again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row
    pub width: u32,
    /// Rows
    pub height: u32,
    /// Rows from the top, four bytes a pixel: red, green, blue, 255
    pub rgba: Vec<u8>,
    /// What the last call changed; the whole picture where the size changed
    pub damage: Vec<Rect>,
    /// How wide a pixel is to be shown, as a multiple of its height in 1/1024ths
    pub pixel_aspect: u32,
    /// Version of the last drawing, by the adapter's counter; 0 redraws everything. With it an adapter can serve any
    /// number of frames
    pub version: u64,
}

/// How a character of a text screen looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// Red, green and blue of the character
    pub foreground: [u8; 3],
    /// Red, green and blue of what is behind it
    pub background: [u8; 3],
    /// It blinks
    pub blink: bool,
    /// It is underlined
    pub underline: bool,
}

/// The contents of a text screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextScreen {
    /// Characters in a row
    pub columns: u16,
    /// Rows from the top; code page 437 as Unicode
    pub rows: Vec<String>,
    /// For each row, how each of its characters looks
    pub styles: Vec<Vec<TextStyle>>,
    /// Column and row of the cursor, if it is visible
    pub cursor: Option<(u16, u16)>,
}

/// A display adapter. To look at it changes no state of the guest's.
pub trait Screen {
    /// Draws what changed since the last call with the same `frame`.
    fn render(&mut self, memory: &GuestMemory, now: VmTime, frame: &mut Frame);
    /// Returns what a text mode shows; `None` in graphics modes.
    fn text(&self, memory: &GuestMemory) -> Option<TextScreen>;
    /// Returns width and height of the picture in pixels; `None` while the adapter shows none.
    fn size(&self, memory: &GuestMemory) -> Option<(u32, u32)>;
}
