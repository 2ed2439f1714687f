//! Kernels made for the purpose: a setup header and a few bytes.

use super::super::Bytes;
use super::*;
use x86_state::cpuid::CpuModel;
use x86_state::{Cpu, Cr0, Cr4, Efer, RFlags};
use x86_types::Seg;

/// A file with a header that names a 64-bit kernel of 4 KiB.
fn kernel() -> Vec<u8> {
    let mut file = vec![0; 1024 + 4096];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(field::SETUP_SECTS, &[1]);
    put(field::SYSSIZE, &256_u32.to_le_bytes());
    put(field::JUMP, &[0x66]);
    put(field::MAGIC, b"HdrS");
    put(field::VERSION, &0x20f_u16.to_le_bytes());
    put(field::LOADFLAGS, &[LOADED_HIGH]);
    put(field::INITRD_ADDR_MAX, &0x7fff_ffff_u32.to_le_bytes());
    put(field::KERNEL_ALIGNMENT, &0x20_0000_u32.to_le_bytes());
    put(field::RELOCATABLE, &[1]);
    put(field::XLOADFLAGS, &XLF_KERNEL_64.to_le_bytes());
    put(field::CMDLINE_SIZE, &2047_u32.to_le_bytes());
    put(field::PREF_ADDRESS, &0x100_0000_u64.to_le_bytes());
    put(field::INIT_SIZE, &0x40_0000_u32.to_le_bytes());
    file[1024] = 0xf4;
    file
}

/// Offset in the file and what is there instead.
type Change<'a> = (usize, &'a [u8]);

