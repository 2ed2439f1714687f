//! What is drawn again.

use crate::card::{Card, FRAME_BUFFER};
use crate::modes::{CGA_4, TEXT_80, VGA_12, VGA_13};
use device_api::{Frame, Rect};

/// Draws what changed, and checks that the frame is what drawing all of it gives. Returns top and height of each part.
fn changes(card: &mut Card, frame: &mut Frame) -> Vec<(u32, u32)> {
    card.render(frame);
    let whole = card.picture();
    assert!(frame.rgba == whole.rgba, "what was not drawn again has changed too");
    frame
        .damage
        .iter()
        .map(|rect| {
            assert_eq!((rect.x, rect.width), (0, frame.width));
            (rect.y, rect.height)
        })
        .collect()
}

#[test]
fn rows_of_pages_that_were_written() {
    let mut card = Card::new();
    card.start(&VGA_13);
    let mut frame = Frame::default();
    assert_eq!(changes(&mut card, &mut frame), [(0, 400)]);
    assert_eq!(changes(&mut card, &mut frame), []);
    // Page 1, bytes 4096 to 8191, is in lines 12.8 to 25.6, each two rows
    card.poke(0xa_0000 + 5000, &[1]);
    assert_eq!(changes(&mut card, &mut frame), [(24, 28)]);
    card.poke(0xa_0000, &[1]);
    card.poke(0xa_0000 + 60000, &[1]);
    assert_eq!(changes(&mut card, &mut frame), [(0, 26), (358, 26)]);
    card.color(1, [63, 63, 0]);
    assert_eq!(changes(&mut card, &mut frame), [(0, 400)], "colours change all of it");
    card.set(0x3d4, 0x0d, 4);
    assert_eq!(changes(&mut card, &mut frame), [(0, 400)]);
}

#[test]
fn rows_that_planar_writes_change() {
    let mut card = Card::new();
    card.start(&VGA_12);
    let mut frame = Frame::default();
    changes(&mut card, &mut frame);
    card.poke(0xa_0000 + 80 * 240, &[0xff]);
    // Page 18, words 18432 to 19455, is in rows 230.4 to 243.2
    assert_eq!(changes(&mut card, &mut frame), [(230, 14)]);
    card.start(&CGA_4);
    changes(&mut card, &mut frame);
    card.poke(0xb_8000, &[0xff]);
    assert_eq!(changes(&mut card, &mut frame), [(0, 400)], "lines lie apart");
}

#[test]
fn rows_of_the_linear_frame_buffer() {
    let mut card = Card::new();
    card.set_mode(&VGA_13);
    for (index, value) in [(1, 1024), (2, 768), (3, 32), (4, 0x41)] {
        card.dispi(index, value);
    }
    let mut frame = Frame::default();
    assert_eq!(changes(&mut card, &mut frame), [(0, 768)]);
    card.poke(FRAME_BUFFER + 4096 * 100 + 4, &[1, 2, 3, 4]);
    card.poke(FRAME_BUFFER + 4096 * 101, &[1]);
    card.poke(FRAME_BUFFER + 4096 * 767, &[1]);
    card.poke(FRAME_BUFFER + 4096 * 768, &[1]);
    assert_eq!(changes(&mut card, &mut frame), [(100, 2), (767, 1)], "and none below the screen");
    assert_eq!(frame.rgba[4096 * 100 + 4..4096 * 100 + 8], [3, 2, 1, 255]);
    card.dispi(9, 10);
    assert_eq!(changes(&mut card, &mut frame), [(0, 768)]);
}

#[test]
fn rows_of_characters_that_changed() {
    let mut card = Card::new();
    card.set_mode(&TEXT_80);
    card.clear();
    card.load_font(0, |bits| bits);
    card.restore_access(&TEXT_80);
    let mut frame = Frame::default();
    changes(&mut card, &mut frame);
    card.poke(0xb_8000 + 160 * 3, b"A\x07");
    card.poke(0xb_8000 + 160 * 4, b"B\x87");
    assert_eq!(changes(&mut card, &mut frame), [(48, 32)]);
    card.poke(0xb_8000 + 160 * 3, b"A\x07");
    assert_eq!(changes(&mut card, &mut frame), [], "written, but the same");
    card.set(0x3d4, 0x0f, 80);
    assert_eq!(changes(&mut card, &mut frame), [(0, 32)], "the cursor moved from row 0 to 1");
    card.wait(280);
    assert_eq!(changes(&mut card, &mut frame), [(16, 16), (64, 16)], "the cursor and the blinking B");
    card.load_font(0, |bits| bits << 1);
    card.restore_access(&TEXT_80);
    assert_eq!(changes(&mut card, &mut frame), [(0, 400)], "another font");
}

#[test]
fn any_number_of_frames_is_kept_up_to_date() {
    let mut card = Card::new();
    card.start(&VGA_13);
    let (mut one, mut two) = (Frame::default(), Frame::default());
    changes(&mut card, &mut one);
    changes(&mut card, &mut two);
    card.poke(0xa_0000 + 5000, &[1]);
    changes(&mut card, &mut one);
    card.poke(0xa_0000 + 60000, &[1]);
    assert_eq!(changes(&mut card, &mut one), [(358, 26)]);
    assert_eq!(changes(&mut card, &mut two), [(24, 28), (358, 26)]);
    // A frame of another machine's
    let mut other = Card::new();
    other.start(&VGA_13);
    assert_eq!(changes(&mut other, &mut two), [(0, 400)]);
}

#[test]
fn to_look_changes_nothing_of_the_guests() {
    let mut card = Card::new();
    card.start(&VGA_12);
    card.peek(0xa_0000);
    let state = |card: &Card| {
        let mut bytes = Vec::new();
        card.vga.save(&mut bytes);
        bytes
    };
    let before = state(&card);
    card.picture();
    card.text();
    assert!(state(&card) == before);
}

#[test]
fn the_screen_keeps_its_size_while_it_is_dark() {
    let mut card = Card::new();
    let mut frame = Frame::default();
    card.render(&mut frame);
    assert_eq!((frame.width, frame.height, frame.damage.len()), (640, 480, 1), "nothing set yet");
    card.start(&TEXT_80);
    card.render(&mut frame);
    card.set(0x3c4, 1, 0x20);
    card.render(&mut frame);
    assert_eq!(frame.damage, [Rect { x: 0, y: 0, width: 720, height: 400 }]);
    card.render(&mut frame);
    assert_eq!(frame.damage, []);
}
