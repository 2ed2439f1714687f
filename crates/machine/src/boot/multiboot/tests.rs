//! Images made for the purpose, by address fields and as ELF.

use super::super::{Bytes, Kind, detect};
use super::elf::tests::executable;
use super::*;
use crate::boot::memory_map;
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, Efer};

fn image(kernel: &[u8]) -> BootImage<'_> {
    BootImage {
        kernel,
        kernel_name: "kernel.elf",
        initrd: Some(b"module"),
        initrd_name: "module.bin",
        command_line: "a b",
        rsdp: GuestPhysAddr(0),
    }
}

fn header_of(flags: u32) -> [u32; 3] {
    [MAGIC, flags, 0_u32.wrapping_sub(MAGIC).wrapping_sub(flags)]
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().copied().flat_map(u32::to_le_bytes).collect()
}

/// Magic fields, address fields and two bytes of code.
fn with_addresses(load: u32, bss_end: u32) -> Vec<u8> {
    let mut file = bytes(&header_of(HAS_ADDRESSES));
    file.extend(bytes(&[load, load, 0, bss_end, load + 32]));
    file.extend([0x90, 0xf4]);
    file
}

fn ram() -> GuestMemory {
    GuestMemory::new(4 << 20).unwrap()
}

fn info(ram: &GuestMemory, offset: u64) -> u64 {
    u64::from(ram.read_u32(GuestPhysAddr(USUAL + INFO + offset)))
}

