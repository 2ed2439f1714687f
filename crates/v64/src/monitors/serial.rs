//! Serial lines over sockets.

use super::pipe::Pipe;
use super::socket::{Client, SocketFiles, serve};
use crate::input::Shared;
use anyhow::Result;
use device_api::CharBackend;
use session::spec::Socket;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that wait for the guest at most; then no more are read from the client.
const MOST: usize = 4096;

/// What the line's two ends share.
#[derive(Default)]
struct Line {
    input: VecDeque<u8>,
    pipe: Option<Pipe>,
}

#[derive(Clone, Default)]
struct SharedLine(Arc<(Mutex<Line>, Condvar)>);

impl SharedLine {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket's end.
struct Remote {
    line: SharedLine,
    shared: Arc<Shared>,
}

impl Client for Remote {
    fn opened(&mut self, pipe: &Pipe) {
        self.line.lock().pipe = Some(pipe.clone());
    }
    fn received(&mut self, _: &Pipe, bytes: &[u8]) -> bool {
        let full = |line: &mut Line| line.input.len() >= MOST;
        let line = self.line.0.1.wait_while(self.line.lock(), full);
        line.unwrap_or_else(PoisonError::into_inner).input.extend(bytes);
        self.shared.wake();
        true
    }
    fn closed(&mut self) {
        self.line.lock().pipe = None;
    }
}

/// The guest's end. What it sends while no client is there is lost, as with QEMU.
struct Local(SharedLine);

impl CharBackend for Local {
    fn send(&mut self, byte: u8) {
        let pipe = self.0.lock().pipe.clone();
        if let Some(pipe) = pipe {
            pipe.send(&[byte]);
        }
    }
    fn receive(&mut self) -> Option<u8> {
        let byte = self.0.lock().input.pop_front();
        if byte.is_some() {
            self.0.0.1.notify_all();
        }
        byte
    }
}

/// Returns a line over a socket.
pub(crate) fn socket(
    socket: &Socket,
    shared: &Arc<Shared>,
    files: &SocketFiles,
) -> Result<Box<dyn CharBackend>> {
    let line = SharedLine::default();
    serve(socket, files, Remote { line: line.clone(), shared: Arc::clone(shared) })?;
    Ok(Box::new(Local(line)))
}
