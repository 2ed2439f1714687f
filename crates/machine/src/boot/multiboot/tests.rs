//! Images made for the purpose, by address fields and as ELF.

use super::super::{Kind, detect};
use super::elf::tests::executable;
use super::*;
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, Efer};

fn image(kernel: &[u8]) -> BootImage<'_> {
    BootImage { kernel, initrd: Some(b"module"), command_line: "a b", rsdp: GuestPhysAddr(0) }
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
    u64::from(ram.read_u32(GuestPhysAddr(INFO + offset)))
}

fn refusal(file: &[u8]) -> String {
    match load(&ram(), &image(file)) {
        Ok(state) => format!("loaded: {state:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn address_fields_say_where_the_image_goes() {
    let ram = ram();
    let file = with_addresses(0x10_0000, 0x10_2000);
    ram.write(GuestPhysAddr(0x10_1ffc), &[0xee; 8]);
    let state = load(&ram, &image(&file)).unwrap();
    assert_eq!((state.rip, state.long), (0x10_0020, false));
    assert_eq!(ram.read_array::<2>(GuestPhysAddr(0x10_0020)), [0x90, 0xf4]);
    assert_eq!(ram.read_u32(GuestPhysAddr(0x10_1ffc)), 0, "bss is cleared to its end");
    assert_eq!(detect(&file), Some(Kind::Multiboot));
}

#[test]
fn the_information_says_what_there_is() {
    let ram = ram();
    // What an earlier guest left behind the magic number must not show through.
    ram.write(GuestPhysAddr(INFO), &[0xee; 0x3000]);
    load(&ram, &image(&with_addresses(0x10_0000, 0x10_2000))).unwrap();
    assert_eq!(info(&ram, 0), 0b10_0100_1101, "memory, command line, modules, map, loader's name");
    assert_eq!((info(&ram, 4), info(&ram, 8)), (639, 3 << 10));
    assert_eq!(&ram.read_array::<4>(GuestPhysAddr(info(&ram, 16))), b"a b\0");
    assert_eq!(&ram.read_array::<4>(GuestPhysAddr(info(&ram, 64))), b"v64\0");
    assert_eq!(info(&ram, 20), 1);
    let module = info(&ram, 24);
    let word = |at| u64::from(ram.read_u32(GuestPhysAddr(at)));
    assert_eq!([word(module), word(module + 4), word(module + 12)], [0x10_2000, 0x10_2006, 0]);
    assert_eq!(ram.read_array::<1>(GuestPhysAddr(word(module + 8))), [0], "the module has no string");
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
    let state = load(&ram(), &image(&with_addresses(0x10_0000, 0))).unwrap();
    let mut cpu = Cpu::new(CpuModel::MAX);
    state.apply(&mut cpu);
    assert_eq!((cpu.gpr[gpr::RAX], cpu.gpr[gpr::RBX]), (0x2bad_b002, INFO));
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
        let state = load(&ram, &image(&file)).unwrap();
        assert_eq!((state.rip, state.long), (0x10_000c, false));
        assert_eq!(ram.read_u32(GuestPhysAddr(0x10_0000)), MAGIC);
        assert_eq!(ram.read_array::<12>(GuestPhysAddr(0x10_000c)), [0; 12]);
        assert_eq!(ram.read_u32(GuestPhysAddr(0x10_0018)), 0xeeee_eeee, "what follows is left alone");
        assert_eq!(ram.read_u32(GuestPhysAddr(ram.read_u32(GuestPhysAddr(INFO + 24)).into())), 0x10_1000);
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
        (with_addresses(0x1_0000, 0), "link it to 1 MiB"),
        (with_addresses(0xb_8000, 0), "link it to 1 MiB"),
        (behind, "behind its own header"),
        (elf(0x1_0000), "link it to 1 MiB"),
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
        load(&small, &image(&with_addresses(0x10_0000, 0))),
        Err(BootError::KernelDoesNotFit { .. })
    ));
}

#[test]
fn a_module_that_does_not_fit_is_refused() {
    let ram = ram();
    let file = with_addresses(0x10_0000, 0x3f_f000);
    let module = [1; 4097];
    let fits = BootImage { initrd: Some(&module[..4096]), ..image(&file) };
    assert!(load(&ram, &fits).is_ok());
    let more = BootImage { initrd: Some(&module), ..image(&file) };
    assert_eq!(load(&ram, &more), Err(BootError::InitrdDoesNotFit { bytes: 4097 }));
}
