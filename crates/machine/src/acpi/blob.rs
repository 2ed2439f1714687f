//! Tables that point at each other, before it is known where they will be.

/// A pointer that holds an offset until the address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    /// Where it is
    pub(super) at: u32,
    /// Its bytes
    pub(super) size: u8,
}

/// A byte that makes the sum of a range 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// Where it is
    pub(super) at: u32,
    /// First byte of the range
    pub(super) start: u32,
    /// Its length
    pub(super) len: u32,
}

/// Tables one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Blob {
    pub(super) bytes: Vec<u8>,
    pub(super) pointers: Vec<Pointer>,
    pub(super) sums: Vec<Sum>,
}

impl Blob {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Appends a table at the next multiple of `align`. Returns its offset.
    pub(super) fn put(&mut self, table: &[u8], align: usize) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(align), 0);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(table);
        at
    }

    /// Stores a number.
    pub(super) fn set(&mut self, at: u32, value: u64, size: u8) {
        let at = at as usize;
        for (byte, new) in self.bytes.iter_mut().skip(at).take(usize::from(size)).zip(value.to_le_bytes()) {
            *byte = new;
        }
    }

    fn get(&self, at: u32, size: u8) -> u64 {
        let bytes = self.bytes.iter().skip(at as usize).take(usize::from(size));
        bytes.enumerate().fold(0, |value, (n, &byte)| value | u64::from(byte) << (8 * n))
    }

    /// Makes the number at `at` a pointer to the table at offset `to`.
    pub(super) fn point(&mut self, at: u32, to: u32, size: u8) {
        self.set(at, u64::from(to), size);
        self.pointers.push(Pointer { at, size });
    }

    /// Has the byte at `at` make the sum of a range 0.
    pub(super) fn sum(&mut self, at: u32, start: u32, len: u32) {
        self.sums.push(Sum { at, start, len });
    }

    /// Likewise for a table with a header.
    ///
    /// SPEC: acpi-6.5 :: 5.2.6 System Description Table Header -> length at 4, checksum at 9
    pub(super) fn sum_table(&mut self, at: u32) {
        let len = self.get(at + 4, 4) as u32;
        self.sum(at + 9, at, len);
    }

    /// Returns the bytes as they are at an address.
    pub(super) fn at(&mut self, base: u64) -> &[u8] {
        for Pointer { at, size } in std::mem::take(&mut self.pointers) {
            self.set(at, self.get(at, size).wrapping_add(base), size);
        }
        for Sum { at, start, len } in std::mem::take(&mut self.sums) {
            self.set(at, 0, 1);
            let range = self.bytes.iter().skip(start as usize).take(len as usize);
            let sum = range.fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
            self.set(at, u64::from(sum.wrapping_neg()), 1);
        }
        &self.bytes
    }
}
