//! COM1's other end: bytes wait in the module until a slice is over.

use crate::host::{self, FileOp};
use device_api::CharBackend;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Both directions.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) output: Vec<u8>,
    pub(crate) input: VecDeque<u8>,
}

/// A line that the chip and the exports hold. (The chip's side has to be `Send`; there is one thread.)
pub(crate) type Shared = Arc<Mutex<Line>>;

/// A line with output to a file of the host.
pub(crate) struct FileLine {
    pub(crate) path: String,
    pub(crate) line: Shared,
}

impl FileLine {
    /// Passes the output to the host to write. Output that it cannot write is lost, with a warning.
    pub(crate) fn flush(&self) {
        let output = std::mem::take(&mut open(&self.line).output);
        if !output.is_empty()
            && let Err(error) = host::file(FileOp::Append, &self.path, &output)
        {
            host::log(&error);
        }
    }
}

/// Access to a line.
pub(crate) fn open(line: &Shared) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line as the chip sees it.
pub(crate) struct Port(pub(crate) Shared);

impl CharBackend for Port {
    fn send(&mut self, byte: u8) {
        open(&self.0).output.push(byte);
    }
    fn receive(&mut self) -> Option<u8> {
        open(&self.0).input.pop_front()
    }
}
