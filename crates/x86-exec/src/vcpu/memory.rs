//! Loads and stores: the TLB's one compare in line, everything else out of line.

use super::compiled::COMPILED_BASE;
use super::{Raised, Vcpu, attention};
use crate::MemRef;
use x86_paging::{Access, AccessKind, PteMemory, TlbFill, TlbMemory, translate};
use x86_state::{Cr4, Dr7};
use x86_types::{Exception, GuestPhysAddr, LinearAddr, PAGE_SIZE, RamAddr, Seg, Width};

/// Reads `size` bytes (1, 2, 4 or 8) at a host address from the TLB.
#[inline(always)]
#[allow(unsafe_code)]
fn host_read(addend: u64, linear: u64, w: Width) -> u64 {
    let ptr = addend.wrapping_add(linear).wrapping_add(COMPILED_BASE) as usize as *const u8;
    // SAFETY: a TLB hit vouches that the whole access lies in one page of guest RAM, which stays mapped as long as the
    // Vcpu holds it; guest RAM is never behind a reference. Any bit pattern is a valid integer.
    unsafe {
        match w {
            Width::B1 => u64::from(ptr.read()),
            Width::B2 => u64::from(ptr.cast::<u16>().read_unaligned().to_le()),
            Width::B4 => u64::from(ptr.cast::<u32>().read_unaligned().to_le()),
            Width::B8 => ptr.cast::<u64>().read_unaligned().to_le(),
        }
    }
}

#[inline(always)]
#[allow(unsafe_code)]
fn host_write(addend: u64, linear: u64, w: Width, v: u64) {
    let ptr = addend.wrapping_add(linear).wrapping_add(COMPILED_BASE) as usize as *mut u8;
    // SAFETY: as in `host_read`; write tags exist only for pages that may be written.
    unsafe {
        match w {
            Width::B1 => ptr.write(v as u8),
            Width::B2 => ptr.cast::<u16>().write_unaligned((v as u16).to_le()),
            Width::B4 => ptr.cast::<u32>().write_unaligned((v as u32).to_le()),
            Width::B8 => ptr.cast::<u64>().write_unaligned(v.to_le()),
        }
    }
}

impl MemRef<u64> {
    /// What is so many bytes behind it, modulo the address size.
    pub(crate) fn behind(&self, bytes: u64, addrsize: Width) -> Self {
        Self { seg: self.seg, offset: addrsize.trunc(self.offset.wrapping_add(bytes)) }
    }
}

impl PteMemory for Vcpu {
    fn read_u64(&mut self, at: GuestPhysAddr) -> u64 {
        self.mem.guest.read_u64(self.mem.guest.through_a20(at))
    }
    fn read_u32(&mut self, at: GuestPhysAddr) -> u32 {
        self.mem.guest.read_u32(self.mem.guest.through_a20(at))
    }
    fn compare_exchange_u32(&mut self, at: GuestPhysAddr, expected: u32, new: u32) -> bool {
        self.read_u32(at) == expected && self.write_entry(at, 4, new.into())
    }
    fn compare_exchange_u64(&mut self, at: GuestPhysAddr, expected: u64, new: u64) -> bool {
        self.read_u64(at) == expected && self.write_entry(at, 8, new)
    }
}

impl Vcpu {
    /// Writes a paging-structure entry that was compared: processors take turns, so that nothing came in between. Returns
    /// true; entries that take no writes stay as they are.
    fn write_entry(&mut self, at: GuestPhysAddr, size: u64, new: u64) -> bool {
        if let Some(ram) = self.mem.guest.ram_to_write(self.mem.guest.through_a20(at), size) {
            self.code_written(ram, size);
            self.mem.guest.set_ram_value(ram, size, new);
        }
        true
    }
}

impl Vcpu {
    /// Loads through a segment.
    #[inline(always)]
    pub(crate) fn load_ref(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        let seg = m.seg as usize;
        let linear = m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask;
        if self.mem.seg_checks >> seg & 1 == 0
            && let Some(addend) =
                self.mem.tlb.lookup_read(self.mem.mmu, LinearAddr(linear), u64::from(w.bytes()))
        {
            return Ok(host_read(addend, linear, w));
        }
        self.load_slow(m.seg, m.offset, w)
    }

