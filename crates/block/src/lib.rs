//! Media on the host: what [`BlockBackend`](device_api::BlockBackend) is made of.
//!
//! | back end | where the bytes are |
//! |---|---|
//! | [`Memory`] | in memory |
//! | [`RawFile`] | in a file, byte for byte |
//! | `Image` | in a disk image: qcow2, flat VMDK |
//! | [`Overlay`] | changes in memory, over any other back end |
//! | [`Deferred`] | with a host that answers requests later |
//!
//! [`open`] takes a path and finds out what the file is; [`probe`] does that for bytes.
#![forbid(unsafe_code)]

mod chunks;
mod deferred;
mod header;
mod immediate;
mod memory;
mod overlay;
mod probe;

#[cfg(not(target_family = "wasm"))]
mod open;
#[cfg(not(target_family = "wasm"))]
mod raw;

#[cfg(all(feature = "imago", not(target_family = "wasm")))]
mod check;
#[cfg(all(feature = "imago", not(target_family = "wasm")))]
mod image;
#[cfg(all(feature = "imago", not(target_family = "wasm")))]
mod vmdk;

pub use deferred::{Deferred, DeferredHandle, Request};
pub use immediate::{Immediate, Medium, check_write};
pub use memory::Memory;
pub use overlay::Overlay;
pub use probe::{Format, PROBE_BYTES, Probe, probe};

#[cfg(not(target_family = "wasm"))]
pub use open::{Options, bytes_of, format_of, is_cd, open};
#[cfg(not(target_family = "wasm"))]
pub use raw::RawFile;

#[cfg(all(feature = "imago", not(target_family = "wasm")))]
pub use image::Image;

/// Why a medium cannot be used: one line, with the file's name.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}: {reason}")]
pub struct Error {
    /// The file
    pub name: String,
    /// What is wrong and what to do
    pub reason: String,
}

impl Error {
    pub(crate) fn new(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.to_owned(), reason: reason.into() }
    }
}

/// Bytes of a sector: sizes of disks are multiples of it.
pub const SECTOR: u64 = 512;
