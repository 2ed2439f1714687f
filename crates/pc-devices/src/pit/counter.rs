//! One counter of the 8254: computed from the moment of loading, never ticked.

use super::spec::{STATUS_NULL, STATUS_OUT};
use super::wave::{Mode, Wave};
use crate::codec::codec_struct;

/// Which bytes of a count the processor moves: RW1 and RW0 of the control word.
const LOW: u8 = 1;
const HIGH: u8 = 2;
const BOTH: u8 = 3;

/// A counter. Times are periods of the input clock since power-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    mode: Mode,
    access: u8,
    bcd: bool,
    gate: bool,
    /// Count register
    register: u16,
    /// A count is in the register
    written: bool,
    /// First byte of two
    low: Option<u8>,
    /// The next byte read is the high one
    high_next: bool,
    /// Output latch
    latch: Option<u16>,
    /// Status latch
    status: Option<u8>,
    /// Null count flag
    null: bool,
    /// The null count flag falls at `origin`
    loading: bool,
    /// Counting element: the count it runs with, 0 when it never was loaded
    count: u32,
    /// When it was (or will be) loaded
    origin: u64,
    /// Clocks since loading when it was stopped
    stopped: Option<u64>,
    /// A square wave that took its count in the middle: counts as this much later in its period
    skew: u32,
    /// OUT and element until the loading at `origin`
    old_out: bool,
    old_element: u16,
    /// A periodic mode takes the register over at this moment
    reload_at: Option<u64>,
    /// Edges up to here are reported
    seen: u64,
}
codec_struct!(Counter {
    mode,
    access,
    bcd,
    gate,
    register,
    written,
    low,
    high_next,
    latch,
    status,
    null,
    loading,
    count,
    origin,
    stopped,
    skew,
    old_out,
    old_element,
    reload_at,
    seen,
});

impl Counter {
    /// Unprogrammed.
    /// SPEC: intel-8254 :: Programming the 8254 -> undefined after power-up; here it waits with OUT low
    pub(super) fn new(gate: bool) -> Self {
        Self {
            mode: Mode::Terminal,
            access: BOTH,
            bcd: false,
            gate,
            register: 0,
            written: false,
            low: None,
            high_next: false,
            latch: None,
            status: None,
            null: true,
            loading: false,
            count: 0,
            origin: 0,
            stopped: None,
            skew: 0,
            old_out: false,
            old_element: 0,
            reload_at: None,
            seen: 0,
        }
    }

    fn wave(&self) -> Option<Wave> {
        (self.count != 0).then_some(Wave { mode: self.mode, count: i64::from(self.count) })
    }

    /// Clocks since loading; negative before.
    fn elapsed(&self, now: u64) -> i64 {
        let clocks = match self.stopped {
            Some(clocks) => clocks as i64,
            None => (now as i64).wrapping_sub(self.origin as i64),
        };
        // Far beyond any real time, and far from overflow for a state that was read back.
        clocks.saturating_add(i64::from(self.skew)).clamp(-1 << 60, 1 << 60)
    }

    /// Returns the moment at which `elapsed` clocks have passed.
    fn moment(&self, elapsed: i64) -> u64 {
        (self.origin as i64).saturating_add(elapsed).saturating_sub(i64::from(self.skew)).max(0) as u64
    }

    /// Returns the OUT pin.
    pub(super) fn out(&self, now: u64) -> bool {
        let elapsed = self.elapsed(now);
        match self.wave() {
            None => self.mode.idle_out(),
            // SPEC: intel-8254 :: Mode 2: Rate Generator -> OUT is high at once while GATE is low (mode 3 likewise)
            Some(_) if self.mode.periodic() && !self.gate => true,
            Some(_) if elapsed < 0 => self.old_out,
            // Stopped by the first byte of a new count.
            Some(_) if self.mode == Mode::Terminal && self.low.is_some() => false,
            Some(wave) => wave.out(elapsed),
        }
    }

