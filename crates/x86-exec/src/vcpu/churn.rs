//! Code that is rewritten again and again. Each time bytes change under compiled code, what lies there has to run twice
//! as often before it is compiled again, within bounds; where nothing happens any more, that is forgotten by and by.

use std::collections::HashMap;
use x86_types::{PAGE_SIZE, RamAddr};

/// Bytes whose changes are counted together.
const LINE: u64 = 64;
/// Doublings at most.
const MOST: u8 = 8;
/// Doublings at most by writes of so many bytes at once: a page that becomes another program's is not code that its own
/// program keeps changing.
const MOST_BY_LARGE: u8 = 3;
const LARGE: u64 = PAGE_SIZE / 4;
/// Instructions after which one doubling is forgotten.
const MEMORY: u64 = 1 << 22;
/// Pages at most of which anything is known.
const MOST_PAGES: usize = 1 << 14;

/// What happened to a page.
#[derive(Clone, Debug)]
struct Page {
    /// Instructions retired when it was last counted
    when: u64,
    /// Doublings by line
    lines: [u8; (PAGE_SIZE / LINE) as usize],
    /// Times that its compiled code was given up since much was written beside it
    given_up: u8,
}

impl Page {
    fn forgotten(&self, now: u64) -> u8 {
        u8::try_from(now.saturating_sub(self.when) / MEMORY).unwrap_or(u8::MAX)
    }
}

/// Doublings by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Churn {
    pages: HashMap<u64, Box<Page>>,
}

/// A bit for each line of a page that bytes from `start` to `end` lie in.
#[inline]
pub(super) fn lines(start: u64, end: u64) -> u64 {
    if start >= end {
        return 0;
    }
    let (first, last) = (start / LINE, ((end - 1) / LINE).min(PAGE_SIZE / LINE - 1));
    u64::MAX << first & u64::MAX >> (PAGE_SIZE / LINE - 1 - last)
}

impl Churn {
    /// Compiled code lay in these lines of the page at `at`, and they are written, with `len` bytes at once.
    pub(super) fn rewritten(&mut self, at: RamAddr, lines: u64, len: u64, now: u64) {
        let most = if len >= LARGE { MOST_BY_LARGE } else { MOST };
        for (n, line) in self.page(at, now).lines.iter_mut().enumerate() {
            *line += u8::from(lines >> n & 1 != 0 && *line < most);
        }
    }

    /// What is known of a page now.
    fn page(&mut self, at: RamAddr, now: u64) -> &mut Page {
        let at = at.page().0;
        if self.pages.len() >= MOST_PAGES && !self.pages.contains_key(&at) {
            self.make_room(now);
        }
        let fresh = || Box::new(Page { when: now, lines: [0; (PAGE_SIZE / LINE) as usize], given_up: 0 });
        let page = self.pages.entry(at).or_insert_with(fresh);
        let forgotten = page.forgotten(now);
        page.lines.iter_mut().for_each(|line| *line = line.saturating_sub(forgotten));
        page.when = now;
        page
    }

    /// Drops the pages of which everything is forgotten; where those are few, all but the half that was counted last.
    fn make_room(&mut self, now: u64) {
        let is_known =
            |page: &Page| page.given_up > 0 || page.lines.iter().any(|&line| line > page.forgotten(now));
        self.pages.retain(|_, page| is_known(page));
        if self.pages.len() > MOST_PAGES / 2 {
            let mut times: Vec<u64> = self.pages.values().map(|page| page.when).collect();
            let middle = times.len() / 2;
            let &mut middle = times.select_nth_unstable(middle).1;
            self.pages.retain(|_, page| page.when > middle);
        }
    }

    /// The compiled code of the page at `at` is given up since much was written beside it.
    pub(super) fn gave_up(&mut self, at: RamAddr, now: u64) {
        let page = self.page(at, now);
        page.given_up = (page.given_up + 1).min(MOST);
    }

    /// Pages of which anything is known.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// How often the writes have to be doubled that make a page's compiled code go.
    pub(super) fn patience(&self, at: RamAddr) -> u8 {
        self.pages.get(&at.page().0).map_or(0, |page| page.given_up)
    }

