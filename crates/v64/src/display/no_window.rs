//! The place of the window in programs that are built without it.

use crate::input::Shared;
use anyhow::{Result, bail};
use machine::Machine;
use session::WindowOptions;
use session::monitor::Monitor;
use std::sync::Arc;

/// The machine's end of a window; there is none.
pub(crate) enum Link {}

impl Link {
    pub(crate) fn update(&mut self, _: &Shared, _: &Monitor, _: &mut Machine) {
        match *self {}
    }
}

/// Refuses the window.
pub(crate) fn run(
    _: Option<String>,
    _: WindowOptions,
    _: &Arc<Shared>,
    _: impl FnOnce(Link) -> Result<u8>,
) -> Result<u8> {
    bail!(
        "this v64 is built without windows; build it with `cargo build --release -p v64 --features window`, or give -display terminal"
    );
}
