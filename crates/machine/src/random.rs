//! The entropy source behind RDRAND and RDSEED: a seeded generator.
//!
//! The host's entropy source is not read here: the command or the page passes a seed. With a secret seed the numbers
//! are as unpredictable as the host's; with a known one a run under an instruction clock repeats exactly.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use device_api::Snapshot;

/// What a generator starts from.
pub type Seed = [u8; 32];

/// The ChaCha20 generator.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: Seed) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Returns the next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The seed, and how many 32-bit words of its stream were taken.
impl Snapshot for Random {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend(self.0.get_seed());
        out.extend(self.0.get_word_pos().to_le_bytes());
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (seed, rest) = bytes.split_first_chunk()?;
        let (taken, rest) = rest.split_first_chunk()?;
        self.0 = ChaCha20Rng::from_seed(*seed);
        self.0.set_word_pos(u128::from_le_bytes(*taken));
        *bytes = rest;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_gives_other_numbers() {
        let take = |seed| {
            let mut random = Random::new([seed; 32]);
            [(); 4].map(|()| random.next())
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        let [a, b, c, d] = take(1);
        assert!(a != b && c != d && a != c);
    }

    #[test]
    fn a_saved_generator_goes_on_where_it_was() {
        let mut random = Random::new([7; 32]);
        for taken in 0..40 {
            let mut bytes = Vec::new();
            random.save(&mut bytes);
            let mut copy = Random::new([0; 32]);
            assert_eq!(copy.load(&mut &bytes[1..]), None);
            let mut rest = &bytes[..];
            assert_eq!(copy.load(&mut rest), Some(()));
            assert!(rest.is_empty());
            assert_eq!(copy.next(), random.next(), "after {taken}");
        }
    }
}
