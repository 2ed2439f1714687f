//! Virtual time.

use std::ops::{Add, Sub};

/// Nanoseconds since the machine was switched on. It comes from the host's clock or from retired instructions; devices
/// do not depend on which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VmTime(pub u64);

impl VmTime {
    /// Power-on.
    pub const ZERO: VmTime = VmTime(0);

    /// Nanoseconds from `earlier` to `self`, 0 if it lies ahead.
    #[inline]
    pub const fn since(self, earlier: VmTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Ticks of a clock of `hz` that have passed since power-on.
    #[inline]
    pub const fn ticks(self, hz: u64) -> u64 {
        (self.0 as u128 * hz as u128 / 1_000_000_000) as u64
    }

    /// Returns the first moment at which [`VmTime::ticks`] of `hz` is at least `ticks`.
    #[inline]
    pub const fn at_tick(ticks: u64, hz: u64) -> VmTime {
        let ns = (ticks as u128 * 1_000_000_000).div_ceil(hz as u128);
        VmTime(if ns > u64::MAX as u128 { u64::MAX } else { ns as u64 })
    }
}

impl Add<u64> for VmTime {
    type Output = VmTime;
    fn add(self, ns: u64) -> VmTime {
        VmTime(self.0.saturating_add(ns))
    }
}

impl Sub<u64> for VmTime {
    type Output = VmTime;
    fn sub(self, ns: u64) -> VmTime {
        VmTime(self.0.saturating_sub(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_reached_exactly_at_the_moment_named() {
        for hz in [1_193_182, 32_768, 3_579_545, 1_000_000_000] {
            for ticks in [1, 2, 1000, hz, hz * 3 + 1] {
                let at = VmTime::at_tick(ticks, hz);
                assert_eq!(at.ticks(hz), ticks);
                assert_eq!((at - 1).ticks(hz), ticks - 1);
            }
        }
    }
}
