//! Memory, register sets and one mapping in each of the ten shapes that a mapping can have.

use x86_paging::{Access, AccessKind, PageFault, PageSize, PteMemory, Translation, translate};
pub(crate) use x86_paging::{PagingMode, PagingRegisters};
use x86_state::{Cr0, Cr4, Efer};
use x86_types::{GuestPhysAddr, LinearAddr};

pub(crate) const P: u64 = 1 << 0;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const XD: u64 = 1 << 63;

pub(crate) const KINDS: [AccessKind; 3] = [AccessKind::Read, AccessKind::Write, AccessKind::Execute];

/// MAXPHYADDR of the tests unless they say otherwise.
pub(crate) const PHYSICAL_BITS: u8 = 40;

/// RAM; beyond its end reads are ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ram(pub(crate) Vec<u8>);

impl Ram {
    fn bytes<const N: usize>(&self, address: GuestPhysAddr) -> [u8; N] {
        let start = address.0 as usize;
        self.0.get(start..start + N).map_or([0xff; N], |bytes| bytes.try_into().unwrap())
    }
    pub(crate) fn qword(&self, address: u64) -> u64 {
        u64::from_le_bytes(self.bytes(GuestPhysAddr(address)))
    }
    pub(crate) fn set_dword(&mut self, address: u64, value: u32) {
        self.0[address as usize..][..4].copy_from_slice(&value.to_le_bytes());
    }
    pub(crate) fn set_qword(&mut self, address: u64, value: u64) {
        self.0[address as usize..][..8].copy_from_slice(&value.to_le_bytes());
    }
}

impl PteMemory for Ram {
    fn read_u32(&mut self, address: GuestPhysAddr) -> u32 {
        u32::from_le_bytes(self.bytes(address))
    }
    fn read_u64(&mut self, address: GuestPhysAddr) -> u64 {
        u64::from_le_bytes(self.bytes(address))
    }
    fn compare_exchange_u32(&mut self, address: GuestPhysAddr, expected: u32, new: u32) -> bool {
        let same = self.read_u32(address) == expected;
        if let (true, Some(bytes)) = (same, self.0.get_mut(address.0 as usize..address.0 as usize + 4)) {
            bytes.copy_from_slice(&new.to_le_bytes());
        }
        same
    }
    fn compare_exchange_u64(&mut self, address: GuestPhysAddr, expected: u64, new: u64) -> bool {
        let same = self.read_u64(address) == expected;
        if let (true, Some(bytes)) = (same, self.0.get_mut(address.0 as usize..address.0 as usize + 8)) {
            bytes.copy_from_slice(&new.to_le_bytes());
        }
        same
    }
}

/// The registers' part of a mode: CR4 beyond paging, and EFER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bits32,
    Pae,
    Level4,
    Level5,
}

impl Kind {
    pub(crate) fn regs(self) -> PagingRegisters {
        let (cr4, efer) = match self {
            Kind::Bits32 => (Cr4::PSE, Efer::empty()),
            Kind::Pae => (Cr4::PAE, Efer::NXE),
            Kind::Level4 => (Cr4::PAE, Efer::NXE | Efer::LME | Efer::LMA),
            Kind::Level5 => (Cr4::PAE | Cr4::LA57, Efer::NXE | Efer::LME | Efer::LMA),
        };
        PagingRegisters {
            cr0: Cr0::PE | Cr0::PG | Cr0::WP,
            cr3: 0,
            cr4,
            efer,
            rflags_ac: false,
            pdpte: [0; 4],
            physical_bits: PHYSICAL_BITS,
            page1gb: true,
        }
    }
}

/// One mapping, all of whose entries are present, writable and user.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) kind: Kind,
    pub(crate) size: PageSize,
    pub(crate) regs: PagingRegisters,
    pub(crate) ram: Ram,
    pub(crate) lin: LinearAddr,
    /// What `lin` maps to
    pub(crate) phys: u64,
    /// Level and address of each entry in memory, top first
    pub(crate) path: Vec<(u32, u64)>,
}

/// Every mode with every page size.
pub(crate) const SHAPES: [(Kind, PageSize); 10] = [
    (Kind::Bits32, PageSize::Size4K),
    (Kind::Bits32, PageSize::Size4M),
    (Kind::Pae, PageSize::Size4K),
    (Kind::Pae, PageSize::Size2M),
    (Kind::Level4, PageSize::Size4K),
    (Kind::Level4, PageSize::Size2M),
    (Kind::Level4, PageSize::Size1G),
    (Kind::Level5, PageSize::Size4K),
    (Kind::Level5, PageSize::Size2M),
    (Kind::Level5, PageSize::Size1G),
];

