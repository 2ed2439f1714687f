//! Loads and stores of compiled code that missed the TLB.

use super::super::Vcpu;
use x86_paging::AccessKind;
use x86_types::{CodeSize, GuestPhysAddr, LinearAddr, PAGE_SIZE};

/// An access in the one or two pages it lies in: address and length of the first piece, address of the rest.
type Pieces = ((GuestPhysAddr, u64), Option<GuestPhysAddr>);

impl Vcpu {
    /// Physical address where an access of compiled code may be made at once: RAM, no fault.
    pub(super) fn plain(&mut self, linear: LinearAddr, kind: AccessKind) -> Option<GuestPhysAddr> {
        if self.cpu.code_size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return None;
        }
        let at = self.physical(linear, self.explicit(kind)).ok()?;
        (self.ram.contains(at, 1) && self.blocks.dropped_units.is_empty()).then_some(at)
    }

    /// A load that missed the TLB. Sets [`Shared::refused`] where it is not for compiled code.
    pub fn compiled_load(&mut self, linear: u64, size: u64, for_write: bool) -> u64 {
        let kind = if for_write { AccessKind::Write } else { AccessKind::Read };
        let loaded = self.plain_pieces(LinearAddr(linear), size, kind).map(|(first, rest)| {
            let low = self.ram.read_value(first.0, first.1);
            rest.map_or(low, |rest| low | self.ram.read_value(rest, size - first.1) << (8 * first.1))
        });
        self.shared.refused = u64::from(loaded.is_none());
        loaded.unwrap_or(0)
    }

    /// The same, of 16 bytes, into the first place of [`Shared::scratch`].
    pub fn compiled_load_vector(&mut self, linear: u64) {
        let pieces = self.plain_pieces(LinearAddr(linear), 16, AccessKind::Read);
        self.shared.refused = u64::from(pieces.is_none());
        let Some((first, rest)) = pieces else { return };
        let mut bytes = [0; 16];
        let (low, high) = bytes.split_at_mut(first.1 as usize);
        self.ram.read(first.0, low);
        if let Some(rest) = rest {
            self.ram.read(rest, high);
        }
        self.shared.scratch[0] = u128::from_le_bytes(bytes);
    }

    /// A store that missed the TLB.
    pub fn compiled_store(&mut self, linear: u64, size: u64, value: u64) {
        let pieces = self.pieces_to_store(LinearAddr(linear), size);
        self.shared.refused = u64::from(pieces.is_none());
        let Some((first, rest)) = pieces else { return };
        self.ram.write_value(first.0, first.1, value);
        if let Some(rest) = rest {
            self.ram.write_value(rest, size - first.1, value >> (8 * first.1));
        }
    }

    /// The same, of 16 bytes, out of the first place of [`Shared::scratch`].
    pub fn compiled_store_vector(&mut self, linear: u64) {
        let pieces = self.pieces_to_store(LinearAddr(linear), 16);
        self.shared.refused = u64::from(pieces.is_none());
        let Some((first, rest)) = pieces else { return };
        let bytes = self.shared.scratch[0].to_le_bytes();
        let (low, high) = bytes.split_at(first.1 as usize);
        self.ram.write(first.0, low);
        if let Some(rest) = rest {
            self.ram.write(rest, high);
        }
    }

    /// Where a store goes, unless there is code.
    fn pieces_to_store(&mut self, linear: LinearAddr, size: u64) -> Option<Pieces> {
        let (first, rest) = self.plain_pieces(linear, size, AccessKind::Write)?;
        if self.blocks.overlaps(first.0, first.1)
            || rest.is_some_and(|rest| self.blocks.overlaps(rest, size - first.1))
        {
            return None;
        }
        if rest.is_none() && !self.blocks.is_code(first.0) {
            self.tlb.restore_write(self.mmu, linear);
        }
        Some((first, rest))
    }

    /// An access in the one or two pages it lies in: address and length of the first piece, address of the rest.
    fn plain_pieces(&mut self, linear: LinearAddr, size: u64, kind: AccessKind) -> Option<Pieces> {
        let room = PAGE_SIZE - linear.page_offset();
        let at = self.plain(linear, kind)?;
        if size <= room {
            return Some(((at, size), None));
        }
        let next = LinearAddr(linear.0.wrapping_add(room) & self.linear_mask);
        let rest = self.plain(next, kind)?;
        Some(((at, room), Some(rest)))
    }
}