/// The same with some bytes changed.
fn with(changes: &[Change<'_>]) -> Vec<u8> {
    let mut file = kernel();
    for (at, bytes) in changes {
        file[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

fn image<'a>(kernel: &'a [u8], initrd: Option<&'a [u8]>, command_line: &'a str) -> BootImage<'a> {
    BootImage {
        kernel,
        kernel_name: "vmlinuz",
        initrd,
        initrd_name: "initrd",
        command_line,
        rsdp: GuestPhysAddr(0xe_0000),
    }
}

fn ram(mib: u64) -> GuestMemory {
    GuestMemory::new(mib << 20).unwrap()
}

fn param_u32(ram: &GuestMemory, at: usize) -> u32 {
    ram.read_u32(GuestPhysAddr(BOOT_PARAMS + at as u64))
}

#[test]
fn a_64_bit_kernel_is_entered_behind_its_preferred_address() {
    let ram = ram(64);
    let kernel = kernel();
    let state = load(&ram, &image(&kernel, Some(&[7; 5000]), "quiet")).unwrap();
    assert!(state.long);
    assert_eq!(state.rip, 0x100_0200);
    assert_eq!(ram.read_array::<1>(GuestPhysAddr(0x100_0000)), [0xf4]);
    let initrd = u64::from(param_u32(&ram, field::RAMDISK_IMAGE));
    assert_eq!(initrd, (64 << 20) - 8192);
    assert_eq!(param_u32(&ram, field::RAMDISK_SIZE), 5000);
    assert_eq!(ram.read_array::<2>(GuestPhysAddr(initrd)), [7, 7]);
    assert_eq!(&ram.read_array::<6>(GuestPhysAddr(COMMAND_LINE)), b"quiet\0");
    assert_eq!(u64::from(param_u32(&ram, field::CMD_LINE_PTR)), COMMAND_LINE);
    assert_eq!(param_u32(&ram, field::CODE32_START), 0x100_0000);
    assert_eq!(param_u32(&ram, field::ACPI_RSDP), 0xe_0000);
    assert_eq!(param_u32(&ram, field::MAGIC).to_le_bytes(), *b"HdrS");
    assert_eq!(
        param_u32(&ram, field::TYPE_OF_LOADER) & 0xffff,
        0x81ff,
        "loader without a number, heap, high"
    );
}

#[test]
fn the_memory_map_follows_the_layout() {
    let reserved = [(0x9_fc00, 0x400, 2), (0xe_0000, 0x2_0000, 2)];
    let low = (0, 0x9_fc00, 1);
    let above = |bytes| (0x10_0000, bytes, 1);
    let cases = [
        (64 << 20, vec![low, reserved[0], reserved[1], above(63 << 20)]),
        (4 << 30, vec![low, reserved[0], reserved[1], above((3 << 30) - (1 << 20)), (4 << 30, 1 << 30, 1)]),
    ];
    for (bytes, expected) in cases {
        let ram = GuestMemory::new(bytes).unwrap();
        load(&ram, &image(&kernel(), None, "")).unwrap();
        let count = ram.read_array::<1>(GuestPhysAddr(BOOT_PARAMS + field::E820_ENTRIES as u64))[0];
        let map: Vec<(u64, u64, u32)> = (0..u64::from(count))
            .map(|n| BOOT_PARAMS + field::E820_TABLE as u64 + 20 * n)
            .map(|at| {
                let word = |offset| ram.read_u64(GuestPhysAddr(at + offset));
                (word(0), word(8), ram.read_u32(GuestPhysAddr(at + 16)))
            })
            .collect();
        assert_eq!(map, expected, "{bytes:#x}");
    }
}

#[test]
fn the_initial_ram_disk_keeps_its_limits() {
    // Limit in the header, memory, size, place. Nothing lies in the hole below 4 GiB.
    let cases: [(u32, u64, usize, u64); 4] = [
        (0x7fff_ffff, 64, 4096, (64 << 20) - 4096),
        (0x7fff_ffff, 64, 4097, (64 << 20) - 8192),
        (0x01ff_ffff, 64, 4096, 0x1ff_f000),
        (0xffff_ffff, 5 << 10, 4096, 0xbfff_f000),
    ];
    for (limit, mib, bytes, place) in cases {
        let kernel = with(&[(field::INITRD_ADDR_MAX, &limit.to_le_bytes())]);
        let (ram, initrd) = (ram(mib), vec![7; bytes]);
        load(&ram, &image(&kernel, Some(&initrd), "")).unwrap();
        assert_eq!(u64::from(param_u32(&ram, field::RAMDISK_IMAGE)), place, "limit {limit:#x}, {mib} MiB");
    }
}

#[test]
fn the_entry_points_by_protocol() {
    let old = 0x206_u16.to_le_bytes();
    let none = [0; 8];
    // Changes to the header, whether entered in 64-bit mode, where.
    let cases: [(&[Change], bool, u64); 4] = [
        (&[], true, 0x100_0200),
        (&[(field::XLOADFLAGS, &[0, 0])], false, 0x100_0000),
        (&[(field::VERSION, &old), (field::RELOCATABLE, &[0])], false, 0x10_0000),
        (&[(field::PREF_ADDRESS, &none)], true, 0x20_0200),
    ];
    for (changes, long, rip) in cases {
        let state = load(&ram(64), &image(&with(changes), None, "")).unwrap();
        assert_eq!((state.long, state.rip), (long, rip), "{changes:?}");
    }
}

#[test]
fn the_processor_starts_as_the_protocol_says() {
    for long in [true, false] {
        let ram = ram(64);
        let kernel = with(&[(field::XLOADFLAGS, &u16::from(long).to_le_bytes())]);
        let state = load(&ram, &image(&kernel, None, "")).unwrap();
        let mut cpu = Cpu::new(CpuModel::MAX);
        cpu.cr4 = Cr4::PGE;
        cpu.gpr = [0x55; 16];
        state.apply(&mut cpu);
        assert_eq!(cpu.gpr[gpr::RSI], BOOT_PARAMS);
        assert_eq!([cpu.gpr[gpr::RBX], cpu.gpr[gpr::RBP], cpu.gpr[gpr::RDI]], [0; 3]);
        assert!(!cpu.rflags().contains(RFlags::IF));
        assert_eq!(cpu.cr0.contains(Cr0::PG), long);
        assert_eq!(cpu.efer.contains(Efer::LMA | Efer::LME), long);
        assert_eq!(cpu.cr4, if long { Cr4::PAE } else { Cr4::empty() });
        assert_eq!(cpu.seg.each_ref().map(|segment| segment.selector.0), {
            let mut selectors = [0x18; 6];
            selectors[Seg::Cs as usize] = 0x10;
            selectors
        });
        // The selectors name what the segments hold, behind a null descriptor.
        let descriptor = |n: u64| ram.read_u64(GuestPhysAddr(cpu.gdtr.base + 8 * n));
        let code = if long { 0x00af_9b00_0000_ffff } else { 0x00cf_9b00_0000_ffff };
        assert_eq!([0, 1, 2, 3].map(descriptor), [0, 0, code, 0x00cf_9300_0000_ffff]);
        assert_eq!(cpu.gdtr.limit, 0x1f);
        if long {
            for address in [0, BOOT_PARAMS, 0x100_0200, 0xffff_ffff] {
                assert_eq!(walk(&ram, cpu.cr3, address), Some(address));
            }
        }
    }
}

/// What a linear address below 512 GiB maps to, by large pages.
fn walk(ram: &GuestMemory, cr3: u64, address: u64) -> Option<u64> {
    let mut table = cr3;
    for shift in [39, 30, 21] {
        let entry = ram.read_u64(GuestPhysAddr(table + 8 * (address >> shift & 0x1ff)));
        if entry & 3 != 3 {
            return None;
        }
        table = entry & 0x000f_ffff_ffff_f000;
        if shift == 21 {
            return (entry & 0x80 != 0).then_some(table | address & 0x1f_ffff);
        }
    }
    None
}

#[test]
fn a_kernel_that_does_not_fit_is_refused() {
    // Below its preferred address a kernel would only move itself up again.
    for (mib, fits) in [(1, false), (8, false), (19, false), (20, true), (64, true)] {
        let loaded = load(&ram(mib), &image(&kernel(), None, ""));
        let refused = BootError::KernelDoesNotFit { needed: 4, at: GuestPhysAddr(0x100_0000) };
        assert_eq!(loaded.is_ok(), fits, "{mib} MiB");
        if !fits {
            assert_eq!(loaded, Err(refused));
        }
    }
}

#[test]
fn what_follows_the_kernel_is_not_loaded() {
    let ram = ram(64);
    let mut signed = kernel();
    signed.extend([0xee; 64]);
    load(&ram, &image(&signed, None, "")).unwrap();
    assert_eq!(ram.read_array::<4>(GuestPhysAddr(0x100_0000 + 4096)), [0; 4]);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let ram = ram(64);
    let whole = kernel();
    for (len, found) in [(0x300, 0x300), (1024, 1024), (2000, 2000), (5120 - 16, 5120 - 16)] {
        let cut = load(&ram, &image(&whole[..len], None, ""));
        assert_eq!(cut, Err(BootError::Truncated { expected: 5120, found }));
    }
    let old = with(&[(field::VERSION, &[4])]);
    assert_eq!(load(&ram, &image(&old, None, "")), Err(BootError::OldProtocol { major: 2, minor: 4 }));
    let low = with(&[(field::LOADFLAGS, &[0])]);
    assert_eq!(load(&ram, &image(&low, None, "")), Err(BootError::LowKernel));
    let long = "x".repeat(3000);
    let refused = load(&ram, &image(&whole, None, &long));
    assert_eq!(refused, Err(BootError::CommandLineTooLong { len: 3000, most: 2047 }));
    let initrd = vec![0; 60 << 20];
    let refused = load(&ram, &image(&whole, Some(&initrd), ""));
    let (bytes, room) = (Bytes(60 << 20), Bytes(44 << 20));
    let expected = BootError::InitrdDoesNotFit { bytes, room, advice: "give a larger -m" };
    assert_eq!(refused, Err(expected.clone()));
    // The size is checked before the initrd is read.
    assert_eq!(check_initrd(ram.layout(), &whole, 60 << 20), Err(expected));
    assert_eq!(check_initrd(ram.layout(), &whole, 44 << 20), Ok(()));
    assert!(check_initrd(ram.layout(), &whole, u64::MAX).is_err());
    assert_eq!(super::super::load(&ram, &image(&[0x90; 64], None, "")), Err(BootError::UnknownFormat));
    let other = super::super::load(&ram, &image(b"MZ", None, "")).unwrap_err().to_string();
    assert!(other.starts_with("an EFI or Windows program, not a kernel; "), "{other}");
    assert_eq!(super::super::detect(&whole), Some(super::super::Kind::Linux));
    assert_eq!(super::super::detect(&whole[..0x204]), None);
}