    /// Stores through a segment.
    #[inline(always)]
    pub(crate) fn store_ref(&mut self, m: &MemRef<u64>, w: Width, v: u64) -> Result<(), Raised> {
        let seg = m.seg as usize;
        let linear = m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask;
        if self.mem.seg_checks >> seg & 1 == 0
            && let Some(addend) =
                self.mem.tlb.lookup_write(self.mem.mmu, LinearAddr(linear), u64::from(w.bytes()))
        {
            host_write(addend, linear, w, v);
            return Ok(());
        }
        self.store_slow(m.seg, m.offset, w, v)
    }

    /// The linear address of ten bytes, if they are in a row and the TLB may know them.
    #[inline(always)]
    fn ten_bytes(&self, m: &MemRef<u64>, addrsize: Width) -> Option<u64> {
        let seg = m.seg as usize;
        let linear = m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask;
        let row = addrsize.trunc(m.offset.wrapping_add(9)) > m.offset;
        (row && self.mem.seg_checks >> seg & 1 == 0).then_some(linear)
    }

    /// Loads ten bytes, as eight and two.
    #[inline(always)]
    pub(crate) fn load80_ref(&mut self, m: &MemRef<u64>, addrsize: Width) -> Result<(u64, u16), Raised> {
        if let Some(linear) = self.ten_bytes(m, addrsize)
            && let Some(addend) = self.mem.tlb.lookup_read(self.mem.mmu, LinearAddr(linear), 10)
        {
            let low = host_read(addend, linear, Width::B8);
            return Ok((low, host_read(addend, linear.wrapping_add(8), Width::B2) as u16));
        }
        self.load80_slow(m, addrsize)
    }

    #[cold]
    #[inline(never)]
    fn load80_slow(&mut self, m: &MemRef<u64>, addrsize: Width) -> Result<(u64, u16), Raised> {
        let low = self.load_ref(m, Width::B8)?;
        Ok((low, self.load_ref(&m.behind(8, addrsize), Width::B2)? as u16))
    }

    /// Stores ten bytes, or none of them.
    #[inline(always)]
    pub(crate) fn store80_ref(
        &mut self,
        m: &MemRef<u64>,
        addrsize: Width,
        low: u64,
        high: u16,
    ) -> Result<(), Raised> {
        if let Some(linear) = self.ten_bytes(m, addrsize)
            && let Some(addend) = self.mem.tlb.lookup_write(self.mem.mmu, LinearAddr(linear), 10)
        {
            host_write(addend, linear, Width::B8, low);
            host_write(addend, linear.wrapping_add(8), Width::B2, high.into());
            return Ok(());
        }
        self.store80_slow(m, addrsize, low, high)
    }

    /// The first and the last byte are checked before anything is stored.
    #[cold]
    #[inline(never)]
    fn store80_slow(&mut self, m: &MemRef<u64>, addrsize: Width, low: u64, high: u16) -> Result<(), Raised> {
        self.check_write_ref(m, Width::B1)?;
        self.check_write_ref(&m.behind(9, addrsize), Width::B1)?;
        self.store_ref(m, Width::B8, low)?;
        self.store_ref(&m.behind(8, addrsize), Width::B2, high.into())
    }

    /// Loads what will be stored: a write check, then a read.
    #[inline(always)]
    pub(crate) fn load_for_write_ref(&mut self, m: &MemRef<u64>, w: Width) -> Result<u64, Raised> {
        let seg = m.seg as usize;
        let linear = m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask;
        if self.mem.seg_checks >> seg & 1 == 0
            && let Some(addend) =
                self.mem.tlb.lookup_write(self.mem.mmu, LinearAddr(linear), u64::from(w.bytes()))
        {
            return Ok(host_read(addend, linear, w));
        }
        self.check_write_slow(m, w)?;
        self.load_slow(m.seg, m.offset, w)
    }

