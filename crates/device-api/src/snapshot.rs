//! Saving and restoring a device's state.

/// State as bytes. Implementations destructure their state struct without `..`, so that a new field breaks the build
/// until it is saved too.
pub trait Snapshot {
    /// Appends the state, little-endian, in an order that never depends on the host.
    fn save(&self, out: &mut Vec<u8>);
    /// Reads back what `save` wrote; `None` when the bytes are not such a state (nothing is changed then).
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()>;
}
