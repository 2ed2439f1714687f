//! The screen: pictures with what changed in them, picture files, the text of text modes.

use crate::vm::{Status, Vm};
use device_api::{Frame, Rect};
use serde_json::json;
use session::monitor::{PictureFormat, encode_picture};

/// What a machine without a display adapter answers.
const NO_SCREEN: &str =
    "the machine has no display adapter: it boots from drives or firmware, or with `-vga std`";

/// Returns a frame's size, its pixels' aspect and its damaged rectangles as 32-bit little-endian words.
fn describe(frame: &Frame) -> Vec<u8> {
    let head = [frame.width, frame.height, frame.pixel_aspect];
    let rects = frame.damage.iter().flat_map(|&Rect { x, y, width, height }| [x, y, width, height]);
    head.into_iter().chain(rects).flat_map(u32::to_le_bytes).collect()
}

impl Vm {
    /// Draws what changed since the last call. The reply is width, height, the width of a pixel in 1/1024 of its height, then
    /// left edge, top edge, width and height of each rectangle that changed, all in 32-bit words; it is empty where the
    /// machine has no display adapter. The pixels stay in [`Vm::frame`].
    pub(crate) fn render(&mut self) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let reply = if machine.render(&mut self.frame) { describe(&self.frame) } else { Vec::new() };
        self.say(reply);
        Status::Done
    }

    /// Has the next [`Vm::render`] draw and report the whole picture.
    pub(crate) fn damage_all(&mut self) {
        self.frame = Frame::default();
    }

    /// The reply is the picture as a PNG file.
    pub(crate) fn screenshot(&mut self) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        // A separate frame: `render` still has to report the areas drawn here as damage.
        let mut frame = Frame::default();
        if !machine.render(&mut frame) {
            return self.fail("STATE", NO_SCREEN);
        }
        match encode_picture(&frame, PictureFormat::Png) {
            Ok(file) => {
                self.say(file);
                Status::Done
            }
            Err(error) => self.fail("STATE", &error),
        }
    }

    /// The reply is JSON: columns, rows and the cursor's column and row of a text mode; `null` in graphics modes and where
    /// the machine has no display adapter.
    pub(crate) fn screen_text(&mut self) -> Status {
        let Some(machine) = &mut self.machine else { return self.fail("STATE", "there is no machine") };
        let text = machine.screen_text().map(
            |text| json!({ "columns": text.columns, "rows": text.rows, "cursor": text.cursor.map(<[u16; 2]>::from) }),
        );
        self.say(json!(text).to_string());
        Status::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::start::tests::started;

    /// Returns the reply as 32-bit words.
    fn words(vm: &Vm) -> Vec<u32> {
        vm.reply.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
    }

    #[test]
    fn a_picture_is_reported_once_and_whole_again_after_a_reset() {
        let mut vm = started(&["run", "--guest=demo", "--vga=none", "--device=VGA,romfile="]);
        assert_eq!(vm.render(), Status::Done);
        assert_eq!(words(&vm), [640, 480, 1024, 0, 0, 640, 480]);
        assert_eq!(vm.frame.rgba.len(), 640 * 480 * 4);
        assert_eq!(vm.render(), Status::Done);
        assert_eq!(words(&vm), [640, 480, 1024]);
        assert_eq!(vm.reset(), Status::Done);
        assert_eq!(vm.render(), Status::Done);
        assert_eq!(words(&vm).len(), 7);
    }

    #[test]
    fn a_screenshot_takes_no_damage_from_the_picture() {
        let mut vm = started(&["run", "--guest=demo", "--vga=none", "--device=VGA,romfile="]);
        assert_eq!(vm.screenshot(), Status::Done);
        assert!(vm.reply.starts_with(b"\x89PNG"));
        assert_eq!(vm.render(), Status::Done);
        assert_eq!(words(&vm).len(), 7);
        // Before a guest sets a mode there is no text.
        assert_eq!(vm.screen_text(), Status::Done);
        assert_eq!(vm.reply, b"null");
    }

    #[test]
    fn without_a_display_adapter_there_is_no_picture() {
        let mut vm = started(&["run"]);
        assert_eq!(vm.render(), Status::Done);
        assert_eq!(vm.reply, b"");
        assert_eq!(vm.screenshot(), Status::Failed);
        assert!(String::from_utf8_lossy(&vm.reply).contains("no display adapter"));
    }
}