    /// Checks a store without making it, or any other access.
    #[inline(always)]
    pub(crate) fn check_write_ref(&mut self, m: &MemRef<u64>, w: Width) -> Result<(), Raised> {
        let seg = m.seg as usize;
        let linear = m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask;
        if self.mem.seg_checks >> seg & 1 == 0
            && self.mem.tlb.lookup_write(self.mem.mmu, LinearAddr(linear), u64::from(w.bytes())).is_some()
        {
            return Ok(());
        }
        self.check_write_slow(m, w)
    }

    #[cold]
    #[inline(never)]
    fn check_write_slow(&mut self, m: &MemRef<u64>, w: Width) -> Result<(), Raised> {
        let size = u64::from(w.bytes());
        let checked = self.check_segment(m.seg, m.offset, size, true);
        let probed = checked.and_then(|linear| self.probe(linear, size, AccessKind::Write));
        probed.map_err(Raised::from)
    }

    /// Where an operand of `size` bytes lies in memory, if all of it is in one page that may be accessed as the TLB knows.
    #[inline]
    pub(crate) fn plain_area(&self, m: &MemRef<u64>, size: u64, write: bool) -> Option<RamAddr> {
        let seg = m.seg as usize;
        let linear = LinearAddr(m.offset.wrapping_add(self.mem.seg_base[seg]) & self.mem.linear_mask);
        if self.mem.seg_checks >> seg & 1 != 0 {
            return None;
        }
        let hit = if write {
            self.mem.tlb.lookup_write(self.mem.mmu, linear, size)
        } else {
            self.mem.tlb.lookup_read(self.mem.mmu, linear, size)
        };
        hit.and_then(|_| self.mem.tlb.lookup_ram(self.mem.mmu, linear))
    }

    #[cold]
    #[inline(never)]
    fn load_slow(&mut self, seg: Seg, offset: u64, w: Width) -> Result<u64, Raised> {
        let size = u64::from(w.bytes());
        let result = self
            .check_segment(seg, offset, size, false)
            .and_then(|linear| self.read_linear_as(linear, size, self.explicit(AccessKind::Read)));
        result.map_err(Raised::from)
    }

    #[cold]
    #[inline(never)]
    fn store_slow(&mut self, seg: Seg, offset: u64, w: Width, v: u64) -> Result<(), Raised> {
        let size = u64::from(w.bytes());
        let result = self
            .check_segment(seg, offset, size, true)
            .and_then(|linear| self.write_linear_as(linear, size, v, self.explicit(AccessKind::Write)));
        result.map_err(Raised::from)
    }

    /// Checks an access to `size` bytes without making it.
    pub(crate) fn probe(&mut self, linear: LinearAddr, size: u64, kind: AccessKind) -> Result<(), Exception> {
        self.physical(linear, self.explicit(kind))?;
        let last = LinearAddr(linear.0.wrapping_add(size - 1) & self.mem.linear_mask);
        if last.page() != linear.page() {
            self.physical(last.page(), self.explicit(kind))?;
        }
        Ok(())
    }

    /// Reads up to 8 bytes at a linear address as `access` may.
    pub(crate) fn read_linear_as(
        &mut self,
        linear: LinearAddr,
        size: u64,
        access: Access,
    ) -> Result<u64, Exception> {
        self.watch(linear, size, false);
        let first = PAGE_SIZE - linear.page_offset();
        let at = self.physical(linear, access)?;
        if size <= first {
            return Ok(self.read_physical(at, size));
        }
        let next = LinearAddr(linear.0.wrapping_add(first) & self.mem.linear_mask);
        let rest = self.physical(next, access)?;
        let (low, high) = (self.read_bytes(at, first), self.read_bytes(rest, size - first));
        Ok(low | high << (8 * first))
    }

    /// Writes up to 8 bytes at a linear address as `access` may; nothing is written when part of it faults.
    pub(crate) fn write_linear_as(
        &mut self,
        linear: LinearAddr,
        size: u64,
        v: u64,
        access: Access,
    ) -> Result<(), Exception> {
        self.watch(linear, size, true);
        let first = PAGE_SIZE - linear.page_offset();
        let at = self.physical(linear, access)?;
        if size <= first {
            self.write_physical(at, size, v);
            if !access.implicit && !self.holds_code(at) && !self.is_watched_page(linear.page()) {
                self.mem.tlb.restore_write(self.mem.paging.mmu_index(access), linear);
            }
            return Ok(());
        }
        let next = LinearAddr(linear.0.wrapping_add(first) & self.mem.linear_mask);
        let rest = self.physical(next, access)?;
        for n in 0..size {
            let to = if n < first { at.wrapping_add(n) } else { rest.wrapping_add(n - first) };
            self.write_physical(to, 1, v >> (8 * n) & 0xff);
        }
        Ok(())
    }

