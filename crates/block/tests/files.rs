//! Files of the host as media.

mod common;

use block::{Format, Options, RawFile, open};
use common::{Folder, read, write};
use device_api::{BlockBackend, BlockError, BlockInfo, BlockOp, RequestId};
use std::fs;

const WRITABLE: Options = Options { format: None, read_only: false, snapshot: false };

#[test]
fn a_raw_file_is_read_and_written() {
    let folder = Folder::new("raw");
    let path = folder.file("disk.img", &[7; 1000]);
    let mut disk = open(&path, WRITABLE).unwrap();
    assert_eq!(disk.info(), BlockInfo { bytes: 1024, read_only: false });
    assert_eq!(read(&mut *disk, 998, 4), Ok(vec![7, 7, 0, 0]));
    write(&mut *disk, 512, &[9; 512]).unwrap();
    disk.submit(RequestId(9), BlockOp::Flush);
    assert_eq!(disk.poll(), Some((RequestId(9), Ok(vec![]))));
    drop(disk);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() == 1024 && bytes[511] == 7 && bytes[512..].iter().all(|&byte| byte == 9));
}

#[test]
fn a_snapshot_leaves_the_file_as_it_is() {
    let folder = Folder::new("snapshot");
    let path = folder.file("disk.img", &[7; 1024]);
    let options = Options { snapshot: true, ..WRITABLE };
    let (mut one, mut two) = (open(&path, options).unwrap(), open(&path, options).unwrap());
    write(&mut *one, 0, &[1; 512]).unwrap();
    assert_eq!((read(&mut *one, 511, 2), read(&mut *two, 511, 2)), (Ok(vec![1, 7]), Ok(vec![7, 7])));
    assert_eq!(fs::read(&path).unwrap(), [7; 1024]);
}

#[test]
fn a_read_only_medium_takes_no_writes() {
    let folder = Folder::new("read-only");
    let path = folder.file("disk.img", &[7; 1024]);
    let mut disk = open(&path, Options { read_only: true, ..WRITABLE }).unwrap();
    assert!(disk.info().read_only);
    assert_eq!(write(&mut *disk, 0, &[1]), Err(BlockError::ReadOnly));
    assert_eq!(write(&mut *open_snapshot_read_only(&path), 0, &[1]), Err(BlockError::ReadOnly));
}

fn open_snapshot_read_only(path: &std::path::Path) -> Box<dyn BlockBackend> {
    open(path, Options { read_only: true, snapshot: true, format: None }).unwrap()
}

#[test]
fn a_file_that_was_cut_off_gives_errors() {
    let folder = Folder::new("cut");
    let path = folder.file("disk.img", &[7; 4096]);
    let mut disk = RawFile::open(&path, false).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1024).unwrap();
    assert_eq!(read(&mut disk, 0, 1024), Ok(vec![7; 1024]));
    let Err(BlockError::Io(text)) = read(&mut disk, 512, 2048) else { panic!("read behind the end") };
    assert!(text.contains("disk.img: 1536 bytes are missing"), "{text}");
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let folder = Folder::new("errors");
    let disk = folder.file("disk.img", &[7; 512]);
    let held = open(&disk, WRITABLE).unwrap();
    for (path, options, words) in [
        (folder.path("none.img"), WRITABLE, "No such file"),
        (folder.path(""), WRITABLE, "a directory"),
        (folder.file("empty.img", &[]), WRITABLE, "the file is empty"),
        (folder.file("a.vhd", b"conectix"), WRITABLE, "a VHD image; convert it"),
        (disk.clone(), WRITABLE, "another machine or drive has it open"),
        (
            folder.file("b.img", &[1; 512]),
            Options { format: Some(Format::Qcow2), ..WRITABLE },
            "not a qcow2 image; it looks like raw",
        ),
    ] {
        let error = open(&path, options).unwrap_err().to_string();
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
    drop(held);
    assert!(open(&disk, WRITABLE).is_ok());
    let packed = folder.file("c.img", b"\x1f\x8b\x08");
    assert!(open(&packed, WRITABLE).is_err());
    assert!(open(&packed, Options { format: Some(Format::Raw), ..WRITABLE }).is_ok());
}

/// A pipe would be waited for when it is opened.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_before_it_is_opened() {
    let folder = Folder::new("kinds");
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no mkfifo");
        return;
    }
    let table = [(pipe, "a pipe, where a file"), ("/dev/zero".into(), "a character device, where a file")];
    for (path, words) in table {
        for options in [WRITABLE, Options { read_only: true, ..WRITABLE }] {
            let error = open(&path, options).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}

#[cfg(feature = "imago")]
#[test]
fn extents_of_a_vmdk_are_files_that_are_long_enough() {
    let folder = Folder::new("extents");
    folder.file("flat", &[7; 4096]);
    fs::create_dir_all(folder.path("folder")).unwrap();
    let descriptor = |extent: &str| {
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
             createType=\"monolithicFlat\"\n{extent}\nddb.virtualHWVersion = \"4\"\n\
             ddb.adapterType = \"ide\"\n"
        );
        folder.file("disk.vmdk", text.as_bytes())
    };
    let path = descriptor("RW 8 FLAT \"flat\" 0");
    let mut disk = open(&path, WRITABLE).unwrap();
    assert_eq!(read(&mut *disk, 4095, 1), Ok(vec![7]));
    for (extent, words) in [
        ("RW 9 FLAT \"flat\" 0", "\"flat\" has 4096 bytes, and 9 sectors from sector 0 on"),
        ("RW 8 FLAT \"flat\" 36028797018963960", "from sector 36028797018963960 on are required"),
        ("RW 8 FLAT \"folder\" 0", "is a directory, where a file is required"),
        ("RW 8 FLAT \"none\" 0", "none"),
    ] {
        let error = open(&descriptor(extent), WRITABLE).unwrap_err().to_string();
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
}
