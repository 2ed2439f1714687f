//! Multiboot-1 images: the address fields of the header, or ELF.

use super::{BootError, BootImage, EntryState, elf, memory_map};
use guest_memory::GuestMemory;
use x86_state::gpr;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

const MAGIC: u32 = 0x1bad_b002;
const BOOTLOADER_MAGIC: u64 = 0x2bad_b002;
const INFO: u64 = 0x1_0000;
const STRINGS: u64 = 0x1_1000;
const MAP: u64 = 0x1_2000;
/// Memory that an image must leave free: the loader's tables and information, then devices and firmware.
const TAKEN: [(u64, u64); 2] = [(0x5000, 0x1_3000), (0x9_fc00, MIB)];
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

/// Copies a piece of the file, with zeros behind it.
fn place(ram: &GuestMemory, file: &[u8], from: u64, len: u64, to: u64, total: u64) -> Result<(), BootError> {
    let end = from.checked_add(len).filter(|&end| end <= file.len() as u64);
    let Some(end) = end else {
        return Err(BootError::Truncated { expected: from.saturating_add(len), found: file.len() as u64 });
    };
    let total = total.max(len);
    let Some(top) = to.checked_add(total).filter(|&top| top <= ram.layout().low) else {
        return Err(BootError::KernelDoesNotFit { needed: total.div_ceil(1 << 20), at: GuestPhysAddr(to) });
    };
    if TAKEN.iter().any(|&(start, end)| to < end && start < top) {
        return Err(bad("lies in memory of firmware, devices or its loader; link it to 1 MiB"));
    }
    ram.write(GuestPhysAddr(to), &file[from as usize..end as usize]);
    for at in (len..total).step_by(PAGE_SIZE as usize) {
        let zeros = [0; PAGE_SIZE as usize];
        ram.write(GuestPhysAddr(to + at), &zeros[..(total - at).min(PAGE_SIZE) as usize]);
    }
    Ok(())
}

/// Loads by the header's address fields. Gives the entry point and the end of what was loaded.
fn load_addresses(ram: &GuestMemory, file: &[u8], header: &Header) -> Result<(u64, u64), BootError> {
    let [header_at, load, load_end, bss_end, entry] = header.addresses.map(u64::from);
    let before = header_at.checked_sub(load).ok_or(bad("is loaded behind its own header; build it anew"))?;
    let from = header.at.checked_sub(before).ok_or(bad("starts before its own file; build it anew"))?;
    let len = if load_end == 0 {
        file.len() as u64 - from
    } else {
        load_end.checked_sub(load).ok_or(bad("ends before it begins; build it anew"))?
    };
    let total = bss_end.saturating_sub(load).max(len);
    place(ram, file, from, len, load, total)?;
    Ok((entry, load + total))
}

/// Loads the segments of an ELF file.
fn load_elf(ram: &GuestMemory, file: &[u8]) -> Result<(u64, u64), BootError> {
    let Some(elf) = elf::parse(file)? else {
        return Err(bad("is no x86 ELF file and has no address fields; link it as elf32-i386"));
    };
    let mut top = 0;
    for segment in elf.segments {
        place(ram, file, segment.offset, segment.file_size, segment.address, segment.memory_size)?;
        top = top.max(segment.address + segment.memory_size);
    }
    Ok((elf.entry, top))
}

/// Loads a multiboot image with its module and information.
///
/// SPEC: multiboot-1 :: 3.2 Machine state -> EAX holds the magic number, EBX the information structure; 32-bit protected mode, flat segments, paging off
pub(super) fn load(ram: &GuestMemory, image: &BootImage<'_>) -> Result<EntryState, BootError> {
    let Some(header) = header(image.kernel) else { return Err(BootError::UnknownFormat) };
    // SPEC: multiboot-1 :: 3.1.2 The magic fields of Multiboot header -> an image whose requirement in bits 15:0 cannot be met is not loaded
    if header.flags & 0xffff & !MET != 0 {
        return Err(bad("requires more than modules and memory information, such as a video mode"));
    }
    if ram.layout().low < MIB {
        return Err(BootError::KernelDoesNotFit { needed: 1, at: GuestPhysAddr(0) });
    }
    let (entry, top) = if header.flags & HAS_ADDRESSES != 0 {
        load_addresses(ram, image.kernel, &header)?
    } else {
        load_elf(ram, image.kernel)?
    };
    if entry >= ram.layout().low {
        return Err(bad("is entered outside of memory; build it anew"));
    }
    write_info(ram, image, top.max(MIB))?;
    let state = EntryState {
        rip: entry,
        long: false,
        registers: [Some((gpr::RAX, BOOTLOADER_MAGIC)), Some((gpr::RBX, INFO)), None],
        selectors: (0x08, 0x10),
    };
    state.write_tables(ram);
    Ok(state)
}

/// SPEC: multiboot-1 :: 3.3 Boot information format -> memory sizes, command line, modules, memory map, boot loader name
fn write_info(ram: &GuestMemory, image: &BootImage<'_>, kernel_end: u64) -> Result<(), BootError> {
    // After a reset, RAM holds what the guest left there.
    for page in [INFO, STRINGS, MAP] {
        ram.write(GuestPhysAddr(page), &[0; PAGE_SIZE as usize]);
    }
    let put = |offset: u64, value: u64| ram.write_u32(GuestPhysAddr(INFO + offset), value as u32);
    let low = ram.layout().low;
    let mut flags = 1 | 1 << 2 | 1 << 6 | 1 << 9;
    put(4, 639);
    put(8, low.saturating_sub(MIB) >> 10);
    let most = 2047;
    let len = image.command_line.len();
    if len > most {
        return Err(BootError::CommandLineTooLong { len, most });
    }
    let mut line = image.command_line.as_bytes().to_vec();
    line.push(0);
    ram.write(GuestPhysAddr(STRINGS), &line);
    put(16, STRINGS);
    let name = STRINGS + 0x900;
    ram.write(GuestPhysAddr(name), b"v64\0");
    put(64, name);
    if let Some(initrd) = image.initrd {
        let start = kernel_end.next_multiple_of(PAGE_SIZE);
        let bytes = initrd.len() as u64;
        if start.checked_add(bytes).is_none_or(|end| end > low) {
            return Err(BootError::InitrdDoesNotFit { bytes });
        }
        ram.write(GuestPhysAddr(start), initrd);
        let module = STRINGS + 0xa00;
        for (n, value) in [start, start + bytes, STRINGS + 0xa20, 0].into_iter().enumerate() {
            ram.write_u32(GuestPhysAddr(module + 4 * n as u64), value as u32);
        }
        put(20, 1);
        put(24, module);
        flags |= 1 << 3;
    }
    let mut at = MAP;
    for (start, bytes, usable) in memory_map(ram) {
        ram.write_u32(GuestPhysAddr(at), 20);
        ram.write_u64(GuestPhysAddr(at + 4), start);
        ram.write_u64(GuestPhysAddr(at + 12), bytes);
        ram.write_u32(GuestPhysAddr(at + 20), if usable { 1 } else { 2 });
        at += 24;
    }
    put(44, at - MAP);
    put(48, MAP);
    put(0, flags);
    Ok(())
}

#[cfg(test)]
mod tests;
