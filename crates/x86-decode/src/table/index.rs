//! From opcode to form, computed at compile time: an opcode's entry has the bits of the key that select one of its
//! slots, and a slot holds the first of the opcode's forms that can match.

use super::form::Form;
use super::immediate;
use super::row::{Row, flag, key};
use super::template::{Template, Templates};

/// How many opcode maps there are.
pub(crate) const MAPS: usize = 7;

/// One opcode of one map, packed: its first slot, how the key selects among its slots, how long its immediate is.
#[derive(Clone, Copy)]
pub(crate) struct Entry(u32);

impl Entry {
    const SHIFT: u32 = 12;
    const MASK: u32 = 16;
    const LENGTHS: u32 = 22;
    const PREFIX: u32 = 1 << 30;
    const MODRM: u32 = 1 << 31;

    /// A prefix or an escape, not an opcode.
    #[inline(always)]
    pub(crate) const fn is_prefix(self) -> bool {
        self.0 & Self::PREFIX != 0
    }

    /// 1 if a ModRM byte follows the opcode, else 0.
    #[inline(always)]
    pub(crate) const fn modrm(self) -> u8 {
        (self.0 >> 31) as u8
    }

    /// Returns the slot that a key selects.
    #[inline(always)]
    pub(crate) const fn slot(self, key: u16) -> usize {
        let selected = key as u32 >> (self.0 >> Self::SHIFT & 15) & (self.0 >> Self::MASK & 63);
        ((self.0 & 0xfff) + selected) as usize
    }

    /// Place in [`Index::lengths`].
    #[inline(always)]
    pub(crate) const fn lengths(self) -> usize {
        (self.0 >> Self::LENGTHS & 31) as usize
    }

    /// Returns all slots of the opcode: the first, and how many.
    pub(crate) const fn slots(self) -> (usize, usize) {
        ((self.0 & 0xfff) as usize, (self.0 >> Self::MASK & 63) as usize + 1)
    }
}

/// The rows of a map's parts, a part after the other.
#[derive(Clone, Copy)]
pub(super) struct Parts(pub(super) &'static [&'static [Row]]);

impl Parts {
    pub(super) const fn count(self) -> usize {
        let mut count = 0;
        let mut part = 0;
        while part < self.0.len() {
            count += self.0[part].len();
            part += 1;
        }
        count
    }
}

/// Returns how many rows all maps have.
pub(super) const fn rows(maps: &[Parts; MAPS]) -> usize {
    let mut count = 0;
    let mut map = 0;
    while map < MAPS {
        count += maps[map].count();
        map += 1;
    }
    count
}

/// The rows of all maps, and where each map's begin.
pub(super) struct Rows<const N: usize> {
    pub(super) rows: [Row; N],
    pub(super) start: [usize; MAPS + 1],
    /// For each opcode of each map its first row and how many it has
    pub(super) spans: [[(u16, u16); 256]; MAPS],
}

impl<const N: usize> Rows<N> {
    pub(super) const fn new(maps: &[Parts; MAPS]) -> Self {
        let mut all = Rows { rows: [Row::BLANK; N], start: [0; MAPS + 1], spans: [[(0, 0); 256]; MAPS] };
        let mut at = 0;
        let mut map = 0;
        while map < MAPS {
            let mut part = 0;
            while part < maps[map].0.len() {
                let mut i = 0;
                while i < maps[map].0[part].len() {
                    let row = maps[map].0[part][i];
                    all.rows[at] = row;
                    let mut opcode = row.first as usize;
                    while opcode <= row.last as usize {
                        let (first, count) = &mut all.spans[map][opcode];
                        if *count == 0 {
                            *first = at as u16;
                        }
                        assert!(*first as usize + *count as usize == at, "rows of one opcode stand apart");
                        *count += 1;
                        opcode += 1;
                    }
                    at += 1;
                    i += 1;
                }
                part += 1;
            }
            map += 1;
            all.start[map] = at;
        }
        all
    }

    /// Returns the forms, behind one that matches nothing, and their templates.
    pub(super) const fn forms<const M: usize, const T: usize>(&self) -> ([Form; M], [Template; T]) {
        let mut forms = [Form::NONE; M];
        let mut templates = Templates::<T>::new();
        let mut map = 0;
        while map < MAPS {
            let mut i = self.start[map];
            while i < self.start[map + 1] {
                let row = &self.rows[i];
                let more = i + 1 < self.start[map + 1] && {
                    let next = &self.rows[i + 1];
                    let apart = next.first > row.last || next.last < row.first;
                    assert!(
                        apart || next.first <= row.first && row.last <= next.last,
                        "rows overlap in part"
                    );
                    assert!(
                        apart || (row.flags ^ next.flags) & flag::MODRM == 0,
                        "rows of one opcode disagree on ModRM"
                    );
                    !apart
                };
                let mut form = Form::new(row, map >= super::VEX_0F as usize, more);
                form.template = templates.of(row, form.choice);
                forms[i + 1] = form;
                i += 1;
            }
            map += 1;
        }
        (forms, templates.templates)
    }

