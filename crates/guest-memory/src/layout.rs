//! Where RAM lies in the guest-physical address space.

use x86_types::{GuestPhysAddr, PAGE_SIZE};

/// First address that is never RAM: PCI windows, APICs and firmware lie from here to 4 GiB.
pub const PCI_HOLE_START: u64 = 0xc000_0000;
/// RAM that does not fit below the hole continues here.
pub const HIGH_RAM_START: u64 = 0x1_0000_0000;

/// Sizes in bytes of the two stretches of RAM, each a multiple of the page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RamLayout {
    /// Bytes from address 0
    pub low: u64,
    /// Bytes from 4 GiB
    pub high: u64,
}

impl RamLayout {
    /// The layout of `size` bytes of RAM, rounded down to whole pages.
    pub const fn new(size: u64) -> Self {
        let size = size & !(PAGE_SIZE - 1);
        if size <= PCI_HOLE_START {
            Self { low: size, high: 0 }
        } else {
            Self { low: PCI_HOLE_START, high: size - PCI_HOLE_START }
        }
    }

    /// Bytes in all.
    pub const fn size(self) -> u64 {
        self.low + self.high
    }

    /// Returns the offset into RAM's bytes of an address, and how many bytes of RAM follow contiguously from it.
    #[inline(always)]
    pub const fn locate(self, address: GuestPhysAddr) -> Option<(u64, u64)> {
        if address.0 < self.low {
            Some((address.0, self.low - address.0))
        } else if address.0 >= HIGH_RAM_START && address.0 - HIGH_RAM_START < self.high {
            let offset = address.0 - HIGH_RAM_START;
            Some((self.low + offset, self.high - offset))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_beyond_the_hole_continues_at_4_gib() {
        let layout = RamLayout::new(8 << 30);
        assert_eq!((layout.low, layout.high), (PCI_HOLE_START, (8 << 30) - PCI_HOLE_START));
        assert_eq!(layout.locate(GuestPhysAddr(PCI_HOLE_START - 1)), Some((PCI_HOLE_START - 1, 1)));
        assert_eq!(layout.locate(GuestPhysAddr(PCI_HOLE_START)), None);
        assert_eq!(layout.locate(GuestPhysAddr(HIGH_RAM_START)), Some((PCI_HOLE_START, layout.high)));
        assert_eq!(layout.locate(GuestPhysAddr(HIGH_RAM_START + layout.high)), None);
    }
}
