//! What the module imports: a clock, a date, random numbers, a place for messages.

use machine::Seed;
use machine::time::HostClock;
use std::cell::Cell;

/// A call to JavaScript costs as much as a dozen instructions of the guest: the time is carried on for so long without.
const LASTS_NS: u64 = 100_000;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static INTERRUPTED: Cell<bool> = const { Cell::new(true) };
}

/// Calls to the host so far.
pub(crate) fn calls() -> u64 {
    CALLS.get()
}

fn count_call() {
    CALLS.set(CALLS.get() + 1);
}

/// Time passes that the guest's instructions do not tell of.
pub(crate) fn interrupted() {
    INTERRUPTED.set(true);
}

/// Milliseconds since some moment that does not change. JavaScript's own number, so that crossing the border makes none.
pub(crate) fn now_ms() -> f64 {
    count_call();
    imports::now_ms()
}

#[cfg(target_family = "wasm")]
mod imports {
    // SAFETY: the functions take numbers; of memory they read what pointer and length say, which callers take from slices.
    #[link(wasm_import_module = "host")]
    #[allow(unsafe_code)]
    unsafe extern "C" {
        pub(super) safe fn now_ms() -> f64;
        pub(super) safe fn epoch_seconds() -> u64;
        pub(super) safe fn random() -> u64;
        pub(super) safe fn log(text: *const u8, len: usize);
        pub(super) safe fn install(
            module: *const u8,
            len: usize,
            first: u32,
            count: u32,
            may_wait: u32,
        ) -> u32;
        pub(super) safe fn retire(first: u32, count: u32);
    }
}

/// Outside of wasm, where only tests run, time stands still.
#[cfg(not(target_family = "wasm"))]
mod imports {
    pub(super) fn now_ms() -> f64 {
        0.0
    }
    pub(super) fn epoch_seconds() -> u64 {
        0
    }
    pub(super) fn random() -> u64 {
        0
    }
    pub(super) fn log(_: *const u8, _: usize) {}
    pub(super) fn install(_: *const u8, _: usize, _: u32, _: u32, _: u32) -> u32 {
        0
    }
    pub(super) fn retire(_: u32, _: u32) {}
}

/// Seconds since 1970.
pub(crate) fn epoch_seconds() -> u64 {
    imports::epoch_seconds()
}

/// Random bytes of the host's, for a generator's seed.
pub(crate) fn seed() -> Seed {
    let mut seed = Seed::default();
    for word in seed.as_chunks_mut::<8>().0 {
        *word = imports::random().to_le_bytes();
    }
    seed
}

/// Hands a message to the host.
pub(crate) fn log(text: &str) {
    imports::log(text.as_ptr(), text.len());
}

/// Has a module made callable, whose functions fill `count` slots of the table from `first` on; later, where it `may_wait`
/// and is large. Gives what JavaScript says: `Installed` in `code.ts`.
pub(crate) fn install(module: &[u8], first: u32, count: u32, may_wait: bool) -> u32 {
    count_call();
    interrupted();
    imports::install(module.as_ptr(), module.len(), first, count, may_wait.into())
}

/// Empties slots of the table.
pub(crate) fn retire(first: u32, count: u32) {
    count_call();
    imports::retire(first, count);
}

/// The host's monotonic clock. It cannot sleep: a worker that blocks hears no message.
pub(crate) struct Clock;

impl HostClock for Clock {
    fn now_ns(&mut self) -> u64 {
        (now_ms() * 1e6) as u64
    }
    fn lasts_ns(&mut self) -> u64 {
        if INTERRUPTED.take() { 0 } else { LASTS_NS }
    }
    fn sleep(&mut self, _: u64) -> bool {
        false
    }
}
