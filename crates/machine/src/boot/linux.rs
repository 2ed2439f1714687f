//! Linux kernels, by the x86 boot protocol.

use super::{BootError, BootImage, EntryState, MapEntry, initrd_does_not_fit, memory_map};
use guest_memory::{GuestMemory, RamLayout};
use x86_state::gpr;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

const BOOT_PARAMS: u64 = 0x1_0000;
const COMMAND_LINE: u64 = 0x2_0000;
/// Descriptor table and page tables
const TABLES: u64 = 0x6000;
const COMMAND_LINE_ROOM: usize = 0x8000;

/// Offsets in the setup header, which are the same in `boot_params`.
///
/// SPEC: linux-boot-protocol :: The Real-Mode Kernel Header -> names and offsets of the fields
pub(super) mod field {
    pub(in crate::boot) const SETUP_SECTS: usize = 0x1f1;
    pub(in crate::boot) const SYSSIZE: usize = 0x1f4;
    pub(in crate::boot) const MAGIC: usize = 0x202;
    pub(in crate::boot) const VERSION: usize = 0x206;
    pub(in crate::boot) const JUMP: usize = 0x201;
    pub(in crate::boot) const TYPE_OF_LOADER: usize = 0x210;
    pub(in crate::boot) const LOADFLAGS: usize = 0x211;
    pub(in crate::boot) const CODE32_START: usize = 0x214;
    pub(in crate::boot) const RAMDISK_IMAGE: usize = 0x218;
    pub(in crate::boot) const RAMDISK_SIZE: usize = 0x21c;
    pub(in crate::boot) const HEAP_END: usize = 0x224;
    pub(in crate::boot) const CMD_LINE_PTR: usize = 0x228;
    pub(in crate::boot) const INITRD_ADDR_MAX: usize = 0x22c;
    pub(in crate::boot) const KERNEL_ALIGNMENT: usize = 0x230;
    pub(in crate::boot) const RELOCATABLE: usize = 0x234;
    pub(in crate::boot) const XLOADFLAGS: usize = 0x236;
    pub(in crate::boot) const CMDLINE_SIZE: usize = 0x238;
    pub(in crate::boot) const PREF_ADDRESS: usize = 0x258;
    pub(in crate::boot) const INIT_SIZE: usize = 0x260;
    /// Fields of `boot_params` outside the header
    pub(in crate::boot) const ACPI_RSDP: usize = 0x70;
    pub(in crate::boot) const E820_ENTRIES: usize = 0x1e8;
    pub(in crate::boot) const E820_TABLE: usize = 0x2d0;
}

const XLF_KERNEL_64: u16 = 1;
pub(super) const LOADED_HIGH: u8 = 1;
pub(super) const CAN_USE_HEAP: u8 = 0x80;
/// Where a kernel without a preference goes, and below which none does.
const MIB: u64 = 0x10_0000;

pub(super) fn get<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

pub(super) fn get_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(get(bytes, at))
}

pub(super) fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(get(bytes, at))
}

/// Returns whether the file has the magic number of a bzImage.
pub(super) fn is_linux(kernel: &[u8]) -> bool {
    get::<4>(kernel, field::MAGIC) == *b"HdrS"
}

