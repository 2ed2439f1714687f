//! zstd in Rust.

use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Returns a frame that holds `bytes`.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Returns how many bytes the frame was; `None` where it is damaged or does not fit into `out`.
pub(super) fn decompress(frame: &[u8], out: &mut [u8]) -> Option<usize> {
    FrameDecoder::new().decode_all(frame, out).ok()
}
