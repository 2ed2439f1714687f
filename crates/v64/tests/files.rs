//! What a file is, is said with its name, before it is read.

mod common;

use common::{HALT, file, multiboot, run};
use std::fs::File;

/// Runs a line whose kernel or initrd is refused. Returns the one line that says why.
fn refused(words: &[&str]) -> String {
    let done = run(&[&["run", "-m", "64M"], words].concat());
    assert_eq!(done.code, Some(2), "{done:?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    done.stderr
}

fn at(offset: usize, magic: &[u8]) -> Vec<u8> {
    let mut content = vec![0; offset];
    content.extend(magic);
    content.resize(content.len().max(4096), 0);
    content
}

#[test]
fn files_that_are_no_kernels_are_named() {
    let mut elf = at(0, b"\x7fELF\x02\x01\x01");
    (elf[16], elf[18]) = (2, 62);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("cd.iso", at(0x8001, b"CD001"), "an ISO 9660 image (CD or DVD), not a kernel; give it as -cdrom"),
        ("disk.qcow2", at(0, b"QFI\xfb"), "a qcow2 disk image, not a kernel; give it as -hda"),
        ("floppy.img", vec![0; 1_474_560], "a floppy disk image, not a kernel; give it as -fda"),
        ("boot.img", at(510, b"\x55\xaa"), "a boot sector or a disk image, not a kernel"),
        (
            "vmlinux.gz",
            at(0, b"\x1f\x8b"),
            "a gzip-compressed file, not a kernel; give an initramfs as --initrd",
        ),
        ("vmlinux.xz", at(0, b"\xfd7zXZ\0"), "an xz-compressed file"),
        ("vmlinux.zst", at(0, b"\x28\xb5\x2f\xfd"), "a zstd-compressed file"),
        (
            "initramfs.cpio",
            at(0, b"070701"),
            "an initramfs (cpio archive), not a kernel; give it as --initrd",
        ),
        ("program", elf, "an ELF program without a multiboot header, not a kernel"),
        ("script.sh", b"#!/bin/sh\n".to_vec(), "a script, not a kernel"),
        ("empty", Vec::new(), "an empty file, not a kernel"),
        ("notes.txt", b"hello\n".to_vec(), "a text file, not a kernel"),
        ("noise.bin", vec![0x90; 4096], "the kernel is neither a Linux bzImage nor a multiboot image"),
    ];
    for (name, content, expected) in cases {
        let path = file(name, content);
        let line = refused(&["--kernel", &path]);
        assert!(line.starts_with(&format!("v64: {path}: {expected}")), "{line}");
    }
}

#[test]
fn only_regular_files_are_read() {
    let kernel = file("regular.elf", &multiboot(HALT));
    for (path, what) in [("/dev/zero", "a character device"), ("/", "a directory")] {
        let line = refused(&["--kernel", path]);
        assert_eq!(line, format!("v64: {path} is {what}; give the kernel as a regular file\n"));
        let line = refused(&["--kernel", &kernel, "--initrd", path]);
        assert_eq!(line, format!("v64: {path} is {what}; give the initrd as a regular file\n"));
    }
    let line = refused(&["--kernel", "/nowhere/at/all"]);
    assert!(line.starts_with("v64: cannot read the kernel /nowhere/at/all: "), "{line}");
}

/// Files of a terabyte that take no room on the disk: reading them would never end.
#[test]
fn files_that_are_too_large_are_refused_before_they_are_read() {
    let kernel = file("large.elf", &multiboot(HALT));
    let initrd = file("large.cpio", b"070701");
    let flat = file("large-kernel.elf", &multiboot(HALT));
    for path in [&initrd, &flat] {
        File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    }
    let line = refused(&["--kernel", &kernel, "--initrd", &initrd]);
    let expected =
        "the initrd of 1 TiB does not fit: 62.9 MiB of memory are free behind the kernel; give a larger -m";
    assert_eq!(line, format!("v64: {initrd}: {expected}\n"));
    let line = refused(&["--kernel", &flat]);
    assert_eq!(
        line,
        format!("v64: {flat}: the kernel of 1 TiB does not fit into 64 MiB of memory; give a larger -m\n")
    );
}

#[test]
fn warnings_of_media_reach_the_user_in_one_line_each() {
    let data = file("warns.img", &[0; 4096]);
    let name = std::path::Path::new(&data).file_name().unwrap().to_str().unwrap();
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=00000001\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"{name}\" 0\n"
    );
    let disk = file("warns.vmdk", descriptor.as_bytes());
    let kernel = file("warns.elf", &multiboot(HALT));
    let done = run(&["run", "-kernel", &kernel, "-hda", &disk, "-m", "16M"]);
    let warning = format!("v64: {disk}: VMDK images are only read; it is opened read-only\n");
    assert!(done.stderr.contains(&warning), "{done:?}");
}
