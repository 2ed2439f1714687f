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

    /// `N` bytes; what lies outside RAM reads as ones.
    #[inline]
    pub fn read_array<const N: usize>(&self, address: GuestPhysAddr) -> [u8; N] {
        match self.host_ptr(address) {
            Some((ptr, len)) if len >= N as u64 => {
                // SAFETY: `host_ptr` vouches for `N` bytes from `ptr`. Bytes need no alignment.
                #[allow(unsafe_code)]
                unsafe {
                    ptr.cast::<[u8; N]>().read()
                }
            }
            _ => {
                let mut bytes = [0; N];
                self.read(address, &mut bytes);
                bytes
            }
        }
    }

    /// Stores `N` bytes; what falls outside is dropped.
    #[inline]
    pub fn write_array<const N: usize>(&self, address: GuestPhysAddr, bytes: [u8; N]) {
        match self.host_ptr(address) {
            Some((ptr, len)) if len >= N as u64 => {
                // SAFETY: as in `read_array`.
                #[allow(unsafe_code)]
                unsafe {
                    ptr.cast::<[u8; N]>().write(bytes);
                }
            }
            _ => self.write(address, &bytes),
        }
    }

    /// A little-endian value of 1 to 8 bytes, zero-extended.
    #[inline]
    pub fn read_value(&self, address: GuestPhysAddr, size: u64) -> u64 {
        match size {
            1 => self.read_array::<1>(address)[0].into(),
            2 => u16::from_le_bytes(self.read_array(address)).into(),
            4 => self.read_u32(address).into(),
            8 => self.read_u64(address),
            _ => {
                let mut bytes = [0; 8];
                self.read(address, &mut bytes[..size.min(8) as usize]);
                u64::from_le_bytes(bytes)
            }
        }
    }

    /// Stores the low 1 to 8 bytes of a value, little-endian.
    #[inline]
    pub fn write_value(&self, address: GuestPhysAddr, size: u64, value: u64) {
        match size {
            1 => self.write_array(address, [value as u8]),
            2 => self.write_array(address, (value as u16).to_le_bytes()),
            4 => self.write_u32(address, value as u32),
            8 => self.write_u64(address, value),
            _ => self.write(address, &value.to_le_bytes()[..size.min(8) as usize]),
        }
    }

    /// Copies `len` bytes within RAM as if through a buffer. Gives whether all of them are RAM; else nothing happens.
    pub fn copy(&self, from: GuestPhysAddr, to: GuestPhysAddr, len: u64) -> bool {
        let (Some((source, have)), Some((target, room))) = (self.host_ptr(from), self.host_ptr(to)) else {
            return false;
        };
        let whole = have >= len && room >= len;
        if whole {
            // SAFETY: `host_ptr` vouches for `len` bytes at either place; `copy` lets them overlap.
            #[allow(unsafe_code)]
            unsafe {
                std::ptr::copy(source, target, len as usize);
            }
        }
        whole
    }

    /// Fills `len` bytes with one. Gives whether all of them are RAM; else nothing happens.
    pub fn fill(&self, at: GuestPhysAddr, len: u64, byte: u8) -> bool {
        let Some((target, _)) = self.host_ptr(at).filter(|&(_, room)| room >= len) else { return false };
        // SAFETY: `host_ptr` vouches for `len` bytes.
        #[allow(unsafe_code)]
        unsafe {
            std::ptr::write_bytes(target, byte, len as usize);
        }
        true
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
        self.write_array(address, value.to_le_bytes());
    }

    /// Stores a little-endian 64-bit value.
    #[inline]
    pub fn write_u64(&self, address: GuestPhysAddr, value: u64) {
        self.write_array(address, value.to_le_bytes());
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
    fn values_of_every_size_come_back() {
        let ram = GuestRam::new(1 << 20).unwrap();
        for size in 1..=8 {
            let value = 0x8877_6655_4433_2211 & (u64::MAX >> (64 - 8 * size));
            ram.write_value(GuestPhysAddr(0x101), 8, u64::MAX);
            ram.write_value(GuestPhysAddr(0x101), size, value);
            assert_eq!(ram.read_value(GuestPhysAddr(0x101), size), value);
            assert_eq!(
                ram.read_array::<9>(GuestPhysAddr(0x101))[size as usize],
                if size < 8 { 0xff } else { 0 }
            );
        }
        assert_eq!(ram.read_value(GuestPhysAddr(0xf_fffe), 4), 0xffff_0000);
    }

    #[test]
    fn copies_overlap_and_fills_stay_inside() {
        let ram = GuestRam::new(1 << 20).unwrap();
        ram.write(GuestPhysAddr(0), b"abcdef");
        assert!(ram.copy(GuestPhysAddr(0), GuestPhysAddr(2), 4));
        assert_eq!(&ram.read_array::<6>(GuestPhysAddr(0)), b"ababcd");
        assert!(ram.fill(GuestPhysAddr(1), 2, b'x'));
        assert_eq!(&ram.read_array::<4>(GuestPhysAddr(0)), b"axxb");
        assert!(
            !ram.fill(GuestPhysAddr(0xf_ffff), 2, 0)
                && !ram.copy(GuestPhysAddr(0), GuestPhysAddr(0xf_ffff), 2)
        );
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
