//! The APIC timer. Its count is computed from the time at each access.

use device_api::VmTime;

/// How the timer counts.
///
/// SPEC: intel-sdm-vol3 :: 12.5.4 APIC Timer -> LVT bits 18:17: 00 one-shot, 01 periodic, 10 TSC-deadline, 11 reserved
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerMode {
    OneShot,
    Periodic,
    TscDeadline,
}

impl TimerMode {
    /// From LVT bits 18:17; the reserved encoding counts as one-shot.
    pub(super) fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            1 => Self::Periodic,
            2 => Self::TscDeadline,
            _ => Self::OneShot,
        }
    }
}

/// The counting half of the timer; LVT and vector live with the other registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Timer {
    pub(super) initial: u32,
    /// Divide configuration register as written
    pub(super) divide: u8,
    /// When the count was `count`; `None` while it is stopped
    started: Option<VmTime>,
    count: u32,
    /// IA32_TSC_DEADLINE; 0 when disarmed
    pub(super) deadline: u64,
}

crate::codec::codec_struct!(Timer { initial, divide, started, count, deadline });

impl Timer {
    /// SPEC: intel-sdm-vol3 :: 12.5.4 APIC Timer -> divide configuration bits 3, 1, 0: 000 is 2, 110 is 128, 111 is 1
    pub(super) fn divisor(&self) -> u64 {
        let code = (self.divide & 3) | (self.divide & 8) >> 1;
        1 << ((code + 1) & 7)
    }

    /// Nanoseconds (= timer clocks) that `count` counts take.
    fn span(&self, count: u32) -> u64 {
        u64::from(count) * self.divisor()
    }

    /// SPEC: intel-sdm-vol3 :: 12.5.4 APIC Timer -> a write starts the countdown, 0 stops it
    pub(super) fn start(&mut self, now: VmTime, initial: u32) {
        self.initial = initial;
        self.count = initial;
        self.started = (initial != 0).then_some(now);
    }

    pub(super) fn stop(&mut self) {
        self.start(VmTime::ZERO, 0);
        self.deadline = 0;
    }

    /// What the current count register shows.
    pub(super) fn current(&self, now: VmTime) -> u32 {
        self.started.map_or(0, |start| {
            let passed = now.since(start) / self.divisor();
            u32::try_from(u64::from(self.count).saturating_sub(passed)).unwrap_or(0)
        })
    }

    /// A new divisor applies to what is left of the count.
    pub(super) fn set_divide(&mut self, now: VmTime, value: u32) {
        if self.started.is_some() {
            self.count = self.current(now);
            self.started = Some(now);
        }
        self.divide = (value & 0xb) as u8;
    }

    /// Returns the first time at which [`Timer::expire`] returns true.
    pub(super) fn next(&self, mode: TimerMode) -> Option<VmTime> {
        match mode {
            TimerMode::TscDeadline => (self.deadline != 0).then_some(VmTime(self.deadline)),
            TimerMode::OneShot | TimerMode::Periodic => {
                self.started.map(|start| start + self.span(self.count))
            }
        }
    }

    /// Catches up with the time; whether the timer fired (once or more) since the last call.
    ///
    /// SPEC: intel-sdm-vol3 :: 12.5.4 APIC Timer -> at 0 one-shot stops, periodic reloads the initial count
    /// SPEC: intel-sdm-vol3 :: 12.5.4.1 TSC-Deadline Mode -> firing disarms: the MSR reads 0
    pub(super) fn expire(&mut self, now: VmTime, mode: TimerMode) -> bool {
        let Some(at) = self.next(mode).filter(|at| *at <= now) else { return false };
        match mode {
            TimerMode::TscDeadline => self.deadline = 0,
            TimerMode::Periodic if self.initial != 0 => {
                let period = self.span(self.initial);
                self.count = self.initial;
                self.started = Some(at + now.since(at) / period * period);
            }
            TimerMode::OneShot | TimerMode::Periodic => {
                self.started = None;
                self.count = 0;
            }
        }
        true
    }
}
