//! Where decoded blocks lie: each in lines of one arena, first what every run of it looks at, and behind that its
//! instructions. Of the time that seldom run code takes, most is spent waiting for memory. A block's number tells where
//! both parts lie, so that neither waits for the other, and its one line of facts says whether it is the one that is
//! wanted.

use super::block_links::{Context, FOUND_LEN, Link};
use super::target_profile::TargetProfile;
use crate::{Handler, handler, vcpu::Vcpu};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use x86_decode::{Instruction, Op, OperandKind};
use x86_types::LinearAddr;

/// One decoded instruction and the function that executes it.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) handler: Handler<Vcpu>,
    pub(crate) insn: Instruction,
}

impl Slot {
    pub(super) fn new(insn: Instruction) -> Slot {
        Slot { handler: handler::<Vcpu>(&insn), insn }
    }
}

/// A compiled form that was looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its slot; 0 if there is none
    pub(crate) slot: u32,
    /// [`stamp_of`] when it was looked for; 0 if it was not
    pub(crate) stamp: u32,
}

/// A block's number: that of its first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockId(pub(super) u32);

impl BlockId {
    /// An empty block that is always there.
    pub(super) const NONE: BlockId = BlockId(0);
}

/// Instructions in a block at most.
pub(crate) const MAX_BLOCK: usize = 64;

/// Straight-line code: it ends at the first instruction that may go elsewhere, at the end of its page, or when full.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Block {
    /// Where it was found last, and what that followed from; 0 where it was not, or is not kept any more
    pub(super) linear: u64,
    pub(super) context: u64,
    pub(super) links: [Link; 2],
    /// Times the interpreter ran it, while there is a translator
    pub(crate) runs: u32,
    /// `runs` at which it is offered for translation next
    pub(crate) next_hot: u32,
    /// What was known of the compiled form when it was last looked for
    pub(crate) compiled: Found,
    /// `runs` when its page was last swept
    pub(super) swept: u32,
    /// Number of its [`TargetProfile`]; 0 where it has none
    targets: u32,
    /// Bytes of code
    pub(crate) len: u16,
    /// Instructions
    count: u8,
    /// How often the runs are doubled that make it hot, since its bytes were compiled and changed before
    pub(crate) doublings: u8,
    /// It ends in a return, which goes on anywhere
    pub(super) returns: bool,
}

type Line = Block;
const LINE: usize = size_of::<Line>();
const _: () = assert!(LINE == 64 && align_of::<Slot>() <= LINE && MAX_BLOCK <= u8::MAX as usize);

impl Block {
    /// Runs from one offer for translation to the next.
    pub(super) fn period(&self, hot: u32) -> u32 {
        hot.saturating_mul(1 << self.doublings.min(31))
    }

    /// Whether it is what lies at `linear` while `context` holds.
    #[inline(always)]
    pub(super) fn is_at(&self, linear: LinearAddr, context: Context) -> bool {
        self.linear == linear.0 && self.context == context.0
    }
}

/// Lines of a block of so many instructions.
const fn lines_of(count: usize) -> usize {
    1 + (count * size_of::<Slot>()).div_ceil(LINE)
}

const CHUNK_BITS: u32 = 14;
/// Lines that are allocated at once.
const CHUNK: usize = 1 << CHUNK_BITS;
/// Lines at most: more than as many blocks as can be found, of a dozen instructions each.
const MOST: usize = 1 << 20;
const SIZES: usize = lines_of(MAX_BLOCK) + 1;

/// All blocks.
///
/// A line once was the first of a block, or it never is until all are given up: free places go to blocks of the same size
/// only. So a number that is out of date is that of another block or of none, and [`Block::is_at`] tells.
pub(super) struct Store {
    chunks: Vec<NonNull<Line>>,
    /// First lines of free places, by their size
    free: [Vec<u32>; SIZES],
    /// From here on lines are free
    end: usize,
    targets: Vec<TargetProfile>,
    free_targets: Vec<u32>,
    /// Blocks by the linear address at which they were found last
    pub(super) found: Box<[Link]>,
}

impl Store {
    pub(super) fn new() -> Store {
        let mut store = Store {
            chunks: Vec::new(),
            free: core::array::from_fn(|_| Vec::new()),
            end: 0,
            targets: vec![TargetProfile::default()],
            free_targets: Vec::new(),
            found: vec![Link::default(); FOUND_LEN].into(),
        };
        store.clear();
        store
    }

    /// Gives up all blocks. No number is good any more, but [`BlockId::NONE`].
    pub(super) fn clear(&mut self) {
        self.free.iter_mut().for_each(Vec::clear);
        self.found.fill(Link::default());
        self.targets.truncate(1);
        self.free_targets.clear();
        self.end = 0;
        let none = self.take(0, 1);
        *self.block_mut(none) = Block::default();
    }

