//! The host at its worst: requests that fail or complete late, frames and bytes that mean nothing.

use super::Random;
use device_api::{
    BlockBackend, BlockError, BlockInfo, BlockOp, BlockResult, CharBackend, NetBackend, RequestId, VmTime,
};
use net::{Config, UserNet};
use std::sync::{Arc, Mutex, PoisonError};

/// How many times a medium is polled at most before a request completes.
const LATEST: u64 = 8;
/// Bytes of the longest frame.
const LONGEST_FRAME: u64 = 4000;

/// What decides about misfortunes: random numbers that all back ends of a machine share. There are none until a seed is set.
#[derive(Clone, Debug, Default)]
pub(super) struct Chaos(Arc<Mutex<Option<Random>>>);

impl Chaos {
    /// Has misfortunes follow from a seed, or has none happen.
    pub(super) fn set(&self, seed: Option<u64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seed.map(Random::new);
    }

    /// Returns a number below `n`; `None` while all goes well.
    fn below(&self, n: u64) -> Option<u64> {
        Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut()?.below(n))
    }

    fn one_in(&self, n: u64) -> bool {
        self.below(n) == Some(0)
    }
}

/// A serial line on which noise arrives.
pub(super) struct Line(pub(super) Chaos);

impl CharBackend for Line {
    fn send(&mut self, _byte: u8) {}
    fn receive(&mut self) -> Option<u8> {
        if self.0.one_in(2) { self.0.below(256).map(|byte| byte as u8) } else { None }
    }
}

/// A medium with requests that sometimes fail, and complete late and in any order.
#[derive(Debug)]
pub(super) struct Medium<B> {
    inner: B,
    chaos: Chaos,
    /// For how many more polls each waits
    late: Vec<(u64, RequestId, BlockResult)>,
}

impl<B> Medium<B> {
    pub(super) fn new(inner: B, chaos: Chaos) -> Self {
        Self { inner, chaos, late: Vec::new() }
    }
}

impl<B: BlockBackend> BlockBackend for Medium<B> {
    fn info(&self) -> BlockInfo {
        self.inner.info()
    }

    fn submit(&mut self, id: RequestId, op: BlockOp) {
        if self.chaos.one_in(16) {
            let error = match self.chaos.below(3) {
                Some(0) => BlockError::NoSpace("full".to_owned()),
                Some(1) => BlockError::ReadOnly,
                _ => BlockError::Io("gone".to_owned()),
            };
            self.late.push((self.chaos.below(LATEST).unwrap_or(0), id, Err(error)));
            return;
        }
        self.inner.submit(id, op);
        while let Some((id, result)) = self.inner.poll() {
            let late = if self.chaos.one_in(3) { self.chaos.below(LATEST) } else { None };
            self.late.push((late.unwrap_or(0), id, result));
        }
    }

    fn poll(&mut self) -> Option<(RequestId, BlockResult)> {
        let ready = self.late.iter().position(|(late, ..)| *late == 0);
        for (late, ..) in &mut self.late {
            *late = late.saturating_sub(1);
        }
        let (_, id, result) = self.late.remove(ready?);
        Some((id, result))
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.inner.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.inner.load(bytes)
    }
}

/// A network with frames beside those that belong there, damaged frames, and a cable that is pulled.
#[derive(Debug)]
pub(super) struct Network {
    inner: UserNet,
    chaos: Chaos,
    sent: Vec<u8>,
}

impl Network {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { inner: UserNet::new(Config::default()), chaos, sent: Vec::new() }
    }
}

impl NetBackend for Network {
    fn send(&mut self, now: VmTime, frame: &[u8]) {
        self.sent = frame.to_vec();
        self.inner.send(now, frame);
    }

    fn receive(&mut self, now: VmTime, frame: &mut Vec<u8>) -> bool {
        let received = self.inner.receive(now, frame);
        if !received {
            match self.chaos.below(4) {
                Some(0) => frame.clone_from(&self.sent),
                Some(1) => {
                    let len = self.chaos.below(LONGEST_FRAME).unwrap_or(0);
                    *frame = vec![self.chaos.below(256).unwrap_or(0) as u8; len as usize];
                }
                _ => return false,
            }
        }
        for _ in 0..self.chaos.below(4).unwrap_or(0) {
            let (at, value) = (self.chaos.below(frame.len() as u64), self.chaos.below(256));
            if let Some(byte) = at.and_then(|at| frame.get_mut(at as usize)) {
                *byte = value.unwrap_or(0) as u8;
            }
        }
        true
    }

    fn is_up(&self) -> bool {
        !self.chaos.one_in(32)
    }

    fn next_deadline(&self) -> Option<VmTime> {
        self.inner.next_deadline()
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.inner.save(out);
    }

    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        self.inner.load(bytes)
    }
}
