//! Multiboot-1 images: the address fields of the header, or ELF.

use super::elf::{self, Segment};
use super::{BootError, BootImage, EntryState, MapEntry, initrd_does_not_fit};
use guest_memory::{GuestMemory, RamLayout};
use x86_state::gpr;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

const MAGIC: u32 = 0x1bad_b002;
const BOOTLOADER_MAGIC: u64 = 0x2bad_b002;
/// What the loader leaves in memory for the image, as offsets in a block of whole pages that overlaps no segment: a stack
/// that grows down from the descriptor table, the information structure with the memory map, the strings.
const TABLES: u64 = PAGE_SIZE;
const INFO: u64 = 2 * PAGE_SIZE;
const LOADER_NAME: u64 = INFO + 0x100;
const MODULE: u64 = INFO + 0x200;
const MAP: u64 = INFO + 0x300;
const COMMAND_LINE: u64 = 3 * PAGE_SIZE;
const MODULE_STRING: u64 = 5 * PAGE_SIZE;
const BLOCK: u64 = 7 * PAGE_SIZE;
/// Where the block goes unless the image lies there.
const USUAL: u64 = 0xe000;
/// Memory below 1 MiB that is not usable: devices, firmware and what belongs to them.
const LOW_END: u64 = 0x9_fc00;
const MIB: u64 = 0x10_0000;
/// Requirements that are met: modules on page boundaries, memory information. The rest of bits 15:0 is refused.
const MET: u32 = 3;
const HAS_ADDRESSES: u32 = 1 << 16;

/// The header, found within the first 8 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    at: u64,
    flags: u32,
    addresses: [u32; 5],
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// SPEC: multiboot-1 :: 3.1.1 The layout of Multiboot header -> magic, flags and a checksum that make 0 together, within 8192 bytes, 4-byte aligned
pub(super) fn header(file: &[u8]) -> Option<Header> {
    (0..file.len().min(8192)).step_by(4).find_map(|at| {
        let flags = u32_at(file, at + 4)?;
        let sum = u32_at(file, at + 8)?.wrapping_add(flags).wrapping_add(MAGIC);
        if u32_at(file, at)? != MAGIC || sum != 0 {
            return None;
        }
        let mut addresses = [0; 5];
        for (n, place) in addresses.iter_mut().enumerate() {
            *place = u32_at(file, at + 12 + 4 * n).unwrap_or(0);
        }
        Some(Header { at: at as u64, flags, addresses })
    })
}

fn bad(reason: &'static str) -> BootError {
    BootError::Multiboot { reason }
}

/// Where an image goes.
struct Plan {
    /// Physical address of the first instruction
    entry: u64,
    segments: Vec<Segment>,
}

impl Plan {
    fn new(layout: RamLayout, file: &[u8]) -> Result<Self, BootError> {
        let Some(header) = header(file) else { return Err(BootError::UnknownFormat) };
        // SPEC: multiboot-1 :: 3.1.2 The magic fields of Multiboot header -> an image whose requirement in bits 15:0 cannot be met is not loaded
        if header.flags & 0xffff & !MET != 0 {
            return Err(bad("requires more than modules and memory information, such as a video mode"));
        }
        if layout.low < MIB {
            return Err(BootError::KernelDoesNotFit { needed: 1, at: GuestPhysAddr(0) });
        }
        let plan = if header.flags & HAS_ADDRESSES != 0 {
            by_addresses(file, &header)?
        } else {
            let elf = elf::parse(file)?;
            let elf =
                elf.ok_or(bad("is no x86 ELF file and has no address fields; link it as elf32-i386"))?;
            Self { entry: elf.entry, segments: elf.segments }
        };
        for segment in &plan.segments {
            check(layout, file, segment)?;
        }
        if plan.entry >= layout.low {
            return Err(bad("is entered outside of memory; rebuild it"));
        }
        Ok(plan)
    }

