//! Decoded code, kept by where it lies in memory and by code size.

#[cfg(test)]
mod tests;

use super::block_links::Context;
use super::block_store::{Block, BlockId, Found, Slot, Store};
use super::block_table::{Entry, NO_KEY, Table, WAYS};
use super::churn::{Churn, lines};
use super::code_events::{CodeEvent, OTHER, OWN};
use std::collections::HashMap;
use x86_types::{CodeSize, LinearAddr, RamAddr};

/// Writes beside a page's code, each of which takes a slow way, before blocks go that did not run meanwhile.
const SWEEP_AFTER: u32 = 256;
/// Sweeps before compiled code goes as well: it takes about as long as those writes to compile it again. Twice as many the
/// next time, so that this ends where it is in use.
const SWEEPS: u32 = 1024;

/// An instruction that begins in one page and ends in the next, with the bytes it was decoded of and what follows them.
struct Across {
    bytes: [u8; 15],
    block: BlockId,
}

/// Such instructions kept at most.
const MAX_ACROSS: usize = 1 << 12;

#[derive(Default)]
struct CodePage {
    /// Table index, key, and the bytes covered
    blocks: Vec<(u32, u64, u16, u16)>,
    /// Units of compiled code, and the bytes they stand for
    units: Vec<(u32, u16, u16)>,
    /// Lines of the page that may have any of it: writes elsewhere are over quickly
    lines: u64,
    /// Writes beside its code since the last sweep, and sweeps since its units were last given up
    near_misses: u32,
    sweeps: u32,
}

impl CodePage {
    /// Whether there may be code in the bytes from `start` to `end`.
    fn may_have(&self, start: u64, end: u64) -> bool {
        self.lines & lines(start, end) != 0
    }

    fn cover(&mut self, start: u16, end: u16) {
        self.lines |= lines(start.into(), end.into());
    }

    /// The lines of what is left.
    fn cover_anew(&mut self) {
        let blocks = self.blocks.iter().map(|&(_, _, from, to)| (from, to));
        let units = self.units.iter().map(|&(_, from, to)| (from, to));
        self.lines = blocks.chain(units).fold(0, |all, (from, to)| all | lines(from.into(), to.into()));
    }
}

/// Set-associative cache of blocks, with what is needed to find the blocks of a page that is written.
pub(crate) struct BlockCache {
    pub(super) store: Store,
    /// The block that was interpreted last
    pub(super) last: BlockId,
    /// One that is not kept, until there is another
    fleeting: BlockId,
    table: Table,
    /// By where they begin; good only for the same bytes
    across: HashMap<u64, Across>,
    pages: HashMap<u64, CodePage>,
    /// For each page of memory up to the last one with code: [`OWN`], and how many other processors have any, by
    /// [`OTHER`]
    has_code: Vec<u8>,
    /// What other processors have yet to learn; `None` where there is no other
    events: Option<Vec<CodeEvent>>,
    /// Blocks made, to choose by
    made: usize,
    /// Blocks decoded, and dropped because they were written
    pub(crate) decoded: u64,
    pub(crate) invalidated: u64,
    /// Units of compiled code whose bytes were written, until the translator is told
    pub(crate) dropped_units: Vec<u32>,
    /// What was compiled and then written
    churn: Churn,
}

#[inline(always)]
fn key_of(at: RamAddr, size: CodeSize) -> u64 {
    at.0 << 2 | size as u64
}

impl BlockCache {
    pub(super) fn new() -> Self {
        Self {
            store: Store::new(),
            last: BlockId::NONE,
            fleeting: BlockId::NONE,
            table: Table::new(),
            across: HashMap::new(),
            pages: HashMap::new(),
            has_code: Vec::new(),
            events: None,
            made: 0,
            decoded: 0,
            invalidated: 0,
            dropped_units: Vec::new(),
            churn: Churn::default(),
        }
    }

    #[inline(always)]
    pub(super) fn find(&self, at: RamAddr, size: CodeSize) -> Option<BlockId> {
        self.table.find(key_of(at, size))
    }

    /// The block at `linear`, if it came behind the last one before.
    #[inline(always)]
    pub(super) fn behind_last(&mut self, linear: LinearAddr, context: Context) -> Option<BlockId> {
        self.store.behind(self.last, linear, context)
    }

    /// Makes a block. The last one and those kept may have been given up for it.
    pub(super) fn make(&mut self, slots: &[Slot]) -> BlockId {
        let (block, anew) = self.store.make(slots);
        if anew {
            self.forget_all_blocks();
        }
        block
    }

