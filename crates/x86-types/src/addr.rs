//! Addresses are `u64` newtypes from end to end, so that a linear address can never be used as a physical one.

use core::fmt;

/// Bytes in the smallest page.
pub const PAGE_SIZE: u64 = 4096;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The address `bytes` further on, modulo 2^64.
            #[inline(always)]
            #[must_use]
            pub const fn wrapping_add(self, bytes: u64) -> Self {
                Self(self.0.wrapping_add(bytes))
            }

            /// The first byte of the 4 KiB page that holds this address.
            #[inline(always)]
            #[must_use]
            pub const fn page(self) -> Self {
                Self(self.0 & !(PAGE_SIZE - 1))
            }

            /// Offset into the 4 KiB page, 0 to 4095.
            #[inline(always)]
            pub const fn page_offset(self) -> u64 {
                self.0 & (PAGE_SIZE - 1)
            }

            /// 4 KiB page number.
            #[inline(always)]
            pub const fn page_number(self) -> u64 {
                self.0 >> 12
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    };
}

address!(
    /// A guest-physical address: what a page walk yields and what RAM and MMIO are reached by.
    GuestPhysAddr
);
address!(
    /// The address of a byte among the host's blocks of RAM, firmware and device memory, wherever the guest sees it:
    /// what QEMU calls `ram_addr_t`. Decoded and compiled code is known by it.
    RamAddr
);
address!(
    /// A linear address: segment base plus offset, before paging.
    LinearAddr
);

impl LinearAddr {
    /// Returns whether bits 63 to `bits - 1` are all equal (`bits` is 48 with 4-level and 57 with 5-level paging).
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.7.1 Canonical Addressing -> an address is canonical when the bits above the implemented ones copy the highest implemented one
    #[inline(always)]
    pub const fn is_canonical(self, bits: u32) -> bool {
        let shift = 64 - bits;
        (((self.0 << shift) as i64) >> shift) as u64 == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_halves_end_where_the_implemented_bits_do() {
        for (address, bits, canonical) in [
            (0x0000_7fff_ffff_ffff, 48, true),
            (0x0000_8000_0000_0000, 48, false),
            (0xffff_7fff_ffff_ffff, 48, false),
            (0xffff_8000_0000_0000, 48, true),
            (0x0000_8000_0000_0000, 57, true),
            (0x0100_0000_0000_0000, 57, false),
        ] {
            assert_eq!(LinearAddr(address).is_canonical(bits), canonical, "{address:#x} {bits}");
        }
    }
}
