//! What the machine hands to firmware: items by key, files by name.

use super::spec::*;
use crate::codec::codec_struct;
use std::collections::BTreeMap;

/// Items and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Items {
    by_key: BTreeMap<u16, Vec<u8>>,
    /// Their keys count up from [`key::FILE_FIRST`], in this order
    files: BTreeMap<String, Vec<u8>>,
    /// The item [`key::FILE_DIR`]
    directory: Vec<u8>,
}

impl Default for Items {
    fn default() -> Self {
        let mut items = Self { by_key: BTreeMap::new(), files: BTreeMap::new(), directory: vec![0; 4] };
        items.set(key::SIGNATURE, b"QEMU".to_vec());
        items.set(key::ID, FEATURES.to_le_bytes().to_vec());
        items
    }
}

impl Items {
    pub(super) fn set(&mut self, key: u16, bytes: Vec<u8>) {
        self.by_key.insert(key & (ARCH_LOCAL | ENTRY_MASK), bytes);
    }

    /// Sets a file. A name that is too long is cut, and one too many is left out.
    pub(super) fn set_file(&mut self, name: &str, bytes: Vec<u8>) {
        let end = (0..NAME_BYTES).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        let name = name.get(..end).unwrap_or(name);
        if self.files.len() >= MAX_FILES && !self.files.contains_key(name) {
            tracing::warn!("fw_cfg has no room for the file {name}: there are {MAX_FILES} already");
            return;
        }
        self.files.insert(name.to_owned(), bytes);
        self.directory = self.list();
    }

    /// Returns the directory: the number of files, then size, key and name of each, big-endian.
    ///
    /// SPEC: qemu-fw-cfg :: File Directory (Key 0x0019, FW_CFG_FILE_DIR) -> size, select, reserved, 56 bytes of name
    fn list(&self) -> Vec<u8> {
        let mut out = (self.files.len() as u32).to_be_bytes().to_vec();
        for ((name, bytes), key) in self.files.iter().zip(key::FILE_FIRST..) {
            out.extend((bytes.len() as u32).to_be_bytes());
            out.extend(key.to_be_bytes());
            out.extend([0; 2]);
            let mut field = [0; NAME_BYTES];
            for (to, from) in field.iter_mut().zip(name.bytes()) {
                *to = from;
            }
            out.extend(field);
        }
        out
    }

    /// Returns the item of a key; `None` where there is none.
    pub(super) fn get(&self, key: u16) -> Option<&[u8]> {
        let key = key & (ARCH_LOCAL | ENTRY_MASK);
        if key == key::FILE_DIR {
            return Some(&self.directory);
        }
        if let Some(n) = key.checked_sub(key::FILE_FIRST).filter(|_| key & ARCH_LOCAL == 0) {
            return self.files.values().nth(usize::from(n)).map(Vec::as_slice);
        }
        self.by_key.get(&key).map(Vec::as_slice)
    }
}

/// As saved: an element for each item and each file.
struct Saved {
    items: Vec<(u16, Bytes)>,
    files: Vec<(String, Bytes)>,
}
codec_struct!(Saved { items, files });

/// Bytes that are saved as they are.
struct Bytes(Vec<u8>);

impl crate::codec::Codec for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        (self.0.len() as u64).put(out);
        out.extend_from_slice(&self.0);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::get(bytes)?).ok()?;
        let (content, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(Self(content.to_vec()))
    }
}

impl crate::codec::Codec for Items {
    fn put(&self, out: &mut Vec<u8>) {
        // The directory follows from the files.
        let Self { by_key, files, directory: _ } = self;
        let bytes = |bytes: &Vec<u8>| Bytes(bytes.clone());
        let items = by_key.iter().map(|(&key, item)| (key, bytes(item))).collect();
        let files = files.iter().map(|(name, file)| (name.clone(), bytes(file))).collect();
        Saved { items, files }.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let Saved { items, files } = Saved::get(bytes)?;
        let mut all = Self {
            by_key: items.into_iter().map(|(key, Bytes(item))| (key, item)).collect(),
            files: files.into_iter().map(|(name, Bytes(file))| (name, file)).collect(),
            directory: Vec::new(),
        };
        let fits = all.files.len() <= MAX_FILES && all.files.keys().all(|name| name.len() < NAME_BYTES);
        all.directory = all.list();
        fits.then_some(all)
    }
}
