//! The host's end of a network cable.

use crate::VmTime;
use std::fmt::Debug;

/// The network that one card is connected to.
///
/// Frames are Ethernet frames from the destination address on, without preamble and without frame check sequence. They
/// may be lost on either side, as on any Ethernet. The address of the card is the card's own property.
pub trait NetBackend: Send + Debug {
    /// Takes a frame that the guest sent.
    fn send(&mut self, now: VmTime, frame: &[u8]);
    /// Replaces `frame` by the next one for the guest. Returns whether there was one.
    fn receive(&mut self, now: VmTime, frame: &mut Vec<u8>) -> bool;
    /// Returns whether the cable is plugged in at both ends.
    fn is_up(&self) -> bool {
        true
    }
    /// Returns the next moment at which [`NetBackend::receive`] may have a frame that follows from time alone, such as one
    /// that is sent again. Frames that come from outside have no such moment: they are found when the card polls.
    fn next_deadline(&self) -> Option<VmTime> {
        None
    }
    /// Appends what belongs to the machine's state because it is nowhere else. Nothing by default.
    fn save(&self, _out: &mut Vec<u8>) {}
    /// Reads back what `save` wrote. Returns `None` where the bytes are not of such a network; nothing is changed then.
    fn load(&mut self, _bytes: &mut &[u8]) -> Option<()> {
        Some(())
    }
}
