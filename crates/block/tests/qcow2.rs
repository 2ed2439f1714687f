//! qcow2 images: made by hand, damaged, and made by `qemu-img` where it is installed.
#![cfg(feature = "imago")]

mod common;

use block::{Format, Options, format_of, open};
use common::{Folder, qemu_img, read, request, write};
use device_api::BlockOp;
use std::fs;
use std::path::Path;

const WRITABLE: Options = Options { format: None, read_only: false, snapshot: false };
const CLUSTER: usize = 512;
/// Bytes of the disk: two L2 tables of 64 entries
const BYTES: u64 = 64 << 10;

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// An image of 64 KiB in clusters of 512 bytes: header, L1 table, refcount table, refcount block, L2 table, and one
/// cluster of data, the second of the disk.
fn image() -> Vec<u8> {
    let mut image = vec![0; 6 * CLUSTER];
    put(&mut image, 0, b"QFI\xfb");
    for (at, value) in [(4, 3_u32), (20, 9), (36, 2), (56, 1), (96, 4), (100, 104)] {
        put(&mut image, at, &value.to_be_bytes());
    }
    for (at, cluster) in [(40, 1), (48, 2)] {
        put(&mut image, at, &(cluster * CLUSTER as u64).to_be_bytes());
    }
    put(&mut image, 24, &BYTES.to_be_bytes());
    put(&mut image, CLUSTER, &((1 << 63) | (4 * CLUSTER as u64)).to_be_bytes());
    put(&mut image, 2 * CLUSTER, &(3 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..6 {
        put(&mut image, 3 * CLUSTER + 2 * cluster, &1_u16.to_be_bytes());
    }
    put(&mut image, 4 * CLUSTER + 8, &((1 << 63) | (5 * CLUSTER as u64)).to_be_bytes());
    image[5 * CLUSTER..].fill(0x5a);
    image
}

fn error_of(path: &Path) -> String {
    let error = open(path, WRITABLE).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn an_image_is_read_and_written_and_grows() {
    let folder = Folder::new("by-hand");
    let path = folder.file("a.qcow2", &image());
    assert_eq!(format_of(&path), Some(Format::Qcow2));
    assert_eq!(format_of(&folder.file("a.raw", &[1])), Some(Format::Raw));
    assert_eq!(format_of(Path::new("/no/such")), None);
    let mut disk = open(&path, WRITABLE).unwrap();
    assert_eq!((disk.info().bytes, disk.info().read_only), (BYTES, false));
    let bytes = read(&mut *disk, 0, 2048).unwrap();
    assert!(bytes.iter().enumerate().all(|(n, &byte)| byte == if n / CLUSTER == 1 { 0x5a } else { 0 }));
    write(&mut *disk, 100, &[1; 1000]).unwrap();
    write(&mut *disk, BYTES - 512, &[2; 512]).unwrap();
    assert!(write(&mut *disk, BYTES, &[0; 512]).is_err());
    request(&mut *disk, BlockOp::Flush).unwrap();
    drop(disk);
    let mut disk = open(&path, Options { read_only: true, ..WRITABLE }).unwrap();
    assert_eq!(read(&mut *disk, 99, 2), Ok(vec![0, 1]));
    assert_eq!(read(&mut *disk, 1099, 2), Ok(vec![1, 0]));
    assert_eq!(read(&mut *disk, BYTES - 1, 2), Ok(vec![2, 0]));
    if qemu_img(&folder, &["check", "a.qcow2"]) {
        assert!(qemu_img(&folder, &["convert", "-O", "raw", "a.qcow2", "a.raw"]));
        assert_eq!(fs::read(folder.path("a.raw")).unwrap(), read(&mut *disk, 0, BYTES as u32).unwrap());
    }
}

#[test]
fn a_damaged_header_is_one_line() {
    let folder = Folder::new("header");
    let table: [(usize, &[u8], &str); 12] = [
        (4, &[0, 0, 0, 1], "version 1"),
        (20, &[0, 0, 0, 40], "clusters of 2^40 bytes"),
        (20, &[0, 0, 0, 22], "clusters of 2^22 bytes"),
        (32, &[0, 0, 0, 1], "encrypted"),
        (36, &[0xff; 4], "the L1 table has 34359738360 bytes"),
        (36, &[0, 0, 0, 1], "its tables cover 32768 of 65536 bytes"),
        (40, &[0, 0, 0, 1], "a truncated qcow2 image: the L1 table"),
        (47, &[1], "where no cluster begins"),
        (52, &[0x7f], "a truncated qcow2 image: the refcount table"),
        (56, &[0xff; 4], "the refcount table has"),
        (72, &[0x80], "unknown features"),
        (96, &[0, 0, 0, 9], "reference counts of 2^9 bits"),
    ];
    for (at, bytes, words) in table {
        let mut image = image();
        put(&mut image, at, bytes);
        let error = error_of(&folder.file("a.qcow2", &image));
        assert!(error.contains(words), "{error}");
    }
    let error = error_of(&folder.file("a.qcow2", &image()[..3 * CLUSTER - 1]));
    assert!(error.contains("truncated"), "{error}");
    for (mark, words) in
        [(1, "it was not closed, and its reference counts may be wrong"), (2, "it is marked as corrupt")]
    {
        let mut marked = image();
        marked[79] = mark;
        let path = folder.file("a.qcow2", &marked);
        for options in
            [WRITABLE, Options { snapshot: true, ..WRITABLE }, Options { read_only: true, ..WRITABLE }]
        {
            let error = open(&path, options).unwrap_err().to_string();
            assert!(error.ends_with(&format!("{words}; repair it by qemu-img check -r all")), "{error}");
        }
    }
}

fn with_backing(name: &str) -> Vec<u8> {
    let mut image = image();
    put(&mut image, 8, &300_u64.to_be_bytes());
    put(&mut image, 16, &(name.len() as u32).to_be_bytes());
    put(&mut image, 300, name.as_bytes());
    // The table of features ends where the name begins.
    image
}

#[test]
fn backing_files_are_read_and_their_faults_named() {
    let folder = Folder::new("backing");
    let path = folder.file("top.qcow2", &with_backing("base.img"));
    let error = error_of(&path);
    assert!(error.contains("its backing file") && error.contains("base.img does not exist"), "{error}");

    let base = folder.file("base.img", &[3; 1024]);
    let mut disk = open(&path, WRITABLE).unwrap();
    assert_eq!(read(&mut *disk, 511, 2), Ok(vec![3, 0x5a]));
    assert_eq!(read(&mut *disk, 1024, 2), Ok(vec![0, 0]), "the backing file is shorter");
    write(&mut *disk, 0, &[4]).unwrap();
    drop(disk);
    assert_eq!(fs::read(base).unwrap(), [3; 1024]);

    folder.file("base.img", &with_backing("top.qcow2"));
    assert!(error_of(&path).contains("a loop"), "{}", error_of(&path));
    folder.file("top.qcow2", &with_backing("top.qcow2"));
    assert!(error_of(&path).contains("a loop"), "{}", error_of(&path));
}

/// Opens, reads all of it, writes here and there. Errors are as good as success; panics are not.
fn use_it(path: &Path) {
    let Ok(mut disk) = open(path, WRITABLE) else { return };
    let bytes = disk.info().bytes;
    for offset in [0, 512, 32 << 10, bytes / 2, bytes.saturating_sub(512)] {
        let _ = read(&mut *disk, offset, 4096);
    }
    for offset in [0, 512, 32 << 10, bytes.saturating_sub(512)] {
        let _ = write(&mut *disk, offset, &[1; 512]);
    }
    let _ = request(&mut *disk, BlockOp::Flush);
}

#[test]
fn no_damage_panics_or_takes_all_memory() {
    let folder = Folder::new("mutations");
    let whole = image();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..600_usize {
        let mut image = whole.clone();
        // The header byte by byte, then places anywhere in header and tables.
        for place in 0..=round % 3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = match place {
                0 if round < 104 => round,
                _ if round % 2 == 0 => (random >> 32) as usize % 104,
                _ => (random >> 32) as usize % (5 * CLUSTER),
            };
            image[at] = match random & 3 {
                0 => 0xff,
                1 => image[at] ^ 1 << (random >> 8 & 7),
                2 => 0,
                _ => (random >> 16) as u8,
            };
        }
        use_it(&folder.file("a.qcow2", &image));
    }
}

#[test]
fn images_of_qemu_img_say_what_it_says() {
    let folder = Folder::new("qemu-img");
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).take(1 << 20).collect();
    folder.file("a.raw", &bytes);
    let table: [&[&str]; 5] = [
        &["-O", "qcow2"],
        &["-O", "qcow2", "-c"],
        &["-O", "qcow2", "-o", "compat=0.10"],
        &["-O", "qcow2", "-o", "cluster_size=512"],
        &["-O", "vmdk", "-o", "subformat=monolithicFlat"],
    ];
    for (n, arguments) in table.iter().enumerate() {
        let name = format!("{n}.img");
        let arguments = [&["convert", "-f", "raw"], *arguments, &["a.raw", &name]].concat();
        if !qemu_img(&folder, &arguments) {
            eprintln!("skipped: there is no qemu-img");
            return;
        }
        let writable = n != 4;
        let mut disk = open(&folder.path(&name), Options { read_only: !writable, ..WRITABLE }).unwrap();
        assert_eq!(disk.info().bytes, 1 << 20);
        assert_eq!(read(&mut *disk, 0, 1 << 20).unwrap(), bytes, "{arguments:?}");
        if writable {
            write(&mut *disk, 70_000, &[0xee; 70_000]).unwrap();
            request(&mut *disk, BlockOp::Flush).unwrap();
            drop(disk);
            assert!(qemu_img(&folder, &["check", &name]));
            assert!(qemu_img(&folder, &["convert", "-O", "raw", &name, "b.raw"]));
            let written = fs::read(folder.path("b.raw")).unwrap();
            assert!(written[70_000..140_000].iter().all(|&byte| byte == 0xee));
            assert!(written[..70_000] == bytes[..70_000] && written[140_000..] == bytes[140_000..]);
        }
    }
    let arguments = ["convert", "-O", "vmdk", "a.raw", "sparse.vmdk"];
    assert!(qemu_img(&folder, &arguments));
    let error = error_of(&folder.path("sparse.vmdk"));
    assert!(error.contains("convert it by qemu-img convert -O qcow2"), "{error}");
}
