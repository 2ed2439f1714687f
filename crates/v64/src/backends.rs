//! The host's files and streams behind devices.

use crate::terminal::Terminal;
use anyhow::Result;
use device_api::Backends;
use session::MachineSpec;
use session::spec::CharTarget;

/// Opens what a machine's devices need.
pub(crate) fn open(spec: &MachineSpec, terminal: &Terminal) -> Result<Backends> {
    spec.chars(|char| {
        Ok(match &char.target {
            CharTarget::Stdio => Some(terminal.stdio()),
            CharTarget::File(path) => Some(terminal.file(path)?),
            CharTarget::Null => None,
        })
    })
}
