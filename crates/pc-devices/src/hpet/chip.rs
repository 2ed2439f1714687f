//! The main counter and its comparators, computed from the time.

use super::spec::*;
use crate::codec::codec_struct;
use device_api::VmTime;

/// One timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    config: u64,
    comparator: u64,
    period: u64,
}
codec_struct!(Timer { config, comparator, period });

impl Timer {
    fn mask(&self) -> u64 {
        if self.config & MODE32 != 0 { 0xffff_ffff } else { u64::MAX }
    }

    /// Counts from `counter` (exclusive) until the comparator matches, at least 1; `None` for never in this epoch.
    fn distance(&self, counter: u64) -> u128 {
        u128::from(self.comparator.wrapping_sub(counter).wrapping_sub(1) & self.mask()) + 1
    }

    fn repeats(&self) -> Option<u64> {
        let period = self.period & self.mask();
        (self.config & TYPE != 0 && period != 0).then_some(period)
    }

    /// The counter went on by `elapsed` from `counter`; returns whether the comparator matched.
    ///
    /// SPEC: intel-hpet-1.0a :: 2.3.9.2.2 Periodic Mode -> at each match the comparator grows by the last value written to it
    fn pass(&mut self, counter: u64, elapsed: u64) -> bool {
        let Some(beyond) = u128::from(elapsed).checked_sub(self.distance(counter)) else {
            return false;
        };
        if let Some(period) = self.repeats() {
            let steps = (beyond / u128::from(period)) as u64 + 1;
            self.comparator = self.comparator.wrapping_add(steps.wrapping_mul(period)) & self.mask();
        }
        true
    }

    fn write_config(&mut self, value: u64, routes: u32) {
        self.config = value & WRITABLE;
        let route = value >> INT_ROUTE_SHIFT & 31;
        // SPEC: intel-hpet-1.0a :: 2.3.8 Timer N Configuration and Capabilities Register -> a route that is not offered does not stick
        if routes >> route & 1 == 0 {
            self.config &= !(31 << INT_ROUTE_SHIFT);
        }
        self.comparator &= self.mask();
        self.period &= self.mask();
    }

    fn write_comparator(&mut self, value: u64) {
        let value = value & self.mask();
        if self.config & TYPE == 0 || self.config & VAL_SET != 0 {
            self.comparator = value;
        }
        self.period = value;
        self.config &= !VAL_SET;
    }
}

/// State of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    config: u64,
    status: u64,
    /// Main counter at tick `since`
    counter: u64,
    /// Ticks of the clock up to which the comparators are served
    since: u64,
    timers: [Timer; TIMERS],
}
codec_struct!(Chip { config, status, counter, since, timers });

impl Default for Chip {
    fn default() -> Self {
        let timer = Timer { config: 0, comparator: u64::MAX, period: 0 };
        Self { config: 0, status: 0, counter: 0, since: 0, timers: [timer; TIMERS] }
    }
}

/// What the interrupt of one timer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Which line
    pub(super) line: u8,
    /// Level triggered, and high
    pub(super) level: bool,
    /// Edge triggered, and just now
    pub(super) edge: bool,
    /// Edge triggered: the line may stay as the last edge left it
    pub(super) hold: bool,
}

impl Chip {
    fn enabled(&self) -> bool {
        self.config & ENABLE_CNF != 0
    }

    /// Brings counter and comparators up to `now`; the timers that matched as a mask. Precedes every access.
    pub(super) fn catch_up(&mut self, now: VmTime) -> u64 {
        let ticks = now.ticks(HZ);
        let elapsed = ticks.saturating_sub(self.since);
        self.since = self.since.max(ticks);
        let mut matched = 0;
        if !self.enabled() {
            return matched;
        }
        for (n, timer) in self.timers.iter_mut().enumerate() {
            matched |= u64::from(timer.pass(self.counter, elapsed)) << n;
            // SPEC: intel-hpet-1.0a :: 2.3.6 General Interrupt Status Register -> only level triggered timers have a status
            if timer.config & INT_TYPE != 0 {
                self.status |= matched & 1 << n;
            }
        }
        self.counter = self.counter.wrapping_add(elapsed);
        matched
    }

