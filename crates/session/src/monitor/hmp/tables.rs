//! `info tlb` and `info mem`: what the page tables map.

use guest_memory::GuestMemory;
use std::fmt::Write;
use x86_paging::{PagingKind, PagingMode};
use x86_state::Cpu;
use x86_types::GuestPhysAddr;

/// Tables that are read at most: tables may point to themselves, so that a guest could make the walk endless.
const MOST_TABLES: u32 = 1 << 16;
/// Most lines of output.
const MOST_LINES: usize = 1 << 17;

/// Bits of entries.
///
/// SPEC: intel-sdm-vol3 :: 5.5 4-Level Paging and 5-Level Paging -> the bits of an entry that maps a page; 32-bit and PAE paging have the same
mod bit {
    pub(super) const P: u64 = 1;
    pub(super) const RW: u64 = 1 << 1;
    pub(super) const US: u64 = 1 << 2;
    pub(super) const PS: u64 = 1 << 7;
}

/// A page that is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    linear: u64,
    len: u64,
    physical: u64,
    /// The entry that maps it
    entry: u64,
    /// Rights of all entries on the way
    rights: u64,
}

/// A walk through all tables.
struct Walk<'a> {
    memory: &'a GuestMemory,
    kind: PagingKind,
    tables_left: u32,
    /// Called with each page; returns whether to continue
    found: &'a mut dyn FnMut(Page) -> bool,
}

impl Walk<'_> {
    /// Bits of an address that one table resolves, and bytes of an entry.
    fn shape(&self) -> (u32, usize) {
        if matches!(self.kind, PagingKind::Bits32 { .. }) { (10, 4) } else { (9, 8) }
    }

    /// Returns whether an entry of this level maps a large page.
    fn is_large(&self, level: u32, entry: u64) -> bool {
        let allowed = match self.kind {
            PagingKind::Bits32 { pse } => pse && level == 2,
            PagingKind::Pae => level == 2,
            _ => level == 2 || level == 3,
        };
        allowed && entry & bit::PS != 0
    }

    /// Walks a table. Returns whether to continue.
    fn table(&mut self, at: u64, level: u32, linear: u64, rights: u64) -> bool {
        if self.tables_left == 0 {
            return false;
        }
        self.tables_left -= 1;
        let (bits, size) = self.shape();
        let shift = 12 + bits * (level - 1);
        let mut bytes = [0; 4096];
        self.memory.read(GuestPhysAddr(at), &mut bytes);
        for (n, entry) in bytes.chunks(size).enumerate() {
            let entry = entry.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            if !self.entry(entry, level, linear | (n as u64) << shift, rights, shift) {
                return false;
            }
        }
        true
    }

    fn entry(&mut self, entry: u64, level: u32, linear: u64, rights: u64, shift: u32) -> bool {
        if entry & bit::P == 0 {
            return true;
        }
        let rights = rights & entry;
        if level > 1 && !self.is_large(level, entry) {
            return self.table(self.frame(entry, 12), level - 1, linear, rights);
        }
        let linear = match self.kind {
            PagingKind::Level4 => sign_extend(linear, 48),
            PagingKind::Level5 => sign_extend(linear, 57),
            _ => linear,
        };
        let physical = self.frame(entry, shift);
        (self.found)(Page { linear, len: 1 << shift, physical, entry, rights })
    }

    /// Returns the address in an entry that points to 2^`shift` bytes.
    fn frame(&self, entry: u64, shift: u32) -> u64 {
        let low = entry & 0x000f_ffff_ffff_ffff & !((1 << shift) - 1);
        match self.kind {
            // SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> bits 20:13 of an entry for 4 MiB are bits 39:32 of the address
            PagingKind::Bits32 { .. } if shift == 22 => low | (entry >> 13 & 0xff) << 32,
            _ => low,
        }
    }
}

fn sign_extend(linear: u64, bits: u32) -> u64 {
    let shift = 64 - bits;
    ((linear << shift).cast_signed() >> shift).cast_unsigned()
}

/// Calls for each page that is mapped, in order. Returns whether all of them were seen.
fn walk(memory: &GuestMemory, cpu: &Cpu, found: &mut dyn FnMut(Page) -> bool) -> bool {
    let kind = PagingMode::of(cpu).kind();
    let mut walk = Walk { memory, kind, tables_left: MOST_TABLES, found };
    let root = cpu.cr3 & 0x000f_ffff_ffff_f000;
    match kind {
        PagingKind::None => true,
        PagingKind::Bits32 { .. } => walk.table(cpu.cr3 & 0xffff_f000, 2, 0, u64::MAX),
        // The four registers have a present bit and an address; rights come from the tables below.
        PagingKind::Pae => cpu.pdpte.iter().enumerate().all(|(n, &entry)| {
            entry & bit::P == 0 || walk.table(walk.frame(entry, 12), 2, (n as u64) << 30, u64::MAX)
        }),
        PagingKind::Level4 => walk.table(root, 4, 0, u64::MAX),
        PagingKind::Level5 => walk.table(root, 5, 0, u64::MAX),
    }
}