    /// Returns the counting element as it reads.
    fn element(&self, now: u64) -> u16 {
        let elapsed = self.elapsed(now);
        match self.wave() {
            Some(wave) if elapsed >= 0 => {
                let value = wave.element(elapsed);
                if self.bcd { to_bcd(value.rem_euclid(10_000) as u16) } else { value as u16 }
            }
            _ => self.old_element,
        }
    }

    /// Advances the state to `now`. Returns whether OUT rose since the last call.
    pub(super) fn catch_up(&mut self, now: u64) -> bool {
        let mut rose = false;
        if let Some(at) = self.reload_at.filter(|at| *at <= now) {
            rose |= self.rose(at);
            self.take_over(at);
        }
        rose |= self.rose(now);
        if self.loading && self.origin <= now {
            self.loading = false;
            self.null = false;
        }
        rose
    }

    fn rose(&mut self, now: u64) -> bool {
        let from = self.seen;
        self.seen = now.max(from);
        self.next_rise(from).is_some_and(|at| at <= now)
    }

    /// Returns the first moment after `from` at which OUT rises by counting.
    fn next_rise(&self, from: u64) -> Option<u64> {
        let wave = self.running()?;
        let elapsed = self.elapsed(from).max(-1);
        let next = if elapsed < 0 { wave.next_rise(0) } else { wave.next_rise(elapsed) };
        next.map(|at| self.moment(at))
    }

    fn running(&self) -> Option<Wave> {
        let halted = self.stopped.is_some() || self.mode == Mode::Terminal && self.low.is_some();
        self.wave().filter(|_| !halted)
    }

    /// Returns the clocks of a period of OUT; `None` where it does not swing.
    pub(super) fn period(&self) -> Option<u64> {
        let wave = self.running().filter(|wave| wave.mode.periodic() && wave.count > 1 && self.gate)?;
        u64::try_from(wave.count).ok()
    }

    /// Returns the next moment at which OUT must be looked at.
    pub(super) fn next_event(&self) -> Option<u64> {
        let wave = self.running()?;
        let elapsed = self.elapsed(self.seen);
        let start = (elapsed < 0 && self.mode == Mode::OneShot).then_some(0);
        let at = elapsed.max(0);
        let counting = [start, wave.next_rise(at), wave.next_fall(at)];
        counting.into_iter().flatten().map(|at| self.moment(at)).chain(self.reload_at).min()
    }

    /// Loads the counting element at `at` from the register.
    fn load(&mut self, now: u64, at: u64) {
        let out = if self.mode == Mode::OneShot { self.out(now) } else { self.mode.idle_out() };
        self.old_element = self.element(now);
        self.old_out = out;
        self.count = self.register_count();
        self.origin = at;
        self.skew = 0;
        self.reload_at = None;
        self.stopped = None;
        self.loading = true;
    }

    /// A periodic mode takes the register over at the end of its (half) cycle.
    ///
    /// SPEC: intel-8254 :: Mode 3: Square Wave Mode -> a new count is loaded at the end of the current half-cycle
    fn take_over(&mut self, at: u64) {
        let high = self.out(at);
        self.count = self.register_count();
        self.origin = at;
        self.reload_at = None;
        self.null = false;
        self.skew = match self.wave() {
            Some(wave) if self.mode == Mode::Square && !high => wave.high_half() as u32,
            _ => 0,
        };
    }

    /// SPEC: intel-8254 :: Write Operations -> a count of 0 is 2^16 in binary and 10^4 in BCD
    fn register_count(&self) -> u32 {
        let count = if self.bcd { from_bcd(self.register) } else { u32::from(self.register) };
        match (count, self.bcd) {
            (0, true) => 10_000,
            (0, false) => 0x1_0000,
            (count, _) => count,
        }
    }

    /// A control word for this counter.
    pub(super) fn control(&mut self, now: u64, value: u8) {
        let access = value >> 4 & 3;
        if access == 0 {
            self.latch_count(now);
            return;
        }
        let old_element = self.element(now);
        *self = Self {
            mode: Mode::of(value),
            access,
            bcd: value & 1 != 0,
            old_element,
            seen: now,
            ..Self::new(self.gate)
        };
    }

