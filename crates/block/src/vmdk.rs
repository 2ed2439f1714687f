//! The extents of a VMDK descriptor, checked before they are opened.

use crate::SECTOR;
use crate::raw::unusable;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes of a descriptor at most, as QEMU reads them.
const LONGEST: u64 = (1 << 20) - 1;
/// What a line of the descriptor begins with that describes an extent.
const ACCESS: [&str; 3] = ["RW", "RDONLY", "NOACCESS"];

/// A flat extent: sectors of the disk that are sectors of a file.
#[derive(Debug, PartialEq, Eq)]
struct Extent<'a> {
    file: &'a str,
    sectors: u64,
    first: u64,
}

/// Returns the flat extent that a line describes: `RW 128 FLAT "disk-flat.vmdk" 0`.
fn flat(line: &str) -> Option<Extent<'_>> {
    let (before, rest) = line.split_once('"')?;
    let (file, after) = rest.rsplit_once('"')?;
    let mut words = before.split_whitespace();
    let is_extent = ACCESS.contains(&words.next()?);
    let sectors = words.next()?.parse().ok()?;
    let is_flat = words.next()? == "FLAT";
    let first = after.split_whitespace().next().map_or(Some(0), |text| text.parse().ok())?;
    (is_extent && is_flat).then_some(Extent { file, sectors, first })
}

/// Checks the files of a descriptor's extents. What is wrong is one line.
pub(crate) fn check(path: &Path, file: &mut File) -> Result<(), String> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.by_ref().take(LONGEST + 1).read_to_end(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > LONGEST {
        return Err(format!("its descriptor has more than {LONGEST} bytes"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    for Extent { file, sectors, first } in String::from_utf8_lossy(&text).lines().filter_map(flat) {
        let extent = folder.join(file);
        if let Some(what) = unusable(&extent) {
            return Err(format!("its extent {file:?} is {what}, where a file is required"));
        }
        // A missing file is reported when it is opened; a block device has no length here.
        let Ok(metadata) = std::fs::metadata(&extent) else { continue };
        let end = first.checked_add(sectors).and_then(|end| end.checked_mul(SECTOR));
        if metadata.is_file() && end.is_none_or(|end| end > metadata.len()) {
            let len = metadata.len();
            return Err(format!(
                "its extent {file:?} has {len} bytes, and {sectors} sectors from sector {first} on are required"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_flat_extents_are_read() {
        let extent = |file, sectors, first| Some(Extent { file, sectors, first });
        for (line, wanted) in [
            ("RW 128 FLAT \"a b.vmdk\" 7", extent("a b.vmdk", 128, 7)),
            ("RDONLY 1 FLAT \"x\"", extent("x", 1, 0)),
            ("RW 128 ZERO", None),
            ("RW 128 SPARSE \"x\" 0", None),
            ("ddb.adapterType = \"ide\"", None),
            ("RW many FLAT \"x\" 0", None),
        ] {
            assert_eq!(flat(line), wanted, "{line}");
        }
    }
}