    /// Which bits of the key an opcode's rows differ in: shift and mask.
    const fn selector(&self, map: usize, opcode: usize) -> (u8, u8) {
        let (first, count) = self.spans[map][opcode];
        let mut differ = 0;
        let mut i = 1;
        while i < count as usize {
            let (row, base) = (&self.rows[first as usize + i], &self.rows[first as usize]);
            differ |= (row.mask ^ base.mask) | (row.value ^ base.value);
            i += 1;
        }
        differ &= key::SELECT;
        if differ == 0 {
            return (0, 0);
        }
        let shift = differ.trailing_zeros();
        let width = 16 - differ.leading_zeros() - shift;
        (shift as u8, if width >= 6 { 63 } else { (1 << width) - 1 })
    }

    pub(super) const fn slot_count(&self) -> usize {
        // One slot for all opcodes without rows
        let mut count = 1;
        let mut map = 0;
        while map < MAPS {
            let mut opcode = 0;
            while opcode < 256 {
                if self.spans[map][opcode].1 != 0 {
                    count += self.selector(map, opcode).1 as usize + 1;
                }
                opcode += 1;
            }
            map += 1;
        }
        count
    }

    pub(super) const fn index<const S: usize>(&self) -> Index<S> {
        let mut index =
            Index { entries: [[Entry(0); 256]; 8], slots: [0; S], lengths: [[immediate::VARIES; 16]; 32] };
        let mut lengths = 1;
        let mut slot = 1;
        let mut map = 0;
        while map < MAPS {
            let mut opcode = 0;
            while opcode < 256 {
                let (first, count) = self.spans[map][opcode];
                if count != 0 {
                    let (shift, mask) = self.selector(map, opcode);
                    let modrm = self.rows[first as usize].has(flag::MODRM);
                    let own = self.lengths(first, count, map >= super::VEX_0F as usize);
                    let place = index.find_lengths(own, lengths);
                    if place == lengths {
                        index.lengths[place] = own;
                        lengths += 1;
                    }
                    assert!(slot + (mask as usize) < 0x1000, "too many slots for an entry");
                    index.entries[map][opcode] = Entry(
                        slot as u32
                            | (shift as u32) << Entry::SHIFT
                            | (mask as u32) << Entry::MASK
                            | (place as u32) << Entry::LENGTHS
                            | if modrm { Entry::MODRM } else { 0 },
                    );
                    let mut bits = 0;
                    while bits <= mask as usize {
                        let known = (mask as u16) << shift;
                        index.slots[slot] = self.first_match(first, count, (bits as u16) << shift, known);
                        slot += 1;
                        bits += 1;
                    }
                }
                if super::is_prefix(map, opcode as u8) {
                    index.entries[map][opcode].0 |= Entry::PREFIX;
                }
                opcode += 1;
            }
            map += 1;
        }
        index
    }

    /// How long the immediate of `count` rows from `first` is, by [context](super::form::opctx).
    const fn lengths(&self, first: u16, count: u16, vex: bool) -> [u8; 16] {
        let mut lengths = [0; 16];
        let mut context = 0;
        while context < 16 {
            lengths[context] = immediate::len(&self.rows[first as usize], vex, context as u8);
            let mut i = first + 1;
            while i < first + count {
                if immediate::len(&self.rows[i as usize], vex, context as u8) != lengths[context] {
                    return [immediate::VARIES; 16];
                }
                i += 1;
            }
            context += 1;
        }
        lengths
    }

    /// The first form of `count` rows from `first` whose constraints on the bits in `known` hold; 0 if none do.
    const fn first_match(&self, first: u16, count: u16, key: u16, known: u16) -> u16 {
        let mut i = first;
        while i < first + count {
            if self.rows[i as usize].matches(key, known) {
                return i + 1;
            }
            i += 1;
        }
        0
    }
}

/// What the decoder looks opcodes up in.
pub(crate) struct Index<const S: usize> {
    /// By map, of which there are fewer than eight, and opcode
    pub(crate) entries: [[Entry; 256]; 8],
    pub(crate) slots: [u16; S],
    /// How long immediates are by [place](Entry::lengths) and [context](super::form::opctx)
    pub(crate) lengths: [[u8; 16]; 32],
}

impl<const S: usize> Index<S> {
    /// Where `lengths` stand among the first `count`; `count` if nowhere.
    const fn find_lengths(&self, lengths: [u8; 16], count: usize) -> usize {
        let own = u128::from_le_bytes(lengths);
        let mut place = 0;
        while place < count {
            if u128::from_le_bytes(self.lengths[place]) == own {
                return place;
            }
            place += 1;
        }
        count
    }
}
