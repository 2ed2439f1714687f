//! From a path to a back end.

use crate::raw::{open_file, size_of, unusable};
use crate::{Error, Format, Overlay, PROBE_BYTES, Probe, RawFile, probe};
use device_api::BlockBackend;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Its format; found out where it is not given
    pub format: Option<Format>,
    /// The guest cannot write to it
    pub read_only: bool,
    /// What the guest writes stays in memory
    pub snapshot: bool,
}

/// Opens a file as a medium.
///
/// # Errors
/// It does not exist, cannot be read, is in use, or is damaged: one line with the cause, and what to do.
pub fn open(path: &Path, options: Options) -> Result<Box<dyn BlockBackend>, Error> {
    let name = path.display().to_string();
    let read_only = options.read_only || options.snapshot;
    let (mut file, read_only) = open_file(path, read_only)?;
    let (first, size) = first_bytes(&name, &mut file)?;
    let format = match options.format {
        // The bytes are the medium, whatever their format.
        Some(Format::Raw) => Format::Raw,
        wanted => {
            let found = probe(&name, &first, size)?.format;
            match wanted {
                Some(wanted) if wanted != found => {
                    return Err(Error::new(&name, format!("not a {wanted} image; it looks like {found}")));
                }
                _ => found,
            }
        }
    };
    let medium: Box<dyn BlockBackend> = match format {
        Format::Raw => Box::new(RawFile::from_file(&name, file, read_only)?),
        Format::Qcow2 | Format::Vmdk => image(path, format, file, read_only)?,
        Format::Vhd => {
            return Err(Error::new(&name, "a VHD image; convert it by qemu-img convert -O qcow2"));
        }
    };
    // A medium that is to be read-only stays so under an overlay too: the guest is to see that.
    Ok(if options.snapshot && !options.read_only { Box::new(Overlay::new(medium)) } else { medium })
}

/// Returns the format that a file has by its first bytes; `None` where it cannot be read, or has another one.
pub fn format_of(path: &Path) -> Option<Format> {
    Some(probe_file(path)?.format)
}

fn probe_file(path: &Path) -> Option<Probe> {
    if unusable(path).is_some() {
        return None;
    }
    let name = path.display().to_string();
    let (first, size) = first_bytes(&name, &mut File::open(path).ok()?).ok()?;
    probe(&name, &first, size).ok()
}

/// Whether a file is an image of a CD or DVD. One that cannot be read is none.
pub fn is_cd(path: &Path) -> bool {
    probe_file(path).is_some_and(|probe| probe.is_iso)
}

/// Returns the bytes of the disk that a file has; `None` where it cannot be read, or does not say so at its beginning.
pub fn bytes_of(path: &Path) -> Option<u64> {
    probe_file(path)?.bytes
}

/// Returns the first [`PROBE_BYTES`] of a file, or all of it, and its size.
pub(crate) fn first_bytes(name: &str, file: &mut File) -> Result<(Vec<u8>, u64), Error> {
    let tell = |error: std::io::Error| Error::new(name, error.to_string());
    let size = size_of(file).map_err(tell)?;
    let mut first = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(tell)?;
    file.by_ref().take(PROBE_BYTES as u64).read_to_end(&mut first).map_err(tell)?;
    Ok((first, size))
}

#[cfg(feature = "imago")]
fn image(path: &Path, format: Format, file: File, read_only: bool) -> Result<Box<dyn BlockBackend>, Error> {
    crate::image::open(path, format, file, read_only)
}

#[cfg(not(feature = "imago"))]
fn image(path: &Path, format: Format, _: File, _: bool) -> Result<Box<dyn BlockBackend>, Error> {
    let reason = format!(
        "a {format} image, which this program was built without; convert it by qemu-img convert -O raw"
    );
    Err(Error::new(&path.display().to_string(), reason))
}