    /// Returns the first address of a block of `bytes` that is usable memory and overlaps no segment, on a page
    /// boundary.
    fn free(&self, bytes: u64) -> u64 {
        let is_free = |&at: &u64| {
            let overlaps = |segment: &Segment| at < segment.end() && segment.address < at + bytes;
            !self.segments.iter().any(overlaps)
        };
        // Page 0 stays free: a null pointer should find nothing there.
        let low = (PAGE_SIZE..LOW_END - bytes).step_by(PAGE_SIZE as usize);
        std::iter::once(USUAL).chain(low).find(is_free).unwrap_or_else(|| self.end())
    }

    /// Returns the first page boundary above all segments and above 1 MiB.
    fn end(&self) -> u64 {
        self.segments.iter().map(Segment::end).fold(MIB, u64::max).next_multiple_of(PAGE_SIZE)
    }

    /// Where a module begins: above everything else.
    fn module(&self) -> u64 {
        self.end().max(self.free(BLOCK) + BLOCK)
    }
}

/// Refuses a segment that is not in the file, or that does not lie in usable memory.
fn check(layout: RamLayout, file: &[u8], segment: &Segment) -> Result<(), BootError> {
    let Segment { offset, file_size, address, memory_size } = *segment;
    let expected = offset.saturating_add(file_size);
    if expected > file.len() as u64 {
        return Err(BootError::Truncated { expected, found: file.len() as u64 });
    }
    let Some(end) = address.checked_add(memory_size).filter(|&end| end <= layout.low) else {
        let needed = memory_size.div_ceil(1 << 20);
        return Err(BootError::KernelDoesNotFit { needed, at: GuestPhysAddr(address) });
    };
    if address < MIB && LOW_END < end {
        return Err(bad("lies in memory of devices or firmware, from 9FC00h to 1 MiB; link it to 1 MiB"));
    }
    Ok(())
}

/// Copies a segment, with zeros behind what the file has.
fn place(ram: &GuestMemory, file: &[u8], segment: &Segment) {
    let Segment { offset, file_size, address, memory_size } = *segment;
    let content = file.get(offset as usize..(offset + file_size) as usize).unwrap_or(&[]);
    ram.write(GuestPhysAddr(address), content);
    for at in (file_size..memory_size).step_by(PAGE_SIZE as usize) {
        let zeros = [0; PAGE_SIZE as usize];
        ram.write(GuestPhysAddr(address + at), &zeros[..(memory_size - at).min(PAGE_SIZE) as usize]);
    }
}

/// Returns the one segment that the header's address fields describe.
fn by_addresses(file: &[u8], header: &Header) -> Result<Plan, BootError> {
    let [header_at, load, load_end, bss_end, entry] = header.addresses.map(u64::from);
    let before = header_at.checked_sub(load).ok_or(bad("is loaded behind its own header; rebuild it"))?;
    let offset = header.at.checked_sub(before).ok_or(bad("starts before its own file; rebuild it"))?;
    let file_size = if load_end == 0 {
        file.len() as u64 - offset
    } else {
        load_end.checked_sub(load).ok_or(bad("ends before it begins; rebuild it"))?
    };
    let memory_size = bss_end.saturating_sub(load).max(file_size);
    Ok(Plan { entry, segments: vec![Segment { offset, file_size, address: load, memory_size }] })
}

fn module_end(layout: RamLayout, plan: &Plan, bytes: u64) -> Result<u64, BootError> {
    let start = plan.module();
    let end = start.checked_add(bytes).filter(|&end| end <= layout.low);
    end.ok_or_else(|| initrd_does_not_fit(layout, bytes, layout.low.saturating_sub(start)))
}

/// Checks that a module of `bytes` fits.
pub(super) fn check_initrd(layout: RamLayout, kernel: &[u8], bytes: u64) -> Result<(), BootError> {
    module_end(layout, &Plan::new(layout, kernel)?, bytes).map(|_| ())
}

