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
    apm_control: u8,
    apm_status: u8,
    /// Timer ticks up to which TMR_STS is kept
    seen: u64,
}
codec_struct!(Chip { status, enable, control, gpe_enable, apm_control, apm_status, seen });

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

    /// Returns the SCI line.
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

    /// Clears a fixed event.
    pub(super) fn clear(&mut self, event: Pm1) {
        self.status &= !event.bits();
    }

    /// A fixed event happened.
    pub(super) fn raise(&mut self, event: Pm1) {
        self.status |= event.bits();
    }

    /// Reads a byte of the power management registers.
    pub(super) fn read(&self, now: VmTime, offset: u16) -> u8 {
        let byte = |value: u32, base: u16| value.to_le_bytes()[usize::from(offset.wrapping_sub(base) & 3)];
        match offset {
            0x00..=0x03 => byte(u32::from(self.status) | u32::from(self.enable) << 16, PM1A_EVT),
            0x04..=0x07 => byte(u32::from(self.control), PM1A_CNT),
            // SPEC: acpi-6.5 :: 4.8.3.3 Power Management Timer (PM_TMR) -> 24 bits, the upper byte reads 0
            0x08..=0x0b => byte((now.ticks(PM_TMR_HZ) & (2 * HALF - 1)) as u32, PM_TMR),
            _ => 0xff,
        }
    }

    /// Writes a byte of the power management registers; returns whether the machine is to be switched off.
    pub(super) fn write(&mut self, offset: u16, value: u8) -> bool {
        let low = u16::from(value);
        let high = u16::from(value) << 8;
        match offset {
            // SPEC: acpi-6.5 :: 4.8.3.1.1 PM1 Status Registers -> a one clears its bit
            0x00 => self.status &= !low,
            0x01 => self.status &= !high,
            0x02 => self.enable = (self.enable & 0xff00 | low) & Pm1::ENABLES.bits(),
            0x03 => self.enable = (self.enable & 0x00ff | high) & Pm1::ENABLES.bits(),
            0x04 => {
                let kept = Pm1Control::SCI_EN | Pm1Control::BM_RLD;
                self.control = self.control & 0xff00 | low & kept.bits();
            }
            0x05 => return self.sleep(high),
            _ => {}
        }
        false
    }

    /// Reads a byte of the general-purpose events. Nothing is wired to them: their status stays 0.
    pub(super) fn read_gpe(&self, offset: u16) -> u8 {
        (u32::from(self.gpe_enable) << 16).to_le_bytes()[usize::from(offset & 3)]
    }

    /// Writes a byte of the general-purpose events.
    pub(super) fn write_gpe(&mut self, offset: u16, value: u8) {
        match offset {
            2 => self.gpe_enable = self.gpe_enable & 0xff00 | u16::from(value),
            3 => self.gpe_enable = self.gpe_enable & 0x00ff | u16::from(value) << 8,
            _ => {}
        }
    }

    /// Reads APMC or APMS.
    pub(super) fn read_apm(&self, port: u16) -> u8 {
        if port == APMC { self.apm_control } else { self.apm_status }
    }

    /// Writes APMC or APMS. There is no system management mode: what firmware's handler would do for an operating system
    /// that takes over, switching between SMI and SCI, happens here.
    ///
    /// SPEC: acpi-6.5 :: 4.8.2.5 Legacy/ACPI Select and the SCI Interrupt -> ACPI_ENABLE and ACPI_DISABLE at the SMI command port set and clear SCI_EN
    pub(super) fn write_apm(&mut self, port: u16, value: u8) {
        if port != APMC {
            self.apm_status = value;
            return;
        }
        self.apm_control = value;
        match value {
            ACPI_ENABLE => self.control |= Pm1Control::SCI_EN.bits(),
            ACPI_DISABLE => self.control &= !Pm1Control::SCI_EN.bits(),
            _ => {}
        }
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

    fn word(chip: &Chip, now: VmTime, offset: u16) -> u16 {
        u16::from_le_bytes([chip.read(now, offset), chip.read(now, offset + 1)])
    }

    #[test]
    fn the_timer_counts_24_bits_and_wraps() {
        let chip = Chip::default();
        let table = [(0, 0), (1, 1), (0xff_ffff, 0xff_ffff), (0x100_0000, 0), (0x1_2345_6789, 0x45_6789)];
        for (ticks, value) in table {
            let now = VmTime::at_tick(ticks, PM_TMR_HZ);
            let bytes: [u8; 4] = std::array::from_fn(|lane| chip.read(now, PM_TMR + lane as u16));
            assert_eq!(u32::from_le_bytes(bytes), value, "after {ticks:#x} ticks");
        }
        assert_eq!(VmTime(1_000_000_000).ticks(PM_TMR_HZ), 3_579_545);
    }

    #[test]
    fn the_top_bit_raises_sci_each_time_it_changes() {
        let mut chip = Chip::default();
        chip.write_apm(APMC, ACPI_ENABLE);
        assert_eq!(chip.next_event(), None);
        chip.write(PM1A_EVT + 2, 1);
        for half in 1..4 {
            let at = VmTime::at_tick(half * HALF, PM_TMR_HZ);
            assert_eq!(chip.next_event(), Some(at));
            chip.catch_up(at - 1);
            assert!(!chip.sci());
            chip.catch_up(at);
            assert!(chip.sci());
            assert_eq!(chip.next_event(), None);
            chip.write(PM1A_EVT, 1);
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
                chip.write(PM1A_EVT + 3, 1);
            }
            if bits & 4 != 0 {
                chip.write_apm(APMC, ACPI_ENABLE);
            }
            assert_eq!(chip.sci(), bits == 7, "{bits:#b}");
        }
    }

    #[test]
    fn status_is_cleared_by_ones_and_enables_hold_their_bits() {
        let mut chip = Chip::default();
        chip.raise(Pm1::PWRBTN | Pm1::RTC | Pm1::GBL);
        chip.write(0, 0x00);
        chip.write(1, 0x01);
        assert_eq!(word(&chip, VmTime::ZERO, 0), 0x0420);
        chip.write(0, 0xff);
        assert_eq!(word(&chip, VmTime::ZERO, 0), 0x0400);
        chip.write(2, 0xff);
        chip.write(3, 0xff);
        assert_eq!(word(&chip, VmTime::ZERO, 2), 0x0721);
    }

    #[test]
    fn general_purpose_events_can_be_enabled_and_never_come() {
        let mut chip = Chip::default();
        for (offset, value) in [(0, 0xff), (2, 0x34), (3, 0x12)] {
            chip.write_gpe(offset, value);
        }
        assert_eq!([0, 1, 2, 3].map(|offset| chip.read_gpe(offset)), [0, 0, 0x34, 0x12]);
    }

    #[test]
    fn only_s5_with_slp_en_switches_off() {
        let mut chip = Chip::default();
        for kind in 0..8 {
            for enable in [0, 0x20] {
                let off = chip.write(5, kind << 2 | enable);
                assert_eq!(off, kind == SLP_TYP_S5 && enable != 0, "type {kind}, enable {enable:#x}");
                assert_eq!(chip.read(VmTime::ZERO, 5), kind << 2);
            }
        }
    }

    #[test]
    fn the_apm_control_port_switches_acpi_mode() {
        let mut chip = Chip::default();
        for (command, mode) in [(ACPI_ENABLE, 1), (0x55, 1), (ACPI_DISABLE, 0), (0x55, 0)] {
            chip.write_apm(APMC, command);
            assert_eq!(chip.read(VmTime::ZERO, 4) & 1, mode, "command {command:#x}");
            assert_eq!(chip.read_apm(APMC), command);
            chip.write_apm(APMS, !command);
            assert_eq!([APMC, APMS].map(|port| chip.read_apm(port)), [command, !command]);
        }
    }
}
