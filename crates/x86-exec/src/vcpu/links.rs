//! Where blocks went on: a block that was found once behind another need not be looked for again. Of the interpreter's time
//! most is spent waiting for memory; this is in the line that has just been read.

use super::blocks::Block;
use std::cell::Cell;
use std::rc::{Rc, Weak};
use x86_types::LinearAddr;

/// The two blocks that came behind a block last.
#[derive(Default)]
#[repr(C)]
pub(super) struct Links([Link; 2]);

#[derive(Default)]
#[repr(C)]
struct Link {
    /// Where it begins
    linear: Cell<u64>,
    /// What else its address in memory follows from: no [`Context`] is 0
    context: Cell<u64>,
    block: Cell<Weak<Block>>,
}

/// What a linear address means, as a number: the same block lies there while this is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Context(u64);

impl Context {
    /// Translations last until the TLB is told, and are those of a bank; a block is of a code size.
    #[inline(always)]
    pub(super) fn new(flushes: u32, bank: u8, code_size: u8) -> Context {
        Context(u64::from(flushes) << 16 | u64::from(bank) << 8 | u64::from(code_size) << 1 | 1)
    }
}

impl Links {
    /// The block at `linear`, if it came behind this one before and its bytes were not written since.
    #[inline(always)]
    pub(super) fn find(&self, linear: LinearAddr, context: Context) -> Option<Rc<Block>> {
        let goes = |link: &&Link| link.linear.get() == linear.0 && link.context.get() == context.0;
        let link = self.0.iter().find(goes)?;
        let weak = link.block.take();
        let block = weak.upgrade();
        link.block.set(weak);
        block.filter(|block| !block.is_gone.get())
    }

    /// Keeps one in mind, in place of the older.
    #[inline]
    pub(super) fn keep(&self, linear: LinearAddr, context: Context, block: &Rc<Block>) {
        let [newer, older] = &self.0;
        older.linear.swap(&newer.linear);
        older.context.swap(&newer.context);
        older.block.swap(&newer.block);
        newer.linear.set(linear.0);
        newer.context.set(context.0);
        newer.block.set(Rc::downgrade(block));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_are_found_where_and_while_they_are_there() {
        let links = Links::default();
        let blocks = [(); 3].map(|()| Rc::new(Block::default()));
        let context = Context::new(0, 0, 0);
        let is = |at: u64, context: Context, n: usize| {
            links.find(LinearAddr(at), context).is_some_and(|block| Rc::ptr_eq(&block, &blocks[n]))
        };
        assert!(links.find(LinearAddr(0), context).is_none());
        for (n, block) in blocks.iter().enumerate() {
            links.keep(LinearAddr(n as u64), context, block);
            assert!(is(n as u64, context, n));
        }
        assert!(!is(0, context, 0) && is(1, context, 1) && is(2, context, 2));
        for other in [Context::new(1, 0, 0), Context::new(0, 1, 0), Context::new(0, 0, 1)] {
            assert!(links.find(LinearAddr(2), other).is_none());
        }
        blocks[2].is_gone.set(true);
        assert!(!is(2, context, 2) && is(1, context, 1));
        drop(blocks);
        assert!(links.find(LinearAddr(1), context).is_none());
    }
}
