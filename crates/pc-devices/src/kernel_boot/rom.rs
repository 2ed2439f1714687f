//! The option ROM: 16-bit code that is called when firmware boots from it.

use super::PORT;

/// Where the code leaves the entries of firmware's memory map, 20 bytes each.
pub const MEMORY_MAP: u64 = 0x6000;

/// Name of the ROM among fw_cfg's files: SeaBIOS runs all under `genroms/`.
pub const FILE: &str = "genroms/kernel-boot.bin";
/// What SeaBIOS boots first, as the content of the file `bootorder`.
pub const BOOT_ORDER: &str = "/rom@genroms/kernel-boot.bin";

const HEADER: usize = 0x20;
const PRODUCT: usize = 0x40;
const CODE: usize = 0x60;

/// Reads firmware's memory map, then triggers the machine to load the kernel; does not return.
///
/// SPEC: acpi-6.5 :: 15.1 INT 15H, E820H - Query System Address Map -> EAX E820h, EDX 'SMAP', ECX 20, EBX continues; carry or EBX 0 ends
#[rustfmt::skip]
const BOOT: [u8; 46] = [
    0x31, 0xc0,                         // xor   ax, ax
    0x8e, 0xc0,                         // mov   es, ax
    0xbf, 0x00, 0x60,                   // mov   di, MEMORY_MAP
    0x66, 0x31, 0xdb,                   // xor   ebx, ebx
    0x31, 0xed,                         // xor   bp, bp
    // next:
    0x66, 0xb8, 0x20, 0xe8, 0x00, 0x00, // mov   eax, 0xe820
    0x66, 0xb9, 0x14, 0x00, 0x00, 0x00, // mov   ecx, 20
    0x66, 0xba, 0x50, 0x41, 0x4d, 0x53, // mov   edx, 'SMAP'
    0xcd, 0x15,                         // int   0x15
    0x72, 0x09,                         // jc    done
    0x83, 0xc7, 0x14,                   // add   di, 20
    0x45,                               // inc   bp
    0x66, 0x85, 0xdb,                   // test  ebx, ebx
    0x75, 0xe1,                         // jnz   next
    // done:
    0x89, 0xe8,                         // mov   ax, bp
    0xba,                               // mov   dx, PORT
];

/// Returns the ROM.
///
/// SPEC: bios-boot-specification-1.01 :: 3.3 Devices with PnP Expansion Headers -> signature, version, length in 16 bytes, device type, indicators, bootstrap entry vector at 1AH
pub fn image() -> Vec<u8> {
    let mut rom = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| rom[at..at + bytes.len()].copy_from_slice(bytes);
    // Called when firmware finds the ROM: there is nothing to set up.
    put(0, &[0x55, 0xaa, 1, 0xcb]);
    put(0x1a, &[HEADER as u8, 0]);
    put(HEADER, b"$PnP\x01\x02");
    put(HEADER + 0x10, &[PRODUCT as u8, 0]);
    // Base class mass storage; it can be booted from.
    put(HEADER + 0x12, &[1, 0, 0, 0x14]);
    put(HEADER + 0x1a, &[CODE as u8, 0]);
    put(PRODUCT, b"kernel of -kernel\0");
    put(CODE, &BOOT);
    let [low, high] = PORT.to_le_bytes();
    // out dx, ax; hlt; jmp back to it
    put(CODE + BOOT.len(), &[low, high, 0xef, 0xf4, 0xeb, 0xfd]);
    for (at, range) in [(HEADER + 9, HEADER..HEADER + 32), (6, 0..512)] {
        let sum = rom[range].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        rom[at] = sum.wrapping_neg();
    }
    rom
}
