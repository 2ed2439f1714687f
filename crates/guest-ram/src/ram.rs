//! The bytes themselves.

use crate::RamLayout;
use crate::reserve::Reserved;
use thiserror::Error;
use x86_types::{GuestPhysAddr, PAGE_SIZE};

/// Why RAM could not be had.
#[derive(Debug, Error)]
pub enum RamError {
    /// The host refused the reservation.
    #[error("cannot reserve {megabytes} MiB of guest memory ({source}); give a smaller -m")]
    Reserve {
        /// What was asked for
        megabytes: u64,
        /// What the host said
        source: std::io::Error,
    },
    /// Zero bytes, or more than the guest-physical address space of the emulated processor
    #[error("{bytes} bytes of guest memory is not a size this machine can have; give between 1M and 64G")]
    Size {
        /// What was asked for
        bytes: u64,
    },
}

/// Guest RAM. Reads beyond its end give ones, writes there are dropped: the bus decides before it comes here.
pub struct GuestRam {
    map: Reserved,
    layout: RamLayout,
}

impl GuestRam {
    /// Reserves `size` bytes (rounded down to whole pages) without touching them.
    ///
    /// # Errors
    /// [`RamError`] where the size is none or the host refuses.
    pub fn new(size: u64) -> Result<Self, RamError> {
        let layout = RamLayout::new(size);
        if layout.size() < PAGE_SIZE || layout.size() > 64 << 30 {
            return Err(RamError::Size { bytes: size });
        }
        let reserve = |source| RamError::Reserve { megabytes: size >> 20, source };
        let len = usize::try_from(layout.size()).map_err(|_| RamError::Size { bytes: size })?;
        let map = Reserved::new(len).map_err(reserve)?;
        Ok(Self { map, layout })
    }

    /// Where the RAM lies.
    #[inline(always)]
    pub fn layout(&self) -> RamLayout {
        self.layout
    }

    /// Host pointer to the byte at `address`, with how many bytes may be reached through it; `None` where no RAM is.
    ///
    /// The pointer is valid as long as `self`. Guest RAM is never behind a Rust reference, so reads and writes
    /// through it alias nothing.
    #[inline(always)]
    pub fn host_ptr(&self, address: GuestPhysAddr) -> Option<(*mut u8, u64)> {
        let (offset, len) = self.layout.locate(address)?;
        Some((self.map.start().wrapping_add(offset as usize), len))
    }

    /// Copies bytes out of RAM; what lies outside RAM reads as ones. Crosses from page to page, not over the hole.
    pub fn read(&self, address: GuestPhysAddr, bytes: &mut [u8]) {
        let have = self.host_ptr(address);
        let inside = have.map_or(0, |(_, len)| len.min(bytes.len() as u64)) as usize;
        if let Some((ptr, _)) = have {
            // SAFETY: `host_ptr` vouches for `inside` bytes from `ptr`; `bytes` is a distinct host buffer.
            #[allow(unsafe_code)]
            unsafe {
                std::ptr::copy_nonoverlapping(ptr, bytes.as_mut_ptr(), inside);
            }
        }
        bytes[inside..].fill(0xff);
    }

    /// Copies bytes into RAM; what falls outside is dropped.
    pub fn write(&self, address: GuestPhysAddr, bytes: &[u8]) {
        if let Some((ptr, len)) = self.host_ptr(address) {
            let inside = len.min(bytes.len() as u64) as usize;
            // SAFETY: `host_ptr` vouches for `inside` bytes from `ptr`; `bytes` is a distinct host buffer.
            #[allow(unsafe_code)]
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, inside);
            }
        }
    }

    /// Whether `len` bytes from `address` are all RAM.
    pub fn contains(&self, address: GuestPhysAddr, len: u64) -> bool {
        self.layout.locate(address).is_some_and(|(_, have)| have >= len)
    }

    /// A little-endian value of `N` bytes.
    #[inline]
    pub fn read_array<const N: usize>(&self, address: GuestPhysAddr) -> [u8; N] {
        let mut bytes = [0; N];
        self.read(address, &mut bytes);
        bytes
    }

    /// A little-endian 32-bit value.
    #[inline]
    pub fn read_u32(&self, address: GuestPhysAddr) -> u32 {
        u32::from_le_bytes(self.read_array(address))
    }

    /// A little-endian 64-bit value.
    #[inline]
    pub fn read_u64(&self, address: GuestPhysAddr) -> u64 {
        u64::from_le_bytes(self.read_array(address))
    }

    /// Stores a little-endian 32-bit value.
    #[inline]
    pub fn write_u32(&self, address: GuestPhysAddr, value: u32) {
        self.write(address, &value.to_le_bytes());
    }

    /// Stores a little-endian 64-bit value.
    #[inline]
    pub fn write_u64(&self, address: GuestPhysAddr, value: u64) {
        self.write(address, &value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_outside_reads_as_ones() {
        let ram = GuestRam::new(1 << 20).unwrap();
        ram.write(GuestPhysAddr(0xf_fffe), &[1, 2, 3]);
        assert_eq!(ram.read_array::<4>(GuestPhysAddr(0xf_fffd)), [0, 1, 2, 0xff]);
        assert_eq!(ram.read_u64(GuestPhysAddr(0xc000_0000)), u64::MAX);
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        assert!(matches!(GuestRam::new(0), Err(RamError::Size { .. })));
        assert!(matches!(GuestRam::new(u64::MAX), Err(RamError::Size { .. })));
    }

    #[test]
    fn eight_gib_are_reserved_and_not_touched() {
        let ram = GuestRam::new(8 << 30).unwrap();
        ram.write_u64(GuestPhysAddr(0x1_4000_0000), 42);
        assert_eq!(ram.read_u64(GuestPhysAddr(0x1_4000_0000)), 42);
    }
}
