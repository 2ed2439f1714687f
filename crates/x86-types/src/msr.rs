//! The result of an access to a model-specific register.

/// What RDMSR or WRMSR did, asked of whatever holds the register: the processor, its local APIC, the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsrAccess {
    /// Done: the value read, or the value that the register holds after a write
    Handled(u64),
    /// The register belongs to another part; #GP(0) where no part is left to ask
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
