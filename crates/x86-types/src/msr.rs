//! The result of an access to a model-specific register.

/// The result of RDMSR or WRMSR in the part that holds the register: the processor, its local APIC, or the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsrAccess {
    /// Done: the value read, or the value that the register holds after a write
    Handled(u64),
    /// The register belongs to another part; #GP(0) if no part has it
    NotHandled,
    /// #GP(0)
    GeneralProtection,
}

impl MsrAccess {
    /// Returns the value of an access that was done, and `None` for #GP(0), also where no part holds the register.
    #[inline]
    pub const fn value(self) -> Option<u64> {
        match self {
            Self::Handled(value) => Some(value),
            Self::NotHandled | Self::GeneralProtection => None,
        }
    }
}
