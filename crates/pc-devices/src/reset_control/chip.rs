//! The register, without a bus.

use super::spec::*;

/// Which reset pin is pulsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// INIT#: the processor alone
    Init,
    /// The reset of the whole platform
    Reset,
}

/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    value: u8,
}
crate::codec::codec_struct!(Chip { value });

impl Chip {
    pub(super) fn value(&self) -> u8 {
        self.value
    }

    /// SPEC: intel-ich9 :: RST_CNT—Reset Control Register -> RST_CPU going from 0 to 1 pulses INIT#, with SYS_RST it resets all; hard and full are one here
    pub(super) fn set(&mut self, value: u8) -> Option<Pulse> {
        let rising = value & !self.value;
        self.value = value & WRITABLE;
        let pulse = if value & SYS_RST != 0 { Pulse::Reset } else { Pulse::Init };
        (rising & RST_CPU != 0).then_some(pulse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rising_rst_cpu_resets() {
        let mut chip = Chip::default();
        let table = [
            (0x02, None),
            (0x06, Some(Pulse::Reset)),
            (0x06, None),
            (0x00, None),
            (0x0e, Some(Pulse::Reset)),
            (0xf1, None),
            (0x04, Some(Pulse::Init)),
        ];
        for (value, pulse) in table {
            assert_eq!(chip.set(value), pulse, "write {value:#x}");
            assert_eq!(chip.value(), value & 0x0e, "write {value:#x}");
        }
    }
}
