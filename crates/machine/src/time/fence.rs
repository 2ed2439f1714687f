//! What keeps a late host from breaking the guest's time.
//!
//! The rule: time never passes a device's deadline before the device was called, and does not reach the next deadline
//! before the guest has executed enough to take the first one's interrupt. So no edge of a timer is lost however long the
//! host was elsewhere, and every clock of the guest agrees with the edges that it has seen. Time is behind the host's clock
//! for as long as that takes; what is more than [`MOST_BEHIND`] behind is given up, as if the machine had been stopped.

use device_api::VmTime;

/// Instructions between two deadlines while the guest is behind: an interrupt handler with room to spare.
pub(super) const PROGRESS: u64 = 5_000;
/// Nanoseconds that time is behind the host's clock at most.
pub(super) const MOST_BEHIND: u64 = 500_000_000;

/// The earliest deadline, and how far the guest has come since it last reached one.
#[derive(Debug, Default)]
pub struct Fence {
    at: Option<VmTime>,
    /// Instructions retired when time last reached a deadline; `None` where the guest has waited since
    reached: Option<u64>,
}

impl Fence {
    /// The earliest deadline is this now.
    pub(super) fn set(&mut self, at: Option<VmTime>) {
        self.at = at;
    }

    /// The guest waits: it has taken what came.
    pub(super) fn idle(&mut self) {
        self.reached = None;
    }

    /// Returns the virtual time after `retired` instructions, if the host's clock reads `read` and the last time
    /// returned was `now`.
    pub(super) fn pass(&mut self, retired: u64, now: u64, read: u64) -> u64 {
        let Some(at) = self.at else { return read };
        if read < at.0 {
            return read;
        }
        // The count of instructions restarts after a reset.
        let busy = self.reached.is_some_and(|reached| retired.wrapping_sub(reached) < PROGRESS);
        if busy && now < at.0 {
            // Not just before the deadline: each reading is later than the one before.
            return now;
        }
        self.reached = Some(retired);
        at.0
    }
}
