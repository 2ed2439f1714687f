//! Damaged disk images: each is opened, read and written as a guest would.

use super::Random;
use anyhow::{Context, Result};
use block::{Options, open};
use device_api::{BlockBackend, BlockOp, RequestId};
use std::fs;
use std::path::PathBuf;

const CLUSTER: usize = 512;
/// Bytes of the disk: two L2 tables of 64 entries.
const BYTES: u64 = 64 << 10;
/// Most bytes of a read: the disk may claim to be larger than any memory.
const LONGEST: u64 = 1 << 20;
const NAME: &str = "image";
const BACKING: &str = "backing";

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Returns a qcow2 image in clusters of 512 bytes: header, L1 table, refcount table, refcount block, L2 table, a
/// cluster of data, a compressed one in two clusters.
fn qcow2(version: u32) -> Vec<u8> {
    let mut image = vec![0; 8 * CLUSTER];
    put(&mut image, 0, b"QFI\xfb");
    for (at, value) in [(4, version), (20, 9), (36, 2), (56, 1)] {
        put(&mut image, at, &value.to_be_bytes());
    }
    if version == 3 {
        put(&mut image, 96, &4_u32.to_be_bytes());
        put(&mut image, 100, &104_u32.to_be_bytes());
    }
    for (at, cluster) in [(40, 1), (48, 2)] {
        put(&mut image, at, &(cluster * CLUSTER as u64).to_be_bytes());
    }
    put(&mut image, 24, &BYTES.to_be_bytes());
    put(&mut image, CLUSTER, &((1 << 63) | (4 * CLUSTER as u64)).to_be_bytes());
    put(&mut image, 2 * CLUSTER, &(3 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..8 {
        put(&mut image, 3 * CLUSTER + 2 * cluster, &1_u16.to_be_bytes());
    }
    put(&mut image, 4 * CLUSTER + 8, &((1 << 63) | (5 * CLUSTER as u64)).to_be_bytes());
    image[5 * CLUSTER..6 * CLUSTER].fill(0x5a);
    // Compressed: one more sector than the first, and a deflate stream of one stored block.
    let entry = 1_u64 << 62 | 1 << 61 | (6 * CLUSTER) as u64;
    put(&mut image, 4 * CLUSTER + 16, &entry.to_be_bytes());
    let stored = [1, CLUSTER as u8, (CLUSTER >> 8) as u8, !(CLUSTER as u8), !((CLUSTER >> 8) as u8)];
    put(&mut image, 6 * CLUSTER, &stored);
    image[6 * CLUSTER + stored.len()..7 * CLUSTER + stored.len()].fill(0xa5);
    image
}

/// Returns a qcow2 image over a backing file, with a list of snapshots.
fn with_backing() -> Vec<u8> {
    let mut image = qcow2(3);
    put(&mut image, 8, &300_u64.to_be_bytes());
    put(&mut image, 16, &(BACKING.len() as u32).to_be_bytes());
    put(&mut image, 300, BACKING.as_bytes());
    put(&mut image, 60, &1_u32.to_be_bytes());
    put(&mut image, 64, &(7 * CLUSTER as u64).to_be_bytes());
    image
}

fn vmdk() -> Vec<u8> {
    let sectors = BYTES / 512;
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\n\
         # Extent description\nRW {} FLAT \"{BACKING}\" 0\nRW {} ZERO\n\n\
         # The Disk Data Base\n#DDB\nddb.virtualHWVersion = \"4\"\nddb.geometry.cylinders = \"1\"\n\
         ddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\nddb.adapterType = \"ide\"\n",
        sectors / 2,
        sectors / 2
    )
    .into_bytes()
}

/// Words that mean something in descriptors and tables.
const WORDS: [&[u8]; 10] = [
    b"RW 18446744073709551615 FLAT",
    b"RDONLY",
    b"NOACCESS",
    b"SPARSE",
    b"VMFS",
    b"\"\"",
    b"-1",
    b"KDMV",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Images that are whole.
#[derive(Debug)]
pub(super) struct Images {
    whole: Vec<Vec<u8>>,
    folder: PathBuf,
}

impl Images {
    /// Makes them, and a folder for damaged ones.
    ///
    /// # Errors
    /// The host has no place for temporary files.
    pub(super) fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("v64-fuzz-{}", std::process::id()));
        let cannot = || format!("cannot write to {}", folder.display());
        fs::create_dir_all(&folder).with_context(cannot)?;
        fs::write(folder.join(BACKING), vec![0x11; (BYTES / 2) as usize]).with_context(cannot)?;
        Ok(Self { whole: vec![qcow2(3), qcow2(2), with_backing(), vmdk()], folder })
    }

    /// Damages an image and uses it. Returns whether it could be opened.
    pub(super) fn round(&self, random: &mut Random) -> bool {
        let mut image = self.whole[random.below(self.whole.len() as u64) as usize].clone();
        for _ in 0..1 + random.below(4) {
            damage(random, &mut image);
        }
        self.try_image(random, &image)
    }

    fn try_image(&self, random: &mut Random, image: &[u8]) -> bool {
        let path = self.folder.join(NAME);
        // Without a place to write there is nothing to try.
        if fs::write(&path, image).is_err() {
            return false;
        }
        let read_only = random.one_in(4);
        let options = Options { format: None, read_only, snapshot: random.one_in(4) };
        match open(&path, options) {
            Ok(mut disk) => {
                use_it(random, &mut *disk);
                drop(disk);
                // What was written to a damaged image may have damaged it further.
                if let Ok(mut disk) = open(&path, Options { read_only: true, ..options }) {
                    use_it(random, &mut *disk);
                }
                true
            }
            Err(error) => {
                let text = error.to_string();
                assert_eq!(text.lines().count(), 1, "{text}");
                false
            }
        }
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        // What is left behind is in the host's folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn damage(random: &mut Random, image: &mut Vec<u8>) {
    let len = image.len() as u64;
    // The header more often than the rest.
    let at = if random.one_in(2) { random.below(len.min(128)) } else { random.below(len) } as usize;
    let Some(byte) = image.get_mut(at) else { return };
    match random.below(8) {
        0 => *byte ^= 1 << random.below(8),
        1 => *byte = random.next() as u8,
        // An entry of a table, or a field of the header: at a cluster, at no cluster, far away
        2..5 => {
            let wide = random.one_in(2);
            let value = match random.below(4) {
                0 => random.below(12) * CLUSTER as u64,
                1 => (1 << 63) | (random.below(12) * CLUSTER as u64),
                2 => 1 << 62 | random.next() >> 2,
                _ => random.value(),
            };
            let (at, bytes) = (at & !3, value.to_be_bytes());
            let bytes = if wide { &bytes[..] } else { &bytes[4..] };
            if let Some(place) = image.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
        5 => {
            let word = WORDS[random.below(WORDS.len() as u64) as usize];
            if let Some(place) = image.get_mut(at..at + word.len()) {
                place.copy_from_slice(word);
            }
        }
        6 if random.one_in(2) => image.truncate(at),
        6 => image.extend(vec![random.next() as u8; random.below(4096) as usize]),
        _ => {
            // A part of it once more, somewhere else.
            let from = random.below(len) as usize;
            let part: Vec<u8> = image.iter().skip(from).take(random.below(64) as usize).copied().collect();
            if let Some(place) = image.get_mut(at..at + part.len()) {
                place.copy_from_slice(&part);
            }
        }
    }
}

fn request(disk: &mut dyn BlockBackend, op: BlockOp) {
    disk.submit(RequestId(1), op);
    // An error is as good as success.
    let _ = disk.poll();
}

fn use_it(random: &mut Random, disk: &mut dyn BlockBackend) {
    let bytes = disk.info().bytes;
    request(disk, BlockOp::Read { offset: 0, len: bytes.min(LONGEST) as u32 });
    for _ in 0..random.below(16) {
        let offset = match random.below(3) {
            0 => random.below(BYTES),
            1 => bytes.saturating_sub(random.below(4096)),
            _ => random.below(bytes),
        };
        let len = random.below(4096) as u32;
        request(
            disk,
            match random.below(4) {
                0 => BlockOp::Flush,
                1 => BlockOp::Read { offset, len },
                _ => BlockOp::Write { offset, data: vec![random.next() as u8; len as usize] },
            },
        );
    }
    request(disk, BlockOp::Flush);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_images_open_and_damaged_ones_do_no_harm() {
        let images = Images::new().expect("a folder");
        let mut random = Random::new(1);
        for image in &images.whole {
            assert!(images.try_image(&mut random, image));
        }
        let opened = (0..200).filter(|_| images.round(&mut random)).count();
        assert!((20..180).contains(&opened), "{opened}");
    }
}