    /// SPEC: intel-8254 :: Counter Latch Command -> a latched count stays until it is read; later latches are ignored
    pub(super) fn latch_count(&mut self, now: u64) {
        if self.latch.is_none() {
            self.latch = Some(self.element(now));
        }
    }

    /// SPEC: intel-8254 :: Read-Back Command -> the status is latched once, until it is read
    pub(super) fn latch_status(&mut self, now: u64) {
        if self.status.is_none() {
            let mut status = self.access << 4 | (self.mode as u8) << 1 | u8::from(self.bcd);
            status |= if self.out(now) { STATUS_OUT } else { 0 };
            status |= if self.null { STATUS_NULL } else { 0 };
            self.status = Some(status);
        }
    }

    /// A byte from the counter's port: status latch, output latch, or the element itself.
    pub(super) fn read(&mut self, now: u64) -> u8 {
        if let Some(status) = self.status.take() {
            return status;
        }
        let [low, high] = self.latch.unwrap_or_else(|| self.element(now)).to_le_bytes();
        let high_now = self.access == HIGH || self.access == BOTH && self.high_next;
        let done = self.access != BOTH || self.high_next;
        self.high_next = self.access == BOTH && !self.high_next;
        if done {
            self.latch = None;
        }
        if high_now { high } else { low }
    }

    /// A byte to the counter's port.
    pub(super) fn write(&mut self, now: u64, value: u8) {
        match (self.access, self.low.take()) {
            (LOW, _) => self.write_count(now, u16::from(value)),
            (HIGH, _) => self.write_count(now, u16::from(value) << 8),
            (_, None) => {
                // SPEC: intel-8254 :: Mode 0: Interrupt on Terminal Count -> the first byte stops counting and OUT goes low at once
                if self.mode == Mode::Terminal {
                    self.old_element = self.element(now);
                    self.stopped.get_or_insert(now.saturating_sub(self.origin));
                }
                self.low = Some(value);
            }
            (_, Some(low)) => self.write_count(now, u16::from_le_bytes([low, value])),
        }
    }

    /// SPEC: intel-8254 :: Mode Definitions -> modes 0 and 4 load with the next clock, 2 and 3 at the end of the cycle once they run, 1 and 5 with the next trigger
    fn write_count(&mut self, now: u64, count: u16) {
        self.register = count;
        let first = !std::mem::replace(&mut self.written, true);
        self.null = true;
        self.loading = false;
        if self.mode.hardware_triggered() {
            return;
        }
        if self.mode.periodic() && !first {
            match self.wave() {
                // The rising gate will load it.
                _ if !self.gate => return,
                Some(wave) if self.origin <= now => {
                    let at = wave.next_reload(self.elapsed(now).max(0));
                    self.reload_at = Some(self.moment(at));
                    return;
                }
                _ => {}
            }
        }
        self.load(now, now.saturating_add(1));
        if !self.gate {
            self.stopped = Some(0);
        }
    }

    /// Drives GATE.
    ///
    /// SPEC: intel-8254 :: Gate Pin Operations Summary -> low stops modes 0, 2, 3 and 4; a rising edge reloads modes 1, 2, 3 and 5
    pub(super) fn set_gate(&mut self, now: u64, high: bool) {
        if self.gate == high {
            return;
        }
        let triggered = self.mode.hardware_triggered();
        self.gate = high;
        if !high {
            if !triggered && self.count != 0 {
                self.stopped.get_or_insert(now.saturating_sub(self.origin));
                self.reload_at = None;
            }
            return;
        }
        if self.written && (triggered || self.mode.periodic()) {
            self.load(now, now.saturating_add(1));
        } else if self.low.is_none() || self.mode != Mode::Terminal {
            // Resumes from the count at which the gate stopped it.
            if let Some(clocks) = self.stopped.take() {
                self.origin = now.saturating_sub(clocks);
            }
        }
    }
}

fn from_bcd(digits: u16) -> u32 {
    (0..4).rev().fold(0, |value, digit| value * 10 + u32::from(digits >> (4 * digit) & 15))
}

fn to_bcd(value: u16) -> u16 {
    [1000, 100, 10, 1].iter().fold(0, |digits, place| (digits << 4) | (value / place % 10))
}
