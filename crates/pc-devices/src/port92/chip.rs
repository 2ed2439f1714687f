//! The register, without a bus.

use super::spec::*;

/// State.
///
/// SPEC: intel-ich9 :: PORT92—Fast A20 and Init Register -> 0 after reset: then the keyboard controller's gate alone opens A20
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    value: u8,
}
crate::codec::codec_struct!(Chip { value });

impl Chip {
    pub(super) fn value(&self) -> u8 {
        self.value
    }

    /// This port's gate for A20.
    pub(super) fn a20(&self) -> bool {
        self.value & ALT_A20_GATE != 0
    }

    /// Returns whether INIT# is pulsed.
    ///
    /// SPEC: intel-ich9 :: PORT92—Fast A20 and Init Register -> bit 0 pulses INIT# when it goes from 0 to 1, bit 1 opens A20
    pub(super) fn set(&mut self, value: u8) -> bool {
        let rising = value & !self.value;
        self.value = value & WRITABLE;
        rising & INIT_NOW != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rising_bit_0_resets_and_bit_1_is_the_gate() {
        // Writes in order, whether they reset, what is read back
        let table = [
            (0x00, false, 0),
            (0x02, false, 2),
            (0x03, true, 3),
            (0x03, false, 3),
            (0xfe, false, 2),
            (0x01, true, 1),
        ];
        let mut chip = Chip::default();
        for (value, reset, read) in table {
            assert_eq!((chip.set(value), chip.value()), (reset, read), "write {value:#x}");
            assert_eq!(chip.a20(), read & 2 != 0, "write {value:#x}");
        }
    }
}
