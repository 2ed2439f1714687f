//! Names of the parallel port's registers.

use bitflags::bitflags;

/// Registers, as offsets from the first port
pub(super) mod offset {
    pub(crate) const DATA: u16 = 0;
    pub(crate) const STATUS: u16 = 1;
    pub(crate) const CONTROL: u16 = 2;
}

/// How many ports
pub(super) const PORTS: u16 = 3;

bitflags! {
    /// Status register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Status: u8 {
        /// Timeout of the enhanced modes
        const TIMEOUT = 1 << 0;
        /// -ERROR: no error
        const NO_ERROR = 1 << 3;
        /// SLCT: the printer is on line
        const ON_LINE = 1 << 4;
        /// PE: out of paper
        const NO_PAPER = 1 << 5;
        /// -ACK: high between acknowledgements
        const NO_ACK = 1 << 6;
        /// -BUSY: the printer can take a byte
        const READY = 1 << 7;
    }

    /// Control register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Control: u8 {
        /// The byte is valid
        const STROBE = 1 << 0;
        const AUTO_FEED = 1 << 1;
        /// -INIT: low resets the printer
        const NOT_INIT = 1 << 2;
        const SELECT = 1 << 3;
        /// Interrupt with the acknowledgement
        const INTERRUPT = 1 << 4;
        /// The data lines are inputs
        const INPUT = 1 << 5;
        /// Read as ones
        const ONES = 3 << 6;
    }
}
