//! The MC146818A: a clock that is computed, and 128 bytes of memory.

use super::calendar::{DAY, Date};
use super::cmos::Setup;
use super::spec::*;
use crate::codec::codec_struct;
use device_api::VmTime;

/// The chip's state. It is battery-backed: RESET# changes only what the data sheet lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    index: u8,
    /// All bytes; those of the time count only while SET is set, A to D are the registers
    cmos: [u8; 128],
    /// Seconds since 1970 that the clock shows
    seconds: u64,
    /// When the next second begins
    next_update: VmTime,
    /// Added to the day of the week, which the guest sets at will
    weekday_shift: u8,
    /// Flags are kept up to here
    seen: VmTime,
    /// Resets, the one at power-on among them; no more than two are counted
    resets: u8,
    /// What the second reset has firmware boot from
    boot_later: Option<[u8; 3]>,
}
codec_struct!(Chip { index, cmos, seconds, next_update, weekday_shift, seen, resets, boot_later });

impl Chip {
    /// At power-on, with the time and what firmware would have found.
    pub(super) fn new(epoch_seconds: u64, setup: &Setup) -> Self {
        let mut chip = Self {
            index: 0,
            cmos: super::cmos::contents(setup),
            // To the year 9999: further dates cannot be shown.
            seconds: epoch_seconds.min(253_402_300_799),
            next_update: VmTime(SECOND),
            weekday_shift: 0,
            seen: VmTime::ZERO,
            resets: 0,
            boot_later: setup.boot_later,
        };
        *chip.byte(REGISTER_A) = DV_RUN | 6;
        *chip.byte(REGISTER_B) = HOURS_24;
        chip
    }

    fn byte(&mut self, index: u8) -> &mut u8 {
        &mut self.cmos[usize::from(index & 0x7f)]
    }

    fn get(&self, index: u8) -> u8 {
        self.cmos[usize::from(index & 0x7f)]
    }

    /// A reset of the machine. The second one, the first after power-on, ends the boot order of `-boot once=`.
    pub(super) fn reset(&mut self) {
        self.clear();
        self.resets = self.resets.saturating_add(1).min(2);
        if self.resets == 2
            && let Some(boot) = self.boot_later.take()
        {
            super::cmos::put_boot_devices(&mut self.cmos, boot);
        }
    }

    /// SPEC: mc146818 :: RESET -> the interrupt enables, the square wave and all flags are cleared; time and memory stay
    pub(super) fn clear(&mut self) {
        *self.byte(REGISTER_B) &= !(PIE | AIE | UIE | SQWE);
        *self.byte(REGISTER_C) = 0;
        self.index = 0;
    }

    fn running(&self) -> bool {
        self.get(REGISTER_A) & DV == DV_RUN
    }

    fn setting(&self) -> bool {
        self.get(REGISTER_B) & SET != 0
    }

    /// Returns the interrupt output.
    pub(super) fn irq(&self) -> bool {
        self.get(REGISTER_C) & self.get(REGISTER_B) & (PF | AF | UF) != 0
    }

    /// Brings time and flags up to `now`. Precedes every access.
    pub(super) fn catch_up(&mut self, now: VmTime) {
        let now = now.max(self.seen);
        if self.running() {
            let period = self.period();
            if period.is_some_and(|period| now.ticks(HZ) / period > self.seen.ticks(HZ) / period) {
                *self.byte(REGISTER_C) |= PF;
            }
            self.update(now);
        }
        self.seen = now;
    }

    /// Oscillator ticks between periodic interrupts.
    ///
    /// SPEC: mc146818 :: Rate Selection -> with 32.768 kHz, rates 1 and 2 equal 8 and 9, rate 15 is 2 Hz
    fn period(&self) -> Option<u64> {
        match self.get(REGISTER_A) & 15 {
            0 => None,
            rate @ 1..=2 => Some(1 << (rate + 6)),
            rate => Some(1 << (rate - 1)),
        }
    }

