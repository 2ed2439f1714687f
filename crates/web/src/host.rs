//! What the module imports: a clock, a date, random numbers, a place for messages, media and files.

use device_api::BlockError;
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

/// Time passes without guest instructions being executed.
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
    // SAFETY: the functions take numbers; they read memory only within pointer and length, which callers take from
    // slices.
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
        pub(super) safe fn epoch_ms() -> f64;
        pub(super) safe fn disk_read(number: u32, offset: u64, to: *mut u8, len: usize) -> u32;
        pub(super) safe fn disk_write(number: u32, offset: u64, from: *const u8, len: usize) -> u32;
        pub(super) safe fn disk_flush(number: u32) -> u32;
        pub(super) safe fn file(
            op: u32,
            path: *const u8,
            path_len: usize,
            data: *const u8,
            len: usize,
        ) -> u32;
        pub(super) safe fn failure(to: *mut u8, len: usize) -> usize;
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
    pub(super) fn epoch_ms() -> f64 {
        0.0
    }
    pub(super) fn disk_read(_: u32, _: u64, _: *mut u8, _: usize) -> u32 {
        super::LATER
    }
    pub(super) fn disk_write(_: u32, _: u64, _: *const u8, _: usize) -> u32 {
        super::LATER
    }
    pub(super) fn disk_flush(_: u32) -> u32 {
        super::LATER
    }
    pub(super) fn file(_: u32, _: *const u8, _: usize, _: *const u8, _: usize) -> u32 {
        0
    }
    pub(super) fn failure(_: *mut u8, _: usize) -> usize {
        0
    }
}

/// What the host answers to a request of a medium's where it has to wait. Of the other numbers 0 is done, and 2 a failure of
/// another kind than the two below.
const LATER: u32 = 1;
/// There is no room left on the host.
pub(crate) const NO_SPACE: u32 = 3;
/// The medium does not take writes.
pub(crate) const READ_ONLY: u32 = 4;

/// What the host did about a request.
pub(crate) enum DiskAnswer {
    Done,
    /// It has to wait
    Later,
    Failed(BlockError),
}

/// Bytes of a message of the host's.
const LONGEST_MESSAGE: usize = 1024;

/// Returns the host's message for what failed last.
fn failure() -> String {
    let mut text = vec![0; LONGEST_MESSAGE];
    let len = imports::failure(text.as_mut_ptr(), text.len());
    text.truncate(len);
    String::from_utf8_lossy(&text).into_owned()
}

fn answer(code: u32) -> DiskAnswer {
    count_call();
    interrupted();
    match code {
        0 => DiskAnswer::Done,
        LATER => DiskAnswer::Later,
        code => DiskAnswer::Failed(crate::disk::error(code, failure())),
    }
}

/// Reads from a medium of the host's, if it can at once.
pub(crate) fn disk_read(number: u32, offset: u64, out: &mut [u8]) -> DiskAnswer {
    answer(imports::disk_read(number, offset, out.as_mut_ptr(), out.len()))
}

/// Writes to a medium of the host's, if it can at once.
pub(crate) fn disk_write(number: u32, offset: u64, data: &[u8]) -> DiskAnswer {
    answer(imports::disk_write(number, offset, data.as_ptr(), data.len()))
}

/// Makes what was written to a medium of the host's last, if it can at once.
pub(crate) fn disk_flush(number: u32) -> DiskAnswer {
    answer(imports::disk_flush(number))
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum FileOp {
    /// It is created, or emptied
    Create = 0,
    /// Bytes are written behind its end
    Append = 1,
    /// It gets other content; the old one stays until all of the new one is there
    Replace = 2,
}

/// Writes a file.
///
/// # Errors
/// The host's message.
pub(crate) fn file(op: FileOp, path: &str, data: &[u8]) -> Result<(), String> {
    count_call();
    interrupted();
    match imports::file(op as u32, path.as_ptr(), path.len(), data.as_ptr(), data.len()) {
        0 => Ok(()),
        _ => Err(failure()),
    }
}

/// Microseconds since 1970.
pub(crate) fn epoch_us() -> u64 {
    (imports::epoch_ms() * 1e3) as u64
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

/// Makes a module callable; its functions fill `count` slots of the table from `first` on. With `may_wait` a large
/// module is compiled asynchronously. Returns JavaScript's result: `Installed` in `code.ts`.
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
