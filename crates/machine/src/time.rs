//! Where time comes from. Nothing here reads a host clock: the command or the page hands one in.

use device_api::VmTime;

/// Nanoseconds that one retired instruction takes under [`Clock::Instructions`].
pub const NS_PER_INSTRUCTION: u64 = 10;

/// The host's side of [`Clock::Host`].
pub trait HostClock {
    /// Nanoseconds since some moment that does not change; never goes back
    fn now_ns(&mut self) -> u64;
    /// Sleeps for at most `ns` nanoseconds; input may end it earlier. `false` from a host that cannot block: the machine
    /// then stops with [`Stop::Idle`](crate::Stop::Idle), and whoever runs it waits
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
        /// What it said at power-on
        start: u64,
        /// The last reading, since power-on
        now: u64,
    },
}

impl Clock {
    /// Time by retired instructions.
    pub fn instructions() -> Self {
        Clock::Instructions { skipped: 0 }
    }

    /// Time by the host's clock.
    pub fn host(mut host: Box<dyn HostClock>) -> Self {
        let start = host.now_ns();
        Clock::Host { host, start, now: 0 }
    }

    /// The time when `retired` instructions have retired.
    pub fn now(&self, retired: u64) -> VmTime {
        match self {
            Clock::Instructions { skipped } => {
                VmTime(skipped.saturating_add(retired.saturating_mul(NS_PER_INSTRUCTION)))
            }
            Clock::Host { now, .. } => VmTime(*now),
        }
    }

    /// Reads the host's clock anew.
    pub fn update(&mut self) {
        if let Clock::Host { host, start, now } = self {
            *now = host.now_ns().saturating_sub(*start).max(*now);
        }
    }

    /// How many instructions fit before `deadline`; `None` where the two are not related.
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
        match self {
            Clock::Instructions { skipped } => *skipped = skipped.saturating_add(ahead),
            Clock::Host { .. } if ahead == 0 => {}
            Clock::Host { host, .. } => {
                if !host.sleep(ahead.min(10_000_000)) {
                    return Some(ahead);
                }
            }
        }
        self.update();
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
}
