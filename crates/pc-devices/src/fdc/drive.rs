//! A drive: where its head is, and what lies in it.

use super::geometry::{DriveType, Format};
use crate::codec::codec_struct;

/// What lies in a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Medium {
    pub(super) format: Format,
    pub(super) read_only: bool,
}
codec_struct!(Medium { format, read_only });

/// State of a drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drive {
    /// `None` where no drive is connected
    pub(super) kind: Option<DriveType>,
    pub(super) medium: Option<Medium>,
    /// Where the head is
    pub(super) track: u8,
    /// The medium was changed, or taken out, since the head moved last
    pub(super) changed: bool,
    /// The sector that came by last
    pub(super) passing: u8,
}
codec_struct!(Drive { kind, medium, track, changed, passing });

impl Default for Drive {
    fn default() -> Self {
        Self { kind: None, medium: None, track: 0, changed: true, passing: 0 }
    }
}

impl Drive {
    /// Moves the head.
    ///
    /// SPEC: intel-82077aa :: Digital Input Register (DIR) -> the change line falls when the head steps with a disk in the drive
    pub(super) fn step_to(&mut self, track: u8) {
        if self.track != track && self.medium.is_some() {
            self.changed = false;
        }
        self.track = track;
    }

    /// Puts a medium of this size in, or takes it out.
    pub(super) fn change(&mut self, medium: Option<(u64, bool)>) {
        self.changed = true;
        self.medium =
            medium.map(|(bytes, read_only)| Medium { format: Format::of(self.kind, bytes), read_only });
    }

    /// Returns whether a medium of 40 tracks is in a drive of 80 tracks: the head makes two steps for each track.
    fn steps_twice(&self, format: &Format) -> bool {
        self.kind == Some(DriveType::D120) && format.tracks <= 42
    }

    /// Returns whether the head is at a cylinder of the medium. Where drivers should step twice, those are served, too,
    /// that do not: SeaBIOS among them.
    pub(super) fn is_at(&self, format: &Format, cylinder: u8) -> bool {
        self.track == cylinder || self.steps_twice(format) && u16::from(self.track) == 2 * u16::from(cylinder)
    }

    /// Returns the cylinder that the sectors under the head name; `None` where there are none.
    pub(super) fn cylinder(&self, format: &Format) -> Option<u8> {
        let cylinder = if self.steps_twice(format) { self.track / 2 } else { self.track };
        (cylinder < format.tracks).then_some(cylinder)
    }
}
