//! The initramfs: busybox, its applets as links, `/init`. The same input gives the same bytes.

use anyhow::{Context, Result};
use cpio::newc::{Builder, ModeFileType, trailer};
use std::io::Write;

const INIT: &str = include_str!("init.sh");
const FOLDERS: [&str; 8] = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp"];

fn add(out: &mut Vec<u8>, entry: Builder, content: &[u8]) -> Result<()> {
    let len = u32::try_from(content.len()).context("a file too large for an initramfs")?;
    let mut writer = entry.write(out, len);
    writer.write_all(content)?;
    writer.finish()?;
    Ok(())
}

/// Builds the archive of a busybox, the names of its applets and more programs (their names in `/bin`, their bytes).
///
/// SPEC: linux-initramfs-buffer-format :: Initramfs buffer format -> newc without checksums; /dev/console is there so that /init has standard input and output
pub(super) fn build(busybox: &[u8], applets: &[String], programs: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut ino = 0;
    let mut entry = |name: &str, kind: ModeFileType, mode: u32| {
        ino += 1;
        Builder::new(name).ino(ino).mode(mode).set_mode_file_type(kind)
    };
    for folder in FOLDERS {
        add(&mut out, entry(folder, ModeFileType::Directory, 0o755).nlink(2), &[])?;
    }
    add(&mut out, entry("bin/busybox", ModeFileType::Regular, 0o755), busybox)?;
    for applet in applets.iter().filter(|name| *name != "busybox" && !name.contains('/')) {
        add(&mut out, entry(&format!("bin/{applet}"), ModeFileType::Symlink, 0o777), b"busybox")?;
    }
    for (name, bytes) in programs {
        add(&mut out, entry(&format!("bin/{name}"), ModeFileType::Regular, 0o755), bytes)?;
    }
    let console = entry("dev/console", ModeFileType::Char, 0o600).rdev_major(5).rdev_minor(1);
    add(&mut out, console, &[])?;
    add(&mut out, entry("init", ModeFileType::Regular, 0o755), INIT.as_bytes())?;
    trailer(&mut out).context("cannot end the archive")?;
    Ok(out)
}

/// Returns an initramfs with a program that replaces one of its own: the kernel unpacks one archive after the other.
///
/// SPEC: linux-initramfs-buffer-format :: Initramfs buffer format -> archives follow each other at multiples of 4 bytes, compressed or not
pub(super) fn with_program(initramfs: &[u8], path: &str, program: &[u8]) -> Result<Vec<u8>> {
    let mut out = initramfs.to_vec();
    out.resize(out.len().next_multiple_of(4), 0);
    let mut second = Vec::new();
    let entry = Builder::new(path).ino(1).mode(0o755).set_mode_file_type(ModeFileType::Regular);
    add(&mut second, entry, program)?;
    trailer(&mut second).context("cannot end the archive")?;
    out.extend_from_slice(&second);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;
    use std::io::Read;

    /// (name, mode, content) of every entry, read back
    fn list(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut rest = archive;
        let mut all = Vec::new();
        loop {
            let mut reader = Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                return all;
            }
            assert_eq!(reader.entry().mtime(), 0);
            let (name, mode) = (reader.entry().name().to_owned(), reader.entry().mode());
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            all.push((name, mode, content));
            rest = reader.finish().unwrap();
        }
    }

    #[test]
    fn the_archive_reads_back_and_is_the_same_every_time() {
        let applets = ["busybox", "mount", "sh"].map(str::to_owned);
        let archive = build(b"ELF and so on", &applets, &[("bench", b"more")]).unwrap();
        assert_eq!(archive, build(b"ELF and so on", &applets, &[("bench", b"more")]).unwrap());
        let entries = list(&archive);
        let find =
            |name: &str| entries.iter().find(|entry| entry.0 == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(find("bin/busybox"), &("bin/busybox".to_owned(), 0o100755, b"ELF and so on".to_vec()));
        assert_eq!(find("bin/sh"), &("bin/sh".to_owned(), 0o120777, b"busybox".to_vec()));
        assert_eq!(find("bin/bench"), &("bin/bench".to_owned(), 0o100755, b"more".to_vec()));
        assert_eq!(find("dev/console").1, 0o020600);
        assert_eq!(find("proc").1, 0o040755);
        assert_eq!(find("init").2, INIT.as_bytes());
        assert_eq!(entries.len(), FOLDERS.len() + 6);
    }

    #[test]
    fn a_second_archive_follows_the_first() {
        let both = with_program(&[7; 6], "sbin/switch_root", b"#!/bin/sh\n").unwrap();
        assert_eq!(both[..8], [7, 7, 7, 7, 7, 7, 0, 0]);
        assert_eq!(list(&both[8..]), [("sbin/switch_root".to_owned(), 0o100755, b"#!/bin/sh\n".to_vec())]);
    }

    #[test]
    fn init_says_what_the_tests_wait_for() {
        assert!(INIT.contains(&format!("echo \"{}$(uname -r) is up\"", super::super::UP)));
        let prompt = super::super::PROMPT.replace('/', "\\w");
        assert!(INIT.contains(&format!("PS1='{prompt}'")));
    }
}
