//! ELF executables for x86, 32-bit and 64-bit: where their segments go.

use super::BootError;

/// Offsets of the fields that loading takes, which are all that differs between the classes.
struct Class {
    /// Bytes of an address or offset
    word: usize,
    table: usize,
    entry_size: usize,
    offset: usize,
    virtual_address: usize,
    physical_address: usize,
    file_size: usize,
    memory_size: usize,
}

/// SPEC: elf-1.2 :: ELF Identification -> EI_CLASS gives the width of addresses and offsets, EI_DATA the byte order
const ELF32: Class = Class {
    word: 4,
    table: 28,
    entry_size: 42,
    offset: 4,
    virtual_address: 8,
    physical_address: 12,
    file_size: 16,
    memory_size: 20,
};
const ELF64: Class = Class {
    word: 8,
    table: 32,
    entry_size: 54,
    offset: 8,
    virtual_address: 16,
    physical_address: 24,
    file_size: 32,
    memory_size: 40,
};
const ENTRY: usize = 24;
const EM_386: u64 = 3;
const EM_X86_64: u64 = 62;
const PT_LOAD: u64 = 1;

/// A piece of the file and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Offset in the file
    pub(super) offset: u64,
    /// Bytes in the file
    pub(super) file_size: u64,
    /// Physical address
    pub(super) address: u64,
    /// Bytes in memory; what the file does not have is zero
    pub(super) memory_size: u64,
}

impl Segment {
    /// Physical address behind its last byte, where there is one.
    pub(super) fn end(&self) -> u64 {
        self.address.saturating_add(self.memory_size)
    }
}

/// An executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// Physical address of the first instruction
    pub(super) entry: u64,
    /// What is loaded
    pub(super) segments: Vec<Segment>,
}

/// Returns a little-endian number of `size` bytes.
fn number(file: &[u8], at: usize, size: usize) -> Result<u64, BootError> {
    let end = at.saturating_add(size);
    let bytes = file.get(at..end);
    let bytes = bytes.ok_or(BootError::Truncated { expected: end as u64, found: file.len() as u64 })?;
    Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// Reads the headers of an ELF file; `Ok(None)` when it is none for this processor.
pub(super) fn parse(file: &[u8]) -> Result<Option<Elf>, BootError> {
    // Magic number, class, little-endian
    let class = match file.get(..6) {
        Some(b"\x7fELF\x01\x01") => ELF32,
        Some(b"\x7fELF\x02\x01") => ELF64,
        _ => return Ok(None),
    };
    if ![EM_386, EM_X86_64].contains(&number(file, 18, 2)?) {
        return Ok(None);
    }
    let mut entry = number(file, ENTRY, class.word)?;
    let virtual_entry = entry;
    let table = number(file, class.table, class.word)? as usize;
    let size = number(file, class.entry_size, 2)? as usize;
    let count = number(file, class.entry_size + 2, 2)? as usize;
    let mut segments = Vec::new();
    for n in 0..count {
        let header = table.saturating_add(n * size);
        let field = |offset, size| number(file, header.saturating_add(offset), size);
        let memory_size = field(class.memory_size, class.word)?;
        if field(0, 4)? != PT_LOAD || memory_size == 0 {
            continue;
        }
        let address = field(class.physical_address, class.word)?;
        // A kernel linked to run elsewhere names its entry there, but starts with paging off.
        let inside = virtual_entry.wrapping_sub(field(class.virtual_address, class.word)?);
        if inside < memory_size {
            entry = address.wrapping_add(inside);
        }
        let file_size = field(class.file_size, class.word)?.min(memory_size);
        segments.push(Segment { offset: field(class.offset, class.word)?, file_size, address, memory_size });
    }
    Ok(Some(Elf { entry, segments }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a file of one class with one segment that holds `content`, given twice as much memory.
    pub(in super::super) fn executable(
        wide: bool,
        entry: u64,
        run: u64,
        load: u64,
        content: &[u8],
    ) -> Vec<u8> {
        let class = if wide { ELF64 } else { ELF32 };
        let (header, offset) = (64, 128_u64);
        let mut file = vec![0; offset as usize];
        let mut put = |at: usize, value: u64, size: usize| {
            file[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        };
        put(0, u64::from(u32::from_le_bytes(*b"\x7fELF")), 4);
        put(4, if wide { 0x0102 } else { 0x0101 }, 2);
        put(18, if wide { EM_X86_64 } else { EM_386 }, 2);
        put(ENTRY, entry, class.word);
        put(class.table, header as u64, class.word);
        put(class.entry_size, 56, 2);
        put(class.entry_size + 2, 1, 2);
        put(header, PT_LOAD, 4);
        put(header + class.offset, offset, class.word);
        put(header + class.virtual_address, run, class.word);
        put(header + class.physical_address, load, class.word);
        put(header + class.file_size, content.len() as u64, class.word);
        put(header + class.memory_size, 2 * content.len() as u64, class.word);
        file.extend(content);
        file
    }

    #[test]
    fn both_classes_say_the_same() {
        for wide in [false, true] {
            let segment = Segment { offset: 128, file_size: 16, address: 0x10_0000, memory_size: 32 };
            for (run, entry) in [(0x10_0000, 0x10_0004), (0xc010_0000, 0xc010_0004), (0xc010_0000, 0x10_0004)]
            {
                let file = executable(wide, entry, run, 0x10_0000, &[0x90; 16]);
                let expected = Elf { entry: 0x10_0004, segments: vec![segment] };
                assert_eq!(parse(&file), Ok(Some(expected)), "entry {entry:#x}, run {run:#x}");
            }
        }
    }

    #[test]
    fn a_cut_header_is_truncated_and_other_files_are_none() {
        for wide in [false, true] {
            let file = executable(wide, 0, 0, 0, &[0; 16]);
            for len in 6..64 + if wide { 48 } else { 24 } {
                assert!(matches!(parse(&file[..len]), Err(BootError::Truncated { .. })), "{len}");
            }
        }
        let mut file = executable(false, 0, 0, 0, &[0; 16]);
        file[18] = 40;
        assert_eq!(parse(&file), Ok(None), "another processor");
        assert_eq!(parse(b"\x7fELF\x01\x02"), Ok(None), "big-endian");
        assert_eq!(parse(b""), Ok(None));
    }
}