    fn read_bytes(&mut self, at: GuestPhysAddr, size: u64) -> u64 {
        (0..size).fold(0, |v, n| v | self.read_physical(at.wrapping_add(n), 1) << (8 * n))
    }

    /// Reads 1, 2, 4 or 8 bytes of memory or of a device, within one page.
    pub(crate) fn read_physical(&mut self, at: GuestPhysAddr, size: u64) -> u64 {
        match self.mem.guest.ram_to_read(at, size) {
            Some(ram) => self.mem.guest.ram_value(ram, size),
            None => self.read_device(at, size),
        }
    }

    /// Reads what no memory answers.
    pub(super) fn read_device(&mut self, at: GuestPhysAddr, size: u64) -> u64 {
        let now = self.run_state.retired;
        let v = match self.code.replay.take_read(now, at, size) {
            Some(known) => known,
            None => self.access_device(at, size, None),
        };
        self.device_accessed();
        v
    }

    /// Looks at the bus, unless later accesses have been made already: nothing was due behind those before them.
    fn device_accessed(&mut self) {
        if !self.code.replay.reaches(self.run_state.retired) {
            self.bus_touched();
        }
    }

    /// Reads `size` bytes of a device, or writes a value. Returns what was read.
    pub(super) fn access_device(&mut self, at: GuestPhysAddr, size: u64, value: Option<u64>) -> u64 {
        let now = self.run_state.retired;
        self.statistics.mmio += 1;
        let v = match value {
            Some(value) => {
                self.bus_mut().mmio_write(now, at, size as u8, value);
                value
            }
            None => self.bus_mut().mmio_read(now, at, size as u8),
        };
        if size == 8 { v } else { v & ((1 << (8 * size)) - 1) }
    }

    /// Writes 1, 2, 4 or 8 bytes of memory or of a device, within one page. Code there is dropped.
    pub(crate) fn write_physical(&mut self, at: GuestPhysAddr, size: u64, v: u64) {
        if let Some(ram) = self.mem.guest.ram_to_write(at, size) {
            self.code_written(ram, size);
            self.mem.guest.set_ram_value(ram, size, v);
            return;
        }
        if !self.code.replay.take_write(self.run_state.retired, at, size) {
            self.access_device(at, size, Some(v));
        }
        self.device_accessed();
    }

    /// Whether writes at `at` would change decoded or compiled code.
    fn holds_code(&self, at: GuestPhysAddr) -> bool {
        self.mem.guest.region(at).0.write.ram().is_some_and(|ram| self.code.blocks.is_code(ram))
    }

    /// Bytes within one page are about to be written: code there is dropped, and what runs is fetched anew behind the
    /// instruction.
    #[inline]
    pub(super) fn code_written(&mut self, at: RamAddr, len: u64) {
        if self.code.blocks.is_code(at) {
            self.code.blocks.announce_write(at, len);
            if self.code.blocks.written(at, len, self.run_state.retired) {
                self.drop_units();
                self.stop_block();
            }
        }
    }

    /// Code of guest memory that a bus master wrote is dropped.
    pub fn invalidate_code(&mut self, at: GuestPhysAddr, len: u64) {
        let mut done = 0;
        while done < len {
            let from = at.wrapping_add(done);
            let part = (PAGE_SIZE - from.page_offset()).min(len - done);
            let (region, same) = self.mem.guest.region(from);
            let part = part.min(same.max(1));
            if let Some(ram) = region.write.ram() {
                self.code.blocks.written(ram, part, self.run_state.retired);
            }
            done += part;
        }
        self.drop_units();
    }

