//! Saving and restoring a device's state.

use snapshot::Codec;

/// State as bytes. Implementations destructure their state struct without `..`, so that a new field breaks the build
/// until it is saved too.
pub trait Snapshot {
    /// Returns the version of the layout of what `save` writes. It changes with the layout.
    fn version(&self) -> u16 {
        1
    }
    /// Appends the state, little-endian, in an order that never depends on the host.
    fn save(&self, out: &mut Vec<u8>);
    /// Reads back what `save` wrote. Returns `None` when the bytes are not such a state (nothing is changed then).
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()>;
}

impl Codec for crate::VmTime {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn get(bytes: &mut &[u8]) -> Option<Self> {
        u64::get(bytes).map(Self)
    }
}
