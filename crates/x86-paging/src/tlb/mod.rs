//! A direct-mapped, software-filled TLB in three banks.

mod ages;
mod entry;
mod fill;
mod second;
mod slots;

pub use entry::{BANKS, MmuIndex, PagePerms, TLB_ENTRIES, TlbEntry};
pub use fill::{TlbFill, TlbMemory};

use crate::AccessKind;
use ages::Ages;
use entry::{INVALID, Side, slot_of, tag_of};
use second::{LARGE_SHIFT, Second};
use slots::SlotSet;
use x86_types::{GuestPhysAddr, LinearAddr, RamAddr};

/// Translations in the form that an access needs them.
///
/// Every access is one comparison: the tag of the slot that `lin` selects, with the page of the access's *last* byte.
/// An access that crosses into the next page always misses: the slot selected by `lin` only holds pages whose number is
/// congruent to `lin`'s modulo [`TLB_ENTRIES`], and the next page is not. (So `size` may be 1 to 4096 bytes.)
///
/// Entries are those of the current PCID and of global pages. The second-level TLB ([`Tlb::recall`]) also has those of
/// other PCIDs: a switch of address spaces empties the slots and keeps it.
///
/// SPEC: intel-sdm-vol3 :: 5.10.2.2 Caching Translations in TLBs -> rights are cached with the frame; what the manual does not require to be invalidated may stay
/// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> approximated: more may be invalidated than an operation asks for, and paging-structure caches do not exist
pub struct Tlb {
    /// What compiled code reads. One allocation that never moves.
    entries: Box<[[TlbEntry; TLB_ENTRIES]; BANKS]>,
    /// What it does not need.
    side: Box<[[Side; TLB_ENTRIES]; BANKS]>,
    /// Filled slots of pages that are not global, by bank
    local: [SlotSet; BANKS],
    /// Filled slots of global pages, by bank
    global: [SlotSet; BANKS],
    /// Those among the filled that are pieces of large pages, by bank
    large: [SlotSet; BANKS],
    /// The large pages of which pieces may be among them, hashed: a quick "no" for `flush_page`
    large_pages: SlotSet,
    /// Whether any of them is above 2 MiB
    has_larger: bool,
    /// Pages of memory that may have a write tag, hashed, in `local` and in `global`: a quick "no" for `revoke_write`
    written: [SlotSet; 2],
    /// Times that anything was invalidated
    flushes: u32,
    second: Second,
    ages: Ages,
}

impl Default for Tlb {
    fn default() -> Self {
        Self::new()
    }
}

impl Tlb {
    /// Bytes from one bank of entries to the next.
    pub const BANK_BYTES: usize = TLB_ENTRIES * size_of::<TlbEntry>();

    /// An empty TLB.
    pub fn new() -> Self {
        Self {
            entries: Box::new([[TlbEntry::EMPTY; TLB_ENTRIES]; BANKS]),
            side: Box::new([[Side::EMPTY; TLB_ENTRIES]; BANKS]),
            local: [SlotSet::EMPTY; BANKS],
            global: [SlotSet::EMPTY; BANKS],
            large: [SlotSet::EMPTY; BANKS],
            large_pages: SlotSet::EMPTY,
            has_larger: false,
            written: [SlotSet::EMPTY; 2],
            flushes: 0,
            second: Second::new(),
            ages: Ages::new(),
        }
    }

    /// What a walk gave earlier for the page of `lin`, under this PCID or as a global page, if it lets `kind` through. To be
    /// completed (addend, code) and inserted.
    #[inline]
    pub fn recall(&self, index: MmuIndex, lin: LinearAddr, kind: AccessKind, pcid: u16) -> Option<TlbFill> {
        self.second.recall(index, lin, kind, pcid)
    }

    /// Keeps what a walk gave, for [`Tlb::recall`].
    #[inline]
    pub fn remember(&mut self, index: MmuIndex, fill: &TlbFill) {
        self.second.remember(index, fill);
    }

    /// The address space of a PCID is current now: its slots begin empty. What was walked under it goes as well, unless it
    /// is to be kept; other PCIDs keep theirs.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> MOV to CR3 invalidates what was cached under the PCID that becomes current; with bit 63 set, where CR4.PCIDE = 1, it is not required to invalidate anything
    pub fn switch(&mut self, pcid: u16, keep: bool) {
        self.flushes = self.flushes.wrapping_add(1);
        if !keep {
            self.second.flush_pcid(pcid);
            self.ages.pcid(pcid);
        }
        self.empty_local();
    }

    /// Changes whenever translations are invalidated.
    pub fn flushes(&self) -> u32 {
        self.flushes
    }

    /// Host address of the first entry of bank 0, for compiled code; entry `slot` of bank `index` lies
    /// `index * BANK_BYTES + slot * size_of::<TlbEntry>()` further on. It holds for the life of the TLB.
    #[inline]
    pub fn base_address(&self) -> usize {
        self.entries.as_ptr().addr()
    }

