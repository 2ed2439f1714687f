//! What a file is, by its first bytes.

use crate::{Error, SECTOR, header};
use std::fmt;

/// How many of a file's first bytes [`probe`] looks at: the volume descriptor of a CD image lies at 32 KiB.
pub const PROBE_BYTES: usize = 0x8800;

/// A format of images, by QEMU's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The bytes of the disk, as they are
    Raw,
    /// QEMU's own
    Qcow2,
    /// VMware's
    Vmdk,
    /// Virtual PC's
    Vhd,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Qcow2, Self::Vmdk, Self::Vhd];

    /// Returns the format that `format=` names.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.to_string() == name)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vpc",
        })
    }
}

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its format
    pub format: Format,
    /// Bytes of the disk, if the first bytes of the file contain its size
    pub bytes: Option<u64>,
    /// A CD or DVD with a file system
    pub is_iso: bool,
}

/// Formats that have to be converted first: where their mark is, the mark, their name.
const OTHER_IMAGES: &[(usize, &[u8], &str)] = &[
    (0, b"vhdxfile", "a VHDX image"),
    (0x40, b"\x7f\x10\xda\xbe", "a VDI image"),
    (0, b"QED\0", "a QED image"),
    (0, b"WithoutFreeSpace", "a Parallels image"),
    (0, b"WithouFreSpacExt", "a Parallels image"),
];

/// Files that have to be unpacked first.
const PACKED: &[(&[u8], &str)] = &[
    (b"\x1f\x8b\x08", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
];

fn has(first: &[u8], at: usize, mark: &[u8]) -> bool {
    first.get(at..).is_some_and(|rest| rest.starts_with(mark))
}

/// Returns whether a CD's volume descriptor is there: ISO 9660, or UDF alone.
fn is_iso(first: &[u8]) -> bool {
    has(first, 0x8001, b"CD001") || has(first, 0x8001, b"BEA01")
}

/// Returns what a file of `size` bytes is. `first` are its first [`PROBE_BYTES`], or all of it. `name` appears in errors.
///
/// # Errors
/// The file cannot be used: one line with the cause, and what to do.
pub fn probe(name: &str, first: &[u8], size: u64) -> Result<Probe, Error> {
    if size == 0 {
        return Err(Error::new(name, "the file is empty"));
    }
    if header::is_qcow(first) {
        let header = header::qcow2(first, size).map_err(|reason| Error::new(name, reason))?;
        return Ok(Probe { format: Format::Qcow2, bytes: Some(header.bytes), is_iso: false });
    }
    if has(first, 0, b"KDMV") || has(first, 0, b"COWD") || has(first, 0, b"# Disk DescriptorFile") {
        return Ok(Probe { format: Format::Vmdk, bytes: None, is_iso: false });
    }
    if has(first, 0, b"conectix") {
        return Ok(Probe { format: Format::Vhd, bytes: None, is_iso: false });
    }
    if let Some((_, _, what)) = OTHER_IMAGES.iter().find(|(at, mark, _)| has(first, *at, mark)) {
        return Err(Error::new(name, format!("{what}; convert it by qemu-img convert -O qcow2")));
    }
    let is_iso = is_iso(first);
    if let Some((_, what)) = PACKED.iter().find(|(mark, _)| !is_iso && has(first, 0, mark)) {
        return Err(Error::new(
            name,
            format!("a file packed by {what}; unpack it first, or say format=raw if it is a disk as it is"),
        ));
    }
    Ok(Probe { format: Format::Raw, bytes: Some(size.next_multiple_of(SECTOR)), is_iso })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_marks() {
        let mut iso = vec![0; PROBE_BYTES];
        iso[0x8001..0x8006].copy_from_slice(b"CD001");
        let raw = |bytes| Probe { format: Format::Raw, bytes: Some(bytes), is_iso: false };
        assert_eq!(probe("a", &[0; 700], 700), Ok(raw(1024)));
        assert_eq!(probe("a", &iso, 1 << 20), Ok(Probe { is_iso: true, ..raw(1 << 20) }));
        let vmdk = probe("a", b"# Disk DescriptorFile\n", 22).unwrap();
        assert_eq!((vmdk.format, vmdk.bytes), (Format::Vmdk, None));
        assert_eq!(probe("a", b"conectix", 4096).unwrap().format, Format::Vhd);
    }

    #[test]
    fn what_cannot_be_used_is_one_line_that_says_what_to_do() {
        for (first, words) in [
            (&b""[..], "a.img: the file is empty"),
            (b"vhdxfile", "a VHDX image; convert it by qemu-img"),
            (b"\xfd7zXZ\0", "packed by xz; unpack it first"),
            (b"QFI\xfb\0\0\0\x01", "a qcow image of version 1"),
            (b"QFI\xfb\0\0\0\x03", "a qcow2 image of 8 bytes, cut off within its header"),
        ] {
            let error = probe("a.img", first, first.len() as u64).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn formats_have_the_names_of_qemu() {
        for format in Format::ALL {
            assert_eq!(Format::by_name(&format.to_string()), Some(format));
        }
        assert_eq!(Format::by_name("qcow"), None);
    }
}