    /// The update cycles up to `now`.
    ///
    /// SPEC: mc146818 :: Update Cycle -> each second the time goes on, the alarm is compared, then UF is set; SET inhibits it
    fn update(&mut self, now: VmTime) {
        if now < self.next_update {
            return;
        }
        let passed = now.since(self.next_update) / SECOND + 1;
        self.next_update = self.next_update + passed.saturating_mul(SECOND);
        if self.setting() {
            return;
        }
        let alarm = self.alarm();
        let first = self.seconds.wrapping_add(1);
        // The alarm repeats each day at the latest.
        for second in 0..passed.min(DAY as u64) {
            if alarm_matches(alarm, first.wrapping_add(second)) {
                *self.byte(REGISTER_C) |= AF;
                break;
            }
        }
        self.seconds = self.seconds.saturating_add(passed).min(i64::MAX as u64);
        *self.byte(REGISTER_C) |= UF;
    }

    /// Returns when an enabled interrupt with a clear flag may occur next.
    pub(super) fn next_event(&self) -> Option<VmTime> {
        let waits = self.get(REGISTER_B) & !self.get(REGISTER_C);
        if !self.running() {
            return None;
        }
        let update = (waits & (AIE | UIE) != 0 && !self.setting()).then_some(self.next_update);
        let periodic = self
            .period()
            .filter(|_| waits & PIE != 0)
            .map(|period| VmTime::at_tick((self.seen.ticks(HZ) / period + 1) * period, HZ));
        update.into_iter().chain(periodic).min()
    }

    /// Returns a number in the form that DM chooses.
    fn encode(&self, value: u64) -> u8 {
        if self.get(REGISTER_B) & DM != 0 { value as u8 } else { bcd(value) }
    }

    fn decode(&self, byte: u8) -> i64 {
        if self.get(REGISTER_B) & DM != 0 {
            i64::from(byte)
        } else {
            i64::from(byte >> 4) * 10 + i64::from(byte & 15)
        }
    }

    /// SPEC: mc146818 :: Time, Calendar and Alarm Locations -> in 12-hour form midnight is 12 AM and bit 7 says PM
    fn encode_hour(&self, hour: i64) -> u8 {
        if self.get(REGISTER_B) & HOURS_24 != 0 {
            return self.encode(hour as u64);
        }
        let pm = if hour >= 12 { PM } else { 0 };
        pm | self.encode(((hour + 11) % 12 + 1) as u64)
    }

    fn decode_hour(&self, byte: u8) -> i64 {
        if self.get(REGISTER_B) & HOURS_24 != 0 {
            return self.decode(byte);
        }
        self.decode(byte & !PM) % 12 + if byte & PM != 0 { 12 } else { 0 }
    }

    /// Returns the byte at `index` of the time shown.
    fn time_byte(&self, index: u8) -> Option<u8> {
        let seconds = self.seconds.min(i64::MAX as u64) as i64;
        let date = Date::from_seconds(seconds);
        Some(match index {
            SECONDS => self.encode(date.second as u64),
            MINUTES => self.encode(date.minute as u64),
            HOURS => self.encode_hour(date.hour),
            DAY_OF_WEEK => {
                self.encode((Date::weekday(seconds) as u64 + u64::from(self.weekday_shift)) % 7 + 1)
            }
            DAY_OF_MONTH => self.encode(date.day as u64),
            MONTH => self.encode(date.month as u64),
            YEAR => self.encode(date.year.rem_euclid(100) as u64),
            CENTURY => bcd((date.year.div_euclid(100)).rem_euclid(100) as u64),
            _ => return None,
        })
    }

    /// Puts the time into the bytes, where the guest can change it.
    fn show(&mut self) {
        for index in TIME_BYTES {
            if let Some(byte) = self.time_byte(index) {
                *self.byte(index) = byte;
            }
        }
    }

