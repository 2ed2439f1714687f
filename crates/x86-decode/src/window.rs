//! The bytes that an instruction is decoded from: always as many as the longest could reach.

/// Longest instruction in bytes.
///
/// SPEC: intel-sdm-vol2 :: 2.3.11 Intel® AVX Instruction Length -> 15 bytes, with VEX as without; more is #GP
pub(crate) const MAX_LEN: usize = 15;

/// Bytes that are looked at: eight may be read from any of the first sixteen.
pub(crate) const WINDOW: usize = 24;

/// Code from an instruction's first byte on. Reading behind [`MAX_LEN`] gives some byte or other: such an instruction is too
/// long whatever the bytes are.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a>(pub(crate) &'a [u8; WINDOW]);

impl Window<'_> {
    #[inline(always)]
    pub(crate) fn u8(&self, at: usize) -> u8 {
        self.0[at & MAX_LEN]
    }

    /// Eight bytes, little end first.
    #[inline(always)]
    pub(crate) fn u64(&self, at: usize) -> u64 {
        let at = at & MAX_LEN;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[at..at + 8]);
        u64::from_le_bytes(bytes)
    }
}
