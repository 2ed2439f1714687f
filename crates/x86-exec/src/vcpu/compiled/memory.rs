//! Loads and stores of compiled code that missed the TLB.
//!
//! Memory is found, devices are accessed here and compiled code goes on. What faults, writes to code, or reaches a device by
//! more than one access is left to the interpreter. So is an access that made an event due: the interpreter executes its
//! instruction again, without the access, and stops behind it.

use super::super::Vcpu;
use super::COMPILED_BASE;
use x86_paging::AccessKind;
use x86_types::{CodeSize, GuestPhysAddr, LinearAddr, PAGE_SIZE, RamAddr};

/// Where in the description of an access the number of instructions is that its block executes before the accessing one;
/// below it is the number of bytes.
const BEFORE: u32 = 5;

/// Describes an access to helper calls: its bytes, 1 to 16, and the instructions of its block before the accessing one.
pub const fn access(bytes: u32, before: u32) -> u64 {
    bytes as u64 | (before as u64) << BEFORE
}

impl Vcpu {
    /// Returns where in memory an access of compiled code may be made at once: no device, no fault.
    pub(super) fn plain(&mut self, linear: LinearAddr, size: u64, kind: AccessKind) -> Option<RamAddr> {
        let at = self.reached(linear, kind)?;
        self.memory_at(at, size, kind)
    }

    fn memory_at(&self, at: GuestPhysAddr, size: u64, kind: AccessKind) -> Option<RamAddr> {
        match kind {
            AccessKind::Read => self.mem.guest.ram_to_read(at, size),
            // Where reads see other bytes, a read-modify-write has two places.
            AccessKind::Write => self.mem.guest.ram_to_modify(at, size),
            AccessKind::Execute => self.mem.guest.ram_to_execute(at, size),
        }
    }