    /// Lines for a block at the end of what is in use; its first may be beyond what there may be.
    fn at_end(&self, lines: usize) -> usize {
        // None lies in two chunks.
        if self.end % CHUNK + lines > CHUNK { self.end.next_multiple_of(CHUNK) } else { self.end }
    }

    /// Takes lines that [`Store::at_end`] gave.
    fn take(&mut self, first: usize, lines: usize) -> BlockId {
        self.end = first + lines;
        while self.chunks.len() * CHUNK < self.end {
            self.chunks.push(new_chunk());
        }
        BlockId(first as u32)
    }

    /// Makes a block. Where there was no room for it, all others were given up, and true comes with it.
    pub(super) fn make(&mut self, slots: &[Slot]) -> (BlockId, bool) {
        let slots = &slots[..slots.len().min(MAX_BLOCK)];
        let lines = lines_of(slots.len());
        let free = self.free[lines].pop().map(BlockId);
        let anew = free.is_none() && self.at_end(lines) + lines > MOST;
        if anew {
            self.clear();
        }
        let id = free.unwrap_or_else(|| self.take(self.at_end(lines), lines));
        *self.block_mut(id) = Block {
            len: slots.iter().map(|slot| u16::from(slot.insn.len)).sum(),
            count: slots.len() as u8,
            returns: slots.last().is_some_and(|slot| slot.insn.op == Op::Ret),
            ..Block::default()
        };
        self.write_slots(id, slots);
        (id, anew)
    }

    /// A block is not in use any longer. What runs of it may go on: its place is taken by another when that is decoded.
    pub(super) fn release(&mut self, id: BlockId) {
        if id == BlockId::NONE {
            return;
        }
        let block = self.block_mut(id);
        block.context = 0;
        let (lines, targets) = (lines_of(block.count.into()), block.targets);
        self.free[lines].push(id.0);
        if targets != 0 {
            self.free_targets.push(targets);
        }
    }

    /// What a translator will ask of it is counted from now on: runs until it is hot, and where an indirect jump or call
    /// goes. Returns are not followed: what calls a function may be anywhere.
    pub(super) fn observe(&mut self, id: BlockId, hot: u32, doublings: u32) {
        let goes = |insn: &Instruction| matches!(insn.op, Op::Jmp | Op::Call);
        let last = self.slots(id).last().map(|slot| slot.insn);
        let anywhere = last.is_some_and(|insn| goes(&insn) && insn.operands[0].kind != OperandKind::Rel);
        let targets = if anywhere { self.take_targets() } else { 0 };
        let block = self.block_mut(id);
        block.doublings = doublings.min(31) as u8;
        block.next_hot = block.period(hot);
        block.targets = targets;
    }

    fn take_targets(&mut self) -> u32 {
        if let Some(free) = self.free_targets.pop() {
            self.targets[free as usize] = TargetProfile::default();
            return free;
        }
        self.targets.push(TargetProfile::default());
        self.targets.len() as u32 - 1
    }

    /// Where an indirect jump or call at its end was seen to go, while there is a translator.
    #[inline(always)]
    pub(super) fn targets(&self, id: BlockId) -> Option<&TargetProfile> {
        let number = self.block(id).targets;
        if number == 0 { None } else { self.targets.get(number as usize) }
    }
}

#[cold]
#[allow(unsafe_code)]
fn new_chunk() -> NonNull<Line> {
    let layout = chunk_layout();
    // SAFETY: the layout is not empty.
    let chunk = unsafe { alloc_zeroed(layout) };
    NonNull::new(chunk.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

const fn chunk_layout() -> Layout {
    Layout::new::<[Line; CHUNK]>()
}

#[allow(unsafe_code)]
impl Store {
    #[inline(always)]
    fn line(&self, id: BlockId) -> NonNull<Line> {
        let chunk = self.chunks[id.0 as usize / CHUNK];
        // SAFETY: the place lies within the chunk, which lives as long as the store.
        unsafe { chunk.add(id.0 as usize % CHUNK) }
    }

    #[inline(always)]
    pub(super) fn block(&self, id: BlockId) -> &Block {
        // SAFETY: a number is that of a first line until all are given up, which holds a `Block` from when the place was
        // first taken; it is written through `&mut self` only, and instructions are never written to a first line.
        unsafe { self.line(id).as_ref() }
    }

    #[inline(always)]
    pub(super) fn block_mut(&mut self, id: BlockId) -> &mut Block {
        // SAFETY: as in `block`, and `self` is borrowed. References to instructions lie in other lines.
        unsafe { self.line(id).as_mut() }
    }

    /// Where a block's instructions lie, and how many there are. They stay as they are until [`Store::make`] or
    /// [`Store::clear`] is called, even if the block is released.
    #[inline(always)]
    pub(super) fn code(&self, id: BlockId) -> (NonNull<Slot>, usize) {
        let count = self.block(id).count;
        // SAFETY: behind a first line are those of its instructions, in the same chunk; where it has none, this is at most
        // the chunk's end.
        (unsafe { self.line(id).add(1) }.cast(), count.into())
    }

    /// A block's instructions.
    #[inline(always)]
    pub(super) fn slots(&self, id: BlockId) -> &[Slot] {
        let (slots, count) = self.code(id);
        // SAFETY: `make` wrote so many there, and writes others only through `&mut self`.
        unsafe { NonNull::slice_from_raw_parts(slots, count).as_ref() }
    }

    /// Has the host's caches fetch what came behind a block before, while that block runs.
    #[inline(always)]
    pub(super) fn fetch_behind(&self, id: BlockId) {
        #[cfg(target_arch = "x86_64")]
        for link in &self.block(id).links {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let line = self.line(link.block).as_ptr();
            // SAFETY: a prefetch of any address does no harm, and each x86-64 processor has it.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(line.cast());
                _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(1).cast());
            }
        }
        let _ = id;
    }

    fn write_slots(&mut self, id: BlockId, slots: &[Slot]) {
        let (to, _) = self.code(id);
        // SAFETY: `take` gave lines for so many.
        unsafe { to.copy_from_nonoverlapping(NonNull::from(slots).cast(), slots.len()) };
    }
}

