//! Compressed content: chunks of at most 1 MiB, each with two lengths and a separate zstd frame.
//!
//! The C library is several times as fast as the implementation in Rust, which builds for wasm too. Either reads what the
//! other writes.

#[cfg(not(target_family = "wasm"))]
#[path = "compress/c.rs"]
mod zstd_impl;
#[cfg(target_family = "wasm")]
#[path = "compress/rust.rs"]
mod zstd_impl;

#[cfg(all(test, not(target_family = "wasm")))]
#[path = "compress/rust.rs"]
mod rust;

use crate::{Bytes, Codec, SnapshotError};
use std::hash::Hasher;
use twox_hash::XxHash64;

/// Bytes of a chunk before compression, at most.
pub(crate) const CHUNK: usize = 1 << 20;

/// Takes the content of a section that the file holds compressed.
pub struct CompressedSection<'a> {
    hash: &'a mut XxHash64,
    /// Bytes before compression
    len: u64,
    out: Option<&'a mut Bytes>,
    chunk: Bytes,
}

impl<'a> CompressedSection<'a> {
    pub(crate) fn file(hash: &'a mut XxHash64, out: &'a mut Bytes) -> Self {
        Self { hash, len: 0, out: Some(out), chunk: Bytes::with_capacity(CHUNK) }
    }

    pub(crate) fn hash_only(hash: &'a mut XxHash64) -> Self {
        Self { hash, len: 0, out: None, chunk: Bytes::new() }
    }

    /// Appends bytes.
    pub fn write(&mut self, mut bytes: &[u8]) {
        self.hash.write(bytes);
        self.len += bytes.len() as u64;
        if self.out.is_none() {
            return;
        }
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
            self.chunk.extend_from_slice(now);
            if self.chunk.len() == CHUNK {
                self.flush();
            }
            bytes = rest;
        }
    }

    fn flush(&mut self) {
        let Some(out) = self.out.as_deref_mut().filter(|_| !self.chunk.is_empty()) else { return };
        let frame = zstd_impl::compress(&self.chunk);
        (self.chunk.len() as u32).put(out);
        (frame.len() as u32).put(out);
        out.extend_from_slice(&frame);
        self.chunk.clear();
    }

    pub(crate) fn finish(mut self) {
        self.flush();
        self.hash.write(&self.len.to_le_bytes());
    }
}

/// Reads compressed content chunk by chunk.
pub struct Decompressor<'a> {
    tag: String,
    rest: &'a [u8],
    chunk: Bytes,
    /// How much of the chunk was read
    read: usize,
}

impl<'a> Decompressor<'a> {
    pub(crate) fn new(tag: &str, content: &'a [u8]) -> Self {
        Self { tag: tag.to_owned(), rest: content, chunk: Bytes::new(), read: 0 }
    }

    fn damaged(&self) -> SnapshotError {
        SnapshotError::Content { tag: self.tag.clone() }
    }

    /// The next chunk. Returns `None` where its lengths or its frame are wrong.
    fn next_chunk(&mut self) -> Option<()> {
        let (raw, packed) = (u32::get(&mut self.rest)? as usize, u32::get(&mut self.rest)? as usize);
        let (frame, rest) = self.rest.split_at_checked(packed)?;
        if raw == 0 || raw > CHUNK {
            return None;
        }
        self.chunk.resize(raw, 0);
        self.read = 0;
        self.rest = rest;
        (zstd_impl::decompress(frame, &mut self.chunk)? == raw).then_some(())
    }

    /// Returns whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.read == self.chunk.len() && self.rest.is_empty()
    }

    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`SnapshotError::Content`] where the content ends before, or is damaged.
    pub fn read(&mut self, mut bytes: &mut [u8]) -> Result<(), SnapshotError> {
        while !bytes.is_empty() {
            if self.read == self.chunk.len() {
                self.next_chunk().ok_or_else(|| self.damaged())?;
            }
            let have = &self.chunk[self.read..];
            let now = have.len().min(bytes.len());
            let (head, rest) = bytes.split_at_mut(now);
            head.copy_from_slice(&have[..now]);
            self.read += now;
            bytes = rest;
        }
        Ok(())
    }

    /// Returns all that is left.
    ///
    /// # Errors
    /// [`SnapshotError::Content`] where it is damaged.
    pub fn read_all(&mut self) -> Result<Bytes, SnapshotError> {
        let mut all = Bytes::new();
        while !self.is_empty() {
            if self.read == self.chunk.len() {
                self.next_chunk().ok_or_else(|| self.damaged())?;
            }
            all.extend_from_slice(&self.chunk[self.read..]);
            self.read = self.chunk.len();
        }
        Ok(all)
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::{rust, zstd_impl as c};

    #[test]
    fn each_implementation_reads_what_the_other_writes() {
        let random = |n: u32| n.wrapping_mul(0x9e37_79b9).rotate_left(11).wrapping_mul(0x85eb_ca6b) as u8;
        let chunks = [
            vec![7; 1],
            vec![0; super::CHUNK],
            (0..super::CHUNK as u32).map(random).collect::<Vec<_>>(),
            (0..100_000_u32).map(|n| random(n / 7) & 15).collect(),
        ];
        for chunk in chunks {
            for packed in [c::compress(&chunk), rust::compress(&chunk)] {
                for decompress in [c::decompress, rust::decompress] {
                    let mut out = vec![0xee; chunk.len()];
                    assert_eq!(decompress(&packed, &mut out), Some(chunk.len()));
                    assert!(out == chunk);
                    let mut short = vec![0; chunk.len() - 1];
                    assert_ne!(decompress(&packed, &mut short), Some(chunk.len()));
                    assert_ne!(decompress(&packed[..packed.len() - 1], &mut out), Some(chunk.len()));
                }
            }
        }
    }
}
