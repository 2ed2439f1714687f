//! Address space of the process, backed by pages as they are touched.

use memmap2::{MmapOptions, MmapRaw};

/// Zeros that cost nothing until they are touched.
pub(crate) struct Reserved(MmapRaw);

impl Reserved {
    pub(crate) fn new(len: usize) -> std::io::Result<Self> {
        MmapOptions::new().len(len).no_reserve_swap().map_anon().map(|map| Self(map.into()))
    }

    #[inline(always)]
    pub(crate) fn start(&self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
}