    /// Returns the entry in the slot of `lin`, whether it is that page's or not.
    #[inline(always)]
    pub fn entry(&self, index: MmuIndex, lin: LinearAddr) -> &TlbEntry {
        &self.entries[index as usize][slot_of(lin)]
    }

    /// The addend for a read of `size` bytes at `lin`: host address = linear address + addend (modulo 2^64).
    #[inline(always)]
    pub fn lookup_read(&self, index: MmuIndex, lin: LinearAddr, size: u64) -> Option<u64> {
        let entry = self.entry(index, lin);
        (entry.read == last_page(lin, size)).then_some(entry.addend)
    }

    /// The addend for a write of `size` bytes at `lin`.
    #[inline(always)]
    pub fn lookup_write(&self, index: MmuIndex, lin: LinearAddr, size: u64) -> Option<u64> {
        let entry = self.entry(index, lin);
        (entry.write == last_page(lin, size)).then_some(entry.addend)
    }

    /// Returns the addend for a fetch of `size` bytes at `lin`, and where the first lies in memory.
    #[inline(always)]
    pub fn lookup_exec(&self, index: MmuIndex, lin: LinearAddr, size: u64) -> Option<(u64, RamAddr)> {
        let entry = self.entry(index, lin);
        if entry.exec != last_page(lin, size) {
            return None;
        }
        let ram = self.side[index as usize][slot_of(lin)].ram?;
        Some((entry.addend, ram.wrapping_add(lin.page_offset())))
    }

    /// Returns the physical address of the byte at `lin` if its page is cached and allows the access: for pages without
    /// a fast tag, that is MMIO and writes to pages that hold decoded code. Saves the walk, checks nothing about
    /// crossing.
    #[inline]
    pub fn lookup_slow(&self, index: MmuIndex, lin: LinearAddr, kind: AccessKind) -> Option<GuestPhysAddr> {
        let side = &self.side[index as usize][slot_of(lin)];
        (side.slow == tag_of(lin) && side.perms.allow(kind))
            .then(|| side.phys.wrapping_add(lin.page_offset()))
    }

    /// Where the byte at `lin` lies in memory, if its page is cached and has any.
    #[inline]
    pub fn lookup_ram(&self, index: MmuIndex, lin: LinearAddr) -> Option<RamAddr> {
        let side = &self.side[index as usize][slot_of(lin)];
        let ram = side.ram.filter(|_| side.slow == tag_of(lin))?;
        Some(ram.wrapping_add(lin.page_offset()))
    }

    /// Puts a page into its slot, in place of what was there.
    pub fn insert(&mut self, index: MmuIndex, fill: &TlbFill) {
        let (bank, slot) = (index as usize, slot_of(fill.lin));
        self.drop_slot(bank, slot);
        let tag = tag_of(fill.lin);
        self.side[bank][slot] = Side {
            slow: tag,
            phys: fill.phys.page(),
            ram: fill.memory.map(|memory| memory.ram.page()),
            perms: fill.perms,
            pcid: fill.pcid,
            page_shift: fill.page_size.shift() as u8,
            writable: fill.memory.is_some_and(|memory| memory.writable),
        };
        if fill.global {
            self.global[bank].insert(slot)
        } else {
            self.local[bank].insert(slot)
        }
        if fill.page_size != crate::PageSize::Size4K {
            self.large[bank].insert(slot);
            self.large_pages.insert(large_hash(fill.lin));
            self.has_larger |= fill.page_size.shift() > LARGE_SHIFT;
        }
        let Some(memory) = fill.memory else { return };
        let tag_if = |allowed: bool| if allowed { tag } else { INVALID };
        let write = fill.perms.write && memory.writable && !memory.watched;
        self.entries[bank][slot] = TlbEntry {
            read: tag_if(fill.perms.read),
            write: tag_if(write),
            exec: tag_if(fill.perms.exec && memory.executable),
            addend: memory.addend,
        };
        if write {
            self.written[usize::from(fill.global)].insert(hash(memory.ram));
        }
    }

    /// Takes the write tag from every entry of a page of memory, which now holds decoded code: writes to it go the slow
    /// way and are noticed.
    pub fn revoke_write(&mut self, ram: RamAddr) {
        let hash = hash(ram);
        for (slots, written) in [&self.local, &self.global].into_iter().zip(&mut self.written) {
            // Most pages of code have never been written.
            if !written.contains(hash) {
                continue;
            }
            for (bank, slots) in slots.iter().enumerate() {
                for slot in slots.iter() {
                    if self.side[bank][slot].ram == Some(ram.page()) {
                        self.entries[bank][slot].write = INVALID;
                    }
                }
            }
        }
    }

    /// Gives the page of `lin` its write tag back, once it holds no decoded code any more. Other mappings of the same
    /// page are found by their own slow write. Does nothing for a page that is absent, MMIO, ROM or not writable.
    pub fn restore_write(&mut self, index: MmuIndex, lin: LinearAddr) {
        let (bank, slot) = (index as usize, slot_of(lin));
        let side = &self.side[bank][slot];
        if side.slow == tag_of(lin)
            && side.writable
            && side.perms.write
            && let Some(ram) = side.ram
        {
            self.entries[bank][slot].write = side.slow;
            self.written[usize::from(self.global[bank].contains(slot))].insert(hash(ram));
        }
    }