    /// Takes the time from the bytes.
    fn take(&mut self) {
        let century = self.get(CENTURY);
        let date = Date {
            year: (i64::from(century >> 4) * 10 + i64::from(century & 15)) * 100
                + self.decode(self.get(YEAR)),
            month: self.decode(self.get(MONTH)),
            day: self.decode(self.get(DAY_OF_MONTH)),
            hour: self.decode_hour(self.get(HOURS)),
            minute: self.decode(self.get(MINUTES)),
            second: self.decode(self.get(SECONDS)),
        };
        let seconds = date.seconds();
        let weekday = self.decode(self.get(DAY_OF_WEEK)) - 1 - Date::weekday(seconds);
        self.weekday_shift = weekday.rem_euclid(7) as u8;
        // Dates before 1970 are not kept.
        self.seconds = u64::try_from(seconds).unwrap_or(0);
    }

    /// Seconds, minutes and hours of the alarm; `None` matches anything.
    fn alarm(&self) -> [Option<i64>; 3] {
        [SECONDS_ALARM, MINUTES_ALARM, HOURS_ALARM].map(|index| {
            let byte = self.get(index);
            (byte < DONT_CARE)
                .then(|| if index == HOURS_ALARM { self.decode_hour(byte) } else { self.decode(byte) })
        })
    }

    pub(super) fn read_port(&mut self, now: VmTime, port: u16) -> u8 {
        if port != DATA {
            // The index cannot be read back.
            return 0xff;
        }
        let index = self.index & 0x7f;
        match index {
            REGISTER_A => {
                let soon = self.next_update.since(now) <= UIP_NS;
                let uip = if soon && self.running() && !self.setting() { UIP } else { 0 };
                self.get(REGISTER_A) & !UIP | uip
            }
            REGISTER_C => {
                let irqf = if self.irq() { IRQF } else { 0 };
                // SPEC: mc146818 :: Register C -> reading clears all flags
                std::mem::take(self.byte(REGISTER_C)) | irqf
            }
            REGISTER_D => VRT,
            _ if self.setting() => self.get(index),
            _ => self.time_byte(index).unwrap_or_else(|| self.get(index)),
        }
    }

    pub(super) fn write_port(&mut self, now: VmTime, port: u16, value: u8) {
        let index = self.index & 0x7f;
        match (port, index) {
            (INDEX, _) => self.index = value,
            (DATA, REGISTER_A) => self.write_a(now, value),
            (DATA, REGISTER_B) => self.write_b(value),
            (DATA, REGISTER_C | REGISTER_D) => {}
            (DATA, _) if self.setting() || !TIME_BYTES.contains(&index) => *self.byte(index) = value,
            (DATA, _) => {
                self.show();
                *self.byte(index) = value;
                self.take();
            }
            _ => {}
        }
    }

    /// SPEC: mc146818 :: Divider Control -> when the divider is released, the first update comes half a second later
    fn write_a(&mut self, now: VmTime, value: u8) {
        let was_running = self.running();
        *self.byte(REGISTER_A) = value & !UIP;
        if self.running() && !was_running {
            self.next_update = now + SECOND / 2;
        }
    }

    /// SPEC: mc146818 :: Register B -> SET stops updates and clears UIE; the time set meanwhile runs on when SET is cleared
    fn write_b(&mut self, value: u8) {
        let was_setting = self.setting();
        if value & SET != 0 && !was_setting {
            self.show();
        }
        *self.byte(REGISTER_B) = if value & SET != 0 { value & !UIE } else { value };
        if was_setting && value & SET == 0 {
            self.take();
        }
    }
}

/// Bytes that hold the time.
const TIME_BYTES: [u8; 8] = [SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY];

fn bcd(value: u64) -> u8 {
    (((value / 10 % 10) << 4) | (value % 10)) as u8
}

fn alarm_matches(alarm: [Option<i64>; 3], seconds: u64) -> bool {
    let time = (seconds % DAY as u64) as i64;
    let now = [time % 60, time / 60 % 60, time / 3600];
    alarm.iter().zip(now).all(|(alarm, now)| alarm.is_none_or(|alarm| alarm == now))
}
