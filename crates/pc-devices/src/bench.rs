//! A test bench with a little memory.

use device_api::{CharBackend, SoundBackend, SoundFrame, VmTime, Voice};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

/// A character device that keeps what it is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(crate) fn taken(&self) -> Vec<u8> {
        self.0.lock().expect("one thread").clone()
    }
}

impl CharBackend for Sink {
    fn send(&mut self, byte: u8) {
        self.0.lock().expect("one thread").push(byte);
    }
    fn receive(&mut self) -> Option<u8> {
        None
    }
}

/// Frames that were played without a gap, when, and at which rate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Played {
    pub(crate) at: VmTime,
    pub(crate) rate: u32,
    pub(crate) frames: Vec<SoundFrame>,
}

/// An audio device that keeps what it plays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<Played>>>);

impl Ear {
    /// Returns what was played since the last call. Each call must start where the last ended, or later.
    pub(crate) fn played(&self) -> Vec<Played> {
        std::mem::take(&mut self.0.lock().expect("one thread"))
    }
}

impl SoundBackend for Ear {
    fn voice(&mut self) -> Box<dyn Voice> {
        Box::new(self.clone())
    }
}

impl Voice for Ear {
    fn play(&mut self, at: VmTime, rate: u32, frames: &[SoundFrame]) {
        let mut heard = self.0.lock().expect("one thread");
        if let Some(last) = heard.last_mut().filter(|last| last.rate == rate) {
            let end = last.at + VmTime::at_tick(last.frames.len() as u64, rate.into()).0;
            assert!(end.since(at) < 1_000_000, "{at:?} is before the end of what was played, {end:?}");
            if at.since(end) < 1_000_000 {
                last.frames.extend(frames);
                return;
            }
        }
        heard.push(Played { at, rate, frames: frames.to_vec() });
    }
}

/// See [`device_api::bench::Bench`].
pub(crate) struct Bench(device_api::bench::Bench);

impl Bench {
    pub(crate) fn new() -> Self {
        Self(device_api::bench::Bench::with_ram(1 << 20).expect("1 MiB of RAM"))
    }
}

impl Deref for Bench {
    type Target = device_api::bench::Bench;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
