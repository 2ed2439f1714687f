//! Properties of an access, and the page fault that it may raise.

use x86_types::{Exception, LinearAddr, PageFaultCode};

/// What is done with the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// Data read
    Read,
    /// Data write (and read-modify-write)
    Write,
    /// Instruction fetch
    Execute,
}

/// One access to linear memory, as the paging unit sees it.
///
/// SPEC: intel-sdm-vol3 :: 5.6.1 Determination of Access Rights -> accesses with CPL = 3 are user-mode unless they are implicit supervisor-mode accesses to system structures
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Read, write or fetch
    pub kind: AccessKind,
    /// Made with CPL = 3, and not an implicit supervisor-mode access
    pub user: bool,
    /// Implicit supervisor-mode access (GDT, LDT, IDT, TSS): SMAP applies independently of RFLAGS.AC
    pub implicit: bool,
}

impl Access {
    /// An explicit access: by the instruction's own operands, or its fetch.
    #[inline(always)]
    pub const fn explicit(kind: AccessKind, cpl: u8) -> Self {
        Self { kind, user: cpl == 3, implicit: false }
    }

    /// An access to a system structure, supervisor-mode whatever CPL is.
    #[inline(always)]
    pub const fn implicit(kind: AccessKind) -> Self {
        Self { kind, user: false, implicit: true }
    }
}

/// A page fault, before delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("page fault at {address} ({code:?})")]
pub struct PageFault {
    /// The linear address that faulted, for CR2
    pub address: LinearAddr,
    /// The error code
    pub code: PageFaultCode,
}

impl From<PageFault> for Exception {
    #[inline]
    fn from(fault: PageFault) -> Self {
        Exception::PageFault { address: fault.address, code: fault.code }
    }
}
