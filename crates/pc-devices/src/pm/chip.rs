//! The PM1a and GPE0 registers and the PM timer.

use super::spec::*;
use crate::codec::codec_struct;
use device_api::VmTime;

/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    status: u16,
    enable: u16,
    control: u16,
    gpe_enable: u16,
    smi_command: u8,
    smi_status: u8,
    /// Timer ticks up to which TMR_STS is kept
    seen: u64,
}
codec_struct!(Chip { status, enable, control, gpe_enable, smi_command, smi_status, seen });

/// How often the timer's top bit changes, in ticks.
const HALF: u64 = 1 << (PM_TMR_BITS - 1);

impl Chip {
    /// Brings TMR_STS up to `now`. Precedes every access.
    ///
    /// SPEC: acpi-6.5 :: 4.8.2.1 Power Management Timer -> TMR_STS is set whenever the last bit of the timer changes
    pub(super) fn catch_up(&mut self, now: VmTime) {
        let ticks = now.ticks(PM_TMR_HZ);
        if ticks / HALF > self.seen / HALF {
            self.status |= Pm1::TMR.bits();
        }
        self.seen = ticks.max(self.seen);
    }

    /// The SCI line.
    ///
    /// SPEC: acpi-6.5 :: 4.8.3.1 PM1 Event Grouping -> SCI while SCI_EN is set and a status bit meets its enable bit
    pub(super) fn sci(&self) -> bool {
        let pm1 = self.status & self.enable & Pm1::ENABLES.bits() != 0;
        self.control & Pm1Control::SCI_EN.bits() != 0 && pm1
    }

    /// When the timer raises SCI next.
    pub(super) fn next_event(&self) -> Option<VmTime> {
        let waits = self.enable & !self.status & Pm1::TMR.bits() != 0;
        let enabled = self.control & Pm1Control::SCI_EN.bits() != 0;
        (waits && enabled)
            .then(|| VmTime::at_tick((self.seen / HALF).saturating_add(1).saturating_mul(HALF), PM_TMR_HZ))
    }

    /// Forgets a fixed event.
    pub(super) fn clear(&mut self, event: Pm1) {
        self.status &= !event.bits();
    }

    /// A fixed event happened.
    pub(super) fn raise(&mut self, event: Pm1) {
        self.status |= event.bits();
    }

    pub(super) fn read_port(&self, now: VmTime, port: u16) -> u8 {
        let byte = |value: u32, base: u16| value.to_le_bytes()[usize::from(port.wrapping_sub(base) & 3)];
        match port {
            0x600..=0x603 => byte(u32::from(self.status) | u32::from(self.enable) << 16, PM1A_EVT),
            0x604..=0x607 => byte(u32::from(self.control), PM1A_CNT),
            // SPEC: acpi-6.5 :: 4.8.3.3 Power Management Timer (PM_TMR) -> 24 bits, the upper byte reads 0
            0x608..=0x60b => byte((now.ticks(PM_TMR_HZ) & (2 * HALF - 1)) as u32, PM_TMR),
            // Nothing is wired to the general-purpose events: their status stays 0.
            0x620..=0x623 => byte(u32::from(self.gpe_enable) << 16, GPE0),
            SMI_CMD => self.smi_command,
            SMI_STS => self.smi_status,
            _ => 0xff,
        }
    }

    /// Writes a byte; returns whether the machine is to be switched off.
    pub(super) fn write_port(&mut self, port: u16, value: u8) -> bool {
        let low = u16::from(value);
        let high = u16::from(value) << 8;
        match port {
            // SPEC: acpi-6.5 :: 4.8.3.1.1 PM1 Status Registers -> a one clears its bit
            0x600 => self.status &= !low,
            0x601 => self.status &= !high,
            0x602 => self.enable = (self.enable & 0xff00 | low) & Pm1::ENABLES.bits(),
            0x603 => self.enable = (self.enable & 0x00ff | high) & Pm1::ENABLES.bits(),
            0x604 => {
                let kept = Pm1Control::SCI_EN | Pm1Control::BM_RLD;
                self.control = self.control & 0xff00 | low & kept.bits();
            }
            0x605 => return self.sleep(high),
            0x622 => self.gpe_enable = self.gpe_enable & 0xff00 | low,
            0x623 => self.gpe_enable = self.gpe_enable & 0x00ff | high,
            SMI_CMD => {
                self.smi_command = value;
                match value {
                    ACPI_ENABLE => self.control |= Pm1Control::SCI_EN.bits(),
                    ACPI_DISABLE => self.control &= !Pm1Control::SCI_EN.bits(),
                    _ => {}
                }
            }
            SMI_STS => self.smi_status = value,
            _ => {}
        }
        false
    }

