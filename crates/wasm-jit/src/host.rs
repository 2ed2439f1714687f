//! How modules become callable: the one thing that differs between a browser, Node and a native runtime.

/// A place that holds an installed module; what it names is the host's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u32);

/// Why a host could not install a module.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The module is not valid, or lacks what was promised
    #[error("the host refused a compiled module: {0}")]
    Refused(String),
    /// There is no place left: retire something first
    #[error("no slot is left for a compiled module")]
    Full,
}

/// Compiles and instantiates modules. Calling them is not part of this: how that is done decides speed.
pub trait CodeHost {
    /// Makes a module callable.
    ///
    /// # Errors
    /// [`HostError`]; nothing was installed then.
    fn install(&mut self, module: &[u8]) -> Result<Slot, HostError>;

    /// Drops a module. Its code is not running.
    fn retire(&mut self, slot: Slot);
}
