//! The page walk.

use crate::entry::{A, D, G, P, RW, US, XD, bits};
use crate::{Access, AccessKind, PageFault, PagingKind, PagingMode};
use x86_types::{GuestPhysAddr, LinearAddr, PageFaultCode};

/// Where paging structures live: guest-physical memory.
///
/// Entries are little-endian and naturally aligned. Reads outside RAM yield ones and writes there do nothing.
pub trait PteMemory {
    /// Reads a 32-bit entry.
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32;

    /// Reads a 64-bit entry.
    fn read_u64(&mut self, address: GuestPhysAddr) -> u64;

    /// Replaces a 32-bit entry if it is `expected`, as one atomic operation. Returns whether it was. What takes no writes
    /// stays as it is.
    fn compare_exchange_u32(&mut self, address: GuestPhysAddr, expected: u32, new: u32) -> bool;

    /// The same for a 64-bit entry.
    fn compare_exchange_u64(&mut self, address: GuestPhysAddr, expected: u64, new: u64) -> bool;
}

/// Size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageSize {
    /// 4 KiB
    Size4K,
    /// 2 MiB
    Size2M,
    /// 4 MiB
    Size4M,
    /// 1 GiB
    Size1G,
}

impl PageSize {
    /// Binary logarithm of the size in bytes.
    #[inline]
    pub const fn shift(self) -> u32 {
        match self {
            PageSize::Size4K => 12,
            PageSize::Size2M => 21,
            PageSize::Size4M => 22,
            PageSize::Size1G => 30,
        }
    }

    /// Size in bytes.
    #[inline]
    pub const fn bytes(self) -> u64 {
        1 << self.shift()
    }
}

/// The result of a walk. The rights are those of the privilege class (and SMAP state) of the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Translation {
    /// The physical address of the byte
    pub phys: GuestPhysAddr,
    /// Size of the page that maps it
    pub page_size: PageSize,
    /// The page is global (and CR4.PGE is set)
    pub global: bool,
    /// A user-mode address: U/S is set at every level
    pub user: bool,
    /// Data reads are allowed (only SMAP can forbid them where a fetch was allowed)
    pub readable: bool,
    /// Writes are allowed
    pub writable: bool,
    /// Instruction fetches are allowed
    pub executable: bool,
    /// The dirty flag is set (now), so that a TLB may let writes through
    pub dirty: bool,
}

/// Translates one byte's address, sets accessed flags on the way and the dirty flag on a write.
///
/// `lin` is canonical (see [`PagingMode::check_canonical`]); modes with 32-bit linear addresses ignore bits 63:32.
/// Memory is written only when the access is allowed, and an entry only as long as it is the one that allowed it: where
/// another processor changed one meanwhile, the walk starts over.
///
/// # Errors
/// The page fault to raise.
///
/// SPEC: intel-sdm-vol3 :: 5.2 Hierarchical Paging Structures: an Overview -> each level's entry is picked by its slice of the linear address, until one maps a page
/// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> the first entry that is not present or has a reserved bit set ends the walk; rights are judged only on a whole translation
/// SPEC: intel-sdm-vol3 :: 5.9 Paging and Memory Typing -> PWT, PCD and PAT choose a memory type, which has no effect here
pub fn translate<M: PteMemory + ?Sized>(
    mem: &mut M,
    mode: &PagingMode,
    lin: LinearAddr,
    access: Access,
) -> Result<Translation, PageFault> {
    if mode.kind == PagingKind::None {
        return Ok(identity(lin));
    }
    loop {
        if let Some(translation) = walk(mem, mode, lin, access)? {
            return Ok(translation);
        }
    }
}

