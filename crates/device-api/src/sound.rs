//! Sound on its way to the host.

use crate::VmTime;

/// A moment of sound: left and right.
pub type SoundFrame = [i16; 2];

/// The host's end of a loudspeaker. Nothing comes back from it, so that no guest can find out whether, and how fast, what it
/// plays is heard.
pub trait SoundBackend: Send {
    /// Returns a new voice for a device; all voices are mixed.
    fn voice(&mut self) -> Box<dyn Voice>;
}

/// What one device plays.
pub trait Voice: Send {
    /// Plays frames of a rate in hertz, the first of which is heard at a moment of virtual time. They follow on those of the
    /// last call, or come later; in between there is silence.
    fn play(&mut self, at: VmTime, rate: u32, frames: &[SoundFrame]);
}
