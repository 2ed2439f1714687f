//! How commands for data end.

use super::spec::{St0, St1, St2};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) st0: St0,
    pub(super) st1: St1,
    pub(super) st2: St2,
}

impl End {
    pub(super) fn normal() -> Self {
        Self { st0: St0::empty(), st1: St1::empty(), st2: St2::empty() }
    }

    /// Abnormal termination.
    pub(super) fn error(st1: St1) -> Self {
        Self { st0: St0::ABNORMAL, st1, st2: St2::empty() }
    }

    /// The same with bits of status register 2.
    pub(super) fn with(self, st2: St2) -> Self {
        Self { st2, ..self }
    }

    pub(super) fn is_end_of_cylinder(&self) -> bool {
        self.st1.contains(St1::END_OF_CYLINDER)
    }

    /// The same where a sector was looked for.
    pub(super) fn no_data(self) -> Self {
        Self::error(St1::NO_DATA)
    }

    /// The same where the drive is at fault.
    pub(super) fn with_equipment_check(self) -> Self {
        Self { st0: self.st0 | St0::EQUIPMENT, ..self }
    }
}
