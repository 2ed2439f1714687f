//! A second walker, slow and spelt out mode by mode, to compare with. It shares no code with the crate.

use std::collections::BTreeMap;
use x86_paging::{Access, AccessKind, PagingRegisters};
use x86_state::{Cr0, Cr4, Efer};

/// What is at an address: 64 bits, or 32 of them.
pub(crate) type Read<'a> = dyn Fn(u64) -> u64 + 'a;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) phys: u64,
    pub(crate) bytes: u64,
    pub(crate) global: bool,
    pub(crate) user: bool,
    pub(crate) dirty: bool,
    /// Flags to be set, by address of the entry
    pub(crate) marks: BTreeMap<u64, u64>,
}

fn bit(value: u64, n: u32) -> bool {
    (value >> n) % 2 == 1
}

/// Whether any of the bits `from..=to` is set.
fn any(value: u64, from: u32, to: u32) -> bool {
    (from..=to).any(|n| bit(value, n))
}

/// The entries of a translation with their addresses, top first, then physical address and page size.
type Walked = (Vec<(u64, u64)>, u64, u64);

enum Stop {
    NotPresent,
    Reserved,
}

fn walk_32(regs: &PagingRegisters, read: &Read<'_>, lin: u64) -> Result<Walked, Stop> {
    let lin = lin % (1 << 32);
    let pde_at = regs.cr3 % (1 << 32) / 4096 * 4096 + lin / (1 << 22) * 4;
    let pde = read(pde_at);
    if !bit(pde, 0) {
        return Err(Stop::NotPresent);
    }
    if regs.cr4.contains(Cr4::PSE) && bit(pde, 7) {
        let m = regs.physical_bits.min(40) as u32;
        if any(pde, m - 19, 21) {
            return Err(Stop::Reserved);
        }
        let mut phys = lin % (1 << 22);
        for n in 22..32 {
            phys += u64::from(bit(pde, n)) << n;
        }
        for n in 32..m {
            phys += u64::from(bit(pde, n - 19)) << n;
        }
        return Ok((vec![(pde_at, pde)], phys, 1 << 22));
    }
    let pte_at = pde / 4096 * 4096 + lin / 4096 % 1024 * 4;
    let pte = read(pte_at);
    if !bit(pte, 0) {
        return Err(Stop::NotPresent);
    }
    Ok((vec![(pde_at, pde), (pte_at, pte)], pte / 4096 * 4096 + lin % 4096, 4096))
}

fn walk_64(regs: &PagingRegisters, read: &Read<'_>, lin: u64) -> Result<Walked, Stop> {
    let max = regs.physical_bits as u32;
    let address = |entry: u64| entry % (1 << max) / 4096 * 4096;
    let long = regs.efer.contains(Efer::LMA);
    let mut path = Vec::new();
    let tables: &[(&str, u64)] = match (long, regs.cr4.contains(Cr4::LA57)) {
        (true, true) => &[("PML5E", 48), ("PML4E", 39), ("PDPTE", 30), ("PDE", 21), ("PTE", 12)],
        (true, false) => &[("PML4E", 39), ("PDPTE", 30), ("PDE", 21), ("PTE", 12)],
        (false, _) => &[("PDE", 21), ("PTE", 12)],
    };
    let mut table = if long {
        address(regs.cr3)
    } else {
        let pdpte = regs.pdpte[(lin >> 30) as usize % 4];
        if !bit(pdpte, 0) {
            return Err(Stop::NotPresent);
        }
        address(pdpte)
    };
    for &(name, shift) in tables {
        let at = table + lin / (1 << shift) % 512 * 8;
        let entry = read(at);
        if !bit(entry, 0) {
            return Err(Stop::NotPresent);
        }
        let top_reserved = if long { 51 } else { 62 };
        let mut reserved = max <= top_reserved && any(entry, max, top_reserved);
        reserved |= !regs.efer.contains(Efer::NXE) && bit(entry, 63);
        path.push((at, entry));
        match (name, bit(entry, 7)) {
            ("PML5E" | "PML4E", true) => return Err(Stop::Reserved),
            ("PDPTE", true) if !regs.page1gb => return Err(Stop::Reserved),
            ("PDPTE", true) => reserved |= any(entry, 13, 29),
            ("PDE", true) => reserved |= any(entry, 13, 20),
            _ => {}
        }
        if reserved {
            return Err(Stop::Reserved);
        }
        if name == "PTE" || bit(entry, 7) {
            let bytes = 1 << shift;
            return Ok((path, address(entry) / bytes * bytes + lin % bytes, bytes));
        }
        table = address(entry);
    }
    unreachable!("a PTE ends the walk")
}

/// The outcome of an access: what it finds, or the error code.
pub(crate) fn reference(
    regs: &PagingRegisters,
    read: &Read<'_>,
    lin: u64,
    access: Access,
) -> Result<Found, u32> {
    assert!(regs.cr0.contains(Cr0::PG));
    let pae = regs.cr4.contains(Cr4::PAE);
    let (write, fetch) = (access.kind == AccessKind::Write, access.kind == AccessKind::Execute);
    let smep = regs.cr4.contains(Cr4::SMEP);
    let mut code = 0;
    if write {
        code += 2;
    }
    if access.user {
        code += 4;
    }
    if fetch && (smep || (pae && regs.efer.contains(Efer::NXE))) {
        code += 16;
    }
    let walked = if pae { walk_64(regs, read, lin) } else { walk_32(regs, read, lin) };
    let (path, phys, bytes) = match walked {
        Ok(walked) => walked,
        Err(Stop::NotPresent) => return Err(code),
        Err(Stop::Reserved) => return Err(code + 1 + 8),
    };
    let all = |n| path.iter().all(|&(_, entry)| bit(entry, n));
    let user_page = all(2);
    let execute_disable = pae && path.iter().any(|&(_, entry)| bit(entry, 63));
    let refused = match (access.user, access.kind) {
        (true, AccessKind::Read) => !user_page,
        (true, AccessKind::Write) => !user_page || !all(1),
        (true, AccessKind::Execute) => !user_page || execute_disable,
        (false, AccessKind::Execute) => execute_disable || (user_page && smep),
        (false, kind) => {
            let smap = regs.cr4.contains(Cr4::SMAP) && user_page && (access.implicit || !regs.rflags_ac);
            smap || (kind == AccessKind::Write && regs.cr0.contains(Cr0::WP) && !all(1))
        }
    };
    if refused {
        return Err(code + 1);
    }
    let mut marks = BTreeMap::new();
    for &(at, _) in &path {
        *marks.entry(at).or_default() |= 1 << 5;
    }
    let &(leaf_at, leaf) = path.last().unwrap();
    if write {
        *marks.entry(leaf_at).or_default() |= 1 << 6;
    }
    let global = regs.cr4.contains(Cr4::PGE) && bit(leaf, 8);
    Ok(Found { phys, bytes, global, user: user_page, dirty: write || bit(leaf, 6), marks })
}
