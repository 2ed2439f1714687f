//! Files that come back, and files that are refused.
#![cfg(feature = "file")]

use proptest::prelude::*;
use snapshot::{Reader, SnapshotError, Writer};
use std::sync::LazyLock;

const PAGE: usize = 4096;

/// A file of two plain sections and a compressed one of several chunks.
fn file() -> Vec<u8> {
    static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut writer = Writer::file();
        fill(&mut writer);
        writer.finish()
    });
    FILE.clone()
}

fn page(n: usize) -> Vec<u8> {
    (0..PAGE).map(|at| ((at / 64) ^ (n * 7)) as u8).collect()
}

fn fill(writer: &mut Writer) {
    writer.section("clock", 1, &[1, 2, 3]);
    writer.compressed("ram", 2, |section| {
        for n in 0..300 {
            section.write(&page(n));
        }
    });
    writer.section("cpu.0", 3, &7_u64.to_le_bytes());
}

/// Reads everything there is. Returns what went wrong.
fn read(file: &[u8]) -> Result<(), SnapshotError> {
    let reader = Reader::new(file)?;
    assert_eq!(reader.section("clock", 1)?, [1, 2, 3]);
    let mut ram = reader.compressed("ram", 2)?;
    for n in 0..300 {
        let mut bytes = vec![0; PAGE];
        ram.read(&mut bytes)?;
        assert_eq!(bytes, page(n));
    }
    assert!(ram.is_empty());
    assert_eq!(ram.read(&mut [0]), Err(SnapshotError::Content { tag: "ram".into() }));
    assert_eq!(reader.value::<u64>("cpu.0", 3)?, 7);
    Ok(())
}

/// Puts the right checksum behind changed bytes.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let body = file.len() - 22;
    let checksum = twox_hash::XxHash64::oneshot(0, &file[..body]);
    let at = file.len() - 8;
    file[at..].copy_from_slice(&checksum.to_le_bytes());
    file
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(read(&file()), Ok(()));
    assert_eq!(read(&sealed(file())), Ok(()), "the test's own seal is the writer's");
    let file = file();
    let reader = Reader::new(&file).unwrap();
    let tags: Vec<_> = reader.sections().iter().map(|section| (section.tag, section.version)).collect();
    assert_eq!(tags, [("clock", 1), ("ram", 2), ("cpu.0", 3)]);
    let all = reader.compressed("ram", 2).and_then(|mut ram| ram.read_all()).unwrap();
    assert_eq!(all, (0..300).flat_map(page).collect::<Vec<_>>());
}

#[test]
fn the_hash_is_that_of_the_content_and_needs_no_file() {
    let hash = |writer: &mut Writer| {
        fill(writer);
        writer.hash()
    };
    let plain = hash(&mut Writer::hash_only());
    assert_eq!(plain, hash(&mut Writer::file()));
    let mut other = Writer::hash_only();
    other.section("clock", 1, &[1, 2]);
    let mut moved = Writer::hash_only();
    moved.section("clock", 1, &[1]);
    moved.section("", 2, &[]);
    assert_ne!(other.hash(), moved.hash());
    assert!(Writer::hash_only().finish().is_empty());
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let good = file();
    let reader = Reader::new(&good).unwrap();
    let mut other_format = good.clone();
    other_format[8] = 9;
    let mut wrong_frame = good.clone();
    wrong_frame[27] = 0xff;
    let mut damaged = good.clone();
    damaged[30] ^= 1;
    let table = [
        (Reader::new(b"").err(), "this is not a saved state of v64"),
        (Reader::new(b"MZ").err(), "this is not a saved state of v64"),
        (Reader::new(&good[..5]).err(), "is incomplete: its end is missing after 5 bytes"),
        (Reader::new(&good[..12]).err(), "is incomplete: its end is missing after 12 bytes"),
        (Reader::new(&good[..good.len() - 1]).err(), "is incomplete"),
        (Reader::new(&[&good[..], &[0]].concat()).err(), "is incomplete"),
        (Reader::new(&sealed(wrong_frame)).err(), "is damaged at byte 12"),
        (Reader::new(&other_format).err(), "has format 9, this program reads 1"),
        (Reader::new(&damaged).err(), "its checksum is wrong"),
        (reader.section("vga", 1).err(), "has no section vga"),
        (
            reader.section("clock", 2).err(),
            "section clock of the saved state has version 1, this program reads 2",
        ),
        (reader.value::<u64>("clock", 1).err(), "section clock of the saved state is damaged"),
    ];
    for (error, text) in table {
        let line = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(line.contains(text) && !line.contains('\n'), "{line:?} instead of {text:?}");
    }
}

proptest! {
    #[test]
    fn files_that_break_off_are_refused(cut in 0..100_000_usize) {
        let file = file();
        let cut = cut % file.len();
        prop_assert!(read(&file[..cut]).is_err());
    }

    #[test]
    fn changed_bytes_are_noticed(at in any::<prop::sample::Index>(), bits in 1..=255_u8) {
        let mut file = file();
        let at = at.index(file.len());
        file[at] ^= bits;
        prop_assert!(read(&file).is_err());
    }

    /// With a right checksum only the layers behind it can refuse. What they read may differ, but they end.
    #[test]
    fn forged_files_end_in_errors_or_other_values(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = file();
        let body = file.len() - 22;
        for (at, byte) in changes {
            file[at.index(body - 12) + 12] = byte;
        }
        let file = sealed(file);
        if let Ok(reader) = Reader::new(&file) {
            for section in reader.sections() {
                let _ = reader.value::<Vec<(String, u64)>>(section.tag, section.version);
                if let Ok(mut content) = reader.compressed(section.tag, section.version) {
                    let _ = content.read_all();
                }
            }
        }
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Reader::new(&noise).is_err());
        let behind = [&snapshot::MAGIC[..], &1_u32.to_le_bytes(), &noise].concat();
        prop_assert!(Reader::new(&behind).is_err());
    }
}
