//! Why a saved state is rejected. Each message is one line with the cause and what to do.

use crate::FORMAT;
use thiserror::Error;

/// A property in which the saved machine and this one differ.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MachineDifference {
    /// Both have it, with different values
    #[error("its {name} is {saved}, this one's {here}")]
    Value {
        /// Which property
        name: String,
        /// As saved
        saved: String,
        /// As built
        here: String,
    },
    /// The saved machine has more
    #[error("it has {name}, which this one has not")]
    OnlySaved {
        /// Which property
        name: String,
    },
    /// This machine has more
    #[error("it has no {name}, which this one has")]
    OnlyHere {
        /// Which property
        name: String,
    },
}

/// Why a saved state is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// Something else altogether
    #[error("this is not a saved state of v64; give a file that --save-state wrote")]
    NotASnapshot,
    /// Another version of the file's frame
    #[error(
        "the saved state has format {found}, this program reads {FORMAT}; use the version of v64 that saved it"
    )]
    Format {
        /// The value in the file
        found: u32,
    },
    /// The end is missing
    #[error("the saved state is incomplete: its end is missing after {len} bytes; save or copy it again")]
    Truncated {
        /// How long it is
        len: u64,
    },
    /// The checksum does not match
    #[error("the saved state is damaged: its checksum is wrong; save or copy it again")]
    Checksum,
    /// The frame contradicts itself
    #[error("the saved state is damaged at byte {at}; save or copy it again")]
    Frame {
        /// Where
        at: u64,
    },
    /// A section that is needed is not there
    #[error("the saved state has no section {tag}; use the version of v64 that saved it")]
    Missing {
        /// Which
        tag: String,
    },
    /// A section of another version
    #[error(
        "section {tag} of the saved state has version {found}, this program reads {expected}; use the version of v64 that saved it"
    )]
    Version {
        /// Which
        tag: String,
        /// The value in the file
        found: u16,
        /// What is read here
        expected: u16,
    },
    /// A section with invalid content
    #[error("section {tag} of the saved state is damaged; save or copy it again")]
    Content {
        /// Which
        tag: String,
    },
    /// A state of a machine that is built differently
    #[error("the saved state is of another machine: {0}; give the options that it was saved with")]
    OtherMachine(MachineDifference),
}
