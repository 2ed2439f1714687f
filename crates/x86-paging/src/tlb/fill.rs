//! What goes into the TLB.

use super::PagePerms;
use crate::{PageSize, Translation};
use x86_types::{GuestPhysAddr, LinearAddr};

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
    /// What is allowed to those who look into the bank
    pub perms: PagePerms,
    /// Host address minus linear address, modulo 2^64; `None` for MMIO, which never gets a fast tag
    pub addend: Option<u64>,
    /// The physical page holds decoded code: no fast writes
    pub holds_code: bool,
}

impl TlbFill {
    /// The page that `translation` found for `lin`. Writes are let through only if it is dirty already, since the first
    /// write must set that flag.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.8 Accessed and Dirty Flags -> the dirty flag is set on the first write, so a clean page keeps taking the walk for writes
    #[inline]
    pub fn new(
        lin: LinearAddr,
        translation: &Translation,
        pcid: u16,
        addend: Option<u64>,
        holds_code: bool,
    ) -> Self {
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
            addend,
            holds_code,
        }
    }
}
