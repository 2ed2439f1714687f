//! Device accesses that compiled code made in instructions which the interpreter may execute again.
//!
//! Compiled code keeps the state of the start of a block, or of the place behind its last store, and leaves there when an
//! instruction needs the interpreter, which then executes the instructions since. They are loads, and reading memory twice
//! changes nothing. Reading a device twice may: so each device access of compiled code is noted with the number of its
//! instruction, and the interpreter takes the value from here instead of asking the device again.

use std::collections::VecDeque;
use x86_types::GuestPhysAddr;

/// Device accesses that are kept. Compiled code may make so many from the place where it leaves to the end of the block.
pub const REPLAY_LEN: usize = 256;

/// A device access that has been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Access {
    /// Instructions retired before the accessing one
    retired: u64,
    at: GuestPhysAddr,
    size: u64,
    /// What was read; `None` for a write
    value: Option<u64>,
}

/// Those that were made last, the oldest first.
#[derive(Default)]
pub(super) struct Replay {
    made: VecDeque<Access>,
}

impl Replay {
    /// Notes a read.
    pub(super) fn note_read(&mut self, retired: u64, at: GuestPhysAddr, size: u64, value: u64) {
        self.note(Access { retired, at, size, value: Some(value) });
    }

    /// Notes a write.
    pub(super) fn note_write(&mut self, retired: u64, at: GuestPhysAddr, size: u64) {
        self.note(Access { retired, at, size, value: None });
    }

    fn note(&mut self, access: Access) {
        if self.made.len() >= REPLAY_LEN {
            self.made.pop_front();
        }
        self.made.push_back(access);
    }

    /// Returns what a read of instruction `retired` gave, if it has been made.
    #[inline]
    pub(super) fn take_read(&mut self, retired: u64, at: GuestPhysAddr, size: u64) -> Option<u64> {
        if self.made.is_empty() { None } else { self.take(retired, at, size, false)?.value }
    }

    /// Returns whether a write of instruction `retired` has been made.
    #[inline]
    pub(super) fn take_write(&mut self, retired: u64, at: GuestPhysAddr, size: u64) -> bool {
        !self.made.is_empty() && self.take(retired, at, size, true).is_some()
    }

    /// Returns whether accesses of instruction `retired` or of later ones have been made: it is executed again.
    pub(super) fn reaches(&mut self, retired: u64) -> bool {
        self.forget_before(retired);
        !self.made.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.made.clear();
    }

    /// An instruction that has retired is not executed again.
    fn forget_before(&mut self, retired: u64) {
        while self.made.front().is_some_and(|access| access.retired < retired) {
            self.made.pop_front();
        }
    }

    #[cold]
    fn take(&mut self, retired: u64, at: GuestPhysAddr, size: u64, write: bool) -> Option<Access> {
        self.forget_before(retired);
        let next = self.made.front()?;
        let same = (next.retired, next.at, next.size, next.value.is_none()) == (retired, at, size, write);
        if same { self.made.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: GuestPhysAddr = GuestPhysAddr(0xfee0_0000);

    #[test]
    fn accesses_are_taken_by_their_instruction_in_order() {
        let mut replay = Replay::default();
        replay.note_read(5, PORT, 4, 1);
        replay.note_read(7, PORT, 4, 2);
        replay.note_read(7, PORT, 4, 3);
        replay.note_write(7, PORT, 4);
        assert_eq!(replay.take_read(6, PORT, 4), None, "that instruction accessed nothing");
        assert_eq!(replay.take_read(7, PORT, 8), None, "of another size");
        assert!(replay.reaches(7) && !replay.take_write(7, PORT, 4), "the reads come first");
        assert_eq!([0, 0].map(|_| replay.take_read(7, PORT, 4)), [Some(2), Some(3)]);
        assert!(replay.take_write(7, PORT, 4) && !replay.take_write(7, PORT, 4));
    }

    #[test]
    fn what_has_retired_is_forgotten_and_no_more_is_kept_than_may_be_asked_for() {
        let mut replay = Replay::default();
        (0..2 * REPLAY_LEN as u64).for_each(|n| replay.note_read(n, PORT, 1, n));
        assert_eq!(replay.made.len(), REPLAY_LEN);
        assert!(replay.reaches(2 * REPLAY_LEN as u64 - 1));
        assert!(!replay.reaches(2 * REPLAY_LEN as u64));
    }
}