    /// Translates a linear address; `None` where the access faults, or where the walk wrote to compiled code.
    fn reached(&mut self, linear: LinearAddr, kind: AccessKind) -> Option<GuestPhysAddr> {
        if self.cpu.code_size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return None;
        }
        let at = self.physical(linear, self.explicit(kind)).ok()?;
        self.code.blocks.dropped_units.is_empty().then_some(at)
    }

    /// Sets the number of the accessing instruction and returns the size of the access.
    fn begin_access(&mut self, access: u64, left: u64) -> u64 {
        self.run_state.retired = self.run_state.limit.saturating_sub(left) + (access >> BEFORE);
        access & ((1 << BEFORE) - 1)
    }

    /// Returns the compiled address of bytes that compiled code did not find by the TLB, where it may load them, or load and
    /// store them if it is `to_write`; 0 where the instruction is left to the interpreter. `left` is the budget at the
    /// block's start. What has no such place is copied to [`Shared::scratch`](super::Shared): where that is the place of a
    /// load whose instruction stores, it stores by [`Vcpu::compiled_store`].
    pub fn compiled_find(&mut self, linear: u64, access: u64, left: u64, to_write: bool) -> u64 {
        let size = self.begin_access(access, left);
        let linear = LinearAddr(linear);
        let found = if to_write { self.find_to_write(linear, size) } else { self.find_to_read(linear, size) };
        found.unwrap_or(0)
    }

    /// Stores up to 8 bytes for compiled code that did not find them by the TLB. Returns 0 where the instruction is left to
    /// the interpreter.
    pub fn compiled_store(&mut self, linear: u64, access: u64, left: u64, value: u64) -> u64 {
        let size = self.begin_access(access, left);
        u64::from(self.store_for_compiled(LinearAddr(linear), size, value).is_some())
    }

    fn find_to_read(&mut self, linear: LinearAddr, size: u64) -> Option<u64> {
        let room = PAGE_SIZE - linear.page_offset();
        let at = self.reached(linear, AccessKind::Read)?;
        if size <= room
            && let Some(ram) = self.memory_at(at, size, AccessKind::Read)
        {
            return self.compiled_place(ram);
        }
        self.copy_to_scratch(linear, at, size)
    }

    fn find_to_write(&mut self, linear: LinearAddr, size: u64) -> Option<u64> {
        let room = PAGE_SIZE - linear.page_offset();
        let at = self.reached(linear, AccessKind::Write)?;
        if size > room {
            let next = LinearAddr(linear.0.wrapping_add(room) & self.mem.linear_mask);
            self.reached(next, AccessKind::Write)?;
        } else if let Some(ram) = self.memory_at(at, size, AccessKind::Write) {
            if self.code.blocks.overlaps(ram, size) {
                return None;
            }
            if !self.code.blocks.is_code(ram) {
                self.mem.tlb.restore_write(self.mem.mmu, linear);
            }
            return self.compiled_place(ram);
        }
        // Vectors are not loaded to be stored back.
        if size > 8 { None } else { self.copy_to_scratch(linear, at, size) }
    }

    /// Reads bytes of two pages, or of a device, whose first lies at `at`.
    fn copy_to_scratch(&mut self, linear: LinearAddr, at: GuestPhysAddr, size: u64) -> Option<u64> {
        let room = PAGE_SIZE - linear.page_offset();
        if size > room {
            let next = LinearAddr(linear.0.wrapping_add(room) & self.mem.linear_mask);
            let rest = self.plain(next, size - room, AccessKind::Read)?;
            let first = self.memory_at(at, room, AccessKind::Read)?;
            let mut bytes = [0; 16];
            let (low, high) = bytes.get_mut(..size as usize)?.split_at_mut(room as usize);
            self.mem.guest.ram_read(first, low);
            self.mem.guest.ram_read(rest, high);
            self.code.shared.scratch = u128::from_le_bytes(bytes);
        } else {
            // SPEC: intel-sdm-vol3 :: 10.1.1 Guaranteed Atomic Operations -> what is larger than a quadword may be several accesses: 16 bytes are two of 8
            let mut value = u128::from(self.load_once(at, size.min(8)));
            if size > 8 {
                value |= u128::from(self.load_once(at.wrapping_add(8), 8)) << 64;
            }
            self.code.shared.scratch = value;
            self.goes_on()?;
        }
        Some((&raw const self.code.shared.scratch as usize as u64).wrapping_sub(COMPILED_BASE))
    }

    /// Reads up to 8 bytes of memory or of a device, within a page; the interpreter will not ask the device again.
    fn load_once(&mut self, at: GuestPhysAddr, size: u64) -> u64 {
        if let Some(ram) = self.mem.guest.ram_to_read(at, size) {
            return self.mem.guest.ram_value(ram, size);
        }
        let v = self.access_device(at, size, None);
        self.code.replay.note_read(self.run_state.retired, at, size, v);
        v
    }

    /// Returns `None` where an access to a device made an event due.
    fn goes_on(&mut self) -> Option<()> {
        let news = self.bus_news();
        if news.stops {
            return None;
        }
        self.run_state.attention |= news.attention;
        Some(())
    }

    fn store_for_compiled(&mut self, linear: LinearAddr, size: u64, value: u64) -> Option<()> {
        let room = PAGE_SIZE - linear.page_offset();
        let at = self.reached(linear, AccessKind::Write)?;
        if size > room {
            let next = LinearAddr(linear.0.wrapping_add(room) & self.mem.linear_mask);
            let rest = self.reached(next, AccessKind::Write)?;
            let first = self.mem.guest.ram_to_write(at, room)?;
            let rest = self.mem.guest.ram_to_write(rest, size - room)?;
            if self.code.blocks.overlaps(first, room) || self.code.blocks.overlaps(rest, size - room) {
                return None;
            }
            let bytes = value.to_le_bytes();
            let (low, high) = bytes.get(..size as usize)?.split_at(room as usize);
            for (ram, bytes) in [(first, low), (rest, high)] {
                (0..)
                    .zip(bytes)
                    .for_each(|(n, &b)| self.mem.guest.set_ram_value(ram.wrapping_add(n), 1, b.into()));
            }
            return Some(());
        }
        if let Some(ram) = self.mem.guest.ram_to_write(at, size) {
            if self.code.blocks.overlaps(ram, size) {
                return None;
            }
            self.mem.guest.set_ram_value(ram, size, value);
            if !self.code.blocks.is_code(ram) {
                self.mem.tlb.restore_write(self.mem.mmu, linear);
            }
            return Some(());
        }
        self.access_device(at, size, Some(value));
        let goes_on = self.goes_on();
        if goes_on.is_none() {
            self.code.replay.note_write(self.run_state.retired, at, size);
        }
        goes_on
    }

    fn compiled_place(&self, at: RamAddr) -> Option<u64> {
        let (ptr, _) = self.mem.guest.host_ptr(at)?;
        Some((ptr as usize as u64).wrapping_sub(COMPILED_BASE))
    }
}
