//! Loads and stores of compiled code that missed the TLB.

use super::super::Vcpu;
use super::COMPILED_BASE;
use x86_paging::AccessKind;
use x86_types::{CodeSize, LinearAddr, PAGE_SIZE, RamAddr};

impl Vcpu {
    /// Where in memory an access of compiled code may be made at once: no device, no fault.
    pub(super) fn plain(&mut self, linear: LinearAddr, kind: AccessKind) -> Option<RamAddr> {
        if self.cpu.code_size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return None;
        }
        let at = self.physical(linear, self.explicit(kind)).ok()?;
        let ram = match kind {
            AccessKind::Read => self.memory.ram_to_read(at, 1),
            // Where reads see other bytes, a read-modify-write has two places.
            AccessKind::Write => self.memory.ram_to_modify(at, 1),
            AccessKind::Execute => self.memory.ram_to_execute(at, 1),
        };
        ram.filter(|_| self.blocks.dropped_units.is_empty())
    }

    /// Compiled address of `size` bytes that compiled code did not find by the TLB: where a load, or a store too if it is
    /// `to_write`, may be made at once. 0 where the instruction is left to the interpreter.
    pub fn compiled_find(&mut self, linear: u64, size: u64, to_write: bool) -> u64 {
        let linear = LinearAddr(linear);
        let found = if to_write { self.find_to_write(linear, size) } else { self.find_to_read(linear, size) };
        found.unwrap_or(0)
    }

    fn find_to_read(&mut self, linear: LinearAddr, size: u64) -> Option<u64> {
        let room = PAGE_SIZE - linear.page_offset();
        let at = self.plain(linear, AccessKind::Read)?;
        if size <= room {
            return self.compiled_place(at);
        }
        // Of two pages: what is there now lies together where it was not before.
        let next = LinearAddr(linear.0.wrapping_add(room) & self.linear_mask);
        let rest = self.plain(next, AccessKind::Read)?;
        let mut bytes = [0; 16];
        let (low, high) = bytes.get_mut(..size as usize)?.split_at_mut(room as usize);
        self.memory.ram_read(at, low);
        self.memory.ram_read(rest, high);
        self.shared.scratch = u128::from_le_bytes(bytes);
        Some((&raw const self.shared.scratch as usize as u64).wrapping_sub(COMPILED_BASE))
    }

    fn find_to_write(&mut self, linear: LinearAddr, size: u64) -> Option<u64> {
        if size > PAGE_SIZE - linear.page_offset() {
            return None;
        }
        let at = self.plain(linear, AccessKind::Write)?;
        if self.blocks.overlaps(at, size) {
            return None;
        }
        if !self.blocks.is_code(at) {
            self.tlb.restore_write(self.mmu, linear);
        }
        self.compiled_place(at)
    }

    fn compiled_place(&self, at: RamAddr) -> Option<u64> {
        let (ptr, _) = self.memory.host_ptr(at)?;
        Some((ptr as usize as u64).wrapping_sub(COMPILED_BASE))
    }
}