    /// SPEC: acpi-6.5 :: 4.8.3.2.1 PM1 Control Registers -> SLP_EN with the type of S5 switches off; SLP_EN reads 0
    fn sleep(&mut self, high: u16) -> bool {
        self.control = self.control & 0x00ff | high & Pm1Control::SLP_TYP.bits();
        let kind = (self.control & Pm1Control::SLP_TYP.bits()) >> 10;
        high & Pm1Control::SLP_EN.bits() != 0 && kind == u16::from(SLP_TYP_S5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(chip: &Chip, now: VmTime, port: u16) -> u16 {
        u16::from_le_bytes([chip.read_port(now, port), chip.read_port(now, port + 1)])
    }

    #[test]
    fn the_timer_counts_24_bits_and_wraps() {
        let chip = Chip::default();
        let table = [(0, 0), (1, 1), (0xff_ffff, 0xff_ffff), (0x100_0000, 0), (0x1_2345_6789, 0x45_6789)];
        for (ticks, value) in table {
            let now = VmTime::at_tick(ticks, PM_TMR_HZ);
            let bytes: [u8; 4] = std::array::from_fn(|lane| chip.read_port(now, PM_TMR + lane as u16));
            assert_eq!(u32::from_le_bytes(bytes), value, "after {ticks:#x} ticks");
        }
        assert_eq!(VmTime(1_000_000_000).ticks(PM_TMR_HZ), 3_579_545);
    }

    #[test]
    fn the_top_bit_raises_sci_each_time_it_changes() {
        let mut chip = Chip::default();
        chip.write_port(SMI_CMD, ACPI_ENABLE);
        assert_eq!(chip.next_event(), None);
        chip.write_port(PM1A_EVT + 2, 1);
        for half in 1..4 {
            let at = VmTime::at_tick(half * HALF, PM_TMR_HZ);
            assert_eq!(chip.next_event(), Some(at));
            chip.catch_up(at - 1);
            assert!(!chip.sci());
            chip.catch_up(at);
            assert!(chip.sci());
            assert_eq!(chip.next_event(), None);
            chip.write_port(PM1A_EVT, 1);
            assert!(!chip.sci());
        }
    }

    #[test]
    fn sci_wants_status_enable_and_sci_en() {
        for bits in 0..8 {
            let mut chip = Chip::default();
            if bits & 1 != 0 {
                chip.raise(Pm1::PWRBTN);
            }
            if bits & 2 != 0 {
                chip.write_port(PM1A_EVT + 3, 1);
            }
            if bits & 4 != 0 {
                chip.write_port(SMI_CMD, ACPI_ENABLE);
            }
            assert_eq!(chip.sci(), bits == 7, "{bits:#b}");
        }
    }

    #[test]
    fn status_is_cleared_by_ones_and_enables_hold_their_bits() {
        let mut chip = Chip::default();
        chip.raise(Pm1::PWRBTN | Pm1::RTC | Pm1::GBL);
        chip.write_port(0x600, 0x00);
        chip.write_port(0x601, 0x01);
        assert_eq!(word(&chip, VmTime::ZERO, 0x600), 0x0420);
        chip.write_port(0x600, 0xff);
        assert_eq!(word(&chip, VmTime::ZERO, 0x600), 0x0400);
        chip.write_port(0x602, 0xff);
        chip.write_port(0x603, 0xff);
        assert_eq!(word(&chip, VmTime::ZERO, 0x602), 0x0721);
    }

    #[test]
    fn general_purpose_events_can_be_enabled_and_never_come() {
        let mut chip = Chip::default();
        for (port, value) in [(0x620, 0xff), (0x622, 0x34), (0x623, 0x12)] {
            chip.write_port(port, value);
        }
        assert_eq!(word(&chip, VmTime::ZERO, 0x620), 0);
        assert_eq!(word(&chip, VmTime::ZERO, 0x622), 0x1234);
    }

    #[test]
    fn only_s5_with_slp_en_switches_off() {
        let mut chip = Chip::default();
        for kind in 0..8 {
            for enable in [0, 0x20] {
                let off = chip.write_port(0x605, kind << 2 | enable);
                assert_eq!(off, kind == SLP_TYP_S5 && enable != 0, "type {kind}, enable {enable:#x}");
                assert_eq!(chip.read_port(VmTime::ZERO, 0x605), kind << 2);
            }
        }
    }

    #[test]
    fn the_smi_command_port_switches_acpi_mode() {
        let mut chip = Chip::default();
        for (command, mode) in [(ACPI_ENABLE, 1), (0x55, 1), (ACPI_DISABLE, 0), (0x55, 0)] {
            chip.write_port(SMI_CMD, command);
            assert_eq!(chip.read_port(VmTime::ZERO, 0x604) & 1, mode, "command {command:#x}");
            assert_eq!(chip.read_port(VmTime::ZERO, SMI_CMD), command);
        }
    }
}