/// Loads a multiboot image with its module and information.
///
/// SPEC: multiboot-1 :: 3.2 Machine state -> EAX holds the magic number, EBX the information structure; 32-bit protected mode, flat segments, paging off
pub(super) fn load(
    ram: &GuestMemory,
    image: &BootImage<'_>,
    map: &[MapEntry],
) -> Result<EntryState, BootError> {
    let plan = Plan::new(ram.layout(), image.kernel)?;
    for segment in &plan.segments {
        place(ram, image.kernel, segment);
    }
    let block = plan.free(BLOCK);
    if !ram.contains(GuestPhysAddr(block), BLOCK) {
        return Err(BootError::KernelDoesNotFit { needed: 1, at: GuestPhysAddr(block) });
    }
    write_info(ram, image, (&plan, map), block)?;
    let state = EntryState {
        rip: plan.entry,
        long: false,
        registers: [Some((gpr::RAX, BOOTLOADER_MAGIC)), Some((gpr::RBX, block + INFO)), None],
        selectors: (0x08, 0x10),
        tables: block + TABLES,
    };
    state.write_tables(ram);
    Ok(state)
}

/// Writes a text and the NUL that ends it, where it takes at most `room` bytes.
fn write_string(ram: &GuestMemory, at: u64, room: u64, text: &str) -> Result<(), BootError> {
    let (len, most) = (text.len(), room as usize - 1);
    if len > most {
        return Err(BootError::CommandLineTooLong { len, most });
    }
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    ram.write(GuestPhysAddr(at), &bytes);
    Ok(())
}

/// The first word of the command line is the image's name, as GRUB and QEMU pass it: images skip it.
///
/// SPEC: multiboot-1 :: 3.3 Boot information format -> memory sizes, command line, modules, memory map, boot loader name
fn write_info(
    ram: &GuestMemory,
    image: &BootImage<'_>,
    (plan, map): (&Plan, &[MapEntry]),
    block: u64,
) -> Result<(), BootError> {
    // After a reset, RAM holds what the guest left there.
    for page in (block..block + BLOCK).step_by(PAGE_SIZE as usize) {
        ram.write(GuestPhysAddr(page), &[0; PAGE_SIZE as usize]);
    }
    let put = |offset: u64, value: u64| ram.write_u32(GuestPhysAddr(block + INFO + offset), value as u32);
    let low = ram.layout().low;
    let mut flags = 1 | 1 << 2 | 1 << 6 | 1 << 9;
    put(4, 639);
    put(8, low.saturating_sub(MIB) >> 10);
    let line = format!("{} {}", image.kernel_name, image.command_line);
    write_string(ram, block + COMMAND_LINE, MODULE_STRING - COMMAND_LINE, &line)?;
    put(16, block + COMMAND_LINE);
    write_string(ram, block + LOADER_NAME, MODULE - LOADER_NAME, "v64")?;
    put(64, block + LOADER_NAME);
    if let Some(initrd) = image.initrd {
        let start = plan.module();
        let end = module_end(ram.layout(), plan, initrd.len() as u64)?;
        ram.write(GuestPhysAddr(start), initrd);
        write_string(ram, block + MODULE_STRING, BLOCK - MODULE_STRING, image.initrd_name)?;
        for (n, value) in [start, end, block + MODULE_STRING, 0].into_iter().enumerate() {
            ram.write_u32(GuestPhysAddr(block + MODULE + 4 * n as u64), value as u32);
        }
        put(20, 1);
        put(24, block + MODULE);
        flags |= 1 << 3;
    }
    let mut at = block + MAP;
    for &MapEntry { start, len, usable } in map {
        ram.write_u32(GuestPhysAddr(at), 20);
        ram.write_u64(GuestPhysAddr(at + 4), start);
        ram.write_u64(GuestPhysAddr(at + 12), len);
        ram.write_u32(GuestPhysAddr(at + 20), if usable { 1 } else { 2 });
        at += 24;
    }
    put(44, at - block - MAP);
    put(48, block + MAP);
    put(0, flags);
    Ok(())
}

#[cfg(test)]
mod tests;
