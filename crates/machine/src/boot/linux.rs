//! Linux kernels, by the x86 boot protocol.

use super::{BootError, BootImage, EntryState, memory_map};
use guest_ram::GuestRam;
use x86_state::gpr;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

const BOOT_PARAMS: u64 = 0x1_0000;
const COMMAND_LINE: u64 = 0x2_0000;
const COMMAND_LINE_ROOM: usize = 0x8000;

/// Offsets in the setup header, which are the same in `boot_params`.
///
/// SPEC: linux-boot-protocol :: The Real-Mode Kernel Header -> names and offsets of the fields
mod field {
    pub(super) const SETUP_SECTS: usize = 0x1f1;
    pub(super) const SYSSIZE: usize = 0x1f4;
    pub(super) const MAGIC: usize = 0x202;
    pub(super) const VERSION: usize = 0x206;
    pub(super) const JUMP: usize = 0x201;
    pub(super) const TYPE_OF_LOADER: usize = 0x210;
    pub(super) const LOADFLAGS: usize = 0x211;
    pub(super) const RAMDISK_IMAGE: usize = 0x218;
    pub(super) const RAMDISK_SIZE: usize = 0x21c;
    pub(super) const HEAP_END: usize = 0x224;
    pub(super) const CMD_LINE_PTR: usize = 0x228;
    pub(super) const INITRD_ADDR_MAX: usize = 0x22c;
    pub(super) const KERNEL_ALIGNMENT: usize = 0x230;
    pub(super) const RELOCATABLE: usize = 0x234;
    pub(super) const XLOADFLAGS: usize = 0x236;
    pub(super) const CMDLINE_SIZE: usize = 0x238;
    pub(super) const PREF_ADDRESS: usize = 0x258;
    pub(super) const INIT_SIZE: usize = 0x260;
    /// Fields of `boot_params` outside the header
    pub(super) const ACPI_RSDP: usize = 0x70;
    pub(super) const E820_ENTRIES: usize = 0x1e8;
    pub(super) const E820_TABLE: usize = 0x2d0;
}

const XLF_KERNEL_64: u16 = 1;

fn get<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn get_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(get(bytes, at))
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(get(bytes, at))
}

/// Whether the file has the magic number of a bzImage.
pub(super) fn is_linux(kernel: &[u8]) -> bool {
    get::<4>(kernel, field::MAGIC) == *b"HdrS"
}

/// Loads a bzImage. A kernel with a 64-bit entry point is entered there, others at the 32-bit one.
///
/// SPEC: linux-boot-protocol :: 64-bit Boot Protocol -> with XLF_KERNEL_64 the entry lies 200h behind the load address, RSI names boot_params
pub(super) fn load(ram: &GuestRam, image: &BootImage<'_>) -> Result<EntryState, BootError> {
    let kernel = image.kernel;
    let version = get_u16(kernel, field::VERSION);
    if version < 0x206 {
        return Err(BootError::OldProtocol { major: (version >> 8) as u8, minor: version as u8 });
    }
    let sectors = match get::<1>(kernel, field::SETUP_SECTS)[0] {
        0 => 4,
        n => u64::from(n),
    };
    let setup = (sectors + 1) * 512;
    let expected = setup + 16 * u64::from(get_u32(kernel, field::SYSSIZE));
    // The last paragraph may be partly there: the header counts in units of 16 bytes.
    if (kernel.len() as u64) + 15 < expected || kernel.len() as u64 <= setup {
        return Err(BootError::Truncated { expected, found: kernel.len() as u64 });
    }
    let body = &kernel[setup as usize..];
    let (at, needed) = placement(ram, kernel, version, body.len() as u64)?;
    ram.write(GuestPhysAddr(at), body);
    let initrd = place_initrd(ram, kernel, image.initrd, at + needed)?;
    let params = boot_params(ram, image, initrd)?;
    ram.write(GuestPhysAddr(BOOT_PARAMS), &params);
    let mut line = image.command_line.as_bytes().to_vec();
    line.push(0);
    ram.write(GuestPhysAddr(COMMAND_LINE), &line);
    let long = version >= 0x20c && get_u16(kernel, field::XLOADFLAGS) & XLF_KERNEL_64 != 0;
    let state = EntryState {
        rip: if long { at + 0x200 } else { at },
        long,
        registers: [Some((gpr::RSI, BOOT_PARAMS)), None, None],
        selectors: (0x10, 0x18),
    };
    state.write_tables(ram);
    Ok(state)
}

