//! Raw images: the bytes of the file are those of the medium.

use crate::{Error, Immediate, Medium, SECTOR};
use device_api::{BlockError, BlockInfo, BlockResult};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// A file of the host.
#[derive(Debug)]
pub struct RawFile {
    name: String,
    file: File,
    bytes: u64,
    read_only: bool,
}

/// How often a lock that is held is tried again, and after how long.
const LOCK_ATTEMPTS: usize = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Returns the file, open and locked, and whether it can only be read. A file that cannot be opened for writing is
/// opened for reading, with a warning.
pub(crate) fn open_file(path: &Path, read_only: bool) -> Result<(File, bool), Error> {
    let name = path.display().to_string();
    if let Some(what) = unusable(path) {
        return Err(Error::new(&name, format!("{what}, where a file is required")));
    }
    let writable = match read_only {
        true => None,
        false => match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if may_be_readable(&error) => {
                tracing::warn!("{name}: {error}; it is opened read-only");
                None
            }
            Err(error) => return Err(Error::new(&name, error.to_string())),
        },
    };
    let read_only = writable.is_none();
    let file = match writable {
        Some(file) => file,
        None => File::open(path).map_err(|error| Error::new(&name, error.to_string()))?,
    };
    lock(&name, &file, read_only)?;
    Ok((file, read_only))
}

/// Returns what a path is that is neither a file nor a block device. A pipe has to be known before it is opened: that would
/// wait for its other end.
pub(crate) fn unusable(path: &Path) -> Option<&'static str> {
    // For a missing file, opening it reports the error.
    let kind = std::fs::metadata(path).ok()?.file_type();
    if kind.is_dir() {
        return Some("a directory");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() {
            return Some("a character device");
        }
    }
    None
}

fn may_be_readable(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Two machines, or two drives, that write to one file destroy what is in it.
fn lock(name: &str, file: &File, shared: bool) -> Result<(), Error> {
    let attempt = || if shared { file.try_lock_shared() } else { file.try_lock() };
    let mut result = attempt();
    // A program that another thread starts holds a copy of every open file for a moment, and with it the lock of a drive that
    // was closed meanwhile.
    for _ in 0..LOCK_ATTEMPTS {
        if !matches!(result, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        result = attempt();
    }
    match result {
        Err(TryLockError::WouldBlock) => Err(Error::new(
            name,
            "another machine or drive has it open; use a copy, or open all of them read-only or with snapshot=on",
        )),
        // Not every file system has locks.
        _ => Ok(()),
    }
}

/// Returns the size of a file or a block device.
pub(crate) fn size_of(file: &mut File) -> io::Result<u64> {
    file.seek(SeekFrom::End(0))
}

impl RawFile {
    /// Opens a file. Its size counts up to a whole sector, with zeros behind the last byte.
    ///
    /// # Errors
    /// It does not exist, cannot be read, is empty, or is in use.
    pub fn open(path: &Path, read_only: bool) -> Result<Immediate<Self>, Error> {
        let (file, read_only) = open_file(path, read_only)?;
        Self::from_file(&path.display().to_string(), file, read_only)
    }

    pub(crate) fn from_file(name: &str, mut file: File, read_only: bool) -> Result<Immediate<Self>, Error> {
        let size = size_of(&mut file).map_err(|error| Error::new(name, error.to_string()))?;
        if size == 0 {
            return Err(Error::new(name, "the file is empty"));
        }
        let bytes = size.next_multiple_of(SECTOR);
        Ok(Immediate::new(Self { name: name.to_owned(), file, bytes, read_only }))
    }

    fn error(&self, error: &io::Error) -> BlockError {
        let text = format!("{}: {error}", self.name);
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlockError::NoSpace(text),
            _ => BlockError::Io(text),
        }
    }
}

/// Fills `out` from the file; returns how many bytes it has there.
fn read_at(file: &mut File, offset: u64, out: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut done = 0;
    while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(len) => done += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

impl Medium for RawFile {
    fn info(&self) -> BlockInfo {
        BlockInfo { bytes: self.bytes, read_only: self.read_only }
    }

    fn read(&mut self, offset: u64, len: u32) -> BlockResult {
        let mut out = vec![0; len as usize];
        let done = read_at(&mut self.file, offset, &mut out).map_err(|error| self.error(&error))?;
        // Less than the sector that the size was rounded up to is missing in a file that is as long as it was.
        let missing = offset.saturating_add(len.into()).min(self.bytes).saturating_sub(offset + done as u64);
        if missing >= SECTOR {
            let text = format!("{}: {missing} bytes are missing; something has cut the file off", self.name);
            return Err(BlockError::Io(text));
        }
        Ok(out)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), BlockError> {
        let result = self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.write_all(data));
        result.map_err(|error| self.error(&error))
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.read_only {
            return Ok(());
        }
        self.file.sync_data().map_err(|error| self.error(&error))
    }
}
