//! Bytes on their way to a client, written by a thread of their own: a client that does not read delays no other.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that wait for a client at most. A client that has not read so much is cut off.
const MOST: usize = 16 << 20;
/// Bytes that wait at most before no more requests are read from the client.
const ENOUGH: usize = 64 << 10;

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread is writing what it took
    writing: bool,
    /// Requests that were read and not answered yet
    unanswered: usize,
    /// Nothing more is taken
    closed: bool,
}

/// The way to one client. Clones are the same way.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<(Mutex<State>, Condvar)>);

impl Pipe {
    /// Returns a pipe to `out`. `gone` is called when a write fails, or when the pipe was closed and everything is
    /// written.
    pub(crate) fn new(mut out: impl Write + Send + 'static, gone: impl FnOnce() + Send + 'static) -> Self {
        let pipe = Self::default();
        let writer = pipe.clone();
        std::thread::spawn(move || {
            while let Some(bytes) = writer.take() {
                if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
                    break;
                }
            }
            writer.close();
            gone();
        });
        pipe
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    fn wait_while(&self, mut condition: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        self.0.1.wait_while(self.lock(), |state| condition(state)).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for bytes to write. `None` once the pipe is closed and empty.
    fn take(&self) -> Option<Vec<u8>> {
        self.change(|state| state.writing = false);
        let mut state = self.wait_while(|state| state.waiting.is_empty() && !state.closed);
        state.writing = !state.waiting.is_empty();
        state.writing.then(|| std::mem::take(&mut state.waiting))
    }

    /// Sends bytes. They are lost where the client is gone.
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.change(|state| {
            if state.closed {
                return;
            }
            if state.waiting.len() + bytes.len() > MOST {
                state.waiting.clear();
                state.closed = true;
            } else {
                state.waiting.extend(bytes);
            }
        });
    }

    /// Nothing more is sent.
    pub(crate) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Records a request, and waits until it is answered and the client has read enough. Returns whether the client is
    /// still connected.
    pub(super) fn wait_for_answer(&self) -> bool {
        !self
            .wait_while(|state| !state.closed && (state.unanswered > 0 || state.waiting.len() > ENOUGH))
            .closed
    }

    /// Records that a request was read.
    pub(super) fn asked(&self) {
        self.change(|state| state.unanswered += 1);
    }

    /// Records that a request was answered.
    pub(super) fn answered(&self) {
        self.change(|state| state.unanswered = state.unanswered.saturating_sub(1));
    }

    /// Waits until all is written, for at most so long.
    pub(super) fn flush(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.lock();
        while (!state.waiting.is_empty() || state.writing) && !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Out(mpsc::Sender<Vec<u8>>);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn all_is_written_before_the_client_is_let_go() {
        let (sender, received) = mpsc::channel();
        let (gone, is_gone) = mpsc::channel();
        let pipe = Pipe::new(Out(sender), move || gone.send(()).unwrap());
        pipe.send(b"one");
        pipe.flush(Duration::MAX.min(Duration::from_secs(3600)));
        pipe.send(b"two");
        pipe.close();
        pipe.send(b"three");
        is_gone.recv().unwrap();
        assert_eq!(received.iter().flatten().collect::<Vec<_>>(), b"onetwo");
    }

    #[test]
    fn a_client_that_is_gone_closes_the_pipe() {
        let (sender, received) = mpsc::channel();
        drop(received);
        let (gone, is_gone) = mpsc::channel();
        let pipe = Pipe::new(Out(sender), move || gone.send(()).unwrap());
        pipe.asked();
        pipe.send(b"lost");
        is_gone.recv().unwrap();
        assert!(!pipe.wait_for_answer());
    }

    #[test]
    fn a_client_that_never_reads_is_cut_off() {
        let pipe = Pipe::default();
        for _ in 0..17 {
            pipe.send(&[0; 1 << 20]);
        }
        let state = pipe.lock();
        assert!(state.closed && state.waiting.is_empty());
    }
}
