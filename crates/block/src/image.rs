//! Disk images that are more than their bytes: qcow2 and flat VMDK, by the crate `imago`.

use crate::open::first_bytes;
use crate::raw::open_file;
use crate::{Error, Format, Immediate, Medium, check, header, probe, vmdk};
use device_api::{BlockBackend, BlockError, BlockInfo, BlockResult};
use imago::file::File as ImageFile;
use imago::qcow2::Qcow2;
use imago::raw::Raw;
use imago::vmdk::Vmdk;
use imago::{DenyImplicitOpenGate, FormatAccess, FormatDriverBuilder, PermissiveImplicitOpenGate};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How many images may stand on one another.
const DEEPEST: usize = 64;

/// A disk image of the host.
#[derive(Debug)]
pub struct Image {
    name: String,
    access: FormatAccess<ImageFile>,
    read_only: bool,
}

/// Opens an image in an open file.
pub(crate) fn open(
    path: &Path,
    format: Format,
    file: File,
    read_only: bool,
) -> Result<Box<dyn BlockBackend>, Error> {
    let name = path.display().to_string();
    let mut read_only = read_only;
    let access = match format {
        Format::Vmdk => {
            if !read_only {
                tracing::warn!("{name}: VMDK images are only read; it is opened read-only");
                read_only = true;
            }
            flat_vmdk(&name, path, file)?
        }
        _ => {
            let mut chain = vec![canonical(path)];
            qcow2(path, file, read_only, &mut chain)?
        }
    };
    if access.size() == 0 {
        return Err(Error::new(&name, "the image is of a disk of 0 bytes"));
    }
    Ok(Box::new(Immediate::new(Image { name, access, read_only })))
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn failed<'a>(name: &'a str, what: &'a str) -> impl Fn(io::Error) -> Error + 'a {
    move |error| Error::new(name, format!("{what}: {}", one_line(&error)))
}

/// The text of an error without line ends.
fn one_line(error: &io::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn storage(name: &str, file: File) -> Result<ImageFile, Error> {
    ImageFile::try_from(file).map_err(failed(name, "the file cannot be used"))
}

/// Opens a VMDK image with the extents that its descriptor lists.
fn flat_vmdk(name: &str, path: &Path, mut file: File) -> Result<FormatAccess<ImageFile>, Error> {
    let cannot = |what: &str| {
        let advice = "convert it by qemu-img convert -O qcow2";
        Error::new(name, format!("this VMDK image cannot be read: {what}; {advice}"))
    };
    vmdk::check(path, &mut file).map_err(|what| cannot(&what))?;
    let builder = Vmdk::<ImageFile>::builder_path(path);
    let image =
        builder.open(PermissiveImplicitOpenGate::default()).map_err(|error| cannot(&one_line(&error)))?;
    Ok(FormatAccess::new(image))
}

/// Opens a qcow2 image and what it stands on. `chain` are the files that were opened on the way to it.
fn qcow2(
    path: &Path,
    mut file: File,
    read_only: bool,
    chain: &mut Vec<PathBuf>,
) -> Result<FormatAccess<ImageFile>, Error> {
    let name = path.display().to_string();
    let (first, size) = first_bytes(&name, &mut file)?;
    let header = header::qcow2(&first, size).map_err(|reason| Error::new(&name, reason))?;
    check::marks(&header).map_err(|what| {
        Error::new(
            &name,
            format!("the qcow2 image cannot be opened: {what}; repair it by qemu-img check -r all"),
        )
    })?;
    if !read_only {
        check::writable(&mut file, size, &header).map_err(|what| {
            let advice = "repair it by qemu-img check -r all, or open it read-only";
            Error::new(&name, format!("the qcow2 image cannot be written: {what}; {advice}"))
        })?;
    }
    let backing = match header.backing {
        Some((at, len)) => {
            let mut text = vec![0; len as usize];
            file.seek(SeekFrom::Start(at))
                .and_then(|_| file.read_exact(&mut text))
                .map_err(failed(&name, "the backing file's name cannot be read"))?;
            Some(backing_file(path, &name, &text, chain)?)
        }
        None => None,
    };
    let builder =
        Qcow2::<ImageFile>::builder(storage(&name, file)?).backing(backing).data_file(None).write(!read_only);
    let image =
        builder.open(DenyImplicitOpenGate::default()).map_err(failed(&name, "the qcow2 image is damaged"))?;
    Ok(FormatAccess::new(image))
}

fn backing_file(
    path: &Path,
    name: &str,
    text: &[u8],
    chain: &mut Vec<PathBuf>,
) -> Result<FormatAccess<ImageFile>, Error> {
    let text = String::from_utf8_lossy(text).into_owned();
    if text.starts_with("json:") {
        return Err(Error::new(name, "the backing file is given as json:, where a file name is required"));
    }
    let relative = text.strip_prefix("file:").unwrap_or(&text);
    let backing = path.parent().unwrap_or(Path::new("")).join(relative);
    if !backing.exists() {
        return Err(Error::new(
            name,
            format!(
                "its backing file {} does not exist; qemu-img rebase -u names another",
                backing.display()
            ),
        ));
    }
    let known = canonical(&backing);
    if chain.contains(&known) || chain.len() >= DEEPEST {
        return Err(Error::new(name, format!("its backing file {text} stands on the image itself: a loop")));
    }
    chain.push(known);
    let backing_name = backing.display().to_string();
    let (mut file, _) = open_file(&backing, true)?;
    let (first, size) = first_bytes(&backing_name, &mut file)?;
    match probe(&backing_name, &first, size)?.format {
        Format::Qcow2 => qcow2(&backing, file, true, chain),
        Format::Vmdk => flat_vmdk(&backing_name, &backing, file),
        Format::Raw => {
            let image = Raw::<ImageFile>::builder(storage(&backing_name, file)?)
                .open(DenyImplicitOpenGate::default())
                .map_err(failed(&backing_name, "the backing file cannot be used"))?;
            Ok(FormatAccess::new(image))
        }
        Format::Vhd => Err(Error::new(
            &backing_name,
            "a backing file in the VHD format; convert it by qemu-img convert -O qcow2",
        )),
    }
}

impl Image {
    fn error(&self, error: &io::Error) -> BlockError {
        let text = format!("{}: {}", self.name, one_line(error));
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlockError::NoSpace(text),
            _ => BlockError::Io(text),
        }
    }
}

impl Medium for Image {
    fn info(&self) -> BlockInfo {
        BlockInfo { bytes: self.access.size(), read_only: self.read_only }
    }

    fn read(&mut self, offset: u64, len: u32) -> BlockResult {
        let mut out = vec![0; len as usize];
        self.access.read(&mut out, offset).map_err(|error| self.error(&error))?;
        Ok(out)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), BlockError> {
        self.access.write(data, offset).map_err(|error| self.error(&error))
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.read_only {
            return Ok(());
        }
        self.access.flush().and_then(|()| self.access.sync()).map_err(|error| self.error(&error))
    }
}