    /// Makes a block that is good for one run.
    pub(super) fn make_fleeting(&mut self, slots: &[Slot]) -> BlockId {
        self.store.release(std::mem::take(&mut self.fleeting));
        self.fleeting = self.make(slots);
        self.fleeting
    }

    /// The store gave up all blocks but one, of which nothing is known here.
    #[cold]
    fn forget_all_blocks(&mut self) {
        (self.last, self.fleeting) = (BlockId::NONE, BlockId::NONE);
        self.table.clear();
        self.across.clear();
        for page in self.code_pages() {
            if let Some(code) = self.pages.get_mut(&page.0) {
                code.blocks.clear();
            }
            self.forget_page_without_code(page);
        }
    }

    /// The instruction that begins at `at` and ends in another page, if it was decoded of these bytes.
    pub(super) fn across(&self, at: RamAddr, size: CodeSize, bytes: &[u8; 15]) -> Option<BlockId> {
        self.across.get(&key_of(at, size)).filter(|kept| kept.bytes == *bytes).map(|kept| kept.block)
    }

    /// Keeps one. Writes to its bytes are not tracked, so that they have to be compared.
    pub(super) fn keep_across(&mut self, at: RamAddr, size: CodeSize, bytes: [u8; 15], block: BlockId) {
        self.decoded += 1;
        if self.across.len() >= MAX_ACROSS {
            self.across.drain().for_each(|(_, old)| self.store.release(old.block));
        }
        if let Some(old) = self.across.insert(key_of(at, size), Across { bytes, block }) {
            self.store.release(old.block);
        }
    }

    /// How often the interpreter ran the block at `at`; a part of it, where code there was compiled and rewritten before.
    pub(super) fn runs(&self, at: RamAddr, size: CodeSize) -> u32 {
        let across = || self.across.get(&key_of(at, size)).map(|kept| kept.block);
        let block = self.find(at, size).or_else(across).map(|id| self.store.block(id));
        block.map_or(0, |block| block.runs >> block.doublings)
    }

    /// What is compiled for the block at `at` has to be looked for anew.
    pub(super) fn compiled_at(&mut self, at: RamAddr, size: CodeSize) {
        let across = self.across.get(&key_of(at, size)).map(|kept| kept.block);
        for id in self.find(at, size).into_iter().chain(across) {
            self.store.block_mut(id).compiled = Found::default();
        }
    }

    /// The same for all blocks.
    pub(super) fn compiled_anywhere(&mut self) {
        let across = self.across.values().map(|kept| kept.block);
        let kept = self.table.iter().filter(|entry| entry.key != NO_KEY).map(|entry| entry.block);
        for id in kept.chain(across) {
            self.store.block_mut(id).compiled = Found::default();
        }
    }

    /// Where the block at `at` goes mostly, as distances from its own address.
    pub(super) fn targets(&self, at: RamAddr, size: CodeSize) -> Vec<i64> {
        let targets = self.find(at, size).and_then(|id| self.store.targets(id));
        targets.map(|seen| seen.likely()).unwrap_or_default()
    }

    /// The blocks that the interpreter ran most: where, of which code size, how often.
    pub(super) fn hottest(&self, count: usize) -> Vec<(RamAddr, CodeSize, u32)> {
        let kept = self.table.iter().filter(|entry| entry.key != NO_KEY);
        let mut blocks: Vec<_> = kept
            .map(|entry| {
                let size = match entry.key & 3 {
                    0 => CodeSize::Bits16,
                    1 => CodeSize::Bits32,
                    _ => CodeSize::Bits64,
                };
                (RamAddr(entry.key >> 2), size, self.store.block(entry.block).runs)
            })
            .collect();
        blocks.sort_unstable_by_key(|&(at, _, runs)| (std::cmp::Reverse(runs), at.0));
        blocks.truncate(count);
        blocks
    }

