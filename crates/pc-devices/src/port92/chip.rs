//! The register, without a bus.

use super::spec::*;

/// What a write asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// The A20 gate from now on
    pub(super) a20: bool,
    /// The processor is to be reset
    pub(super) reset: bool,
}

/// State. Power-on leaves A20 open, as firmware hands over a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    value: u8,
}
crate::codec::codec_struct!(Chip { value });

impl Default for Chip {
    fn default() -> Self {
        Self { value: ALT_A20_GATE }
    }
}

impl Chip {
    pub(super) fn read(&self) -> u8 {
        self.value
    }

    /// SPEC: intel-ich9 :: PORT92—Fast A20 and Init Register -> bit 0 resets when it goes from 0 to 1, bit 1 opens A20
    pub(super) fn write(&mut self, value: u8) -> Effect {
        let rising = value & !self.value;
        self.value = value & WRITABLE;
        Effect { a20: value & ALT_A20_GATE != 0, reset: rising & INIT_NOW != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rising_bit_0_resets_and_bit_1_is_the_gate() {
        // Writes in order, what they ask for and what is read back
        let table = [
            (0x00, Effect { a20: false, reset: false }, 0x00),
            (0x02, Effect { a20: true, reset: false }, 0x02),
            (0x03, Effect { a20: true, reset: true }, 0x03),
            (0x03, Effect { a20: true, reset: false }, 0x03),
            (0xfe, Effect { a20: true, reset: false }, 0x02),
            (0x01, Effect { a20: false, reset: true }, 0x01),
        ];
        let mut chip = Chip::default();
        assert_eq!(chip.read(), 0x02);
        for (value, effect, read) in table {
            assert_eq!(chip.write(value), effect, "write {value:#x}");
            assert_eq!(chip.read(), read, "write {value:#x}");
        }
    }
}
