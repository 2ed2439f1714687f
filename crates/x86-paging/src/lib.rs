//! Page walks (none, 32-bit, PAE, 4-level, 5-level), permissions, accessed and dirty flags, and the TLB.
//!
//! [`translate`] walks the tables for one access and says where the byte lies or which page fault is due. [`Tlb`]
//! remembers what walks found, in a layout that compiled code can look up by itself.
//!
//! Whoever holds both does this on an access: look up with one of [`Tlb::lookup_read`], [`Tlb::lookup_write`] and
//! [`Tlb::lookup_exec`]; on a miss [`Tlb::lookup_slow`] (MMIO, pages with decoded code); on a miss again [`translate`],
//! then [`Tlb::insert`].
#![forbid(unsafe_code)]

mod access;
mod entry;
mod mode;
mod pdpte;
mod tlb;
mod walk;

pub use access::{Access, AccessKind, PageFault};
pub use mode::{PagingKind, PagingMode, PagingRegisters};
pub use pdpte::{PdpteError, load_pdptes};
pub use tlb::{BANKS, MmuIndex, PagePerms, TLB_ENTRIES, Tlb, TlbEntry, TlbFill, TlbMemory};
pub use walk::{PageSize, PteMemory, Translation, translate};
