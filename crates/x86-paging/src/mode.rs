//! The paging mode and its modifiers, taken from the control registers.

use crate::entry::{PS, XD, bits};
use crate::{Access, MmuIndex};
use x86_state::cpuid::Features;
use x86_state::{Cpu, Cr0, Cr4, Efer, RFlags};
use x86_types::{GuestPhysAddr, LinearAddr};

/// The translation in force.
///
/// SPEC: intel-sdm-vol3 :: 5.1.1 Four Paging Modes -> CR0.PG, CR4.PAE, IA32_EFER.LMA and CR4.LA57 choose; CR4.PSE matters to 32-bit paging alone
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PagingKind {
    /// CR0.PG = 0: linear addresses are physical ones
    None,
    /// 32-bit entries in two levels
    Bits32 {
        /// CR4.PSE: 4 MiB pages
        pse: bool,
    },
    /// 64-bit entries in two levels under four PDPTE registers
    Pae,
    /// 48-bit linear addresses
    Level4,
    /// 57-bit linear addresses
    Level5,
}

/// What selects a [`PagingMode`]: registers, and two facts of the processor's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagingRegisters {
    /// CR0: PG and WP count
    pub cr0: Cr0,
    /// CR3: the address of the topmost table, and the PCID with CR4.PCIDE
    pub cr3: u64,
    /// CR4: PSE, PAE, PGE, LA57, PCIDE, SMEP and SMAP count
    pub cr4: Cr4,
    /// IA32_EFER: LMA and NXE count
    pub efer: Efer,
    /// RFLAGS.AC, which suspends SMAP
    pub rflags_ac: bool,
    /// The PDPTE registers; PAE paging alone reads them
    pub pdpte: [u64; 4],
    /// The model's MAXPHYADDR in bits, taken as 32 to 52
    pub physical_bits: u8,
    /// Whether the model has 1 GiB pages
    pub page1gb: bool,
}

impl Default for PagingRegisters {
    /// Returns registers that are all zero (no paging), on a model with 52 bits of physical address and 1 GiB pages.
    fn default() -> Self {
        Self {
            cr0: Cr0::empty(),
            cr3: 0,
            cr4: Cr4::empty(),
            efer: Efer::empty(),
            rflags_ac: false,
            pdpte: [0; 4],
            physical_bits: 52,
            page1gb: true,
        }
    }
}

/// Everything but the tables that a page walk depends on.
///
/// Take a new one after any change of CR0, CR3, CR4, EFER or the PDPTE registers; RFLAGS.AC can be updated in place.
/// The caller flushes the [`Tlb`](crate::Tlb) where the manual requires it, and after every change of a bit that this
/// type reads other than RFLAGS.AC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagingMode {
    pub(crate) kind: PagingKind,
    cr3: u64,
    pub(crate) pdpte: [u64; 4],
    pub(crate) wp: bool,
    pub(crate) smep: bool,
    smap: bool,
    ac: bool,
    pub(crate) nxe: bool,
    pae: bool,
    pub(crate) pge: bool,
    pcid: bool,
    page1gb: bool,
    physical_bits: u32,
}

impl PagingMode {
    /// Returns the mode that these registers select.
    ///
    /// ```
    /// use x86_paging::{PagingKind, PagingMode, PagingRegisters};
    /// use x86_state::{Cr0, Cr4};
    ///
    /// let mode = PagingMode::new(PagingRegisters {
    ///     cr0: Cr0::PE | Cr0::PG,
    ///     cr3: 0x1000,
    ///     cr4: Cr4::PSE,
    ///     ..PagingRegisters::default()
    /// });
    /// assert_eq!(mode.kind(), PagingKind::Bits32 { pse: true });
    /// ```
    pub fn new(registers: PagingRegisters) -> Self {
        let PagingRegisters { cr0, cr3, cr4, efer, rflags_ac, pdpte, physical_bits, page1gb } = registers;
        let pae = cr4.contains(Cr4::PAE);
        let kind = if !cr0.contains(Cr0::PG) {
            PagingKind::None
        } else if !pae {
            PagingKind::Bits32 { pse: cr4.contains(Cr4::PSE) }
        } else if !efer.contains(Efer::LMA) {
            PagingKind::Pae
        } else if cr4.contains(Cr4::LA57) {
            PagingKind::Level5
        } else {
            PagingKind::Level4
        };
        Self {
            kind,
            cr3,
            pdpte,
            wp: cr0.contains(Cr0::WP),
            smep: cr4.contains(Cr4::SMEP),
            smap: cr4.contains(Cr4::SMAP),
            ac: rflags_ac,
            nxe: efer.contains(Efer::NXE),
            pae,
            pge: cr4.contains(Cr4::PGE),
            pcid: cr4.contains(Cr4::PCIDE),
            page1gb,
            physical_bits: u32::from(physical_bits).clamp(32, 52),
        }
    }

