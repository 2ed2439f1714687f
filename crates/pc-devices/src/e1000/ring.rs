//! Rings of descriptors.

use super::spec;
use crate::codec::codec_struct;

/// Offsets of a ring's registers from RDBAL or TDBAL.
mod offset {
    pub(super) const BASE_LOW: u32 = 0x00;
    pub(super) const BASE_HIGH: u32 = 0x04;
    pub(super) const LEN: u32 = 0x08;
    pub(super) const HEAD: u32 = 0x10;
    pub(super) const TAIL: u32 = 0x18;
}

/// A ring of descriptors in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring {
    base: u64,
    len: u32,
    pub(super) head: u32,
    pub(super) tail: u32,
}
codec_struct!(Ring { base, len, head, tail });

impl Ring {
    /// Returns how many descriptors it has.
    pub(super) fn count(&self) -> u32 {
        self.len / 16
    }

    /// Returns the address of the descriptor at the head.
    pub(super) fn address(&self) -> u64 {
        self.base.wrapping_add(u64::from(self.head) * 16)
    }

    /// Returns how many descriptors are the card's; none where head or tail lie behind the end.
    pub(super) fn owned(&self) -> u32 {
        let count = self.count();
        match (self.head, self.tail) {
            (head, tail) if head >= count || tail >= count => 0,
            (head, tail) if tail >= head => tail - head,
            (head, tail) => count - head + tail,
        }
    }

    /// Moves the head behind its descriptor.
    pub(super) fn advance(&mut self) {
        self.head = if self.head + 1 >= self.count() { 0 } else { self.head + 1 };
    }

    /// Reads a register of the ring.
    pub(super) fn read(&self, at: u32) -> u32 {
        match at {
            offset::BASE_LOW => self.base as u32,
            offset::BASE_HIGH => (self.base >> 32) as u32,
            offset::LEN => self.len,
            offset::HEAD => self.head,
            offset::TAIL => self.tail,
            _ => 0,
        }
    }

    /// Writes a register of the ring.
    ///
    /// SPEC: intel-8254x :: 13.4.29 Receive Descriptor Tail -> 16 bits, in units of a descriptor of 16 bytes
    pub(super) fn write(&mut self, at: u32, value: u32) {
        match at {
            offset::BASE_LOW => self.base = self.base & !0xffff_ffff | u64::from(value & !15),
            offset::BASE_HIGH => self.base = self.base & 0xffff_ffff | u64::from(value) << 32,
            offset::LEN => self.len = value & spec::RING_LEN,
            offset::HEAD => self.head = value & 0xffff,
            offset::TAIL => self.tail = value & 0xffff,
            _ => {}
        }
    }
}
