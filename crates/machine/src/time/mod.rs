//! Where time comes from. Nothing here reads a host clock: the command or the page hands one in.

mod fence;

use device_api::VmTime;
use fence::{Fence, MOST_BEHIND};

/// Nanoseconds that one retired instruction takes under [`Clock::Instructions`].
pub const NS_PER_INSTRUCTION: u64 = 10;

/// The host's side of [`Clock::Host`].
pub trait HostClock {
    /// Nanoseconds since some moment that does not change; never goes back
    fn now_ns(&mut self) -> u64;
    /// For how many nanoseconds a reading may be carried on by counting instructions rather than repeated. 0 where reading
    /// costs little, and once after anything that took time while no instruction retired
    fn lasts_ns(&mut self) -> u64 {
        0
    }
    /// Sleeps for at most `ns` nanoseconds; input may end it earlier. `false` from a host that cannot block: the machine
    /// then stops with [`Stop::Idle`](crate::Stop::Idle), and its caller waits
    fn sleep(&mut self, ns: u64) -> bool;
}

/// The source of [`VmTime`].
pub enum Clock {
    /// Retired instructions, and the idle time skipped at HLT: exactly repeatable
    Instructions {
        /// Nanoseconds skipped so far
        skipped: u64,
    },
    /// The host's clock
    Host {
        /// Where it is read
        host: Box<dyn HostClock>,
        /// Its reading at power-on, modulo 2^64
        start: u64,
        /// The time, since power-on
        now: u64,
        /// Carries it on between readings
        pace: Pace,
        /// Keeps it from passing deadlines
        fence: Fence,
        /// The time stands still
        paused: bool,
    },
}

/// Requests for the time between two readings, whatever they cost before
const MOST_ASKED: u64 = 64;
/// Instructions between two readings, whatever the pace was before: where compiled code ends and slow code begins, time
/// lags by as long as these take
const MOST_RETIRED: u64 = 20_000;
/// Over how many nanoseconds at least the pace is measured: host clocks may be coarse
const MEASURED_NS: u64 = 1_000_000;
/// Of the measured pace, in 4096ths of a nanosecond per instruction, so much is counted: a reading then finds the time
/// rather behind than ahead, where it would have to wait
const COUNTED: u64 = 4096 * 7 / 8;

/// The host's clock by retired instructions, for a short while after each reading.
#[derive(Default)]
pub struct Pace {
    /// Instructions retired and nanoseconds since power-on at the last reading
    read: (u64, u64),
    /// The same where the present measurement began
    began: (u64, u64),
    /// 4096ths of a nanosecond per instruction; 0 as long as that is unknown
    per_instruction: u64,
    /// Requests since the last reading, and their limit: instructions that read the time are often slow (a port, MMIO,
    /// RDTSC after a long REP), which their count does not show
    asked: u64,
    may_ask: u64,
}

impl Pace {
    /// Returns the time when `retired` instructions have retired, unless it has to be read.
    fn carried_on(&mut self, retired: u64, lasts: u64) -> Option<u64> {
        self.asked += 1;
        let ran = retired.checked_sub(self.read.0)?;
        let ahead = ran.checked_mul(self.per_instruction)? >> 12;
        let known = self.per_instruction > 0 && ran < MOST_RETIRED && self.asked < self.may_ask;
        (known && ahead < lasts).then(|| self.read.1 + ahead)
    }

    /// Records a reading. After an interruption `lasts` is 0, and the elapsed time does not count for the pace.
    fn record(&mut self, retired: u64, ns: u64, lasts: u64) {
        if lasts > 0 {
            let each = ns.saturating_sub(self.read.1) / self.asked.max(1);
            self.may_ask = (lasts / each.max(1)).min(self.may_ask * 2).clamp(1, MOST_ASKED);
        }
        self.asked = 0;
        self.read = (retired, ns);
        let took = ns.saturating_sub(self.began.1);
        match retired.checked_sub(self.began.0) {
            Some(ran) if ran > 0 && lasts > 0 => {
                if took >= MEASURED_NS {
                    // A pace below an instruction in 10 us is none: the host was elsewhere.
                    self.per_instruction = (took.saturating_mul(COUNTED) / ran).clamp(1, COUNTED * 10_000);
                    self.began = self.read;
                }
            }
            _ => self.began = self.read,
        }
    }
}

impl Clock {
    /// Time by retired instructions.
    pub fn instructions() -> Self {
        Clock::Instructions { skipped: 0 }
    }

    /// Time by the host's clock.
    pub fn host(mut host: Box<dyn HostClock>) -> Self {
        let start = host.now_ns();
        Clock::Host { host, start, now: 0, pace: Pace::default(), fence: Fence::default(), paused: false }
    }

