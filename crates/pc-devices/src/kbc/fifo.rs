//! A buffer of bytes that has an end.

use crate::codec::Codec;

/// A queue of at most `N` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fifo<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Fifo<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Fifo<N> {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns how many bytes fit.
    pub(super) fn room(&self) -> usize {
        N - self.len
    }

    /// Appends all bytes, or none where they do not fit. Returns whether they did.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= self.room();
        if fits {
            self.bytes.iter_mut().skip(self.len).zip(bytes).for_each(|(to, from)| *to = *from);
            self.len += bytes.len();
        }
        fits
    }

    pub(super) fn pop(&mut self) -> Option<u8> {
        let first = self.bytes.first().copied().filter(|_| self.len != 0)?;
        self.len -= 1;
        self.bytes.rotate_left(1);
        Some(first)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<const N: usize> Codec for Fifo<N> {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { bytes, len } = self;
        (*len as u64).put(out);
        bytes.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::get(bytes)?).ok().filter(|len| *len <= N)?;
        Some(Self { len, bytes: Codec::get(bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut fifo = Fifo::<4>::default();
        assert!(fifo.push(&[1, 2, 3]) && !fifo.push(&[4, 5]) && fifo.push(&[6]));
        assert_eq!(std::iter::from_fn(|| fifo.pop()).collect::<Vec<_>>(), [1, 2, 3, 6]);
        assert!(fifo.is_empty() && fifo.room() == 4);
    }

    #[test]
    fn a_length_beyond_the_buffer_is_no_state() {
        let mut bytes = Vec::new();
        Fifo::<4>::default().put(&mut bytes);
        assert_eq!(Fifo::get(&mut &bytes[..]), Some(Fifo::<4>::default()));
        bytes[0] = 5;
        assert_eq!(Fifo::<4>::get(&mut &bytes[..]), None);
    }
}
