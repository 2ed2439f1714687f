//! From opcode to rows: a counting sort at compile time.

use super::row::{Row, flag};

/// Rows of one opcode map, in the table's order within each opcode.
pub(crate) struct Map {
    start: &'static [u16; 257],
    rows: &'static [Row],
}

impl Map {
    /// The rows of one opcode; the first whose constraints hold is the one.
    #[inline(always)]
    pub(crate) fn rows(&self, opcode: u8) -> &'static [Row] {
        let start = self.start[opcode as usize] as usize;
        let end = self.start[opcode as usize + 1] as usize;
        self.rows.get(start..end).unwrap_or(&[])
    }
}

/// What a [`Map`] points to.
pub(super) struct MapData<const N: usize> {
    start: [u16; 257],
    rows: [Row; N],
}

/// How many rows `parts` hold, a row for several opcodes counted for each.
pub(super) const fn entries(parts: &[&[Row]]) -> usize {
    let mut count = 0;
    let mut part = 0;
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            let row = &parts[part][i];
            count += row.last as usize - row.first as usize + 1;
            i += 1;
        }
        part += 1;
    }
    count
}

impl<const N: usize> MapData<N> {
    pub(super) const fn build(parts: &[&[Row]]) -> Self {
        let mut start = Self::starts(parts);
        let mut rows = [Row::BLANK; N];
        let mut part = 0;
        while part < parts.len() {
            let mut i = 0;
            while i < parts[part].len() {
                let row = parts[part][i];
                let mut opcode = row.first as usize;
                while opcode <= row.last as usize {
                    rows[start[opcode] as usize] = row;
                    start[opcode] += 1;
                    opcode += 1;
                }
                i += 1;
            }
            part += 1;
        }
        let data = Self { start: Self::starts(parts), rows };
        data.check();
        data
    }

    /// Where each opcode's rows begin.
    const fn starts(parts: &[&[Row]]) -> [u16; 257] {
        let mut start = [0u16; 257];
        let mut part = 0;
        while part < parts.len() {
            let mut i = 0;
            while i < parts[part].len() {
                let row = &parts[part][i];
                let mut opcode = row.first as usize;
                while opcode <= row.last as usize {
                    start[opcode + 1] += 1;
                    opcode += 1;
                }
                i += 1;
            }
            part += 1;
        }
        let mut opcode = 0;
        while opcode < 256 {
            start[opcode + 1] += start[opcode];
            opcode += 1;
        }
        start
    }

    /// Rows of one opcode agree on whether a ModRM byte follows.
    const fn check(&self) {
        let mut opcode = 0;
        while opcode < 256 {
            let mut i = self.start[opcode] as usize;
            while i + 1 < self.start[opcode + 1] as usize {
                let differ = (self.rows[i].flags ^ self.rows[i + 1].flags) & flag::MODRM != 0;
                assert!(!differ, "rows of one opcode disagree on ModRM");
                i += 1;
            }
            opcode += 1;
        }
    }

    pub(super) const fn map(&'static self) -> Map {
        Map { start: &self.start, rows: &self.rows }
    }
}
