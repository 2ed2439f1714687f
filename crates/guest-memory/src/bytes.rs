//! The bytes of blocks, by their own addresses.

use crate::GuestMemory;
use x86_types::RamAddr;

impl GuestMemory {
    /// Copies bytes out of a block; what lies outside reads as ones.
    pub fn ram_read(&self, at: RamAddr, bytes: &mut [u8]) {
        let have = self.host_ptr(at);
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

    /// Copies bytes into a block; what falls outside is dropped.
    pub fn ram_write(&self, at: RamAddr, bytes: &[u8]) {
        if let Some((ptr, len)) = self.host_ptr(at) {
            let inside = len.min(bytes.len() as u64) as usize;
            // SAFETY: `host_ptr` vouches for `inside` bytes from `ptr`; `bytes` is a distinct host buffer.
            #[allow(unsafe_code)]
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), ptr, inside);
            }
        }
    }

    /// Returns `N` bytes of a block; what lies outside reads as ones.
    #[inline]
    pub(crate) fn ram_array<const N: usize>(&self, at: RamAddr) -> [u8; N] {
        match self.host_ptr(at) {
            Some((ptr, len)) if len >= N as u64 => {
                // SAFETY: `host_ptr` vouches for `N` bytes from `ptr`. Bytes need no alignment.
                #[allow(unsafe_code)]
                unsafe {
                    ptr.cast::<[u8; N]>().read()
                }
            }
            _ => {
                let mut bytes = [0; N];
                self.ram_read(at, &mut bytes);
                bytes
            }
        }
    }

    /// Stores `N` bytes into a block; what falls outside is dropped.
    #[inline]
    pub(crate) fn ram_store<const N: usize>(&self, at: RamAddr, bytes: [u8; N]) {
        match self.host_ptr(at) {
            Some((ptr, len)) if len >= N as u64 => {
                // SAFETY: as in `ram_array`.
                #[allow(unsafe_code)]
                unsafe {
                    ptr.cast::<[u8; N]>().write(bytes);
                }
            }
            _ => self.ram_write(at, &bytes),
        }
    }

    /// Returns a little-endian value of 1 to 8 bytes, zero-extended.
    #[inline]
    pub fn ram_value(&self, at: RamAddr, size: u64) -> u64 {
        match size {
            1 => self.ram_array::<1>(at)[0].into(),
            2 => u16::from_le_bytes(self.ram_array(at)).into(),
            4 => u32::from_le_bytes(self.ram_array(at)).into(),
            8 => u64::from_le_bytes(self.ram_array(at)),
            _ => {
                let mut bytes = [0; 8];
                self.ram_read(at, &mut bytes[..size.min(8) as usize]);
                u64::from_le_bytes(bytes)
            }
        }
    }

    /// Stores the low 1 to 8 bytes of a value, little-endian.
    #[inline]
    pub fn set_ram_value(&self, at: RamAddr, size: u64, value: u64) {
        match size {
            1 => self.ram_store(at, [value as u8]),
            2 => self.ram_store(at, (value as u16).to_le_bytes()),
            4 => self.ram_store(at, (value as u32).to_le_bytes()),
            8 => self.ram_store(at, value.to_le_bytes()),
            _ => self.ram_write(at, &value.to_le_bytes()[..size.min(8) as usize]),
        }
    }

    /// Copies `len` bytes of blocks as if through a buffer. Returns whether all of them exist; else nothing happens.
    pub fn ram_copy(&self, from: RamAddr, to: RamAddr, len: u64) -> bool {
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

    /// Fills `len` bytes with one. Returns whether all of them exist; else nothing happens.
    pub fn ram_fill(&self, at: RamAddr, len: u64, byte: u8) -> bool {
        let Some((target, _)) = self.host_ptr(at).filter(|&(_, room)| room >= len) else { return false };
        // SAFETY: `host_ptr` vouches for `len` bytes.
        #[allow(unsafe_code)]
        unsafe {
            std::ptr::write_bytes(target, byte, len as usize);
        }
        true
    }
}