    /// Blocks, pages with code, and pages that are known to be rewritten.
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        let blocks = self.pages.values().map(|page| page.blocks.len()).sum();
        (blocks, self.pages.len(), self.churn.pages())
    }

    /// The pages with code of this processor.
    pub(super) fn code_pages(&self) -> Vec<RamAddr> {
        self.pages.keys().copied().map(RamAddr).collect()
    }

    /// Marks a page as one with code. Returns whether no processor had any there.
    fn mark_code(&mut self, at: RamAddr) -> bool {
        let code = self.has_code(at);
        if *code & OWN == 0 {
            *code |= OWN;
            let first = *code == OWN;
            self.announce(CodeEvent::Holds(at.page()));
            return first;
        }
        false
    }

    fn has_code(&mut self, at: RamAddr) -> &mut u8 {
        let page = at.page_number() as usize;
        if page >= self.has_code.len() {
            self.has_code.resize(page + 1, 0);
        }
        &mut self.has_code[page]
    }

    /// Keeps a block. Gives whether its page had no code before: the caller then revokes writes to it.
    pub(super) fn keep(&mut self, at: RamAddr, size: CodeSize, block: BlockId) -> bool {
        self.decoded += 1;
        self.made = self.made.wrapping_add(1);
        let key = key_of(at, size);
        let (first, ways) = self.table.places(key);
        let free = ways.iter().position(|entry| entry.key == key || entry.key == NO_KEY);
        // Any of them goes, but not always the same.
        let index = first + free.unwrap_or(self.made % WAYS);
        let start = at.page_offset() as u16;
        let end = start + self.store.block(block).len;
        let old = std::mem::replace(&mut self.table[index], Entry { key, block });
        if old.key != NO_KEY {
            self.store.release(old.block);
            self.forget_block(old.key);
        }
        let code = self.pages.entry(at.page().0).or_default();
        code.blocks.push((index as u32, key, start, end));
        code.cover(start, end);
        self.mark_code(at)
    }

    /// A block lost its place. What its page knows of it goes as well: pages come and go for as long as the machine runs.
    fn forget_block(&mut self, key: u64) {
        let at = RamAddr(key >> 2).page();
        if let Some(page) = self.pages.get_mut(&at.0) {
            page.blocks.retain(|&(_, other, ..)| other != key);
            self.forget_page_without_code(at);
        }
    }

    /// Blocks or units of a page are gone; perhaps all.
    fn forget_page_without_code(&mut self, at: RamAddr) {
        let Some(page) = self.pages.get_mut(&at.0) else { return };
        page.cover_anew();
        if page.lines == 0 {
            self.pages.remove(&at.0);
            *self.has_code(at) &= !OWN;
            self.announce(CodeEvent::Forgets(at.page()));
        }
    }

    /// Keeps in mind which bytes, of one page, a unit of compiled code stands for. Gives whether the page had no code.
    pub(super) fn keep_unit(&mut self, unit: u32, at: RamAddr, len: u64) -> bool {
        let (start, end) = (at.page_offset() as u16, (at.page_offset() + len) as u16);
        let code = self.pages.entry(at.page().0).or_default();
        code.units.push((unit, start, end));
        code.cover(start, end);
        self.mark_code(at)
    }

    /// A unit of compiled code does not stand for bytes of this page any more.
    pub(super) fn forget_unit(&mut self, unit: u32, at: RamAddr) {
        if let Some(page) = self.pages.get_mut(&at.page().0) {
            page.units.retain(|&(number, ..)| number != unit);
            self.forget_page_without_code(at.page());
        }
    }

    /// Whether decoded or compiled code covers any of `len` bytes within one page, which are about to be written.
    pub(super) fn overlaps(&mut self, at: RamAddr, len: u64) -> bool {
        if !self.is_code(at) {
            return false;
        }
        self.announce_write(at, len);
        let (start, end) = (at.page_offset(), at.page_offset() + len);
        let hit = |from: u16, to: u16| u64::from(to) > start && u64::from(from) < end;
        self.pages.get_mut(&at.page().0).is_some_and(|page| {
            // Where a sweep is due, `written` has to be asked.
            let hit = page.near_misses >= SWEEP_AFTER
                || page.may_have(start, end)
                    && (page.blocks.iter().any(|&(_, _, from, to)| hit(from, to))
                        || page.units.iter().any(|&(_, from, to)| hit(from, to)));
            page.near_misses += u32::from(!hit);
            hit
        })
    }

    /// From now on other processors learn what happens to code.
    pub(super) fn share(&mut self, shared: bool) {
        if shared != self.events.is_some() {
            self.events = shared.then(Vec::new);
        }
    }

    fn announce(&mut self, event: CodeEvent) {
        if let Some(events) = &mut self.events {
            events.push(event);
        }
    }

    /// Announces a write to a page that holds code of others. Writes of one page are announced as one.
    pub(super) fn announce_write(&mut self, at: RamAddr, len: u64) {
        if *self.has_code(at) < OTHER {
            return;
        }
        let Some(events) = &mut self.events else { return };
        if let Some(CodeEvent::Written(start, bytes)) = events.last_mut()
            && start.page() == at.page()
        {
            let end = (start.0 + *bytes).max(at.0 + len);
            *start = (*start).min(at);
            *bytes = end - start.0;
            return;
        }
        events.push(CodeEvent::Written(at, len));
    }

    /// What other processors have yet to learn.
    pub(super) fn take_events(&mut self) -> Vec<CodeEvent> {
        self.events.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Another processor has code in a page. Returns whether that is the first.
    pub(super) fn other_holds(&mut self, page: RamAddr) -> bool {
        let code = self.has_code(page);
        let first = *code == 0;
        *code = code.saturating_add(OTHER);
        first
    }

    /// Another processor has none in a page any more.
    pub(super) fn other_forgets(&mut self, page: RamAddr) {
        let code = self.has_code(page);
        *code = code.saturating_sub(OTHER);
    }

    /// How often the runs have to be doubled that make a block of `len` bytes at `at` hot.
    pub(super) fn doublings(&self, at: RamAddr, len: u64, now: u64) -> u32 {
        self.churn.doublings(at, len, now)
    }

    /// Whether the page has decoded code, so that writes to it must be seen.
    #[inline]
    pub(super) fn is_code(&self, at: RamAddr) -> bool {
        self.has_code.get(at.page_number() as usize).is_some_and(|&code| code != 0)
    }

    /// `len` bytes at `at`, within one page, were or will be written, when `now` instructions have retired. Gives whether
    /// code was dropped: that whose bytes they are.
    pub(super) fn written(&mut self, at: RamAddr, len: u64, now: u64) -> bool {
        if !self.is_code(at) {
            return false;
        }
        let Some(page) = self.pages.get_mut(&at.page().0) else { return false };
        let (start, end) = (at.page_offset(), at.page_offset() + len);
        if !page.may_have(start, end) {
            page.near_misses += 1;
            return page.near_misses > SWEEP_AFTER && self.sweep(at, now);
        }
        let hit = |from: u16, to: u16| u64::from(to) > start && u64::from(from) < end;
        let before = page.blocks.len() + page.units.len();
        let (table, store) = (&mut self.table, &mut self.store);
        page.blocks.retain(|&(index, key, from, to)| {
            let hit = hit(from, to);
            if hit && table[index as usize].key == key {
                store.release(table[index as usize].remove());
            }
            !hit
        });
        let (dropped_units, mut rewritten) = (&mut self.dropped_units, 0);
        page.units.retain(|&(unit, from, to)| {
            let hit = hit(from, to);
            if hit {
                dropped_units.push(unit);
                rewritten |= lines(start.max(from.into()), end.min(to.into()));
            }
            !hit
        });
        let dropped = before - page.blocks.len() - page.units.len();
        if dropped == 0 {
            page.near_misses += 1;
            return page.near_misses > SWEEP_AFTER && self.sweep(at, now);
        }
        self.forget_page_without_code(at.page());
        if rewritten != 0 {
            self.churn.rewritten(at, rewritten, len, now);
        }
        self.invalidated += dropped as u64;
        true
    }
}