    /// Returns the time when `retired` instructions have retired.
    pub fn now(&self, retired: u64) -> VmTime {
        match self {
            Clock::Instructions { skipped } => {
                VmTime(skipped.saturating_add(retired.saturating_mul(NS_PER_INSTRUCTION)))
            }
            Clock::Host { now, .. } => VmTime(*now),
        }
    }

    /// Advances the time to the host's clock after `retired` instructions, by reading it or by extrapolation from the
    /// last reading. The time always advances: two RDTSC differ, also while the time is ahead of the clock.
    pub fn update(&mut self, retired: u64) {
        let Clock::Host { host, start, now, pace, fence, paused: false } = self else { return };
        let lasts = host.lasts_ns();
        let carried_on = if lasts > 0 { pace.carried_on(retired, lasts) } else { None };
        let new = carried_on.unwrap_or_else(|| {
            // A restored machine may have been switched on before the host's clock began.
            let read = host.now_ns().wrapping_sub(*start).cast_signed().max(0).cast_unsigned();
            pace.record(retired, read, lasts);
            read
        });
        let shown = fence.pass(retired, *now, new).max(*now + 1);
        // What is too far behind is given up.
        *start = start.wrapping_add(new.saturating_sub(shown).saturating_sub(MOST_BEHIND));
        *now = shown;
    }

    /// Time does not pass `deadline`, the earliest of the devices', until the next is set.
    pub fn set_deadline(&mut self, deadline: Option<VmTime>) {
        if let Clock::Host { fence, .. } = self {
            fence.set(deadline);
        }
    }

    /// Stops the time, while the machine is stopped. Time by instructions needs no such call.
    pub fn pause(&mut self, retired: u64) {
        self.update(retired);
        if let Clock::Host { paused, .. } = self {
            *paused = true;
        }
    }

    /// Resumes the time after [`Clock::pause`].
    pub fn resume(&mut self) {
        if let Clock::Host { host, start, now, pace, paused, .. } = self
            && std::mem::take(paused)
        {
            *start = host.now_ns().wrapping_sub(*now);
            *pace = Pace::default();
        }
    }

    /// Returns how many instructions fit before `deadline`; `None` where the two are not related.
    pub fn instructions_until(&self, retired: u64, deadline: VmTime) -> Option<u64> {
        match self {
            Clock::Instructions { .. } => {
                Some(deadline.since(self.now(retired)).div_ceil(NS_PER_INSTRUCTION))
            }
            Clock::Host { .. } => None,
        }
    }