    /// Returns the mode that a processor is in.
    pub fn of(cpu: &Cpu) -> Self {
        Self::new(PagingRegisters {
            cr0: cpu.cr0,
            cr3: cpu.cr3,
            cr4: cpu.cr4,
            efer: cpu.efer,
            rflags_ac: cpu.system_flags.contains(RFlags::AC),
            pdpte: cpu.pdpte,
            physical_bits: cpu.model.physical_bits,
            page1gb: cpu.model.features.contains(Features::PAGE1GB),
        })
    }

    /// RFLAGS.AC is another.
    #[inline]
    pub const fn set_ac(&mut self, rflags_ac: bool) {
        self.ac = rflags_ac;
    }

    /// Which translation is in force.
    #[inline]
    pub const fn kind(&self) -> PagingKind {
        self.kind
    }

    /// Returns the current process-context identifier; 0 unless CR4.PCIDE is set.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.1 Process-Context Identifiers (PCIDs) -> bits 11:0 of CR3 when CR4.PCIDE = 1, else 000H
    #[inline]
    pub const fn pcid(&self) -> u16 {
        if self.pcid { (self.cr3 & 0xfff) as u16 } else { 0 }
    }

    /// Returns whether `lin` is canonical in this mode. With 32-bit linear addresses all are.
    ///
    /// Translation does not check this: the caller raises #GP(0) or #SS(0) before it.
    #[inline]
    pub const fn check_canonical(&self, lin: LinearAddr) -> bool {
        match self.kind {
            PagingKind::Level5 => lin.is_canonical(57),
            PagingKind::Level4 => lin.is_canonical(48),
            PagingKind::None | PagingKind::Bits32 { .. } | PagingKind::Pae => true,
        }
    }

    /// Returns whether SMAP keeps this supervisor-mode data access from user-mode addresses.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.6.1 Determination of Access Rights -> with CR4.SMAP = 1, RFLAGS.AC = 1 opens user-mode addresses to explicit supervisor-mode data accesses but never to implicit ones
    #[inline]
    pub const fn smap_enforced(&self, access: Access) -> bool {
        self.smap && (!self.ac || access.implicit)
    }

    /// Returns the bank of the [`Tlb`](crate::Tlb) that an access looks into.
    #[inline]
    pub const fn mmu_index(&self, access: Access) -> MmuIndex {
        if access.user {
            MmuIndex::User
        } else if self.smap && !self.smap_enforced(access) {
            MmuIndex::KernelAc
        } else {
            MmuIndex::Kernel
        }
    }

    /// Returns whether error codes of page faults have the instruction-fetch bit (I/D).
    ///
    /// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> I/D is set for fetches if CR4.SMEP = 1, or CR4.PAE = 1 and IA32_EFER.NXE = 1
    #[inline]
    pub(crate) const fn reports_fetch(&self) -> bool {
        self.smep || (self.pae && self.nxe)
    }

    /// Physical-address bits `MAXPHYADDR - 1` to 12 of an entry.
    #[inline]
    pub(crate) const fn frame_mask(&self) -> u64 {
        bits(self.physical_bits - 1, 12)
    }

