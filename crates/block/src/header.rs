//! The header of a qcow2 image: what has to be right before anything else of the image is looked at.

/// Values of the header.
#[allow(dead_code, reason = "where images are not opened, the size alone is read")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Qcow2Header {
    /// Bytes of the disk
    pub(crate) bytes: u64,
    /// Where the name of the backing file is, and how long it is
    pub(crate) backing: Option<(u64, u32)>,
    /// A program found it corrupt
    pub(crate) corrupt: bool,
    /// A program was ended before it had written all reference counts
    pub(crate) dirty: bool,
    /// Bytes of a cluster
    pub(crate) cluster: u64,
    /// Where the L1 table is, and how many entries it has
    pub(crate) l1: (u64, u64),
    /// Where the table of refcount blocks is, and how many entries it has
    pub(crate) refcounts: (u64, u64),
    /// Bits of a reference count, as a power of two
    pub(crate) refcount_order: u32,
}

const MAGIC: &[u8] = b"QFI\xfb";
/// Bytes of a header of version 2, which begins every header.
const V2_BYTES: u64 = 72;
const V3_BYTES: u64 = 104;
/// Tables of more than these bytes are none that QEMU makes or reads.
const L1_LIMIT: u64 = 32 << 20;
const REFCOUNT_TABLE_LIMIT: u64 = 8 << 20;
/// Bytes of a backing file's name, at most.
const NAME_LIMIT: u32 = 1023;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Returns whether these are the first bytes of a qcow or qcow2 image.
pub(crate) fn is_qcow(first: &[u8]) -> bool {
    first.starts_with(MAGIC)
}

/// Returns the header that a file of `size` bytes begins with, or `None` where it is no qcow2 image.
///
/// # Errors
/// What is wrong with it, in one line.
pub(crate) fn qcow2(first: &[u8], size: u64) -> Result<Qcow2Header, String> {
    let truncated = || format!("a qcow2 image of {size} bytes, cut off within its header");
    let word = |at| u32_at(first, at).ok_or_else(truncated);
    let long = |at| u64_at(first, at).ok_or_else(truncated);
    let version = word(4)?;
    if !(2..=3).contains(&version) {
        return Err(format!(
            "a qcow image of version {version}, where 2 and 3 are known; convert it by qemu-img convert -O qcow2"
        ));
    }
    if size < V2_BYTES || version == 3 && size < V3_BYTES {
        return Err(truncated());
    }
    let cluster_bits = word(20)?;
    if !(9..=21).contains(&cluster_bits) {
        return Err(format!(
            "a corrupt qcow2 header: clusters of 2^{cluster_bits} bytes (possible: 512 bytes to 2 MiB)"
        ));
    }
    let cluster = 1_u64 << cluster_bits;
    let bytes = long(24)?;
    match word(32)? {
        0 => {}
        _ => return Err("an encrypted qcow2 image; convert it by qemu-img convert -O qcow2".to_owned()),
    }
    let (mut incompatible, mut refcount_order) = (0, 4);
    if version == 3 {
        incompatible = long(72)?;
        refcount_order = word(96)?;
        let header = u64::from(word(100)?);
        if header < V3_BYTES || header > cluster || header > size {
            return Err(format!("a corrupt qcow2 header: it is {header} bytes long"));
        }
    }
    features(incompatible)?;
    if refcount_order > 6 {
        return Err(format!("a corrupt qcow2 header: reference counts of 2^{refcount_order} bits"));
    }
    let l1_bytes = u64::from(word(36)?) * 8;
    let (l1_at, refcounts_at) = (long(40)?, long(48)?);
    table("L1 table", l1_at, l1_bytes, L1_LIMIT, cluster, size)?;
    // Each entry of the L1 table covers a cluster of entries of eight bytes.
    let covered = (l1_bytes / 8).saturating_mul(cluster / 8).saturating_mul(cluster);
    if covered < bytes {
        return Err(format!("a corrupt qcow2 header: its tables cover {covered} of {bytes} bytes"));
    }
    let refcounts = u64::from(word(56)?).saturating_mul(cluster);
    table("refcount table", refcounts_at, refcounts, REFCOUNT_TABLE_LIMIT, cluster, size)?;
    if refcounts == 0 {
        return Err("a corrupt qcow2 header: there is no refcount table".to_owned());
    }
    let (name_at, name_len) = (long(8)?, word(16)?);
    let backing = (name_at != 0 && name_len != 0).then_some((name_at, name_len));
    if backing.is_some()
        && (name_len > NAME_LIMIT || name_at.saturating_add(name_len.into()) > cluster.min(size))
    {
        return Err(
            "a corrupt qcow2 header: the backing file's name is outside of the first cluster".to_owned()
        );
    }
    Ok(Qcow2Header {
        bytes,
        backing,
        corrupt: incompatible & 2 != 0,
        dirty: incompatible & 1 != 0,
        cluster,
        l1: (l1_at, l1_bytes / 8),
        refcounts: (refcounts_at, refcounts / 8),
        refcount_order,
    })
}

/// Rejects incompatible features that are not supported.
fn features(incompatible: u64) -> Result<(), String> {
    let convert = "convert it by qemu-img convert -O qcow2";
    // Bit 0: reference counts may be wrong, bit 1: the image is corrupt, bit 3: other compression than deflate.
    if incompatible & 1 << 2 != 0 {
        return Err(format!("a qcow2 image with an external data file; {convert}"));
    }
    if incompatible & 1 << 3 != 0 {
        return Err(format!("a qcow2 image with another compression than deflate; {convert}"));
    }
    if incompatible & 1 << 4 != 0 {
        return Err(format!("a qcow2 image with subclusters (extended_l2); {convert}"));
    }
    match incompatible & !0x1f {
        0 => Ok(()),
        unknown => Err(format!("a qcow2 image with unknown features ({unknown:#x}); {convert}")),
    }
}

fn table(what: &str, at: u64, len: u64, limit: u64, cluster: u64, size: u64) -> Result<(), String> {
    if len > limit {
        return Err(format!("a corrupt qcow2 header: the {what} has {len} bytes, more than {limit}"));
    }
    if len != 0 && (at == 0 || !at.is_multiple_of(cluster)) {
        return Err(format!("a corrupt qcow2 header: the {what} is at {at:#x}, where no cluster begins"));
    }
    if at.saturating_add(len) > size {
        return Err(format!("a truncated qcow2 image: the {what} reaches behind the file's {size} bytes"));
    }
    Ok(())
}
