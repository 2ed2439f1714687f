//! Writing a saved state, or only hashing what would be written.

use crate::{Bytes, CompressedSection, FORMAT, MAGIC};
use std::hash::Hasher;
use twox_hash::XxHash64;

/// The tag of the last section, which holds the checksum of everything before it.
pub(crate) const END: &str = "end";
/// Bytes of the last section.
pub(crate) const END_LEN: usize = 1 + END.len() + 2 + 8 + 8;

/// Collects sections. The hash is that of the sections' content before compression, so it is equal wherever the state is.
pub struct Writer {
    /// `None` if only the hash is computed
    out: Option<Bytes>,
    hash: XxHash64,
}

/// Appends what is before a section's content. Tags are at most 255 bytes.
fn frame(out: &mut Bytes, tag: &str, version: u16, len: u64) {
    out.push(tag.len() as u8);
    out.extend_from_slice(tag.as_bytes());
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
}

impl Writer {
    /// Returns a writer of a file.
    pub fn file() -> Self {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&FORMAT.to_le_bytes());
        Self { out: Some(out), hash: XxHash64::with_seed(0) }
    }

    /// Returns a writer that keeps nothing but the hash.
    pub fn hash_only() -> Self {
        Self { out: None, hash: XxHash64::with_seed(0) }
    }

    fn hash_name(&mut self, tag: &str, version: u16) {
        self.hash.write(tag.as_bytes());
        self.hash.write(&version.to_le_bytes());
    }

    /// Appends a section.
    pub fn section(&mut self, tag: &str, version: u16, content: &[u8]) {
        self.hash_name(tag, version);
        self.hash.write(content);
        self.hash.write(&(content.len() as u64).to_le_bytes());
        if let Some(out) = &mut self.out {
            frame(out, tag, version, content.len() as u64);
            out.extend_from_slice(content);
        }
    }

    /// Appends a compressed section with the content that `fill` writes.
    pub fn compressed(&mut self, tag: &str, version: u16, fill: impl FnOnce(&mut CompressedSection<'_>)) {
        self.hash_name(tag, version);
        let Some(out) = &mut self.out else {
            let mut section = CompressedSection::hash_only(&mut self.hash);
            fill(&mut section);
            section.finish();
            return;
        };
        let start = out.len();
        frame(out, tag, version, 0);
        let content = out.len();
        let mut section = CompressedSection::file(&mut self.hash, out);
        fill(&mut section);
        section.finish();
        // The length is known only now.
        let len = (out.len() - content) as u64;
        let at = start + 1 + tag.len() + 2;
        out[at..at + 8].copy_from_slice(&len.to_le_bytes());
    }

    /// Returns the hash of the sections so far.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// Returns the whole file; empty if only the hash is computed.
    pub fn finish(self) -> Bytes {
        let Some(mut out) = self.out else { return Bytes::new() };
        let checksum = XxHash64::oneshot(0, &out);
        frame(&mut out, END, 1, 8);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }
}