/// Returns the kernel proper, behind the sectors of its setup code.
fn body(kernel: &[u8]) -> Result<&[u8], BootError> {
    let version = get_u16(kernel, field::VERSION);
    if version < 0x206 {
        return Err(BootError::OldProtocol { major: (version >> 8) as u8, minor: version as u8 });
    }
    if get::<1>(kernel, field::LOADFLAGS)[0] & LOADED_HIGH == 0 {
        return Err(BootError::LowKernel);
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
    // What follows, such as a signature, is not part of the kernel.
    Ok(&kernel[setup as usize..kernel.len().min(expected as usize)])
}

/// Checks that an initial RAM disk of `bytes` fits.
pub(super) fn check_initrd(layout: RamLayout, kernel: &[u8], bytes: u64) -> Result<(), BootError> {
    let (at, needed) = placement(layout, kernel, body(kernel)?.len() as u64)?;
    initrd_address(layout, kernel, bytes, at + needed).map(|_| ())
}

/// Loads a bzImage. A kernel with a 64-bit entry point is entered there, others at the 32-bit one.
///
/// SPEC: linux-boot-protocol :: 64-bit Boot Protocol -> with XLF_KERNEL_64 the entry lies 200h behind the load address, RSI names boot_params
pub(super) fn load(ram: &GuestMemory, image: &BootImage<'_>) -> Result<EntryState, BootError> {
    let kernel = image.kernel;
    let body = body(kernel)?;
    let (at, needed) = placement(ram.layout(), kernel, body.len() as u64)?;
    ram.write(GuestPhysAddr(at), body);
    let initrd = place_initrd(ram, kernel, image.initrd, at + needed)?;
    let params = boot_params(ram, image, at, initrd)?;
    ram.write(GuestPhysAddr(BOOT_PARAMS), &params);
    let mut line = image.command_line.as_bytes().to_vec();
    line.push(0);
    ram.write(GuestPhysAddr(COMMAND_LINE), &line);
    let version = get_u16(kernel, field::VERSION);
    let long = version >= 0x20c && get_u16(kernel, field::XLOADFLAGS) & XLF_KERNEL_64 != 0;
    let state = EntryState {
        rip: if long { at + 0x200 } else { at },
        long,
        registers: [Some((gpr::RSI, BOOT_PARAMS)), None, None],
        selectors: (0x10, 0x18),
        tables: TABLES,
    };
    state.write_tables(ram);
    Ok(state)
}

/// Load address and the memory the kernel needs from there on.
///
/// If the preferred address does not fit, another one does not help: a kernel loaded lower moves itself up.
///
/// SPEC: linux-boot-protocol :: The Real-Mode Kernel Header -> pref_address is where a kernel runs unless loaded higher, init_size what it needs there before it knows the memory map
fn placement(layout: RamLayout, kernel: &[u8], body: u64) -> Result<(u64, u64), BootError> {
    let (at, needed) = if get_u16(kernel, field::VERSION) >= 0x20a {
        let preferred = u64::from_le_bytes(get(kernel, field::PREF_ADDRESS));
        (preferred, u64::from(get_u32(kernel, field::INIT_SIZE)).max(body))
    } else {
        (0, body)
    };
    let relocatable = get::<1>(kernel, field::RELOCATABLE)[0] != 0;
    let at = match at {
        0 if relocatable => MIB.next_multiple_of(u64::from(get_u32(kernel, field::KERNEL_ALIGNMENT)).max(1)),
        0 => MIB,
        at => at,
    };
    if at < MIB || at.checked_add(needed).is_none_or(|end| end > layout.low) {
        return Err(BootError::KernelDoesNotFit { needed: needed.div_ceil(1 << 20), at: GuestPhysAddr(at) });
    }
    Ok((at, needed))
}

/// Returns the highest address at which an initial RAM disk of `bytes` can lie.
fn initrd_address(layout: RamLayout, kernel: &[u8], bytes: u64, kernel_end: u64) -> Result<u64, BootError> {
    let highest = u64::from(get_u32(kernel, field::INITRD_ADDR_MAX)).saturating_add(1).min(layout.low);
    let at = highest.checked_sub(bytes).map(|at| at & !(PAGE_SIZE - 1)).filter(|&at| at >= kernel_end);
    at.ok_or_else(|| initrd_does_not_fit(layout, bytes, highest.saturating_sub(kernel_end)))
}

/// Puts the initial RAM disk as high as kernel and memory allow. Gives address and size, or zeros.
fn place_initrd(
    ram: &GuestMemory,
    kernel: &[u8],
    initrd: Option<&[u8]>,
    kernel_end: u64,
) -> Result<(u64, u64), BootError> {
    let Some(initrd) = initrd.filter(|initrd| !initrd.is_empty()) else { return Ok((0, 0)) };
    let bytes = initrd.len() as u64;
    let at = initrd_address(ram.layout(), kernel, bytes, kernel_end)?;
    ram.write(GuestPhysAddr(at), initrd);
    Ok((at, bytes))
}

/// The zero page.
fn boot_params(
    ram: &GuestMemory,
    image: &BootImage<'_>,
    load_address: u64,
    initrd: (u64, u64),
) -> Result<Vec<u8>, BootError> {
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
    let flags = get::<1>(kernel, field::LOADFLAGS)[0] | CAN_USE_HEAP;
    put(field::LOADFLAGS, &[flags]);
    put(field::CODE32_START, &(load_address as u32).to_le_bytes());
    put(field::HEAP_END, &0xfe00_u16.to_le_bytes());
    put(field::CMD_LINE_PTR, &(COMMAND_LINE as u32).to_le_bytes());
    put(field::RAMDISK_IMAGE, &(initrd.0 as u32).to_le_bytes());
    put(field::RAMDISK_SIZE, &(initrd.1 as u32).to_le_bytes());
    put(field::ACPI_RSDP, &image.rsdp.0.to_le_bytes());
    let map = memory_map(ram);
    put(field::E820_ENTRIES, &[map.len() as u8]);
    for (n, MapEntry { start, len, usable }) in map.into_iter().enumerate() {
        let at = field::E820_TABLE + 20 * n;
        put(at, &start.to_le_bytes());
        put(at + 8, &len.to_le_bytes());
        put(at + 16, &(if usable { 1_u32 } else { 2 }).to_le_bytes());
    }
    Ok(params)
}

#[cfg(test)]
mod tests;
