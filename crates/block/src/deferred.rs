//! Requests that the host answers later: a browser's file, a download.

use crate::immediate::check_write;
use device_api::{BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, RequestId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its name, for [`DeferredHandle::complete`]
    pub id: u64,
    /// What is to be done
    pub op: BlockOp,
}

#[derive(Debug)]
struct Queue {
    info: BlockInfo,
    next: u64,
    /// Requests that the host has not taken
    new: VecDeque<Request>,
    /// Requests without an answer: the device's name for them, and how many bytes a read has
    open: BTreeMap<u64, (RequestId, Option<u32>)>,
    done: VecDeque<(RequestId, BlockResult)>,
    /// The machine's end is gone
    closed: bool,
}

/// The machine's end.
#[derive(Debug)]
pub struct Deferred(Arc<Mutex<Queue>>);

/// The host's end. Clones share the requests.
#[derive(Clone, Debug)]
pub struct DeferredHandle(Arc<Mutex<Queue>>);

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // A panic while the lock was held leaves whole values behind: each is changed by one call.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deferred {
    /// Returns both ends of a medium.
    pub fn new(info: BlockInfo) -> (Self, DeferredHandle) {
        let queue = Queue {
            info,
            next: 0,
            new: VecDeque::new(),
            open: BTreeMap::new(),
            done: VecDeque::new(),
            closed: false,
        };
        let queue = Arc::new(Mutex::new(queue));
        (Self(Arc::clone(&queue)), DeferredHandle(queue))
    }
}

impl DeferredHandle {
    /// Takes the requests that were submitted since the last call, oldest first. Those that were submitted together may
    /// be answered in any order, except that reads see the writes before them.
    pub fn take_requests(&self) -> Vec<Request> {
        lock(&self.0).new.drain(..).collect()
    }

    /// Returns whether there are requests that the host has not taken.
    pub fn has_requests(&self) -> bool {
        !lock(&self.0).new.is_empty()
    }

    /// Returns whether no device has the medium any more.
    pub fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    /// Returns whether requests wait for an answer.
    pub fn is_waiting(&self) -> bool {
        !lock(&self.0).open.is_empty()
    }

    /// Completes a request: a read with its bytes, a write or a flush with none. Returns whether there is such a
    /// request. A read with a wrong number of bytes becomes an error.
    pub fn complete(&self, id: u64, result: BlockResult) -> bool {
        let mut queue = lock(&self.0);
        let Some((request, len)) = queue.open.remove(&id) else { return false };
        let result = match (result, len) {
            (Ok(bytes), Some(len)) if bytes.len() != len as usize => {
                Err(BlockError::Io(format!("the host answered {} bytes of {len}", bytes.len())))
            }
            (Ok(_), None) => Ok(Vec::new()),
            (result, _) => result,
        };
        queue.done.push_back((request, result));
        true
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        lock(&self.0).closed = true;
    }
}

impl BlockBackend for Deferred {
    fn info(&self) -> BlockInfo {
        lock(&self.0).info
    }

    fn submit(&mut self, id: RequestId, op: BlockOp) {
        let mut queue = lock(&self.0);
        let len = match &op {
            BlockOp::Read { len, .. } => Some(*len),
            BlockOp::Write { offset, data } => {
                if let Err(error) = check_write(queue.info, *offset, data.len()) {
                    queue.done.push_back((id, Err(error)));
                    return;
                }
                None
            }
            BlockOp::Flush => None,
        };
        let name = queue.next;
        queue.next += 1;
        queue.open.insert(name, (id, len));
        queue.new.push_back(Request { id: name, op });
    }

    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        lock(&self.0).done.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_in_any_order() {
        let (mut medium, host) = Deferred::new(BlockInfo { bytes: 1024, read_only: false });
        medium.submit(RequestId(7), BlockOp::Read { offset: 0, len: 2 });
        medium.submit(RequestId(8), BlockOp::Write { offset: 0, data: vec![1] });
        medium.submit(RequestId(9), BlockOp::Write { offset: 1024, data: vec![1] });
        assert_eq!(medium.poll(), Some((RequestId(9), Err(BlockError::OutOfRange))));
        let requests = host.clone().take_requests();
        assert_eq!((requests.len(), host.take_requests().len(), medium.poll()), (2, 0, None));
        assert!(host.complete(requests[1].id, Ok(vec![])) && host.is_waiting());
        assert!(host.complete(requests[0].id, Ok(vec![3, 4])) && !host.is_waiting());
        assert!(!host.complete(requests[0].id, Ok(vec![3, 4])), "answered once");
        assert_eq!(medium.poll(), Some((RequestId(8), Ok(vec![]))));
        assert_eq!(medium.poll(), Some((RequestId(7), Ok(vec![3, 4]))));
    }

    #[test]
    fn the_host_learns_of_requests_and_of_the_end() {
        let (mut medium, host) = Deferred::new(BlockInfo { bytes: 1024, read_only: false });
        assert!(!host.has_requests() && !host.is_closed());
        medium.submit(RequestId(1), BlockOp::Flush);
        assert!(host.has_requests());
        host.take_requests();
        assert!(!host.has_requests() && host.is_waiting());
        drop(medium);
        assert!(host.is_closed());
    }

    #[test]
    fn an_answer_of_another_length_is_an_error() {
        let (mut medium, host) = Deferred::new(BlockInfo { bytes: 1024, read_only: true });
        medium.submit(RequestId(1), BlockOp::Read { offset: 0, len: 2 });
        host.complete(host.take_requests()[0].id, Ok(vec![0; 3]));
        let Some((_, Err(error))) = medium.poll() else { panic!("no error") };
        assert_eq!(error.to_string(), "the host answered 3 bytes of 2");
    }
}
