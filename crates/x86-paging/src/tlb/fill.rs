//! What goes into the TLB.

use super::PagePerms;
use crate::{PageSize, Translation};
use x86_types::{GuestPhysAddr, LinearAddr, RamAddr};

/// A page for [`Tlb::insert`](super::Tlb::insert).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlbFill {
    /// Any address within the 4 KiB to insert
    pub lin: LinearAddr,
    /// The physical address it translates to, or any other of that 4 KiB
    pub phys: GuestPhysAddr,
    /// Size of the page that these 4 KiB are a piece of
    pub page_size: PageSize,
    /// Global: kept by `flush_non_global`
    pub global: bool,
    /// The PCID it was walked under
    pub pcid: u16,
    /// Permissions for accesses by the bank
    pub perms: PagePerms,
    /// The bytes behind the page; `None` for MMIO, which never gets a fast tag
    pub memory: Option<TlbMemory>,
}

/// The host's bytes behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlbMemory {
    /// Host address minus linear address, modulo 2^64
    pub addend: u64,
    /// The page among the host's blocks, by which decoded code is known
    pub ram: RamAddr,
    /// Writes change these bytes
    pub writable: bool,
    /// Writes have to be seen, for now: the bytes hold decoded code, or a log that has to be marked
    pub watched: bool,
    /// Fetches read these bytes
    pub executable: bool,
}

impl TlbMemory {
    /// RAM: read, written and executed.
    pub const fn ram(addend: u64, ram: RamAddr) -> Self {
        Self { addend, ram, writable: true, watched: false, executable: true }
    }
}

impl TlbFill {
    /// The page that `translation` found for `lin`, without its bytes. Writes are let through only if it is dirty already, since the first
    /// write must set that flag.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.8 Accessed and Dirty Flags -> the dirty flag is set on the first write, so a clean page keeps taking the walk for writes
    #[inline]
    pub fn new(lin: LinearAddr, translation: &Translation, pcid: u16) -> Self {
        Self {
            lin,
            phys: translation.phys,
            page_size: translation.page_size,
            global: translation.global,
            pcid,
            perms: PagePerms {
                read: translation.readable,
                write: translation.writable && translation.dirty,
                exec: translation.executable,
            },
            memory: None,
        }
    }
}
