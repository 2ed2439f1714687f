//! An overlay: written bytes, with a bit for each that is set if it was written.

use snapshot::{Codec, codec_struct};
use std::collections::BTreeMap;

/// Bytes of a chunk.
const CHUNK: usize = 4096;
const WORDS: usize = CHUNK / 64;

/// What was written within one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chunk {
    /// A bit for each byte that was written; none where all were
    written: Option<Vec<u64>>,
    bytes: Vec<u8>,
}
codec_struct!(Chunk { written, bytes });

impl Chunk {
    fn new() -> Self {
        Self { written: Some(vec![0; WORDS]), bytes: vec![0; CHUNK] }
    }

    /// Returns whether the lengths are those of a chunk: one that was read back may be anything.
    fn is_sound(&self) -> bool {
        self.bytes.len() == CHUNK && self.written.as_ref().is_none_or(|words| words.len() == WORDS)
    }

    fn holds(&self, at: usize) -> bool {
        self.written
            .as_ref()
            .is_none_or(|words| words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 != 0))
    }

    fn write(&mut self, at: usize, data: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + data.len()) {
            place.copy_from_slice(data);
        }
        let Some(words) = &mut self.written else { return };
        for n in at..at + data.len() {
            if let Some(word) = words.get_mut(n / 64) {
                *word |= 1 << (n % 64);
            }
        }
        if words.iter().all(|&word| word == u64::MAX) {
            self.written = None;
        }
    }

    /// Lays what was written from `at` on over `out`. Returns whether that is all of it.
    fn read(&self, at: usize, out: &mut [u8]) -> bool {
        let Some(bytes) = self.bytes.get(at..at + out.len()) else { return false };
        if self.written.is_none() {
            out.copy_from_slice(bytes);
            return true;
        }
        let mut whole = true;
        for (n, (place, &byte)) in out.iter_mut().zip(bytes).enumerate() {
            if self.holds(at + n) {
                *place = byte;
            } else {
                whole = false;
            }
        }
        whole
    }
}

/// What was written over a medium, by chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks(BTreeMap<u64, Chunk>);

/// Returns the pieces of a range: number of the chunk, where in it, and which part of the range.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let place = offset.checked_add(done as u64)?;
        let at = (place % CHUNK as u64) as usize;
        let now = (len - done).min(CHUNK - at);
        let range = done..done + now;
        done += now;
        (now > 0).then_some((place / CHUNK as u64, at, range))
    })
}

impl Chunks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) {
        for (number, at, range) in pieces(offset, data.len()) {
            if let Some(part) = data.get(range) {
                self.0.entry(number).or_insert_with(Chunk::new).write(at, part);
            }
        }
    }

    /// Lays what was written over `out`. Returns whether that is all of it.
    pub(crate) fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let mut whole = true;
        for (number, at, range) in pieces(offset, out.len()) {
            let part = out.get_mut(range).map(|part| self.0.get(&number).map(|chunk| chunk.read(at, part)));
            whole &= matches!(part, Some(Some(true)));
        }
        whole
    }
}

impl Codec for Chunks {
    fn put(&self, out: &mut Vec<u8>) {
        let Self(chunks) = self;
        (chunks.len() as u64).put(out);
        for (number, chunk) in chunks {
            number.put(out);
            chunk.put(out);
        }
    }

    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let list = Vec::<(u64, Chunk)>::get(bytes)?;
        list.iter().all(|(_, chunk)| chunk.is_sound()).then(|| Self(list.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{from_bytes, to_bytes};

    #[test]
    fn what_was_written_covers_and_the_rest_shows_through() {
        let mut chunks = Chunks::default();
        chunks.write(4090, &[1; 20]);
        let mut out = [9; 24];
        assert!(!chunks.read(4088, &mut out));
        assert_eq!((out[1], out[2], out[21], out[22]), (9, 1, 1, 9));
        assert!(chunks.read(4090, &mut out[..20]));
        chunks.write(0, &[2; 4096]);
        assert!(chunks.read(0, &mut [0; 4100]), "a full chunk and the start of the next");
        assert!(!chunks.read(u64::MAX - 2, &mut [0; 24]), "behind the last address");
    }

    #[test]
    fn bytes_come_back_and_damaged_ones_are_refused() {
        let mut chunks = Chunks::default();
        chunks.write(100, b"abc");
        chunks.write(8192, &[7; 4096]);
        let bytes = to_bytes(&chunks);
        assert_eq!(from_bytes(&bytes), Some(chunks));
        for cut in 0..bytes.len() {
            assert_eq!(from_bytes::<Chunks>(&bytes[..cut]), None);
        }
        let odd = Chunks([(0, Chunk { written: None, bytes: vec![0; 7] })].into());
        assert_eq!(from_bytes::<Chunks>(&to_bytes(&odd)), None);
    }
}
