//! Folders with files, and requests that complete at once.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use device_api::{BlockBackend, BlockOp, BlockResult, RequestId};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that is gone when the test is over.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("block-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the build's folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn request(medium: &mut dyn BlockBackend, op: BlockOp) -> BlockResult {
    medium.submit(RequestId(1), op);
    medium.poll().expect("completes at once").1
}

pub(crate) fn read(medium: &mut dyn BlockBackend, offset: u64, len: u32) -> BlockResult {
    request(medium, BlockOp::Read { offset, len })
}

pub(crate) fn write(medium: &mut dyn BlockBackend, offset: u64, data: &[u8]) -> BlockResult {
    request(medium, BlockOp::Write { offset, data: data.to_vec() })
}

/// Runs `qemu-img`. Returns whether it exists and succeeded.
pub(crate) fn qemu_img(folder: &Folder, arguments: &[&str]) -> bool {
    let result = Command::new("qemu-img").current_dir(folder.path("")).args(arguments).output();
    let Ok(output) = result else { return false };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}
