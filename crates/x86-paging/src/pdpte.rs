//! The PDPTE registers of PAE paging.

use crate::PteMemory;
use crate::entry::{P, bits};
use x86_types::GuestPhysAddr;

/// A PDPTE that cannot be loaded: the instruction gets #GP(0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("PDPTE {index} is present with reserved bits set: {value:#x}")]
pub struct PdpteError {
    /// Which of the four
    pub index: u8,
    /// What it is
    pub value: u64,
}

/// Reads the four page-directory-pointer-table entries that `cr3` names. The caller stores them if there is no error.
///
/// # Errors
/// One of them is present and has a reserved bit set.
///
/// SPEC: intel-sdm-vol3 :: 5.4.1 PDPTE Registers -> loaded from the table at bits 31:5 of CR3; bits 2:1, 8:5 and 63:MAXPHYADDR are reserved in a present entry, which is #GP(0) with no register changed
pub fn load_pdptes<M: PteMemory + ?Sized>(
    mem: &mut M,
    cr3: u64,
    physical_bits: u8,
) -> Result<[u64; 4], PdpteError> {
    let reserved = bits(2, 1) | bits(8, 5) | bits(63, u32::from(physical_bits).clamp(32, 52));
    let table = GuestPhysAddr(cr3 & bits(31, 5));
    let mut pdpte = [0; 4];
    for (index, value) in (0u8..).zip(pdpte.iter_mut()) {
        *value = mem.read_u64(table.wrapping_add(8 * u64::from(index)));
        if *value & P != 0 && *value & reserved != 0 {
            return Err(PdpteError { index, value: *value });
        }
    }
    Ok(pdpte)
}