    /// Drops everything, global pages included.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> for MOV to CR4 that changes PGE, PCIDE, SMEP..., changes of CR0.PG, and INVPCID type 2
    pub fn flush_all(&mut self) {
        self.flushes = self.flushes.wrapping_add(1);
        self.second.flush_all();
        self.ages.all();
        for bank in 0..BANKS {
            for slot in self.local[bank].iter().chain(self.global[bank].iter()) {
                self.entries[bank][slot] = TlbEntry::EMPTY;
                self.side[bank][slot] = Side::EMPTY;
            }
        }
        self.local = [SlotSet::EMPTY; BANKS];
        self.global = [SlotSet::EMPTY; BANKS];
        self.large = [SlotSet::EMPTY; BANKS];
        self.large_pages = SlotSet::EMPTY;
        self.has_larger = false;
        self.written = [SlotSet::EMPTY; 2];
    }

    /// Drops all but global pages, of every PCID. Visits the filled slots only, so that a switch of address spaces costs
    /// what was used since the last one.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.2.4 Global Pages -> MOV to CR3 leaves translations of global pages alone; so does INVPCID type 3
    pub fn flush_non_global(&mut self) {
        self.flushes = self.flushes.wrapping_add(1);
        self.second.flush_non_global();
        self.ages.not_global();
        self.empty_local();
    }

    fn empty_local(&mut self) {
        for bank in 0..BANKS {
            for slot in self.local[bank].iter() {
                self.entries[bank][slot] = TlbEntry::EMPTY;
                self.side[bank][slot] = Side::EMPTY;
            }
            self.large[bank].remove_all(&self.local[bank]);
            self.local[bank] = SlotSet::EMPTY;
        }
        self.written[0] = SlotSet::EMPTY;
    }

    /// Drops the pages of one PCID that are not global (INVPCID type 1).
    pub fn flush_pcid(&mut self, pcid: u16) {
        self.flushes = self.flushes.wrapping_add(1);
        self.second.flush_pcid(pcid);
        self.ages.pcid(pcid);
        for bank in 0..BANKS {
            for slot in self.local[bank].iter() {
                if self.side[bank][slot].pcid == pcid {
                    self.drop_slot(bank, slot);
                }
            }
        }
    }

    /// Drops the page that holds `lin`, global or not, with every piece of it if it is large.
    ///
    /// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> INVLPG invalidates global translations too, and every TLB entry of a page larger than 4 KiB
    pub fn flush_page(&mut self, lin: LinearAddr) {
        self.flushes = self.flushes.wrapping_add(1);
        self.second.flush_page(lin);
        self.ages.page(lin);
        let (slot, tag) = (slot_of(lin), tag_of(lin));
        let may_be_large = self.has_larger || self.large_pages.contains(large_hash(lin));
        for bank in 0..BANKS {
            if self.side[bank][slot].slow == tag {
                self.drop_slot(bank, slot);
            }
            if !may_be_large {
                continue;
            }
            for piece in self.large[bank].iter() {
                let side = &self.side[bank][piece];
                if (side.slow ^ lin.0) >> side.page_shift == 0 {
                    self.drop_slot(bank, piece);
                }
            }
        }
    }

    /// Returns whether the page of `lin` is cached, as one that [`Tlb::age_of_kernel`] covers.
    pub fn is_of_kernel(&self, index: MmuIndex, lin: LinearAddr) -> bool {
        let (bank, slot) = (index as usize, slot_of(lin));
        ages::is_upper(lin) && self.side[bank][slot].slow == tag_of(lin) && self.global[bank].contains(slot)
    }

    /// Number of pages held, over all banks.
    pub fn filled(&self) -> usize {
        self.local.iter().chain(&self.global).map(SlotSet::len).sum()
    }

    /// Empties one slot. The hash of written pages stays: it may only have false positives.
    fn drop_slot(&mut self, bank: usize, slot: usize) {
        self.entries[bank][slot] = TlbEntry::EMPTY;
        self.side[bank][slot] = Side::EMPTY;
        self.local[bank].remove(slot);
        self.global[bank].remove(slot);
        self.large[bank].remove(slot);
    }
}

/// Returns the page of an access's last byte.
#[inline(always)]
fn last_page(lin: LinearAddr, size: u64) -> u64 {
    lin.wrapping_add(size).wrapping_add(u64::MAX).page().0
}

/// Where the large page of an address is noted in `Tlb::large_pages`.
#[inline]
fn large_hash(lin: LinearAddr) -> usize {
    let page = lin.0 >> LARGE_SHIFT;
    (page ^ page >> 10) as usize % TLB_ENTRIES
}

/// Where a page of memory is noted in `Tlb::written`.
#[inline]
fn hash(ram: RamAddr) -> usize {
    let page = ram.page_number();
    (page ^ page >> 10) as usize % TLB_ENTRIES
}
