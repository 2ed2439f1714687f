//! Errors of media, for the user.

use device_api::BlockError;

/// The error of a drive that was reported last.
#[derive(Debug, Default)]
pub(crate) struct Reported(Option<BlockError>);

impl Reported {
    /// Reports an error of a drive in one line. The same error again is not reported.
    pub(crate) fn report(&mut self, drive: &str, error: &BlockError) {
        if self.0.as_ref() != Some(error) {
            tracing::warn!("{drive}: {error}");
            self.0 = Some(error.clone());
        }
    }
}