impl BlockCache {
    /// Much was written beside the code of a page, which may be code of the past: what did not run since the last sweep
    /// goes, and after many sweeps compiled code, whose runs are not counted. Gives whether any went.
    fn sweep(&mut self, at: RamAddr, now: u64) -> bool {
        let Some(page) = self.pages.get_mut(&at.page().0) else { return false };
        page.near_misses = 0;
        page.sweeps += 1;
        let before = page.blocks.len() + page.units.len();
        let (table, store) = (&mut self.table, &mut self.store);
        page.blocks.retain(|&(index, key, ..)| {
            let entry = &mut table[index as usize];
            let is_kept = entry.key == key;
            let Block { runs, swept, .. } = store.block_mut(entry.block);
            let idle = std::mem::replace(swept, *runs) == *runs;
            if is_kept && idle {
                store.release(entry.remove());
            }
            is_kept && !idle
        });
        if page.sweeps >= SWEEPS << self.churn.patience(at) {
            page.sweeps = 0;
            self.dropped_units.extend(page.units.drain(..).map(|(unit, ..)| unit));
            self.churn.gave_up(at, now);
        }
        let dropped = before - page.blocks.len() - page.units.len();
        self.forget_page_without_code(at.page());
        self.invalidated += dropped as u64;
        dropped > 0
    }
}
