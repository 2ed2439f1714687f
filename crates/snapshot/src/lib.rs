//! Saved states. [`Codec`] is how values become bytes; with the feature `file`, [`Writer`] and [`Reader`] are the file
//! that holds them: sections with a tag, a version and a length, between a header and a checksum.
//!
//! Everything is little-endian and independent of the host, so that a state moves between hosts.
#![cfg_attr(not(any(feature = "file", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod codec;
#[cfg(feature = "file")]
mod compress;
#[cfg(feature = "file")]
mod description;
#[cfg(feature = "file")]
mod error;
#[cfg(feature = "file")]
mod reader;
#[cfg(feature = "file")]
mod writer;

pub use codec::{Codec, from_bytes, to_bytes};
#[cfg(feature = "file")]
pub use compress::{CompressedSection, Decompressor};
#[cfg(feature = "file")]
pub use description::Description;
#[cfg(feature = "file")]
pub use error::{MachineDifference, SnapshotError};
#[cfg(feature = "file")]
pub use reader::{Reader, Section};
#[cfg(feature = "file")]
pub use writer::Writer;

/// What values are appended to.
pub type Bytes = alloc::vec::Vec<u8>;

/// The first bytes of every saved state.
pub const MAGIC: [u8; 8] = *b"v64state";
/// The version of the file's frame. Sections have versions of their own.
pub const FORMAT: u32 = 1;
