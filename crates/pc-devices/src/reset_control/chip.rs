//! The register, without a bus.

use super::spec::*;

/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    value: u8,
}
crate::codec::codec_struct!(Chip { value });

impl Chip {
    pub(super) fn read(&self) -> u8 {
        self.value
    }

    /// Returns whether the machine is to be reset.
    ///
    /// SPEC: intel-ich9 :: RST_CNT—Reset Control Register -> RST_CPU going from 0 to 1 resets; soft, hard and full are one here
    pub(super) fn write(&mut self, value: u8) -> bool {
        let rising = value & !self.value;
        self.value = value & WRITABLE;
        rising & RST_CPU != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rising_rst_cpu_resets() {
        let mut chip = Chip::default();
        let table = [
            (0x02, false),
            (0x06, true),
            (0x06, false),
            (0x00, false),
            (0x0e, true),
            (0xf1, false),
            (0x04, true),
        ];
        for (value, reset) in table {
            assert_eq!(chip.write(value), reset, "write {value:#x}");
            assert_eq!(chip.read(), value & 0x0e, "write {value:#x}");
        }
    }
}
