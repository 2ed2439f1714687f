//! An OPL3: its registers and timers. The sound itself is made elsewhere, of the same registers.

use super::spec::*;
use crate::codec::codec_struct;
use device_api::VmTime;

/// State of the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    /// Registers of both sets
    registers: [[u8; 256]; 2],
    /// The address that was written last, with its set
    index: u8,
    set: u8,
    /// Since when each timer runs
    since: [Option<VmTime>; 2],
    status: u8,
}
codec_struct!(Chip { registers, index, set, since, status });

impl Default for Chip {
    fn default() -> Self {
        Self { registers: [[0; 256]; 2], index: 0, set: 0, since: [None; 2], status: 0 }
    }
}

impl Chip {
    pub(super) fn registers(&self) -> &[[u8; 256]; 2] {
        &self.registers
    }

    /// Sets flags of timers that ran over.
    ///
    /// SPEC: lee-adlib :: Byte 02 -> Timer 1 counts up every 80 us from its value, Timer 2 every 320 us; what runs over sets bit 7 and its own of the status
    fn catch_up(&mut self, now: VmTime) {
        let control = TimerControl::from_bits_truncate(self.registers[0][usize::from(TIMER_CONTROL)]);
        let timers =
            [(TIMER1, TimerControl::MASK1, Status::TIMER1), (TIMER2, TimerControl::MASK2, Status::TIMER2)];
        for (((register, mask, flag), since), step) in timers.into_iter().zip(&mut self.since).zip(STEPS) {
            let Some(start) = since else { continue };
            let period = step * (256 - u64::from(self.registers[0][usize::from(register)]));
            let rounds = now.since(*start) / period;
            *start = *start + rounds.saturating_mul(period);
            if rounds > 0 && !control.contains(mask) {
                self.status |= (Status::ANY | flag).bits();
            }
        }
    }

    pub(crate) fn read_status(&mut self, now: VmTime) -> u8 {
        self.catch_up(now);
        self.status
    }

    pub(crate) fn write_index(&mut self, set: u8, value: u8) {
        (self.set, self.index) = (set & 1, value);
    }

    /// Writes the register of the address. Returns its set, its number and its value, for the sound.
    pub(crate) fn write_data(&mut self, now: VmTime, value: u8) -> (u8, u8, u8) {
        self.catch_up(now);
        if (self.set, self.index) == (0, TIMER_CONTROL) {
            self.control(now, value);
        } else if let Some(register) =
            self.registers.get_mut(usize::from(self.set)).and_then(|set| set.get_mut(usize::from(self.index)))
        {
            *register = value;
        }
        (self.set, self.index, value)
    }

    /// SPEC: lee-adlib :: Byte 04 -> bit 7 resets the flags, and the other bits are ignored then; bits 1 and 0 start the timers, bits 5 and 6 mask them
    fn control(&mut self, now: VmTime, value: u8) {
        let control = TimerControl::from_bits_truncate(value);
        if control.contains(TimerControl::RESET) {
            self.status = 0;
            return;
        }
        self.registers[0][usize::from(TIMER_CONTROL)] = value;
        for (since, start) in self.since.iter_mut().zip([TimerControl::START1, TimerControl::START2]) {
            *since = control.contains(start).then(|| since.unwrap_or(now));
        }
    }
}