const OFF: &str = "PG disabled\n";
const CUT: &str = "(there is more, which is left out)\n";

/// `info tlb`: a line for each page.
pub(super) fn tlb(memory: &GuestMemory, cpu: &Cpu) -> String {
    if PagingMode::of(cpu).kind() == PagingKind::None {
        return OFF.to_owned();
    }
    let mut out = String::new();
    let mut lines = 0;
    let all = walk(memory, cpu, &mut |page| {
        let flags: String =
            [(63, 'X'), (8, 'G'), (7, 'P'), (6, 'D'), (5, 'A'), (4, 'C'), (3, 'T'), (2, 'U'), (1, 'W')]
                .into_iter()
                // In an entry for 4 KiB bit 7 is another.
                .map(|(bit, letter)| {
                    let is_set = page.entry >> bit & 1 != 0 && (bit != 7 || page.len > 4096);
                    if is_set { letter } else { '-' }
                })
                .collect();
        let _ = writeln!(out, "{:016x}: {:016x} {flags}", page.linear, page.physical);
        lines += 1;
        lines < MOST_LINES
    });
    out + if all { "" } else { CUT }
}

/// `info mem`: a line for each run of pages with the same rights.
pub(super) fn mem(memory: &GuestMemory, cpu: &Cpu) -> String {
    if PagingMode::of(cpu).kind() == PagingKind::None {
        return OFF.to_owned();
    }
    let mut out = String::new();
    let mut lines = 0;
    let mut run: Option<(u64, u64, u64)> = None;
    let line = |out: &mut String, (start, len, rights): (u64, u64, u64)| {
        let end = start.wrapping_add(len);
        let user = if rights & bit::US != 0 { 'u' } else { '-' };
        let write = if rights & bit::RW != 0 { 'w' } else { '-' };
        let _ = writeln!(out, "{start:016x}-{end:016x} {len:016x} {user}r{write}");
    };
    let all = walk(memory, cpu, &mut |page| {
        let rights = page.rights & (bit::US | bit::RW);
        match &mut run {
            Some((start, len, same)) if start.wrapping_add(*len) == page.linear && *same == rights => {
                *len = len.wrapping_add(page.len);
            }
            _ => {
                if let Some(run) = run.replace((page.linear, page.len, rights)) {
                    line(&mut out, run);
                    lines += 1;
                }
            }
        }
        lines < MOST_LINES
    });
    if let Some(run) = run {
        line(&mut out, run);
    }
    out + if all { "" } else { CUT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_state::cpuid::CpuModel;
    use x86_state::{Cr0, Cr4, Efer};

    fn long_mode() -> (GuestMemory, Cpu) {
        let mut cpu = Cpu::new(CpuModel::X86_64_V2);
        cpu.cr0 |= Cr0::PE | Cr0::PG;
        cpu.cr4 |= Cr4::PAE;
        cpu.efer |= Efer::LME | Efer::LMA;
        cpu.cr3 = 0x1000;
        let memory = GuestMemory::new(1 << 20).unwrap();
        let entry = |table: u64, n: u64, value: u64| memory.write_u64(GuestPhysAddr(table + 8 * n), value);
        entry(0x1000, 0, 0x2007);
        entry(0x1000, 511, 0x2003);
        entry(0x2000, 0, 0x3007);
        entry(0x3000, 0, 0x4007);
        entry(0x4000, 1, 0x5067);
        entry(0x4000, 2, 0x8000_0000_0000_6003);
        entry(0x3000, 1, 0x20_0083);
        (memory, cpu)
    }

    #[test]
    fn pages_are_listed_with_their_flags() {
        let (memory, cpu) = long_mode();
        let expected = "0000000000001000: 0000000000005000 ---DA--UW\n\
                        0000000000002000: 0000000000006000 X-------W\n\
                        0000000000200000: 0000000000200000 --P-----W\n";
        let text = tlb(&memory, &cpu);
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("ffffff8000001000: 0000000000005000 "), "{text}");
    }

    #[test]
    fn runs_have_the_rights_of_all_levels() {
        let (memory, cpu) = long_mode();
        let text = mem(&memory, &cpu);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "0000000000001000-0000000000002000 0000000000001000 urw");
        assert_eq!(lines[1], "0000000000002000-0000000000003000 0000000000001000 -rw");
        assert_eq!(lines[3], "ffffff8000001000-ffffff8000003000 0000000000002000 -rw");
    }

    #[test]
    fn tables_that_contain_themselves_come_to_an_end() {
        let (memory, cpu) = long_mode();
        for n in 0..512 {
            memory.write_u64(GuestPhysAddr(0x1000 + 8 * n), 0x1003);
        }
        assert!(tlb(&memory, &cpu).ends_with(CUT));
        assert!(mem(&memory, &cpu).len() < 1 << 24);
        let off = Cpu::new(CpuModel::X86_64_V2);
        assert_eq!((tlb(&memory, &off), mem(&memory, &off)), (OFF.into(), OFF.into()));
    }
}