/// Load address and the memory the kernel needs from there on.
fn placement(ram: &GuestRam, kernel: &[u8], version: u16, body: u64) -> Result<(u64, u64), BootError> {
    let low = ram.layout().low;
    let (preferred, needed) = if version >= 0x20a {
        let preferred = u64::from_le_bytes(get(kernel, field::PREF_ADDRESS));
        (preferred, u64::from(get_u32(kernel, field::INIT_SIZE)).max(body))
    } else {
        (0x10_0000, body)
    };
    let fits = |at: u64| at >= 0x10_0000 && at.checked_add(needed).is_some_and(|end| end <= low);
    if fits(preferred) {
        return Ok((preferred, needed));
    }
    let relocatable = get::<1>(kernel, field::RELOCATABLE)[0] != 0;
    let alignment = u64::from(get_u32(kernel, field::KERNEL_ALIGNMENT)).max(PAGE_SIZE);
    let lowest = 0x10_0000_u64.next_multiple_of(alignment);
    if relocatable && fits(lowest) {
        return Ok((lowest, needed));
    }
    Err(BootError::KernelDoesNotFit { needed: needed.div_ceil(1 << 20), at: GuestPhysAddr(preferred) })
}

/// Puts the initial RAM disk as high as kernel and memory allow. Gives address and size, or zeros.
fn place_initrd(
    ram: &GuestRam,
    kernel: &[u8],
    initrd: Option<&[u8]>,
    kernel_end: u64,
) -> Result<(u64, u64), BootError> {
    let Some(initrd) = initrd.filter(|initrd| !initrd.is_empty()) else { return Ok((0, 0)) };
    let bytes = initrd.len() as u64;
    let highest = u64::from(get_u32(kernel, field::INITRD_ADDR_MAX)).saturating_add(1).min(ram.layout().low);
    let at = highest.checked_sub(bytes).map(|at| at & !(PAGE_SIZE - 1)).filter(|&at| at >= kernel_end);
    let Some(at) = at else { return Err(BootError::InitrdDoesNotFit { bytes }) };
    ram.write(GuestPhysAddr(at), initrd);
    Ok((at, bytes))
}