    /// Returns the interrupt lines, after `catch_up` returned `matched`.
    pub(super) fn signals(&self, matched: u64) -> [Option<Signal>; TIMERS] {
        std::array::from_fn(|n| {
            let timer = self.timers.get(n)?;
            let on = timer.config & INT_ENB != 0 && self.enabled();
            Some(Signal {
                line: self.line(n)?,
                level: on && self.status >> n & 1 != 0,
                edge: on && timer.config & INT_TYPE == 0 && matched >> n & 1 != 0,
                hold: on && timer.config & INT_TYPE == 0,
            })
        })
    }

    /// Returns whether the 8254 and the RTC are cut off from their interrupt lines.
    ///
    /// SPEC: intel-hpet-1.0a :: 2.3.5 General Configuration Register -> with LEG_RT_CNF and ENABLE_CNF timer 0 is IRQ 0 and timer 1 is IRQ 8, whatever their routes, and the 8254 and the RTC interrupt no more
    pub(super) fn replaces_legacy(&self) -> bool {
        self.enabled() && self.config & LEG_RT_CNF != 0
    }

    /// Where timer `n` interrupts.
    fn line(&self, n: usize) -> Option<u8> {
        if let Some(line) = LEGACY_LINES.get(n).filter(|_| self.replaces_legacy()) {
            return Some(*line);
        }
        let route = (self.timers.get(n)?.config >> INT_ROUTE_SHIFT & 31) as u8;
        (route != 0).then_some(route)
    }

    /// When a timer that interrupts matches next.
    pub(super) fn next_deadline(&self) -> Option<VmTime> {
        if !self.enabled() {
            return None;
        }
        let waits = |timer: &&Timer| timer.config & INT_ENB != 0;
        let distances = self.timers.iter().filter(waits).map(|timer| timer.distance(self.counter));
        let ticks = u128::from(self.since) + distances.min()?;
        // A time that overflows is never.
        let at = VmTime::at_tick(u64::try_from(ticks).ok()?, HZ);
        (at != VmTime(u64::MAX)).then_some(at)
    }

    /// Reads the aligned 64-bit register at `offset`.
    pub(super) fn read(&self, offset: u64) -> u64 {
        match offset {
            GCAP_ID => CAPABILITIES,
            GEN_CONF => self.config,
            GINTR_STA => self.status,
            MAIN_CNT => self.counter,
            _ => match self.timer_at(offset) {
                Some((n, 0x00)) => {
                    let routes = ROUTES.get(n).copied().unwrap_or(0);
                    self.timers.get(n).map_or(0, |timer| timer.config)
                        | TIMER_CAPABILITIES
                        | u64::from(routes) << 32
                }
                Some((n, 0x08)) => self.timers.get(n).map_or(0, |timer| timer.comparator),
                _ => 0,
            },
        }
    }

    /// Writes the aligned 64-bit register at `offset`; `value` holds the old bytes where none was written.
    pub(super) fn write(&mut self, offset: u64, value: u64) {
        match offset {
            GEN_CONF => self.config = value & (ENABLE_CNF | LEG_RT_CNF),
            MAIN_CNT => self.counter = value,
            _ => {
                let Some((n, register)) = self.timer_at(offset) else { return };
                let Some(timer) = self.timers.get_mut(n) else { return };
                match register {
                    0x00 => {
                        timer.write_config(value, ROUTES.get(n).copied().unwrap_or(0));
                        // An edge triggered timer has no status.
                        if timer.config & INT_TYPE == 0 {
                            self.status &= !(1 << n);
                        }
                    }
                    0x08 => timer.write_comparator(value),
                    _ => {}
                }
            }
        }
    }

    /// Writes ones to the status, which clears.
    pub(super) fn clear_status(&mut self, ones: u64) {
        self.status &= !ones;
    }

    /// What a partial write of the register at `offset` is merged into.
    pub(super) fn merge_base(&self, offset: u64) -> u64 {
        match self.timer_at(offset) {
            // A periodic timer's register is its period, unless VAL_SET says otherwise.
            Some((n, 0x08)) => self.timers.get(n).map_or(0, |timer| match timer.config & TYPE {
                0 => timer.comparator,
                _ => timer.period,
            }),
            _ => self.read(offset),
        }
    }

    fn timer_at(&self, offset: u64) -> Option<(usize, u64)> {
        let from = offset.checked_sub(TIMER0)?;
        let n = usize::try_from(from / TIMER_STRIDE).ok().filter(|n| *n < TIMERS)?;
        Some((n, from % TIMER_STRIDE))
    }
}
