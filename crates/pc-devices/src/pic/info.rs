//! What `info pic` shows.

use super::chip::Pair;

impl Pair {
    /// Returns a line for each chip, the slave's first.
    pub(super) fn info(&self) -> String {
        self.slave.info("pic1") + &self.master.info("pic0")
    }
}
