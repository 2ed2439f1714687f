//! zstd by its C library.

/// Fast: a machine stands still meanwhile.
const LEVEL: i32 = 1;

/// Returns a frame that holds `bytes`.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    // The buffer is as large as the worst case needs: only memory can be short, as for any vector.
    zstd::bulk::compress(bytes, LEVEL).expect("memory for a zstd context")
}

/// Returns how many bytes the frame was; `None` where it is damaged or does not fit into `out`.
pub(super) fn decompress(frame: &[u8], out: &mut [u8]) -> Option<usize> {
    zstd::bulk::decompress_to_buffer(frame, out).ok()
}
