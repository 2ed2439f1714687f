//! A small 64-bit guest that the project brings along: it walks through the machine and tells about it on the serial
//! line, a checked line a topic, and ends in a tiny shell. It is assembled when this crate is built.
//!
//! [`IMAGE`] is flat: it goes to [`LOAD_ADDRESS`] as it is and starts at [`ENTRY`] in 32-bit protected mode with flat
//! segments and paging off, as multiboot 1 leaves a processor (EAX = [`MULTIBOOT_MAGIC`], EBX the information structure).
//! It begins with a multiboot header, so that any multiboot loader can start it too. It needs 4 MiB of RAM.
#![no_std]
#![forbid(unsafe_code)]

/// The image. Memory up to [`END`] is cleared by the guest itself.
pub static IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/demo.bin"));

/// Guest-physical address of the image's first byte.
pub const LOAD_ADDRESS: u64 = 0x10_0000;

/// Guest-physical address of the first instruction, which follows the multiboot header.
pub const ENTRY: u64 = 0x10_0020;

/// First guest-physical address above everything the guest uses.
pub const END: u64 = 0x24_0000;

/// What EAX holds at the entry.
///
/// SPEC: multiboot-1 :: 3.2 Machine state -> EAX = 2BADB002h, EBX = address of the information structure
pub const MULTIBOOT_MAGIC: u32 = 0x2bad_b002;

include!(concat!(env!("OUT_DIR"), "/constants.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    fn word(at: u64) -> u64 {
        let at = at as usize;
        u64::from(u32::from_le_bytes([IMAGE[at], IMAGE[at + 1], IMAGE[at + 2], IMAGE[at + 3]]))
    }

    /// SPEC: multiboot-1 :: 3.1.1 The layout of Multiboot header -> magic, flags, checksum, then the five addresses
    #[test]
    fn the_multiboot_header_describes_the_image() {
        assert_eq!(word(0), 0x1bad_b002);
        assert_eq!((word(0) + word(4) + word(8)) as u32, 0);
        assert_eq!(word(4) & 1 << 16, 1 << 16, "the addresses count");
        assert_eq!((word(12), word(16)), (LOAD_ADDRESS, LOAD_ADDRESS));
        assert_eq!(word(20), LOAD_ADDRESS + IMAGE.len() as u64);
        assert_eq!((word(24), word(28)), (END, ENTRY));
    }

    #[test]
    fn the_image_ends_below_the_memory_it_clears() {
        assert!(LOAD_ADDRESS as usize + IMAGE.len() <= 0x20_0000);
        const { assert!(CHECKS > 40) };
    }
}