    /// How often the runs have to be doubled that make code in `len` bytes at `at`, of one page, hot.
    pub(super) fn doublings(&self, at: RamAddr, len: u64, now: u64) -> u32 {
        let Some(page) = self.pages.get(&at.page().0) else { return 0 };
        let wanted = lines(at.page_offset(), at.page_offset() + len);
        let most =
            page.lines.iter().enumerate().filter(|&(n, _)| wanted >> n & 1 != 0).map(|(_, &line)| line);
        most.max().unwrap_or(0).saturating_sub(page.forgotten(now)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: RamAddr = RamAddr(0x5000);

    #[test]
    fn lines_cover_what_is_written() {
        assert_eq!(lines(0, 1), 1);
        assert_eq!(lines(63, 65), 3);
        assert_eq!(lines(64, 128), 2);
        assert_eq!(lines(4095, 4096), 1 << 63);
        assert_eq!(lines(0, 4096), u64::MAX);
        assert_eq!(lines(10, 10), 0);
    }

    #[test]
    fn doublings_are_bounded_and_those_of_the_lines_asked_for() {
        let mut churn = Churn::default();
        for n in 1..20 {
            churn.rewritten(AT.wrapping_add(700), lines(64, 65), 4, 0);
            assert_eq!(churn.doublings(AT.wrapping_add(60), 10, 0), n.min(u32::from(MOST)));
        }
        assert_eq!(churn.doublings(AT, 64, 0), 0, "another line");
        assert_eq!(churn.doublings(AT.wrapping_add(PAGE_SIZE), 64, 0), 0, "another page");
    }

    #[test]
    fn a_page_that_is_replaced_counts_less() {
        let mut churn = Churn::default();
        (0..20).for_each(|_| churn.rewritten(AT, u64::MAX, PAGE_SIZE, 0));
        assert_eq!(churn.doublings(AT, PAGE_SIZE, 0), u32::from(MOST_BY_LARGE));
        churn.rewritten(AT, 1, 4, 0);
        churn.rewritten(AT, u64::MAX, PAGE_SIZE, 0);
        assert_eq!(churn.doublings(AT, 1, 0), u32::from(MOST_BY_LARGE) + 1);
    }

    #[test]
    fn what_does_not_happen_again_is_forgotten() {
        let mut churn = Churn::default();
        churn.rewritten(AT, 1, 4, 0);
        churn.rewritten(AT, 1, 4, 0);
        assert_eq!(churn.doublings(AT, 1, MEMORY), 1);
        churn.rewritten(AT, 2, 4, 2 * MEMORY);
        assert_eq!(churn.doublings(AT, 1, 2 * MEMORY), 0);
        assert_eq!(churn.doublings(AT, 65, 2 * MEMORY), 1);
        assert_eq!(churn.doublings(AT, 65, u64::MAX), 0);
    }

    #[test]
    fn pages_are_bounded_and_those_counted_last_are_known() {
        let mut churn = Churn::default();
        let place = |n: u64| RamAddr(n * PAGE_SIZE);
        for n in 0..3 * MOST_PAGES as u64 {
            churn.rewritten(place(n), 1, 4, n);
            churn.gave_up(place(0), n);
            assert!(churn.pages() <= MOST_PAGES);
        }
        let last = 3 * MOST_PAGES as u64 - 1;
        assert!((0..1000).all(|n| churn.doublings(place(last - n), 1, last) == 1));
        assert_eq!(churn.patience(place(0)), MOST, "it happened all the time");
        // Once all is forgotten nothing has to be dropped for want of room.
        let later = last + 2 * MEMORY;
        let more = MOST_PAGES as u64 * 3 / 4;
        (1..=more).for_each(|n| churn.rewritten(place(last + n), 1, 4, later));
        assert!((1..=more).all(|n| churn.doublings(place(last + n), 1, later) == 1));
        assert_eq!(churn.patience(place(0)), MOST);
    }
}
