//! What was walked, behind the slots that accesses look into: of every PCID, and by large pages whole.
//!
//! The slots of the first level are those of the current address space, and pages displace each other there. What is here
//! saves the walk: after a switch back to a PCID, for pages that share a slot, and for the next 4 KiB of a large page.

use super::TlbFill;
use super::entry::{BANKS, INVALID, MmuIndex, PagePerms, tag_of};
use crate::{AccessKind, PageSize};
use x86_types::{GuestPhysAddr, LinearAddr};

/// Sets of two, for pages of 4 KiB: 64 MiB of memory
const SETS: usize = 8192;
/// Pieces of 2 MiB of large pages.
const LARGE: usize = 128;
pub(super) const LARGE_SHIFT: u32 = 21;
const PCIDS: usize = 4096;

/// A translation, of 4 KiB or of 2 MiB.
#[derive(Clone, Copy)]
struct Kept {
    /// Linear address, and in its lowest bits the bank; `INVALID` where there is none
    tag: u64,
    phys: GuestPhysAddr,
    /// When it was walked
    when: u64,
    pcid: u16,
    global: bool,
    perms: PagePerms,
    page_size: PageSize,
}

impl Kept {
    const NONE: Kept = Kept {
        tag: INVALID,
        phys: GuestPhysAddr(0),
        when: 0,
        pcid: 0,
        global: false,
        perms: PagePerms { read: false, write: false, exec: false },
        page_size: PageSize::Size4K,
    };

    fn fill(&self, lin: LinearAddr, phys: GuestPhysAddr) -> TlbFill {
        TlbFill {
            lin,
            phys,
            page_size: self.page_size,
            global: self.global,
            pcid: self.pcid,
            perms: self.perms,
            memory: None,
        }
    }
}

pub(super) struct Second {
    pages: Box<[[Kept; 2]]>,
    large: Box<[Kept]>,
    /// Incremented by every invalidation. Entries walked before one that concerns them are invalid
    clock: u64,
    flushed: Box<[u64]>,
    local_flushed: u64,
    all_flushed: u64,
    /// Whether a page above 2 MiB was ever kept: it is kept in pieces
    has_larger: bool,
}

fn set_of(tag: u64) -> usize {
    let page = tag >> 12 ^ tag >> 25 ^ (tag & 3) << 11;
    page as usize & (SETS - 1)
}

fn large_tag(lin: LinearAddr, bank: usize) -> u64 {
    lin.0 >> LARGE_SHIFT << LARGE_SHIFT | bank as u64
}

fn large_slot(tag: u64) -> usize {
    let page = tag >> LARGE_SHIFT ^ (tag & 3) << 5;
    page as usize & (LARGE - 1)
}

impl Second {
    pub(super) fn new() -> Self {
        Self {
            pages: vec![[Kept::NONE; 2]; SETS].into(),
            large: vec![Kept::NONE; LARGE].into(),
            clock: 0,
            flushed: vec![0; PCIDS].into(),
            local_flushed: 0,
            all_flushed: 0,
            has_larger: false,
        }
    }

    fn is_good(&self, kept: &Kept, pcid: u16) -> bool {
        let since = if kept.global {
            self.all_flushed
        } else {
            self.local_flushed.max(self.flushed[usize::from(pcid) & (PCIDS - 1)])
        };
        kept.when >= since && (kept.global || kept.pcid == pcid)
    }

    /// Returns a translation that lets this kind of access through.
    pub(super) fn recall(
        &self,
        index: MmuIndex,
        lin: LinearAddr,
        kind: AccessKind,
        pcid: u16,
    ) -> Option<TlbFill> {
        let good =
            |kept: &&Kept, tag: u64| kept.tag == tag && kept.perms.allow(kind) && self.is_good(kept, pcid);
        let tag = tag_of(lin) | index as u64;
        if let Some(kept) = self.pages[set_of(tag)].iter().find(|kept| good(kept, tag)) {
            return Some(kept.fill(lin, kept.phys));
        }
        let tag = large_tag(lin, index as usize);
        let kept = Some(&self.large[large_slot(tag)]).filter(|kept| good(kept, tag))?;
        Some(kept.fill(lin, kept.phys.wrapping_add(lin.0 & ((1 << LARGE_SHIFT) - 1)).page()))
    }

    /// Keeps what a walk gave.
    pub(super) fn remember(&mut self, index: MmuIndex, fill: &TlbFill) {
        let new = |tag, phys| Kept {
            tag,
            phys,
            when: self.clock,
            pcid: fill.pcid,
            global: fill.global,
            perms: fill.perms,
            page_size: fill.page_size,
        };
        if fill.page_size != PageSize::Size4K {
            let tag = large_tag(fill.lin, index as usize);
            let base = fill.phys.0 >> LARGE_SHIFT << LARGE_SHIFT;
            self.large[large_slot(tag)] = new(tag, GuestPhysAddr(base));
            self.has_larger |= fill.page_size.shift() > LARGE_SHIFT;
            return;
        }
        let tag = tag_of(fill.lin) | index as u64;
        let kept = new(tag, fill.phys.page());
        // It takes the place of what it replaces, else of the older one.
        let same =
            |other: &Kept| other.tag == tag && (other.global == fill.global && other.pcid == fill.pcid);
        let set = &mut self.pages[set_of(tag)];
        if !same(&set[0]) {
            set[1] = set[0];
        }
        set[0] = kept;
    }

    /// Drops everything.
    pub(super) fn flush_all(&mut self) {
        self.clock += 1;
        (self.local_flushed, self.all_flushed) = (self.clock, self.clock);
    }

    /// Drops all but global pages.
    pub(super) fn flush_non_global(&mut self) {
        self.clock += 1;
        self.local_flushed = self.clock;
    }

    /// Drops one PCID's pages that are not global.
    pub(super) fn flush_pcid(&mut self, pcid: u16) {
        self.clock += 1;
        self.flushed[usize::from(pcid) & (PCIDS - 1)] = self.clock;
    }

    /// Drops the page of an address, of any PCID, and all pieces of the large page that it lies in.
    pub(super) fn flush_page(&mut self, lin: LinearAddr) {
        for bank in 0..BANKS as u64 {
            let tag = tag_of(lin) | bank;
            for kept in self.pages[set_of(tag)].iter_mut().filter(|kept| kept.tag == tag) {
                *kept = Kept::NONE;
            }
        }
        let holds = |kept: &Kept| kept.tag != INVALID && (kept.tag ^ lin.0) >> kept.page_size.shift() == 0;
        if self.has_larger {
            self.large.iter_mut().filter(|kept| holds(kept)).for_each(|kept| *kept = Kept::NONE);
            return;
        }
        for bank in 0..BANKS as u64 {
            let kept = &mut self.large[large_slot(large_tag(lin, bank as usize))];
            if holds(kept) {
                *kept = Kept::NONE;
            }
        }
    }
}