/// One walk; `None` where an entry changed before its flags were set.
fn walk<M: PteMemory + ?Sized>(
    mem: &mut M,
    mode: &PagingMode,
    lin: LinearAddr,
    access: Access,
) -> Result<Option<Translation>, PageFault> {
    let fault = |cause| Err(page_fault(mode, lin, access, cause));
    let (index_bits, entry_shift) = if mode.wide() { (9, 3) } else { (10, 2) };
    let Some((mut table, top)) = mode.root(lin) else { return fault(PageFaultCode::empty()) };
    let mut visited = [(GuestPhysAddr(0), P | A); MAX_LEVELS];
    let mut allowed = Allowed { user: true, write: true, fetch: true };
    let mut level = top;
    let (leaf, shift) = loop {
        let shift = 12 + index_bits * (level - 1);
        let index = lin.0 >> shift & bits(index_bits - 1, 0);
        let address = table.wrapping_add(index << entry_shift);
        let entry = if mode.wide() { mem.read_u64(address) } else { u64::from(mem.read_u32(address)) };
        if entry & P == 0 {
            return fault(PageFaultCode::empty());
        }
        let large = level > 1 && mode.maps_large(level, entry);
        if entry & mode.reserved(level, large) != 0 {
            return fault(PageFaultCode::P | PageFaultCode::RSVD);
        }
        allowed.narrow(entry);
        if let Some(slot) = visited.get_mut(level as usize - 1) {
            *slot = (address, entry);
        }
        if large || level == 1 {
            break (entry, shift);
        }
        table = GuestPhysAddr(entry & mode.frame_mask());
        level -= 1;
    };
    let mut translation = allowed.judge(mode, access);
    let permitted = match access.kind {
        AccessKind::Read => translation.readable,
        AccessKind::Write => translation.writable,
        AccessKind::Execute => translation.executable,
    };
    if !permitted {
        return fault(PageFaultCode::P);
    }
    let write = access.kind == AccessKind::Write;
    if !mark(mem, mode.wide(), &visited, level, write) {
        return Ok(None);
    }
    translation.phys = GuestPhysAddr(mode.leaf_frame(level, leaf) | lin.0 & bits(shift - 1, 0));
    translation.page_size = match shift {
        12 => PageSize::Size4K,
        21 => PageSize::Size2M,
        22 => PageSize::Size4M,
        _ => PageSize::Size1G,
    };
    translation.global = mode.pge && leaf & G != 0;
    translation.dirty = write || leaf & D != 0;
    Ok(Some(translation))
}

/// Levels of 5-level paging.
const MAX_LEVELS: usize = 5;

/// Returns the translation without paging: 32-bit linear addresses are physical, and nothing is forbidden.
fn identity(lin: LinearAddr) -> Translation {
    Translation {
        phys: GuestPhysAddr(lin.0 & bits(31, 0)),
        page_size: PageSize::Size4K,
        global: false,
        user: true,
        readable: true,
        writable: true,
        executable: true,
        dirty: true,
    }
}

/// The rights of the entries so far, before the mode is applied.
struct Allowed {
    user: bool,
    write: bool,
    fetch: bool,
}

impl Allowed {
    /// Takes in one more entry. XD is judged as a right only where NXE is set: otherwise it is a reserved bit.
    #[inline]
    fn narrow(&mut self, entry: u64) {
        self.user &= entry & US != 0;
        self.write &= entry & RW != 0;
        self.fetch &= entry & XD == 0;
    }

    /// Returns the rights of the access's privilege class. Address, size, global and dirty are for the caller to fill
    /// in.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.6.1 Determination of Access Rights -> U/S and R/W hold at every level, CR0.WP binds supervisor writes, SMEP and SMAP close user-mode addresses to supervisor fetches and data accesses, XD at any level forbids fetches
    #[inline]
    fn judge(self, mode: &PagingMode, access: Access) -> Translation {
        let (readable, writable, executable) = if access.user {
            (self.user, self.user && self.write, self.user && self.fetch)
        } else {
            let data = !(self.user && mode.smap_enforced(access));
            (data, data && (self.write || !mode.wp), self.fetch && !(self.user && mode.smep))
        };
        Translation { user: self.user, readable, writable, executable, ..identity(LinearAddr(0)) }
    }
}

/// Sets the accessed flags from the top to `leaf_level`, and on a write the dirty flag there. Returns whether all entries
/// were still what the walk read. A table that maps itself is met at two levels of one walk: the first of them changes what
/// the second expects, and the next walk finds the flag set.
///
/// SPEC: intel-sdm-vol3 :: 5.8 Accessed and Dirty Flags -> A in every entry used for the translation, D in the one that maps the page, set by a locked update and never cleared; PDPTE registers have neither
fn mark<M: PteMemory + ?Sized>(
    mem: &mut M,
    wide: bool,
    visited: &[(GuestPhysAddr, u64); MAX_LEVELS],
    leaf_level: u32,
    write: bool,
) -> bool {
    // Levels that the walk did not meet hold an entry with A set.
    visited.iter().enumerate().rev().all(|(n, &(address, entry))| {
        let level = n as u32 + 1;
        let wanted = if write && level == leaf_level { A | D } else { A };
        if entry & wanted == wanted {
            return true;
        }
        if wide {
            mem.compare_exchange_u64(address, entry, entry | wanted)
        } else {
            mem.compare_exchange_u32(address, entry as u32, (entry | wanted) as u32)
        }
    })
}

/// Returns the error code: `cause` (P, RSVD) and what the access was.
///
/// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> W/R, U/S and I/D describe the access, whatever the cause
#[cold]
fn page_fault(mode: &PagingMode, address: LinearAddr, access: Access, cause: PageFaultCode) -> PageFault {
    let mut code = cause;
    code.set(PageFaultCode::W, access.kind == AccessKind::Write);
    code.set(PageFaultCode::U, access.user);
    code.set(PageFaultCode::I, access.kind == AccessKind::Execute && mode.reports_fetch());
    PageFault { address, code }
}
