//! Timers that delay interrupts, so that one stands for several frames.

use super::spec;
use crate::codec::codec_struct;
use device_api::VmTime;

/// Nanoseconds of a unit of RDTR, RADV, TIDV and TADV.
const DELAY_NS: u64 = 1024;

/// What delays an interrupt cause: a timer that each event restarts, and one that the first starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delay {
    /// RDTR or TIDV
    pub(super) restarted: u32,
    /// RADV or TADV
    pub(super) absolute: u32,
    restarted_at: Option<VmTime>,
    absolute_at: Option<VmTime>,
}
codec_struct!(Delay { restarted, absolute, restarted_at, absolute_at });

impl Delay {
    /// Records an event. Returns whether its cause is set at once.
    ///
    /// SPEC: intel-8254x :: 13.4.30 Receive Delay Timer Register -> units of 1.024 us, restarted by each packet, 0 is no delay
    /// SPEC: intel-8254x :: 3.2.7.1.2 Receive Interrupt Absolute Delay Timer (RADV) -> started by the first packet; 0 in either register disables it
    pub(super) fn event(&mut self, now: VmTime) -> bool {
        if self.restarted == 0 {
            return true;
        }
        self.restarted_at = Some(now + u64::from(self.restarted) * DELAY_NS);
        if self.absolute != 0 && self.absolute_at.is_none() {
            self.absolute_at = Some(now + u64::from(self.absolute) * DELAY_NS);
        }
        false
    }

    /// Returns when a timer runs out.
    pub(super) fn deadline(&self) -> Option<VmTime> {
        [self.restarted_at, self.absolute_at].into_iter().flatten().min()
    }

    /// Returns whether a timer has run out; both stop then.
    pub(super) fn expire(&mut self, now: VmTime) -> bool {
        let expired = self.deadline().is_some_and(|at| at <= now);
        if expired {
            self.stop();
        }
        expired
    }

    fn stop(&mut self) {
        (self.restarted_at, self.absolute_at) = (None, None);
    }

    /// Writes RDTR or TIDV. Returns whether the timer is to expire at once.
    pub(super) fn write(&mut self, value: u32) -> bool {
        self.restarted = value & 0xffff;
        let flush = value & spec::FPD != 0;
        if flush {
            self.stop();
        }
        flush
    }
}