    /// All decoded and compiled code is dropped: memory was written as a whole.
    pub fn invalidate_all_code(&mut self) {
        for page in self.code.blocks.code_pages() {
            self.code.blocks.written(page, PAGE_SIZE, self.run_state.retired);
        }
        self.drop_units();
    }

    /// An access of the running code.
    #[inline]
    pub(crate) fn explicit(&self, kind: AccessKind) -> Access {
        Access::explicit(kind, self.cpu.cpl)
    }

    /// Translates, through the TLB and filling it.
    pub(crate) fn physical(
        &mut self,
        linear: LinearAddr,
        access: Access,
    ) -> Result<GuestPhysAddr, Exception> {
        let mmu = self.mem.paging.mmu_index(access);
        if let Some(at) = self.mem.tlb.lookup_slow(mmu, linear, access.kind) {
            return Ok(at);
        }
        let mode = self.mem.paging;
        let mut fill = match self.mem.tlb.recall(mmu, linear, access.kind, mode.pcid()) {
            Some(known) => known,
            None => {
                let translation = translate(self, &mode, linear, access).map_err(Exception::from)?;
                self.statistics.walks += 1;
                let fill = TlbFill::new(linear, &translation, mode.pcid());
                self.mem.tlb.remember(mmu, &fill);
                fill
            }
        };
        let page = linear.page();
        let phys = self.mem.guest.through_a20(fill.phys.page());
        fill.phys = phys;
        let backing = self.mem.guest.page_backing(phys, access.kind == AccessKind::Write);
        fill.memory = backing.ram.map(|ram| TlbMemory {
            addend: backing.host.wrapping_sub(COMPILED_BASE).wrapping_sub(page.0),
            ram,
            writable: backing.writable,
            watched: !backing.plain_write || self.code.blocks.is_code(ram),
            executable: backing.executable,
        });
        if self.is_watched_page(page) {
            fill.perms.read = false;
            fill.perms.write = false;
        }
        self.mem.tlb.insert(mmu, &fill);
        Ok(phys.wrapping_add(linear.page_offset()))
    }

    /// Notes data breakpoints that an access hits.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.2.5 Breakpoint Field Recognition -> data breakpoints compare the whole access with LEN-aligned ranges and trap after it
    fn watch(&mut self, linear: LinearAddr, size: u64, write: bool) {
        if self.cpu.dr[7] & Dr7::ENABLES.bits() != 0 {
            self.note_breakpoints(linear.0, size, |condition| condition == 3 || condition == 1 && write);
        }
    }

    /// Notes port breakpoints that IN, OUT, INS or OUTS hits.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> R/W = 10b breaks on I/O reads or writes with CR4.DE set, else it is undefined and does nothing
    pub(crate) fn watch_port(&mut self, port: u16, w: Width) {
        if self.cpu.dr[7] & Dr7::ENABLES.bits() != 0 && self.cpu.cr4.contains(Cr4::DE) {
            self.note_breakpoints(port.into(), w.bytes().into(), |condition| condition == 2);
        }
    }

    fn note_breakpoints(&mut self, at: u64, size: u64, wanted: impl Fn(u8) -> bool) {
        let dr7 = Dr7::from_bits_retain(self.cpu.dr[7]);
        for n in 0..4 {
            let start = self.cpu.dr[n as usize] & !(dr7.length(n) - 1);
            let overlaps = at < start.wrapping_add(dr7.length(n)) && start < at.wrapping_add(size);
            if wanted(dr7.condition(n)) && overlaps && dr7.enabled(n) {
                self.run_state.debug_trap |= 1 << n;
                self.run_state.attention |= attention::DEBUG_TRAP;
                self.run_state.event = true;
                self.stop_block();
            }
        }
    }

    /// Whether a data breakpoint lies in the page, so that no access there may take the fast way.
    fn is_watched_page(&self, page: LinearAddr) -> bool {
        let dr7 = Dr7::from_bits_retain(self.cpu.dr[7]);
        dr7.bits() & Dr7::ENABLES.bits() != 0
            && (0..4).any(|n| {
                dr7.enabled(n)
                    && dr7.condition(n) != 0
                    && self.cpu.dr[n as usize].wrapping_sub(page.0) < PAGE_SIZE
            })
    }
}
