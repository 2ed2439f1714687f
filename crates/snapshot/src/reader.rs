//! Reading a saved state. Nothing of a file is trusted: every length is checked, and damage is an error.

use crate::writer::{END, END_LEN};
use crate::{Codec, Decompressor, FORMAT, MAGIC, SnapshotError, from_bytes};
use twox_hash::XxHash64;

/// A section as the file holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// What it is the state of
    pub tag: &'a str,
    /// Version of the content's layout
    pub version: u16,
    /// The content, compressed where its writer compressed it
    pub content: &'a [u8],
}

/// A saved state with valid framing and checksum.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> Reader<'a> {
    /// Checks header, checksum and frame.
    ///
    /// # Errors
    /// [`SnapshotError`] where this is no saved state, one of another format, or damaged.
    pub fn new(file: &'a [u8]) -> Result<Self, SnapshotError> {
        let len = file.len() as u64;
        let known = MAGIC.len().min(file.len());
        if file.is_empty() || file[..known] != MAGIC[..known] {
            return Err(SnapshotError::NotASnapshot);
        }
        let Some((header, rest)) = file.split_at_checked(MAGIC.len() + 4) else {
            return Err(SnapshotError::Truncated { len });
        };
        let found = u32::get(&mut &header[MAGIC.len()..]).unwrap_or_default();
        if found != FORMAT {
            return Err(SnapshotError::Format { found });
        }
        let Some((body, checksum)) = rest.len().checked_sub(END_LEN).and_then(|len| {
            let (body, mut end) = rest.split_at(len);
            let end = section(&mut end).filter(|end| end.tag == END.as_bytes() && end.version == 1)?;
            Some((body, from_bytes(end.content)?))
        }) else {
            return Err(SnapshotError::Truncated { len });
        };
        if XxHash64::oneshot(0, &file[..file.len() - END_LEN]) != checksum {
            return Err(SnapshotError::Checksum);
        }
        let mut sections = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let at = (header.len() + body.len() - rest.len()) as u64;
            let Raw { tag, version, content } = section(&mut rest).ok_or(SnapshotError::Frame { at })?;
            let tag = std::str::from_utf8(tag).map_err(|_| SnapshotError::Frame { at })?;
            sections.push(Section { tag, version, content });
        }
        Ok(Self { sections })
    }

    /// Returns all sections, in the file's order.
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }

    /// Returns the content of the section with this tag.
    ///
    /// # Errors
    /// Where there is none, or one of another version.
    pub fn section(&self, tag: &str, version: u16) -> Result<&'a [u8], SnapshotError> {
        let section = self.sections.iter().find(|section| section.tag == tag);
        let section = section.ok_or_else(|| SnapshotError::Missing { tag: tag.to_owned() })?;
        if section.version != version {
            let (tag, found, expected) = (tag.to_owned(), section.version, version);
            return Err(SnapshotError::Version { tag, found, expected });
        }
        Ok(section.content)
    }

    /// Returns the value that is the section with this tag.
    ///
    /// # Errors
    /// Where there is none, one of another version, or one that is no such value.
    pub fn value<T: Codec>(&self, tag: &str, version: u16) -> Result<T, SnapshotError> {
        let content = self.section(tag, version)?;
        from_bytes(content).ok_or_else(|| SnapshotError::Content { tag: tag.to_owned() })
    }

    /// Returns what reads the section with this tag, which was written by [`Writer::compressed`](crate::Writer::compressed).
    ///
    /// # Errors
    /// Where there is none, or one of another version.
    pub fn compressed(&self, tag: &str, version: u16) -> Result<Decompressor<'a>, SnapshotError> {
        Ok(Decompressor::new(tag, self.section(tag, version)?))
    }
}

/// A section; its tag may be invalid text.
struct Raw<'a> {
    tag: &'a [u8],
    version: u16,
    content: &'a [u8],
}

/// The next section. Returns `None` where the bytes end before it does.
fn section<'a>(bytes: &mut &'a [u8]) -> Option<Raw<'a>> {
    let tag_len = u8::get(bytes)?;
    let (tag, behind) = bytes.split_at_checked(usize::from(tag_len))?;
    *bytes = behind;
    let (version, len) = (u16::get(bytes)?, u64::get(bytes)?);
    let (content, behind) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = behind;
    Some(Raw { tag, version, content })
}
