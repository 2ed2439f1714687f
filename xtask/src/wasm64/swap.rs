//! A folder takes another's place at once.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Makes `folder` one without anything in it.
pub(super) fn empty(folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Puts `new` where `old` is, and removes `old`. Files that are open can still be read.
pub(super) fn into_place(new: &Path, old: &Path) -> Result<()> {
    if old.exists() && exchange(new, old) {
        return remove(new);
    }
    // Elsewhere than on Linux there is a moment without either.
    remove(old)?;
    fs::rename(new, old).with_context(|| format!("cannot make {}", old.display()))
}

/// Returns whether two folders changed places in one step.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_reader_meets_whole_files_all_the_time() {
        let top = std::env::temp_dir().join(format!("v64-swap-{}", std::process::id()));
        let (new, old) = (top.join("new"), top.join("pkg"));
        let build = |n: u8| {
            empty(&new).unwrap();
            fs::write(new.join("v64.wasm"), vec![n; 100_000]).unwrap();
            into_place(&new, &old).unwrap();
        };
        build(0);
        let over = AtomicBool::new(false);
        let read = || {
            let mut seen = 0;
            while !over.load(Ordering::Relaxed) {
                let bytes = fs::read(old.join("v64.wasm")).unwrap();
                assert!(bytes.len() == 100_000 && bytes.iter().all(|&byte| byte == bytes[0]));
                seen += 1;
            }
            seen
        };
        std::thread::scope(|scope| {
            let reader = scope.spawn(read);
            (1..=100).for_each(build);
            over.store(true, Ordering::Relaxed);
            assert!(reader.join().unwrap() > 0);
        });
        assert_eq!(fs::read(old.join("v64.wasm")).unwrap()[0], 100);
        assert!(!new.exists());
        fs::remove_dir_all(top).unwrap();
    }
}
