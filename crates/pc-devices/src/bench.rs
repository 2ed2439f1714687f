//! A test bench with a little memory.

use device_api::CharBackend;
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