    /// The processor idles until `deadline`: skips there, or sleeps for some of it. Gives the nanoseconds that the host
    /// would have had to sleep, where it cannot.
    pub fn idle(&mut self, retired: u64, deadline: VmTime) -> Option<u64> {
        let ahead = deadline.since(self.now(retired));
        if let Clock::Host { fence, .. } = self {
            fence.idle();
        }
        match self {
            Clock::Instructions { skipped } => *skipped = skipped.saturating_add(ahead),
            Clock::Host { .. } if ahead == 0 => {}
            Clock::Host { host, .. } => {
                if !host.sleep(ahead.min(10_000_000)) {
                    return Some(ahead);
                }
            }
        }
        self.update(retired);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_time_and_idling_skips() {
        let mut clock = Clock::instructions();
        assert_eq!(clock.now(5), VmTime(50));
        assert_eq!(clock.instructions_until(5, VmTime(71)), Some(3));
        clock.idle(5, VmTime(1000));
        assert_eq!(clock.now(5), VmTime(1000));
        clock.idle(5, VmTime(10));
        assert_eq!(clock.now(6), VmTime(1010));
    }
    use std::cell::Cell;
    use std::rc::Rc;

    /// What a test sets and counts.
    #[derive(Default)]
    struct TestClock {
        ns: Cell<u64>,
        readings: Cell<u64>,
        interrupted: Cell<bool>,
    }

    /// A host clock that counts its readings.
    struct Costly(Rc<TestClock>);

    impl HostClock for Costly {
        fn now_ns(&mut self) -> u64 {
            self.0.readings.set(self.0.readings.get() + 1);
            self.0.ns.get()
        }
        fn lasts_ns(&mut self) -> u64 {
            if self.0.interrupted.take() { 0 } else { 100_000 }
        }
        fn sleep(&mut self, _: u64) -> bool {
            false
        }
    }

    /// Reads the time after every `step` instructions of `ns` nanoseconds each. Returns the largest error.
    fn ask(clock: &mut Clock, source: &TestClock, retired: &mut u64, times: u64, step: u64, ns: u64) -> u64 {
        let (mut off, mut last) = (0, clock.now(*retired));
        for _ in 0..times {
            *retired += step;
            source.ns.set(source.ns.get() + step * ns);
            clock.update(*retired);
            let now = clock.now(*retired);
            assert!(now > last, "{now:?} after {last:?}");
            last = now;
            off = off.max(now.0.abs_diff(source.ns.get()));
        }
        off
    }

    #[test]
    fn a_costly_clock_is_read_seldom_and_followed_closely() {
        let source = Rc::new(TestClock::default());
        let mut clock = Clock::host(Box::new(Costly(Rc::clone(&source))));
        let mut retired = 0;
        // The pace becomes known within the first milliseconds.
        ask(&mut clock, &source, &mut retired, 20_000, 3, 30);
        source.readings.set(0);
        assert!(ask(&mut clock, &source, &mut retired, 100_000, 3, 30) < 10_000);
        assert!(source.readings.get() <= 100_000 / 60, "{} readings", source.readings.get());
        // Instructions that become far faster or slower are noticed before the time is a millisecond off.
        for (step, ns) in [(1000, 1), (1, 2000), (50, 1), (1, 10_000), (3000, 3)] {
            let off = ask(&mut clock, &source, &mut retired, 10_000, step, ns);
            assert!(off < 1_000_000, "{off} ns off at {step} x {ns} ns");
        }
        // What takes long in itself is read every time.
        ask(&mut clock, &source, &mut retired, 100, 1, 200_000);
        assert_eq!(ask(&mut clock, &source, &mut retired, 100, 1, 200_000), 0);
    }

    /// A timer of 1 kHz on a host that is away for up to 0.2 seconds at bad moments, and then for ten.
    #[test]
    fn a_host_that_stalls_loses_no_edge() {
        const PERIOD: u64 = 1_000_000;
        let source = Rc::new(TestClock::default());
        let mut clock = Clock::host(Box::new(Costly(Rc::clone(&source))));
        let (mut retired, mut deadline, mut edges, mut last_edge) = (0_u64, VmTime(PERIOD), 0_u64, None);
        for step in 0..200_000_u64 {
            let stall = match step % 1009 {
                0 => 200_000_000,
                // Right behind an edge, while its handler runs.
                _ if last_edge == Some(retired) && step % 7 == 0 => 3 * PERIOD,
                _ if step == 150_000 => 10_000_000_000,
                _ => 500,
            };
            source.ns.set(source.ns.get() + stall);
            source.interrupted.set(stall > 500);
            retired += 100;
            clock.set_deadline(Some(deadline));
            clock.update(retired);
            let now = clock.now(retired);
            if now >= deadline {
                assert!(now.since(deadline) < 1000, "{now:?} is past {deadline:?}");
                let ran = last_edge.map_or(u64::MAX, |at| retired - at);
                assert!(ran >= fence::PROGRESS, "an edge after {ran} instructions");
                (edges, last_edge, deadline) = (edges + 1, Some(retired), deadline + PERIOD);
            }
        }
        assert_eq!(edges, clock.now(retired).0 / PERIOD, "every one");
        assert!(edges > 3000, "{edges}");
    }

    #[test]
    fn a_paused_clock_stands_still_and_goes_on_from_there() {
        let source = Rc::new(TestClock::default());
        let mut clock = Clock::host(Box::new(Costly(Rc::clone(&source))));
        source.ns.set(1_000_000);
        clock.pause(0);
        assert_eq!(clock.now(0), VmTime(1_000_000));
        source.ns.set(9_000_000);
        clock.update(0);
        assert_eq!(clock.now(0), VmTime(1_000_000));
        clock.resume();
        source.ns.set(9_000_500);
        source.interrupted.set(true);
        clock.update(0);
        assert_eq!(clock.now(0), VmTime(1_000_500));
        // Without a pause before, resuming has no effect.
        clock.resume();
        source.interrupted.set(true);
        clock.update(0);
        assert_eq!(clock.now(0), VmTime(1_000_501));
    }

    #[test]
    fn time_that_passes_without_instructions_is_read_and_makes_no_pace() {
        let source = Rc::new(TestClock::default());
        let mut clock = Clock::host(Box::new(Costly(Rc::clone(&source))));
        let mut retired = 0;
        ask(&mut clock, &source, &mut retired, 20_000, 3, 30);
        source.ns.set(source.ns.get() + 3_000_000_000);
        source.interrupted.set(true);
        clock.update(retired);
        assert_eq!(clock.now(retired), VmTime(source.ns.get()));
        assert!(ask(&mut clock, &source, &mut retired, 100_000, 3, 30) < 10_000);
        // The count of instructions restarts after a reset.
        retired = 0;
        assert!(ask(&mut clock, &source, &mut retired, 100_000, 3, 30) < 10_000);
    }
}
