//! Sets of vectors, as ISR, IRR and TMR hold them.

/// 256 bits, one a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Vectors([u32; 8]);

impl Vectors {
    pub(super) fn contains(&self, vector: u8) -> bool {
        self.word(vector >> 5) & (1 << (vector & 31)) != 0
    }

    pub(super) fn set(&mut self, vector: u8, on: bool) {
        if let Some(word) = self.0.get_mut(usize::from(vector >> 5)) {
            let bit = 1 << (vector & 31);
            *word = if on { *word | bit } else { *word & !bit };
        }
    }

    /// Returns the highest vector, which has the highest priority.
    pub(super) fn highest(&self) -> Option<u8> {
        let (index, word) = self.0.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        Some((index as u8) << 5 | (31 - word.leading_zeros() as u8))
    }

    /// Returns the `index`th doubleword as its register shows it.
    pub(super) fn word(&self, index: u8) -> u32 {
        self.0.get(usize::from(index)).copied().unwrap_or(0)
    }
}

impl crate::codec::Codec for Vectors {
    fn put(&self, out: &mut Vec<u8>) {
        crate::codec::Codec::put(&self.0, out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        crate::codec::Codec::get(bytes).map(Self)
    }
}