#[allow(unsafe_code)]
impl Drop for Store {
    fn drop(&mut self) {
        for chunk in &self.chunks {
            // SAFETY: it was allocated with this layout, and what lies in it needs no drop.
            unsafe { dealloc(chunk.as_ptr().cast(), chunk_layout()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_decode::decode;
    use x86_types::CodeSize;

    fn slots(bytes: &[u8], count: usize) -> Vec<Slot> {
        vec![Slot::new(decode(CodeSize::Bits64, bytes).unwrap()); count]
    }

    #[test]
    fn blocks_of_all_sizes_keep_their_instructions_and_places_come_back() {
        let mut store = Store::new();
        let mut kept = Vec::new();
        for round in 0..40 {
            for count in 1..=MAX_BLOCK {
                let (id, anew) = store.make(&slots(&[0x90 + count as u8 % 8], count));
                assert!(!anew && id != BlockId::NONE);
                kept.push((id, count));
            }
            for &(id, count) in &kept {
                let first = decode(CodeSize::Bits64, &[0x90 + count as u8 % 8]).unwrap();
                assert_eq!((store.slots(id).len(), store.block(id).len), (count, count as u16));
                assert!(store.slots(id).iter().all(|slot| slot.insn == first));
            }
            if round % 2 == 1 {
                kept.drain(..).for_each(|(id, _)| store.release(id));
            }
        }
        assert!(store.end < 3 * CHUNK, "two rounds fit, and all others take their places");
    }

    #[test]
    fn there_is_an_end_and_a_new_beginning() {
        let mut store = Store::new();
        let slots = slots(&[0x90], MAX_BLOCK);
        let made = std::iter::from_fn(|| (!store.make(&slots).1).then_some(())).count();
        assert!(made > MOST / lines_of(MAX_BLOCK) * 9 / 10 && store.end < CHUNK);
        assert!(store.chunks.len() * CHUNK <= MOST);
        let (id, anew) = store.make(&slots);
        assert!(!anew && id != BlockId::NONE && store.slots(id).len() == MAX_BLOCK);
        assert_eq!(store.slots(BlockId::NONE).len(), 0);
    }

    #[test]
    fn a_block_is_found_behind_another_where_and_while_it_is_there() {
        let mut store = Store::new();
        let slots = slots(&[0x90], 1);
        let [from, to, more] = [(); 3].map(|()| store.make(&slots).0);
        let (at, context) = (LinearAddr(0x1_0000_0040), Context::new(0, 0, 0));
        store.keep_link(from, at, context, to);
        assert_eq!(store.behind(from, at, context), Some(to));
        assert_eq!(store.behind(more, at, context), Some(to), "by its address");
        assert_eq!(
            store.behind(from, LinearAddr(0x40), context),
            None,
            "another address with the same low half"
        );
        for other in [Context::new(1, 0, 0), Context::new(0, 1, 0), Context::new(0, 0, 1)] {
            assert_eq!(store.behind(from, at, other), None);
        }
        store.keep_link(from, LinearAddr(0x80), context, more);
        assert_eq!(store.behind(from, at, context), Some(to), "the last two are kept");
        assert_eq!(store.behind(from, LinearAddr(0x80), context), Some(more));
        store.release(to);
        assert_eq!(store.behind(from, at, context), None);
        // Another block takes the place, and is not taken for the one before.
        assert_eq!(store.make(&slots), (to, false));
        assert_eq!(store.behind(from, at, context), None);
    }
}
