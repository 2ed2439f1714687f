//! Whether a qcow2 image may be written.
//!
//! Writes allocate clusters that are free by their reference counts. If these are wrong, a write of the guest may
//! overwrite a table. `imago` does not check them, so they are checked before it writes: every used cluster is counted,
//! and no data cluster belongs to a table.

use crate::header::Qcow2Header;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bits of an entry of a table that are the offset of a cluster.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// An L2 entry of a compressed cluster.
const COMPRESSED: u64 = 1 << 62;

struct Image<'a> {
    file: &'a mut File,
    size: u64,
    header: &'a Qcow2Header,
    /// The refcount block that was read last: its place, and its bytes
    block: (u64, Vec<u8>),
    /// The table of refcount blocks
    blocks: Vec<u64>,
    /// Clusters of header and tables, by number
    tables: HashSet<u64>,
}

/// Checks the marks of an image that was not closed, or was found to be damaged: it is not opened at all.
pub(crate) fn marks(header: &Qcow2Header) -> Result<(), &'static str> {
    match (header.corrupt, header.dirty) {
        (true, _) => Err("it is marked as corrupt"),
        (_, true) => Err("it was not closed, and its reference counts may be wrong"),
        _ => Ok(()),
    }
}

/// Checks an image that is to be written. What is wrong with it is one line.
pub(crate) fn writable(file: &mut File, size: u64, header: &Qcow2Header) -> Result<(), String> {
    let mut image =
        Image { file, size, header, block: (0, Vec::new()), blocks: Vec::new(), tables: HashSet::new() };
    image.blocks = image.entries(header.refcounts.0, header.refcounts.1)?;
    let l1 = image.entries(header.l1.0, header.l1.1)?;
    image.claim("the header", 0, 1)?;
    image.claim("the refcount table", header.refcounts.0, header.refcounts.1 * 8)?;
    image.claim("the L1 table", header.l1.0, header.l1.1 * 8)?;
    for at in image.blocks.clone().into_iter().filter(|&at| at != 0) {
        image.claim("a refcount block", at, header.cluster)?;
    }
    let l2_tables: Vec<_> = l1.into_iter().map(|entry| entry & OFFSET).filter(|&at| at != 0).collect();
    for &at in &l2_tables {
        image.claim("an L2 table", at, header.cluster)?;
    }
    for cluster in image.tables.clone() {
        image.count("a table", cluster)?;
    }
    for at in l2_tables {
        for entry in image.entries(at, header.cluster / 8)? {
            image.data(entry)?;
        }
    }
    Ok(())
}

impl Image<'_> {
    fn bytes(&mut self, at: u64, len: u64) -> Result<Vec<u8>, String> {
        if at.checked_add(len).is_none_or(|end| end > self.size.next_multiple_of(self.header.cluster)) {
            return Err(format!("a table at {at:#x} is beyond the end of the file"));
        }
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| {
            let file: &mut File = self.file;
            file.take(len).read_to_end(&mut bytes)
        });
        read.map_err(|error| error.to_string())?;
        // A file may end within its last cluster.
        bytes.resize(len as usize, 0);
        Ok(bytes)
    }

    fn entries(&mut self, at: u64, count: u64) -> Result<Vec<u64>, String> {
        let bytes = self.bytes(at, count * 8)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry)).collect())
    }

    /// Marks the clusters of a table, which may have no other use.
    fn claim(&mut self, what: &str, at: u64, len: u64) -> Result<(), String> {
        let cluster = self.header.cluster;
        if !at.is_multiple_of(cluster) || at.checked_add(len).is_none_or(|end| end > self.limit()) {
            return Err(format!("{what} is at {at:#x}, where no cluster of the file begins"));
        }
        for number in at / cluster..(at + len).div_ceil(cluster) {
            if !self.tables.insert(number) {
                return Err(format!("{what} at {at:#x} overlaps another table"));
            }
        }
        Ok(())
    }

    /// The end of the file's last cluster.
    fn limit(&self) -> u64 {
        self.size.next_multiple_of(self.header.cluster)
    }

    /// Checks that a cluster is counted as used.
    fn count(&mut self, what: &str, number: u64) -> Result<(), String> {
        let order = self.header.refcount_order;
        let per_block = (self.header.cluster * 8) >> order;
        let free = || format!("{what} at {:#x} counts as free", number * self.header.cluster);
        let at = usize::try_from(number / per_block).ok().and_then(|n| self.blocks.get(n)).copied();
        let at = at.filter(|&at| at != 0).ok_or_else(free)?;
        if self.block.0 != at || self.block.1.is_empty() {
            self.block = (at, self.bytes(at, self.header.cluster)?);
        }
        let bit = (number % per_block) << order;
        let (byte, width) = ((bit / 8) as usize, 1_usize << order);
        let used = match width {
            8.. => {
                self.block.1.get(byte..byte + width / 8).is_some_and(|count| count.iter().any(|&b| b != 0))
            }
            _ => {
                let mask = ((1_u32 << width) - 1) << (bit % 8);
                self.block.1.get(byte).is_some_and(|&count| u32::from(count) & mask != 0)
            }
        };
        if used { Ok(()) } else { Err(free()) }
    }

    /// Checks the clusters of an L2 entry.
    fn data(&mut self, entry: u64) -> Result<(), String> {
        let cluster = self.header.cluster;
        let (at, len) = if entry & COMPRESSED != 0 {
            // The lower bits are a byte offset, those above it how many more sectors there are.
            let shift = 62 - (cluster.trailing_zeros() - 8);
            let at = entry & ((1 << shift) - 1);
            let sectors = (entry & !(3 << 62)) >> shift;
            (at, (sectors + 1) * 512 - at % 512)
        } else {
            (entry & OFFSET, cluster)
        };
        if at == 0 {
            return Ok(());
        }
        if at.checked_add(1).is_none_or(|end| end > self.limit()) {
            return Err(format!("a cluster of data is at {at:#x}, behind the end of the file"));
        }
        if entry & COMPRESSED == 0 && !at.is_multiple_of(cluster) {
            return Err(format!("a cluster of data is at {at:#x}, where no cluster begins"));
        }
        for number in at / cluster..(at + len).min(self.limit()).div_ceil(cluster) {
            if self.tables.contains(&number) {
                return Err(format!("a data cluster at {at:#x} overlaps a table"));
            }
            self.count("a cluster of data", number)?;
        }
        Ok(())
    }
}
