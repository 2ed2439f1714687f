#![doc = include_str!("../README.md")]
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
