//! Fresh pages of the module's own memory. The allocator is not used: it would clear pages that are zero already.

use core::arch::wasm64::memory_grow;

const WASM_PAGE: usize = 1 << 16;

/// Zeros that cost nothing until they are touched. They are never given back: linear memory does not shrink, and a module
/// has one machine.
pub(crate) struct Reserved(*mut u8);

impl Reserved {
    /// SPEC: wasm-3.0-core :: 4.4.7 Memory Instructions -> memory.grow gives the old size in pages, or -1 where the host refuses
    pub(crate) fn new(len: usize) -> std::io::Result<Self> {
        let pages = len.div_ceil(WASM_PAGE);
        match memory_grow::<0>(pages) {
            usize::MAX => Err(std::io::Error::from(std::io::ErrorKind::OutOfMemory)),
            before => Ok(Self((before * WASM_PAGE) as *mut u8)),
        }
    }

    #[inline(always)]
    pub(crate) fn start(&self) -> *mut u8 {
        self.0
    }
}