/// The zero page.
fn boot_params(ram: &GuestRam, image: &BootImage<'_>, initrd: (u64, u64)) -> Result<Vec<u8>, BootError> {
    let kernel = image.kernel;
    let most = (get_u32(kernel, field::CMDLINE_SIZE) as usize).clamp(255, COMMAND_LINE_ROOM - 1);
    let len = image.command_line.len();
    if len > most {
        return Err(BootError::CommandLineTooLong { len, most });
    }
    let mut params = vec![0; PAGE_SIZE as usize];
    let header_end = 0x202 + usize::from(get::<1>(kernel, field::JUMP)[0]);
    let header = kernel.get(field::SETUP_SECTS..header_end.min(0x290)).unwrap_or(&[]);
    params[field::SETUP_SECTS..field::SETUP_SECTS + header.len()].copy_from_slice(header);
    let mut put = |at: usize, bytes: &[u8]| params[at..at + bytes.len()].copy_from_slice(bytes);
    put(field::TYPE_OF_LOADER, &[0xff]);
    let flags = get::<1>(kernel, field::LOADFLAGS)[0] | 0x80;
    put(field::LOADFLAGS, &[flags]);
    put(field::HEAP_END, &0xfe00_u16.to_le_bytes());
    put(field::CMD_LINE_PTR, &(COMMAND_LINE as u32).to_le_bytes());
    put(field::RAMDISK_IMAGE, &(initrd.0 as u32).to_le_bytes());
    put(field::RAMDISK_SIZE, &(initrd.1 as u32).to_le_bytes());
    put(field::ACPI_RSDP, &image.rsdp.0.to_le_bytes());
    let map = memory_map(ram);
    put(field::E820_ENTRIES, &[map.len() as u8]);
    for (n, (start, bytes, usable)) in map.into_iter().enumerate() {
        let at = field::E820_TABLE + 20 * n;
        put(at, &start.to_le_bytes());
        put(at + 8, &bytes.to_le_bytes());
        put(at + 16, &(if usable { 1_u32 } else { 2 }).to_le_bytes());
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with a header that names a 64-bit kernel of 4 KiB.
    fn kernel() -> Vec<u8> {
        let mut file = vec![0; 1024 + 4096];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(field::SETUP_SECTS, &[1]);
        put(field::SYSSIZE, &256_u32.to_le_bytes());
        put(field::JUMP, &[0x66]);
        put(field::MAGIC, b"HdrS");
        put(field::VERSION, &0x20f_u16.to_le_bytes());
        put(field::INITRD_ADDR_MAX, &0x7fff_ffff_u32.to_le_bytes());
        put(field::KERNEL_ALIGNMENT, &0x20_0000_u32.to_le_bytes());
        put(field::RELOCATABLE, &[1]);
        put(field::XLOADFLAGS, &1_u16.to_le_bytes());
        put(field::CMDLINE_SIZE, &2047_u32.to_le_bytes());
        put(field::PREF_ADDRESS, &0x100_0000_u64.to_le_bytes());
        put(field::INIT_SIZE, &0x40_0000_u32.to_le_bytes());
        file[1024] = 0xf4;
        file
    }

    fn image<'a>(kernel: &'a [u8], initrd: Option<&'a [u8]>, command_line: &'a str) -> BootImage<'a> {
        BootImage { kernel, initrd, command_line, rsdp: GuestPhysAddr(0xe_0000) }
    }

    #[test]
    fn a_64_bit_kernel_is_entered_behind_its_preferred_address() {
        let ram = GuestRam::new(64 << 20).unwrap();
        let kernel = kernel();
        let state = load(&ram, &image(&kernel, Some(&[7; 5000]), "quiet")).unwrap();
        assert!(state.long);
        assert_eq!(state.rip, 0x100_0200);
        assert_eq!(ram.read_array::<1>(GuestPhysAddr(0x100_0000)), [0xf4]);
        let initrd = u64::from(ram.read_u32(GuestPhysAddr(BOOT_PARAMS + 0x218)));
        assert_eq!(initrd, (64 << 20) - 8192);
        assert_eq!(ram.read_array::<2>(GuestPhysAddr(initrd)), [7, 7]);
        assert_eq!(&ram.read_array::<6>(GuestPhysAddr(COMMAND_LINE)), b"quiet\0");
        assert_eq!(ram.read_array::<1>(GuestPhysAddr(BOOT_PARAMS + 0x1e8)), [4]);
    }

    #[test]
    fn little_memory_relocates_and_less_refuses() {
        let kernel = kernel();
        let ram = GuestRam::new(8 << 20).unwrap();
        assert_eq!(load(&ram, &image(&kernel, None, "")).unwrap().rip, 0x20_0200);
        let ram = GuestRam::new(2 << 20).unwrap();
        let refused = load(&ram, &image(&kernel, None, ""));
        assert!(matches!(refused, Err(BootError::KernelDoesNotFit { needed: 4, .. })));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let ram = GuestRam::new(64 << 20).unwrap();
        let whole = kernel();
        let cut = load(&ram, &image(&whole[..2000], None, ""));
        assert_eq!(cut, Err(BootError::Truncated { expected: 5120, found: 2000 }));
        let mut old = whole.clone();
        old[field::VERSION] = 4;
        assert_eq!(load(&ram, &image(&old, None, "")), Err(BootError::OldProtocol { major: 2, minor: 4 }));
        let long = "x".repeat(3000);
        let refused = load(&ram, &image(&whole, None, &long));
        assert_eq!(refused, Err(BootError::CommandLineTooLong { len: 3000, most: 2047 }));
        let initrd = vec![0; 60 << 20];
        let refused = load(&ram, &image(&whole, Some(&initrd), ""));
        assert_eq!(refused, Err(BootError::InitrdDoesNotFit { bytes: 60 << 20 }));
        assert_eq!(super::super::load(&ram, &image(b"MZ", None, "")), Err(BootError::UnknownFormat));
    }
}