pub(crate) fn every_shape() -> impl Iterator<Item = Mapping> {
    SHAPES.into_iter().map(|(kind, size)| Mapping::new(kind, size))
}

impl Mapping {
    /// Tables at 1000H (top), 2000H...; every index differs from the others and from 0.
    pub(crate) fn new(kind: Kind, size: PageSize) -> Self {
        let mut regs = kind.regs();
        let mut ram = Ram(vec![0; 0x8000]);
        // (level, index) of the tables in memory, and the width of an index
        let (lin, top, width, indices): (u64, u32, u64, &[u64]) = match kind {
            Kind::Bits32 => (0x2a0 << 22 | 0x155 << 12 | 0x678, 2, 4, &[0x2a0, 0x155]),
            Kind::Pae => (3 << 30 | 0x111 << 21 | 0x155 << 12 | 0x678, 2, 8, &[0x111, 0x155]),
            Kind::Level4 => (
                0x71 << 39 | 0x123 << 30 | 0x111 << 21 | 0x155 << 12 | 0x678,
                4,
                8,
                &[0x71, 0x123, 0x111, 0x155],
            ),
            Kind::Level5 => (
                0xffu64 << 48 | 0x171 << 39 | 0x123 << 30 | 0x111 << 21 | 0x155 << 12 | 0x678,
                5,
                8,
                &[0xff, 0x171, 0x123, 0x111, 0x155],
            ),
        };
        let leaf_level = match size {
            PageSize::Size4K => 1,
            PageSize::Size2M | PageSize::Size4M => 2,
            PageSize::Size1G => 3,
        };
        let offset = lin & (size.bytes() - 1);
        let frame = 0x80c0_0000 & !(size.bytes() - 1);
        let mut path = Vec::new();
        for (step, level) in (leaf_level..=top).rev().enumerate() {
            let table = 0x1000 * (step as u64 + 1);
            let address = table + indices[step] * width;
            let value = match (level == leaf_level, level) {
                (true, 1) => frame | P | RW | US,
                (true, _) => frame | P | RW | US | PS,
                (false, _) => (table + 0x1000) | P | RW | US,
            };
            match width {
                4 => ram.set_dword(address, value as u32),
                _ => ram.set_qword(address, value),
            }
            path.push((level, address));
        }
        regs.cr3 = 0x1000;
        if kind == Kind::Pae {
            regs.cr3 = 0x7fe0;
            regs.pdpte[3] = 0x1000 | P;
        }
        Self { kind, size, regs, ram, lin: LinearAddr(lin), phys: frame | offset, path }
    }

    pub(crate) fn entry(&self, step: usize) -> u64 {
        let address = self.path[step].1;
        match self.kind {
            Kind::Bits32 => self.ram.clone().read_u32(GuestPhysAddr(address)).into(),
            _ => self.ram.qword(address),
        }
    }

    pub(crate) fn set_entry(&mut self, step: usize, value: u64) {
        let address = self.path[step].1;
        match self.kind {
            Kind::Bits32 => self.ram.set_dword(address, value as u32),
            _ => self.ram.set_qword(address, value),
        }
    }

    /// Sets and clears bits of the entry at a step from the top.
    pub(crate) fn change(&mut self, step: usize, set: u64, clear: u64) {
        self.set_entry(step, (self.entry(step) | set) & !clear);
    }

    pub(crate) fn leaf(&self) -> usize {
        self.path.len() - 1
    }

    pub(crate) fn access(&mut self, access: Access) -> Result<Translation, PageFault> {
        translate(&mut self.ram, &PagingMode::new(self.regs), self.lin, access)
    }

    /// The access, for its error code alone.
    pub(crate) fn code(&mut self, access: Access) -> Option<u32> {
        let lin = self.lin;
        self.access(access).err().map(|fault| {
            assert_eq!(fault.address, lin);
            fault.code.bits()
        })
    }
}

pub(crate) fn user(kind: AccessKind) -> Access {
    Access::explicit(kind, 3)
}

pub(crate) fn kernel(kind: AccessKind) -> Access {
    Access::explicit(kind, 0)
}
