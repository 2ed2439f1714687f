//! Pictures against what they were when they were looked at. `BLESS=1` writes them anew, as files to look at and with
//! what was done to draw them in `target/vga`.

use crate::card::Card;
use crate::scenes::SCENES;
use device_api::{Frame, TextStyle};
use std::path::{Path, PathBuf};
use std::{env, fs};
use twox_hash::XxHash64;

const GOLDEN: &str = "tests/vga/pictures.txt";

fn line(name: &str, frame: &Frame) -> String {
    let Frame { width, height, rgba, pixel_aspect, .. } = frame;
    format!("{name} {width}x{height} {pixel_aspect} {:016x}\n", XxHash64::oneshot(0, rgba))
}

fn output() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vga")
}

fn write(name: &str, frame: &Frame, log: &[u8]) {
    fs::create_dir_all(output()).unwrap();
    fs::write(output().join(format!("{name}.log")), log).unwrap();
    let file = fs::File::create(output().join(format!("{name}.png"))).unwrap();
    let mut encoder = png::Encoder::new(file, frame.width, frame.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&frame.rgba).unwrap();
}

#[test]
fn pictures_are_as_they_were_looked_at() {
    let bless = env::var_os("BLESS").is_some();
    let mut found = String::new();
    for (name, scene) in SCENES {
        let mut card = Card::new();
        scene(&mut card);
        let frame = card.picture();
        assert_eq!(frame.rgba.len() as u32, frame.width * frame.height * 4);
        assert!(frame.rgba.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
        if bless {
            write(name, &frame, &card.log);
        }
        found += &line(name, &frame);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    if bless {
        fs::write(path, found).unwrap();
        return;
    }
    let golden = fs::read_to_string(path).unwrap();
    for (found, golden) in found.lines().zip(golden.lines()) {
        assert_eq!(found, golden, "look at it with BLESS=1 in target/vga");
    }
    assert_eq!(found.lines().count(), golden.lines().count());
}

#[test]
fn text_can_be_read() {
    let mut card = Card::new();
    (SCENES[0].1)(&mut card);
    let text = card.text().unwrap();
    assert_eq!((text.columns, text.rows.len(), text.cursor), (80, 25, Some((1, 11))));
    assert!(text.rows.iter().all(|row| row.chars().count() == 80));
    assert_eq!(text.rows[10].chars().take(6).collect::<String>(), "┌─══░░");
    assert_eq!(text.rows[12].trim_end(), "UUN");
    let style = |row: usize, column: usize| text.styles[row][column];
    let (black, blue, grey) = ([0; 3], [0, 0, 0xa8], [0xa8; 3]);
    assert!(text.styles.iter().all(|row| row.len() == 80));
    let plain = TextStyle { foreground: grey, background: black, blink: false, underline: false };
    assert_eq!((style(12, 2), style(0, 1)), (plain, plain));
    assert_eq!(style(12, 0), TextStyle { foreground: blue, underline: true, ..plain });
    // Attribute 97h: grey on blue that blinks
    assert_eq!(style(4, 2 * 0x17), TextStyle { background: blue, blink: true, ..plain });
    assert_eq!(card.size(), Some((720, 400)));
    card.set(0x3ce, 6, 0x05);
    assert_eq!(card.text(), None, "graphics");
}
