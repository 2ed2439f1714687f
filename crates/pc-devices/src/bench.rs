//! A test bench with a little memory.

use std::ops::{Deref, DerefMut};

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
