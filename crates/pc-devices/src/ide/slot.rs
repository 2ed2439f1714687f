//! The medium of a drive: requests to it, and its answers.

use super::drive::{Drive, Kind, Phase};
use crate::media_errors::Reported;
use device_api::{BlockBackend, BlockError, RequestId};

/// A drive's place for a medium.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The drive's name
    pub(super) id: String,
    pub(super) medium: Option<Box<dyn BlockBackend>>,
    /// The request that is on its way, and which of the drive's it is
    sent: Option<(RequestId, u64)>,
    next: u64,
    reported: Reported,
}

impl Slot {
    pub(super) fn new(id: String, medium: Option<Box<dyn BlockBackend>>) -> Self {
        Self { id, medium, ..Self::default() }
    }

    /// Cancels the pending request: its completion will be dropped.
    pub(super) fn cancel(&mut self) {
        self.sent = None;
    }

    /// Hands the drive's request to the medium, and the medium's answers to the drive. Returns whether anything went either
    /// way.
    pub(super) fn serve(&mut self, drive: &mut Drive) -> bool {
        if drive.phase != Phase::Medium {
            self.cancel();
            return false;
        }
        let mut moved = false;
        // A drive that was reset may have made a new request since.
        if self.sent.is_none_or(|(_, asked)| asked != drive.asked) {
            let Some(operation) = drive.operation() else { return false };
            let Some(medium) = &mut self.medium else {
                drive.completed(Err(BlockError::Io("there is no medium".to_owned())));
                return true;
            };
            let id = RequestId(self.next);
            self.next += 1;
            self.sent = Some((id, drive.asked));
            medium.submit(id, operation);
            moved = true;
        }
        while let Some((id, result)) = self.medium.as_mut().and_then(|medium| medium.poll()) {
            if self.sent != Some((id, drive.asked)) {
                continue;
            }
            self.sent = None;
            if let Err(error) = &result {
                self.reported.report(&self.id, error);
            }
            drive.completed(result);
            return true;
        }
        moved
    }

    /// Takes the medium out.
    pub(super) fn take_out(&mut self, drive: &mut Drive) {
        self.medium = None;
        self.cancel();
        drive.medium = None;
        if drive.phase == Phase::Medium {
            drive.completed(Err(BlockError::Io("the medium was taken out".to_owned())));
        }
    }

    /// Returns whether there is a drive.
    pub(super) fn holds(drive: &Drive) -> bool {
        drive.kind != Kind::Absent
    }
}
