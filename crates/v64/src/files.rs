//! The guest's files: regular ones, refused by their size and by what they are before they are read.

use anyhow::{Context, Error, Result, bail, ensure};
use guest_memory::RamLayout;
use machine::boot::{self, BootError, Bytes, HEAD_BYTES};
use session::spec::ImageSource;
use session::{Guest, MachineSpec, RunArgs};
use std::collections::BTreeMap;
use std::fs::{File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Bytes that a kernel's file may have beyond the memory: an ELF file holds more than what is loaded, such as symbols.
const UNLOADED: u64 = 1 << 30;
/// Bytes of the largest file for fw_cfg.
const LARGEST_FIRMWARE_FILE: u64 = 16 << 20;

/// Returns the guest that the options name.
pub(crate) fn guest(args: &RunArgs, spec: &MachineSpec) -> Result<Guest> {
    args.check()?;
    let mut guest = boot_files(args, spec)?;
    let mut images = BTreeMap::new();
    for image in spec.images.iter().filter(|image| image.is_firmware_file()) {
        if let ImageSource::Path(path) = &image.source {
            images.insert(image.id.clone(), firmware_file(path)?);
        }
    }
    guest.take_firmware_files(spec, &mut images);
    Ok(guest)
}

/// Reads a file for fw_cfg.
fn firmware_file(path: &Path) -> Result<Vec<u8>> {
    let (mut file, bytes) = open(path, "file")?;
    let name = || path.display().to_string();
    ensure!(bytes <= LARGEST_FIRMWARE_FILE, "{}: files of fw_cfg have at most 16 MiB", name());
    let mut content = Vec::new();
    read(&mut file, &mut content, bytes).with_context(name)?;
    Ok(content)
}

/// Returns the guest of kernel and initrd.
fn boot_files(args: &RunArgs, spec: &MachineSpec) -> Result<Guest> {
    let Some(path) = &args.kernel else { return Ok(Guest::new(args, spec, None, None)) };
    let layout = RamLayout::new(args.memory);
    let kernel = kernel(path, layout)?;
    let initrd = match &args.initrd {
        // Under firmware it is not known yet what memory there is.
        Some(initrd_path) => {
            let loaded_here = (!spec.has_firmware()).then_some((path.as_path(), kernel.as_slice()));
            Some(initrd(initrd_path, layout, loaded_here)?)
        }
        None => None,
    };
    Ok(Guest::new(args, spec, Some(kernel), initrd))
}

fn kernel(path: &Path, layout: RamLayout) -> Result<Vec<u8>> {
    let (mut file, bytes) = open(path, "kernel")?;
    let name = || path.display().to_string();
    let mut content = Vec::new();
    read(&mut file, &mut content, HEAD_BYTES as u64).with_context(name)?;
    if boot::detect(&content).is_none() {
        return Err(boot::not_a_kernel(&content, bytes)).with_context(name);
    }
    let most = layout.low.saturating_add(if content.starts_with(b"\x7fELF") { UNLOADED } else { 0 });
    if bytes > most {
        let (bytes, memory) = (Bytes(bytes), Bytes(layout.size()));
        bail!("{}: the kernel of {bytes} does not fit into {memory} of memory; give a larger -m", name());
    }
    read(&mut file, &mut content, bytes).with_context(name)?;
    Ok(content)
}

/// Reads an initrd; `kernel`, with its path, where that is loaded without firmware.
fn initrd(path: &Path, layout: RamLayout, kernel: Option<(&Path, &[u8])>) -> Result<Vec<u8>> {
    let (mut file, bytes) = open(path, "initrd")?;
    let name = || path.display().to_string();
    if let Some((kernel_path, kernel)) = kernel {
        boot::check_initrd(layout, kernel, bytes).map_err(|error| {
            let about = if matches!(error, BootError::InitrdDoesNotFit { .. }) { path } else { kernel_path };
            Error::new(error).context(about.display().to_string())
        })?;
    }
    ensure!(bytes < layout.size(), "{}: the initrd is larger than memory; give a larger -m", name());
    let mut content = Vec::new();
    read(&mut file, &mut content, bytes).with_context(name)?;
    ensure!(!content.is_empty(), "{} is an empty file, not an initrd; copy or build it again", name());
    let is_linux = |file: &[u8]| boot::detect(file) == Some(boot::Kind::Linux);
    if kernel.is_some_and(|(_, kernel)| is_linux(kernel)) && is_linux(&content) {
        bail!("{} is a Linux kernel, not an initrd; give an initramfs", name());
    }
    Ok(content)
}

/// Opens a regular file. Returns it with its size.
fn open(path: &Path, what: &str) -> Result<(File, u64)> {
    let cannot = || format!("cannot read the {what} {}", path.display());
    // By its name first: opening a FIFO would wait for its other end.
    let kind = std::fs::metadata(path).with_context(cannot)?.file_type();
    regular(path, what, kind)?;
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    regular(path, what, metadata.file_type())?;
    Ok((file, metadata.len()))
}

fn regular(path: &Path, what: &str, kind: FileType) -> Result<()> {
    let name = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "a directory",
        _ if kind.is_char_device() => "a character device",
        _ if kind.is_block_device() => "a block device",
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "not a regular file",
    };
    bail!("{} is {name}; give the {what} as a regular file", path.display())
}

/// Reads on until `content` has `most` bytes, or to the file's end.
fn read(file: &mut File, content: &mut Vec<u8>, most: u64) -> Result<()> {
    let more = most.saturating_sub(content.len() as u64);
    content.try_reserve(usize::try_from(more)?)?;
    file.take(more).read_to_end(content)?;
    Ok(())
}
