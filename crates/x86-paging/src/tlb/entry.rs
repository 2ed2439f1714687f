//! What a slot of the TLB holds.

use crate::AccessKind;
use x86_types::{GuestPhysAddr, LinearAddr, RamAddr};

/// Entries in a bank; a power of two.
pub const TLB_ENTRIES: usize = 1024;

/// Number of banks, one for each [`MmuIndex`].
pub const BANKS: usize = 3;

/// Which rights a lookup goes by. A change of CPL or RFLAGS.AC chooses another bank, and flushes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MmuIndex {
    /// Supervisor-mode accesses, SMAP enforced (or CR4.SMAP clear)
    Kernel = 0,
    /// Explicit supervisor-mode accesses with CR4.SMAP and RFLAGS.AC set
    KernelAc = 1,
    /// User-mode accesses
    User = 2,
}

impl MmuIndex {
    /// All three, in bank order.
    pub const ALL: [MmuIndex; BANKS] = [MmuIndex::Kernel, MmuIndex::KernelAc, MmuIndex::User];
}

/// The part of a slot that an access looks at: 32 bytes, read by compiled code at fixed offsets.
///
/// A tag is the linear address of a page, or has its low bits set and so equals none: when that kind of access is not
/// allowed or must go the slow way (MMIO; a write to a clean page or to one that holds decoded code).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TlbEntry {
    /// Tag for data reads
    pub read: u64,
    /// Tag for writes
    pub write: u64,
    /// Tag for instruction fetches
    pub exec: u64,
    /// Host address minus linear address, modulo 2^64
    pub addend: u64,
}

/// A tag that equals no page.
pub(crate) const INVALID: u64 = u64::MAX;

impl TlbEntry {
    /// An entry that every access misses.
    pub const EMPTY: Self = Self { read: INVALID, write: INVALID, exec: INVALID, addend: 0 };
}

/// Permissions of a page for accesses by a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PagePerms {
    /// Data reads
    pub read: bool,
    /// Writes, with nothing left to do first: the dirty flag is set
    pub write: bool,
    /// Instruction fetches
    pub exec: bool,
}

impl PagePerms {
    /// Returns whether that kind of access is allowed.
    #[inline]
    pub const fn allow(self, kind: AccessKind) -> bool {
        match kind {
            AccessKind::Read => self.read,
            AccessKind::Write => self.write,
            AccessKind::Execute => self.exec,
        }
    }
}

/// The part of a slot that only slow ways look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    /// Linear address of the page, whatever it allows; `INVALID` in an empty slot
    pub(crate) slow: u64,
    /// Physical address of the page
    pub(crate) phys: GuestPhysAddr,
    /// The page among the host's blocks, where it has bytes there
    pub(crate) ram: Option<RamAddr>,
    pub(crate) perms: PagePerms,
    pub(crate) pcid: u16,
    /// Binary logarithm of the size of the page that this 4 KiB is a piece of
    pub(crate) page_shift: u8,
    /// Writes change the bytes that reads see
    pub(crate) writable: bool,
}

impl Side {
    pub(crate) const EMPTY: Self = Self {
        slow: INVALID,
        phys: GuestPhysAddr(0),
        ram: None,
        perms: PagePerms { read: false, write: false, exec: false },
        pcid: 0,
        page_shift: 12,
        writable: false,
    };
}

/// Returns the slot of a page. Below `TLB_ENTRIES` by construction, so that indexing needs no bounds check.
#[inline(always)]
pub(crate) const fn slot_of(lin: LinearAddr) -> usize {
    lin.page_number() as usize & (TLB_ENTRIES - 1)
}

/// Returns the tag of a page.
#[inline(always)]
pub(crate) const fn tag_of(lin: LinearAddr) -> u64 {
    lin.page().0
}
