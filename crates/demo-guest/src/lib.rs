//! Built-in 64-bit guests, assembled when this crate is built. The demo ([`IMAGE`]) tests the machine and reports on
//! the serial line, one checked line for each topic, and ends in a small shell. The memory guest ([`MEMORY_IMAGE`])
//! writes unique words to every 2 MiB of RAM, also above 4 GiB, reads them back, prints the result on the serial line
//! and powers off; if a word is wrong it halts or exits by isa-debug-exit.
//!
//! An image is flat: it goes to [`LOAD_ADDRESS`] as it is and starts at [`ENTRY`] in 32-bit protected mode with flat
//! segments and paging off, as multiboot 1 leaves a processor (EAX = [`MULTIBOOT_MAGIC`], EBX the information structure).
//! It begins with a multiboot header, so that any multiboot loader can start it too. It needs 4 MiB of RAM, the memory
//! guest 8 MiB and the loader's memory map.
#![no_std]
#![forbid(unsafe_code)]

/// The demo. Memory up to [`END`] is cleared by the guest itself.
pub static IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/demo.bin"));

/// The memory guest.
pub static MEMORY_IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memory.bin"));

/// The names that [`by_name`] accepts.
pub const NAMES: [&str; 2] = ["demo", "memory"];

/// The guest of a name; `None` for any other than those in [`NAMES`].
pub fn by_name(name: &str) -> Option<&'static [u8]> {
    match name {
        "demo" => Some(IMAGE),
        "memory" => Some(MEMORY_IMAGE),
        _ => None,
    }
}

/// Guest-physical address of the image's first byte.
pub const LOAD_ADDRESS: u64 = 0x10_0000;

/// Guest-physical address of the first instruction, which follows the multiboot header.
pub const ENTRY: u64 = 0x10_0020;

/// First guest-physical address above everything that belongs to the image.
pub const END: u64 = 0x24_0000;

/// What EAX holds at the entry.
///
/// SPEC: multiboot-1 :: 3.2 Machine state -> EAX = 2BADB002h, EBX = address of the information structure
pub const MULTIBOOT_MAGIC: u32 = 0x2bad_b002;

include!(concat!(env!("OUT_DIR"), "/constants.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn word(image: &[u8], at: u64) -> u64 {
        let at = at as usize;
        u64::from(u32::from_le_bytes([image[at], image[at + 1], image[at + 2], image[at + 3]]))
    }

    /// SPEC: multiboot-1 :: 3.1.1 The layout of Multiboot header -> magic, flags, checksum, then the five addresses
    #[test]
    fn the_multiboot_headers_describe_the_images() {
        for name in NAMES {
            let image = by_name(name).unwrap();
            let word = |at| word(image, at);
            assert_eq!(word(0), 0x1bad_b002, "{name}");
            assert_eq!((word(0) + word(4) + word(8)) as u32, 0, "{name}");
            assert_eq!(word(4) & 1 << 16, 1 << 16, "the addresses count");
            assert_eq!((word(12), word(16)), (LOAD_ADDRESS, LOAD_ADDRESS));
            assert_eq!(word(20), LOAD_ADDRESS + image.len() as u64);
            assert_eq!((word(24), word(28)), (END, ENTRY));
        }
        assert_eq!(by_name("Memory"), None);
    }

    #[test]
    fn the_images_end_below_the_memory_they_clear() {
        assert!(NAMES.iter().all(|name| LOAD_ADDRESS as usize + by_name(name).unwrap().len() <= 0x20_0000));
        const { assert!(CHECKS > 40) };
    }
}
