//! What a file is, by its magic numbers, for messages about files that are no kernels.

use std::fmt;

/// Bytes at a file's beginning that [`identify`] looks at: as far as the descriptors of an ISO 9660 image.
pub const HEAD_BYTES: usize = 0x8806;

/// A kind of file that no loader here takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType {
    /// What it is, with its article
    pub name: &'static str,
    /// What to do instead
    pub advice: &'static str,
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, not a kernel; {}", self.name, self.advice)
    }
}

const CD: &str = "give it as -cdrom";
const DISK: &str = "give it as -hda";
const FLOPPY: &str = "give it as -fda";
const FILE_SYSTEM: &str = "give it as -hdb, beside a kernel or a disk to boot from";
const CONVERT: &str = "convert it by qemu-img convert -O qcow2, and give it as -hda";
const UNPACK: &str = "give an initramfs as --initrd, and unpack a kernel first";
const INITRAMFS: &str = "give it as --initrd, with a Linux kernel such as vmlinuz as --kernel";
const OTHER_FILE: &str = "give a Linux bzImage such as vmlinuz, or a multiboot image";
const EXTRACT: &str = "unpack it, and give the kernel within";

/// Offset, bytes, name, advice. The first that fits counts.
type Magic = (usize, &'static [u8], &'static str, &'static str);

const MAGICS: &[Magic] = &[
    (0x8001, b"CD001", "an ISO 9660 image (CD or DVD)", CD),
    (0, b"QFI\xfb", "a qcow2 disk image", DISK),
    (0, b"KDMV", "a VMDK disk image", DISK),
    (0, b"# Disk DescriptorFile", "the descriptor of a VMDK disk image", DISK),
    (0x40, b"\x7f\x10\xda\xbe", "a VDI disk image", CONVERT),
    (0, b"vhdxfile", "a VHDX disk image", CONVERT),
    (0, b"conectix", "a VHD disk image", DISK),
    (512, b"EFI PART", "a disk image with a GPT", DISK),
    (0, b"hsqs", "a SquashFS file system", FILE_SYSTEM),
    (0, b"\x1f\x8b", "a gzip-compressed file", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz-compressed file", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a zstd-compressed file", UNPACK),
    (0, b"BZh", "a bzip2-compressed file", UNPACK),
    (0, b"\x5d\0\0", "an LZMA-compressed file", UNPACK),
    (0, b"\x04\x22\x4d\x18", "an LZ4-compressed file", UNPACK),
    (0, b"\x02\x21\x4c\x18", "an LZ4-compressed file", UNPACK),
    (0, b"\x89LZO", "an lzop-compressed file", UNPACK),
    (0, b"070701", "an initramfs (cpio archive)", INITRAMFS),
    (0, b"070702", "an initramfs (cpio archive)", INITRAMFS),
    (0, b"070707", "a cpio archive", INITRAMFS),
    (257, b"ustar", "a tar archive", EXTRACT),
    (0, b"PK\x03\x04", "a ZIP archive", EXTRACT),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", EXTRACT),
    (0, b"!<arch>\ndebian", "a Debian package", "unpack it (dpkg-deb -x), and give the vmlinuz within"),
    (0, b"\xed\xab\xee\xdb", "an RPM package", "unpack it (rpm2cpio), and give the vmlinuz within"),
    (0, b"#!", "a script", OTHER_FILE),
    (0, b"<!DOCTYPE html", "an HTML page", "a download may have failed: fetch the kernel again"),
    (0, b"<!doctype html", "an HTML page", "a download may have failed: fetch the kernel again"),
    (0, b"<html", "an HTML page", "a download may have failed: fetch the kernel again"),
    (0, b"\0asm", "a WebAssembly module", OTHER_FILE),
    (0x38, b"ARM\x64", "a Linux kernel for ARM64", "give one for x86"),
    (0, b"\x27\x05\x19\x56", "a U-Boot image", OTHER_FILE),
    (
        0,
        b"MZ",
        "an EFI or Windows program",
        "put it on a disk that UEFI firmware boots, as -bios OVMF.fd -hda FILE",
    ),
];

const ELF_ADVICE: &str = "a kernel has a multiboot 1 header in its first 8 KiB";

/// Sizes of floppy disks: 160, 180, 320, 360, 720, 1200, 1440 and 2880 KiB.
const FLOPPIES: [u64; 8] = [163_840, 184_320, 327_680, 368_640, 737_280, 1_228_800, 1_474_560, 2_949_120];

fn has(head: &[u8], at: usize, magic: &[u8]) -> bool {
    head.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// Returns what a file is; `None` when it is of no kind known here. `head` is its beginning, [`HEAD_BYTES`] or the whole
/// file, `bytes` its size.
pub fn identify(head: &[u8], bytes: u64) -> Option<FileType> {
    let is = |name, advice| Some(FileType { name, advice });
    if head.is_empty() {
        return is("an empty file", "copy or build it again");
    }
    if head.starts_with(b"\x7fELF") {
        return Some(FileType { name: elf(head), advice: elf_advice(head) });
    }
    if has_multiboot2(head) {
        return is(
            "a multiboot 2 image",
            "only multiboot 1 is loaded: build it with a multiboot 1 header too",
        );
    }
    let magic = MAGICS.iter().find(|(at, magic, ..)| has(head, *at, magic));
    if let Some(&(_, _, name, advice)) = magic {
        return is(name, advice);
    }
    if has(head, 510, b"\x55\xaa") || FLOPPIES.contains(&bytes) {
        let name = boot_sector(head, bytes);
        return is(name, if name.starts_with("a floppy") { FLOPPY } else { DISK });
    }
    if has(head, 0x438, b"\x53\xef") {
        return is("an ext2, ext3 or ext4 file system", FILE_SYSTEM);
    }
    is_text(head).then_some(FileType { name: "a text file", advice: OTHER_FILE })
}

/// Returns whether it is UTF-8 without control characters but line breaks and tabs. The last character may be cut off.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or("\0")
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// A file whose first sector ends with 55h AAh, or which has the size of a floppy disk.
fn boot_sector(head: &[u8], bytes: u64) -> &'static str {
    let fat = has(head, 54, b"FAT") || has(head, 82, b"FAT32");
    let partition = |n: usize| {
        let entry = head.get(446 + 16 * n..462 + 16 * n).unwrap_or(&[]);
        // Active or not, and of a type
        matches!(entry, [0 | 0x80, _, _, _, kind, ..] if *kind != 0)
    };
    if FLOPPIES.contains(&bytes) {
        "a floppy disk image"
    } else if !fat && (0..4).any(partition) {
        "a disk image with an MBR"
    } else if fat && bytes < 4 << 20 {
        "a floppy disk image with a FAT file system"
    } else if fat {
        "a disk image with a FAT file system"
    } else {
        "a boot sector or a disk image"
    }
}

/// Returns whether there is a multiboot 2 header: magic, architecture, length and checksum that make 0 together, 8-byte
/// aligned within the first 32 KiB.
fn has_multiboot2(head: &[u8]) -> bool {
    let word = |chunk: &[u8], n: usize| chunk.get(4 * n..).and_then(|rest| rest.first_chunk()).copied();
    head.get(..head.len().min(32_768)).unwrap_or(&[]).windows(16).step_by(8).any(|chunk| {
        let words = [0, 1, 2, 3].map(|n| word(chunk, n).map_or(0, u32::from_le_bytes));
        words[0] == 0xe852_50d6 && words.iter().fold(0, |sum: u32, word| sum.wrapping_add(*word)) == 0
    })
}

fn number(head: &[u8], at: usize, bytes: usize) -> u64 {
    let bytes = at.checked_add(bytes).and_then(|end| head.get(at..end)).unwrap_or(&[]);
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

const VMLINUX: &str = "an uncompressed Linux kernel (vmlinux)";
const EM_386: u64 = 3;
const EM_X86_64: u64 = 62;
const EM_AARCH64: u64 = 183;

/// What kind of ELF file it is, when it has no multiboot header.
///
/// SPEC: elf-1.2 :: ELF Header -> e_type and e_machine
fn elf(head: &[u8]) -> &'static str {
    let wide = has(head, 4, b"\x02");
    match number(head, 18, 2) {
        EM_386 | EM_X86_64 => {}
        EM_AARCH64 => return "an ELF file for AArch64",
        _ => return "an ELF file for another processor",
    }
    // Offset of the program headers, their size, their number, and where each has its virtual address
    let (table, size, address) = if wide { (32, 54, 16) } else { (28, 42, 8) };
    let word = if wide { 8 } else { 4 };
    let (start, each) = (number(head, table, word) as usize, number(head, size, 2) as usize);
    let segments = (0..number(head, size + 2, 2) as usize).map(|n| start.saturating_add(n * each));
    let segments: Vec<(u64, u64)> =
        segments.map(|at| (number(head, at, 4), number(head, at.saturating_add(address), word))).collect();
    // Where Linux links its kernel: the top 2 GiB, or 3 GiB and above
    let kernel = if wide { 0xffff_ffff_8000_0000..=u64::MAX } else { 0xc000_0000..=0xffff_ffff };
    match number(head, 16, 2) {
        1 => "an ELF object file or kernel module",
        4 => "a core dump",
        _ if segments.iter().any(|&(kind, _)| kind == 3) => "a dynamically linked ELF program",
        2 if segments.iter().any(|(kind, at)| *kind == 1 && kernel.contains(at)) => VMLINUX,
        3 => "a position-independent ELF program or library",
        _ => "an ELF program without a multiboot header",
    }
}

fn elf_advice(head: &[u8]) -> &'static str {
    match elf(head) {
        VMLINUX => "give the bzImage, which distributions call vmlinuz",
        "an ELF program without a multiboot header" => ELF_ADVICE,
        _ => OTHER_FILE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: usize, magic: &[u8]) -> Vec<u8> {
        let mut file = vec![0; offset];
        file.extend(magic);
        file.resize(file.len().max(1024), 0);
        file
    }

    fn name(file: &[u8]) -> &'static str {
        identify(file, file.len() as u64).map_or("unknown", |found| found.name)
    }

    #[test]
    fn every_magic_number_is_within_the_head_and_found() {
        for &(offset, magic, expected, advice) in MAGICS {
            assert!(offset + magic.len() <= HEAD_BYTES && !advice.is_empty());
            assert_eq!(name(&at(offset, magic)), expected);
        }
        assert_eq!(name(&[]), "an empty file");
        assert_eq!(name(b"Hello,\nworld\n"), "a text file");
        assert_eq!(name("Grüße\t1".as_bytes()), "a text file");
        assert_eq!(name(&"Grüße".as_bytes()[..3]), "a text file", "cut in a character");
        assert_eq!(name(&[0x90; 4096]), "unknown");
        assert_eq!(name(&at(0x438, b"\x53\xef")), "an ext2, ext3 or ext4 file system");
    }

    #[test]
    fn disks_are_told_apart() {
        let mut disk = at(510, b"\x55\xaa");
        assert_eq!(name(&disk), "a boot sector or a disk image");
        disk[446..451].copy_from_slice(&[0x80, 1, 1, 0, 0x83]);
        assert_eq!(name(&disk), "a disk image with an MBR");
        let mut floppy = at(510, b"\x55\xaa");
        floppy[54..62].copy_from_slice(b"FAT12   ");
        assert_eq!(name(&floppy), "a floppy disk image with a FAT file system");
        assert_eq!(identify(&floppy, 64 << 20).unwrap().name, "a disk image with a FAT file system");
        assert_eq!(identify(&[0; 1024], 1_474_560).unwrap().name, "a floppy disk image");
    }

    /// Returns an ELF file of one program header.
    fn program(wide: bool, kind: u8, machine: u8, segment: (u8, u64)) -> Vec<u8> {
        let mut file = at(0, if wide { b"\x7fELF\x02\x01" } else { b"\x7fELF\x01\x01" });
        (file[16], file[18]) = (kind, machine);
        let (table, size, address) = if wide { (32, 54, 16) } else { (28, 42, 8) };
        (file[table], file[size], file[size + 2]) = (128, 56, 1);
        file[128] = segment.0;
        let word = if wide { 8 } else { 4 };
        file[128 + address..128 + address + word].copy_from_slice(&segment.1.to_le_bytes()[..word]);
        file
    }

    #[test]
    fn elf_files_are_told_apart() {
        for wide in [false, true] {
            let high = if wide { 0xffff_ffff_8100_0000 } else { 0xc100_0000 };
            assert_eq!(name(&program(wide, 2, 62, (1, high))), VMLINUX);
            assert_eq!(name(&program(wide, 3, 3, (3, 0))), "a dynamically linked ELF program");
            assert_eq!(name(&program(wide, 3, 62, (1, 0))), "a position-independent ELF program or library");
            assert_eq!(
                name(&program(wide, 2, 62, (1, 0x40_0000))),
                "an ELF program without a multiboot header"
            );
            assert_eq!(name(&program(wide, 1, 62, (0, 0))), "an ELF object file or kernel module");
            assert_eq!(name(&program(wide, 4, 62, (0, 0))), "a core dump");
            assert_eq!(name(&program(wide, 2, 183, (1, 0))), "an ELF file for AArch64");
            assert_eq!(name(&program(wide, 2, 40, (1, 0))), "an ELF file for another processor");
        }
        // Headers with wrong values are accepted without harm.
        assert_eq!(name(b"\x7fELF"), "an ELF file for another processor");
        let mut wild = program(true, 2, 62, (1, 0));
        wild[32..40].fill(0xff);
        wild[54..58].fill(0xff);
        assert_eq!(name(&wild), "an ELF program without a multiboot header");
    }

    #[test]
    fn multiboot_2_is_recognized() {
        let mut file = vec![0x90; 4096];
        let words = [0xe852_50d6_u32, 0, 16, 0_u32.wrapping_sub(0xe852_50d6 + 16)];
        for (n, word) in words.into_iter().enumerate() {
            file[64 + 4 * n..68 + 4 * n].copy_from_slice(&word.to_le_bytes());
        }
        assert_eq!(name(&file), "a multiboot 2 image");
    }
}