    /// Returns the topmost table in memory and its level (1 is the page table), or `None` if the PDPTE register is not
    /// present.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.4.2 Linear-Address Translation with PAE Paging -> bits 31:30 select a PDPTE register, memory is read from the page directory on
    #[inline]
    pub(crate) const fn root(&self, lin: LinearAddr) -> Option<(GuestPhysAddr, u32)> {
        match self.kind {
            PagingKind::None | PagingKind::Bits32 { .. } => Some((GuestPhysAddr(self.cr3 & bits(31, 12)), 2)),
            PagingKind::Pae => {
                let pdpte = self.pdpte[(lin.0 >> 30 & 3) as usize];
                if pdpte & crate::entry::P == 0 {
                    return None;
                }
                Some((GuestPhysAddr(pdpte & self.frame_mask()), 2))
            }
            PagingKind::Level4 => Some((GuestPhysAddr(self.cr3 & self.frame_mask()), 4)),
            PagingKind::Level5 => Some((GuestPhysAddr(self.cr3 & self.frame_mask()), 5)),
        }
    }

    /// Returns whether entries are 64 bits wide and tables hold 512 of them (else 32 bits, and 1024).
    #[inline]
    pub(crate) const fn wide(&self) -> bool {
        !matches!(self.kind, PagingKind::None | PagingKind::Bits32 { .. })
    }

    /// Returns whether a present entry at `level` (2 or higher) maps a large page.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> PS of a PDE is ignored when CR4.PSE = 0
    #[inline]
    pub(crate) const fn maps_large(&self, level: u32, entry: u64) -> bool {
        entry & PS != 0
            && match self.kind {
                PagingKind::None => false,
                PagingKind::Bits32 { pse } => pse,
                PagingKind::Pae => level == 2,
                PagingKind::Level4 | PagingKind::Level5 => level == 2 || (level == 3 && self.page1gb),
            }
    }

    /// Returns the bits that must be 0 in a present entry at `level`, which maps a large page or does not.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.4.2 Linear-Address Translation with PAE Paging -> 62:MAXPHYADDR, XD if NXE = 0, and 20:13 of a PDE that maps a 2 MiB page
    /// SPEC: intel-sdm-vol3 :: 5.5 4-Level Paging and 5-Level Paging -> 51:MAXPHYADDR, XD if NXE = 0, PS of a PML5E, a PML4E and (without 1 GiB pages) a PDPTE, 29:13 or 20:13 of one that maps a large page
    /// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> 21:(M-19) of a PDE that maps a 4 MiB page, M being the smaller of 40 and MAXPHYADDR; nothing else
    #[inline]
    pub(crate) const fn reserved(&self, level: u32, large: bool) -> u64 {
        let no_execute = if self.nxe { 0 } else { XD };
        let low = match (large, level) {
            (true, 2) => bits(20, 13),
            (true, _) => bits(29, 13),
            (false, 1 | 2) => 0,
            (false, 3) => {
                if self.page1gb {
                    0
                } else {
                    PS
                }
            }
            (false, _) => PS,
        };
        match self.kind {
            PagingKind::None => 0,
            PagingKind::Bits32 { .. } => {
                if large {
                    bits(21, self.pse36_bits() - 19)
                } else {
                    0
                }
            }
            PagingKind::Pae => bits(62, self.physical_bits) | no_execute | low,
            PagingKind::Level4 | PagingKind::Level5 => bits(51, self.physical_bits) | no_execute | low,
        }
    }

    /// Physical-address bits that a 4 MiB page can have (32 to 40).
    ///
    /// SPEC: intel-sdm-vol3 :: 5.1.4 Enumeration of Paging Features by CPUID -> PSE-36: up to 40 bits, no more than MAXPHYADDR
    #[inline]
    const fn pse36_bits(&self) -> u32 {
        if self.physical_bits < 40 { self.physical_bits } else { 40 }
    }

    /// Returns the physical address of the page that a leaf entry maps. Reserved bits have been checked.
    #[inline]
    pub(crate) const fn leaf_frame(&self, level: u32, entry: u64) -> u64 {
        match (self.wide(), level) {
            (false, 2) => entry & bits(31, 22) | (entry & bits(20, 13)) << 19,
            (false, _) => entry & bits(31, 12),
            (true, 1) => entry & self.frame_mask(),
            // Bit 12 is PAT in an entry that maps a large page.
            (true, _) => entry & self.frame_mask() & !bits(12, 12),
        }
    }
}