fn refusal(file: &[u8]) -> String {
    match load_into(&ram(), &image(file)) {
        Ok(state) => format!("loaded: {state:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn address_fields_say_where_the_image_goes() {
    let ram = ram();
    let file = with_addresses(0x10_0000, 0x10_2000);
    ram.write(GuestPhysAddr(0x10_1ffc), &[0xee; 8]);
    let state = load_into(&ram, &image(&file)).unwrap();
    assert_eq!((state.rip, state.long), (0x10_0020, false));
    assert_eq!(ram.read_array::<2>(GuestPhysAddr(0x10_0020)), [0x90, 0xf4]);
    assert_eq!(ram.read_u32(GuestPhysAddr(0x10_1ffc)), 0, "bss is cleared to its end");
    assert_eq!(detect(&file), Some(Kind::Multiboot));
}

#[test]
fn the_information_says_what_there_is() {
    let ram = ram();
    // What an earlier guest left behind the magic number must not show through.
    ram.write(GuestPhysAddr(USUAL), &[0xee; BLOCK as usize]);
    load_into(&ram, &image(&with_addresses(0x10_0000, 0x10_2000))).unwrap();
    assert_eq!(info(&ram, 0), 0b10_0100_1101, "memory, command line, modules, map, loader's name");
    assert_eq!((info(&ram, 4), info(&ram, 8)), (639, 3 << 10));
    assert_eq!(&ram.read_array::<15>(GuestPhysAddr(info(&ram, 16))), b"kernel.elf a b\0");
    assert_eq!(&ram.read_array::<4>(GuestPhysAddr(info(&ram, 64))), b"v64\0");
    assert_eq!(info(&ram, 20), 1);
    let module = info(&ram, 24);
    let word = |at| u64::from(ram.read_u32(GuestPhysAddr(at)));
    assert_eq!([word(module), word(module + 4), word(module + 12)], [0x10_2000, 0x10_2006, 0]);
    assert_eq!(&ram.read_array::<11>(GuestPhysAddr(word(module + 8))), b"module.bin\0");
    assert_eq!(&ram.read_array::<6>(GuestPhysAddr(0x10_2000)), b"module");
    let (mut map, len) = (Vec::new(), info(&ram, 44));
    let start = info(&ram, 48);
    for at in (start..start + len).step_by(24) {
        assert_eq!(word(at), 20);
        let long = |at| ram.read_u64(GuestPhysAddr(at));
        map.push((long(at + 4), long(at + 12), word(at + 20)));
    }
    let expected = [(0, 0x9_fc00, 1), (0x9_fc00, 0x400, 2), (0xe_0000, 0x2_0000, 2), (0x10_0000, 3 << 20, 1)];
    assert_eq!(map, expected);
}

#[test]
fn the_processor_starts_in_flat_protected_mode() {
    let state = load_into(&ram(), &image(&with_addresses(0x10_0000, 0))).unwrap();
    let mut cpu = Cpu::new(CpuModel::MAX);
    state.apply(&mut cpu);
    assert_eq!((cpu.gpr[gpr::RAX], cpu.gpr[gpr::RBX]), (0x2bad_b002, USUAL + INFO));
    assert_eq!((cpu.cr0 & (Cr0::PE | Cr0::PG), cpu.efer), (Cr0::PE, Efer::empty()));
    assert!(cpu.seg.iter().all(|segment| segment.base == 0 && segment.limit == u32::MAX));
}

#[test]
fn elf_segments_go_to_their_physical_addresses() {
    for wide in [false, true] {
        let ram = ram();
        let content = bytes(&header_of(0));
        let file = executable(wide, 0xc010_000c, 0xc010_0000, 0x10_0000, &content);
        ram.write(GuestPhysAddr(0x10_000c), &[0xee; 16]);
        let state = load_into(&ram, &image(&file)).unwrap();
        assert_eq!((state.rip, state.long), (0x10_000c, false));
        assert_eq!(ram.read_u32(GuestPhysAddr(0x10_0000)), MAGIC);
        assert_eq!(ram.read_array::<12>(GuestPhysAddr(0x10_000c)), [0; 12]);
        assert_eq!(ram.read_u32(GuestPhysAddr(0x10_0018)), 0xeeee_eeee, "what follows is left alone");
        assert_eq!(
            ram.read_u32(GuestPhysAddr(ram.read_u32(GuestPhysAddr(USUAL + INFO + 24)).into())),
            0x10_1000
        );
    }
}

#[test]
fn bad_images_are_refused_in_one_line() {
    let mut behind = with_addresses(0x10_0000, 0);
    behind[12] = 0;
    behind[14] = 0x0f;
    let elf = |address| executable(false, address, address, address, &bytes(&header_of(0)));
    let cases = [
        (bytes(&header_of(0)), "no x86 ELF file"),
        (bytes(&header_of(4)), "requires more than"),
        (with_addresses(0x40_0000, 0), "give a larger -m"),
        (with_addresses(0x10_0000, 0x40_0001), "give a larger -m"),
        (with_addresses(u32::MAX - 64, 0), "give a larger -m"),
        (with_addresses(0x9_f000, 0x9_fc01), "link it to 1 MiB"),
        (with_addresses(0xb_8000, 0), "link it to 1 MiB"),
        (behind, "behind its own header"),
        (elf(0xf_fff0), "link it to 1 MiB"),
        (elf(0xffff_fff0), "give a larger -m"),
        (executable(true, 1 << 32, 0x10_0000, 0x10_0000, &bytes(&header_of(0))), "entered outside of memory"),
        (elf(0x10_0000)[..136].to_vec(), "neither a Linux bzImage nor a multiboot image"),
    ];
    for (file, expected) in cases {
        let text = match detect(&file) {
            Some(_) => refusal(&file),
            None => BootError::UnknownFormat.to_string(),
        };
        assert!(text.contains(expected) && !text.contains('\n'), "{text:?} lacks {expected:?}");
    }
    assert_eq!(detect(b"nothing here"), None);
    let small = GuestMemory::new(64 << 10).unwrap();
    assert!(matches!(
        load_into(&small, &image(&with_addresses(0x10_0000, 0))),
        Err(BootError::KernelDoesNotFit { .. })
    ));
}

#[test]
fn a_module_that_does_not_fit_is_refused() {
    let ram = ram();
    let file = with_addresses(0x10_0000, 0x3f_f000);
    let module = [1; 4097];
    let fits = BootImage { initrd: Some(&module[..4096]), ..image(&file) };
    assert!(load_into(&ram, &fits).is_ok());
    let more = BootImage { initrd: Some(&module), ..image(&file) };
    let (bytes, room) = (Bytes(4097), Bytes(4096));
    let refused = BootError::InitrdDoesNotFit { bytes, room, advice: "give a larger -m" };
    assert_eq!(load_into(&ram, &more), Err(refused.clone()));
    // The size is checked before the module is read.
    assert_eq!(check_initrd(ram.layout(), &file, 4096), Ok(()));
    assert_eq!(check_initrd(ram.layout(), &file, 4097), Err(refused));
    assert!(check_initrd(ram.layout(), &file, u64::MAX).is_err());
}

/// Loads an image and checks that the loader's structures do not overlap it, and have the same contents at any address.
fn loads_beside(from: u32, to: u32) -> u64 {
    let ram = ram();
    let file = with_addresses(from, to);
    let state = load_into(&ram, &image(&file)).unwrap();
    assert_eq!(state.rip, u64::from(from) + 32);
    assert_eq!(ram.read_array::<2>(GuestPhysAddr(state.rip)), [0x90, 0xf4]);
    assert_eq!(ram.read_u32(GuestPhysAddr(from.into())), MAGIC);
    let block = state.tables - TABLES;
    assert!(block + BLOCK <= u64::from(from) || block >= u64::from(to), "{block:x} in {from:x} to {to:x}");
    assert!(block + BLOCK <= LOW_END || block >= MIB, "{block:x}");
    let at = |address| u64::from(ram.read_u32(GuestPhysAddr(address)));
    let info = block + INFO;
    assert_eq!(state.registers[1], Some((gpr::RBX, info)));
    assert_eq!(&ram.read_array::<11>(GuestPhysAddr(at(info + 16))), b"kernel.elf ");
    let module = at(at(info + 24));
    assert!(module >= MIB.max(to.into()) && (module >= block + BLOCK || module < block), "{module:x}");
    assert_eq!(&ram.read_array::<6>(GuestPhysAddr(module)), b"module");
    block
}

#[test]
fn images_below_1_mib_load() {
    assert_eq!(loads_beside(0x7c00, 0x8000), USUAL);
    assert_eq!(loads_beside(0, 0x5000), USUAL);
    assert_eq!(loads_beside(0x1_0000, 0x2_0000), 0x1000);
    assert_eq!(loads_beside(0x1000, 0x9_0000), 0x9_0000);
    assert_eq!(loads_beside(0x1000, 0x9_fc00), MIB);
    assert_eq!(loads_beside(0x7000, 0x9_f000), MIB);
    assert_eq!(loads_beside(0x8000, 0x9_f000), 0x1000);
}

#[test]
fn no_image_leaves_no_room_for_what_the_loader_writes() {
    // An ELF file with a segment in low memory, and one up to the end of RAM.
    let content = bytes(&header_of(0));
    let mut file = executable(false, 0x1000, 0x1000, 0x1000, &content);
    file[64 + 20..64 + 24].copy_from_slice(&0x9_e000_u32.to_le_bytes());
    file[44] = 2;
    let second = file[64..120].to_vec();
    file.truncate(120);
    file.extend(second);
    file.resize(176, 0);
    file.extend(&content);
    for header in [64, 120] {
        file[header + 4..header + 8].copy_from_slice(&176_u32.to_le_bytes());
    }
    file[120 + 12..120 + 16].copy_from_slice(&0x10_0000_u32.to_le_bytes());
    file[120 + 20..120 + 24].copy_from_slice(&0x30_0000_u32.to_le_bytes());
    assert!(matches!(load_into(&ram(), &image(&file)), Err(BootError::KernelDoesNotFit { .. })));
}

#[test]
fn texts_that_are_too_long_are_refused() {
    let line = "x".repeat(8192);
    let file = with_addresses(0x10_0000, 0);
    let long = BootImage { command_line: &line, ..image(&file) };
    assert!(matches!(load_into(&ram(), &long), Err(BootError::CommandLineTooLong { .. })));
}

/// Loads an image into memory as it is without firmware.
fn load_into(ram: &GuestMemory, image: &BootImage<'_>) -> Result<EntryState, BootError> {
    load(ram, image, &memory_map(ram))
}
