//! Names from the NS16550A data sheet.
#![allow(missing_docs, reason = "the names are the data sheet's own")]

use bitflags::bitflags;

/// Register offsets.
///
/// SPEC: ns16550a :: 8.0 Registers -> register addresses; DLAB turns 0 and 1 into the divisor latch
pub mod offset {
    pub const RBR_THR_DLL: u16 = 0;
    pub const IER_DLM: u16 = 1;
    pub const IIR_FCR: u16 = 2;
    pub const LCR: u16 = 3;
    pub const MCR: u16 = 4;
    pub const LSR: u16 = 5;
    pub const MSR: u16 = 6;
    pub const SCR: u16 = 7;
}

/// Ports a UART occupies.
pub const PORTS: u16 = 8;

/// Bytes in each FIFO.
pub const FIFO_SIZE: usize = 16;

/// The crystal of a PC's UART in Hz; 16 clocks and the divisor make a bit.
pub const CLOCK_HZ: u64 = 1_843_200;

bitflags! {
    /// SPEC: ns16550a :: 8.7 Interrupt Enable Register -> the four sources
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ier: u8 {
        const RECEIVED_DATA = 1 << 0;
        const TRANSMITTER_EMPTY = 1 << 1;
        const LINE_STATUS = 1 << 2;
        const MODEM_STATUS = 1 << 3;
    }

    /// SPEC: ns16550a :: 8.5 FIFO Control Register -> enable, resets; bits 7:6 are the receive trigger
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Fcr: u8 {
        const ENABLE = 1 << 0;
        const CLEAR_RECEIVE = 1 << 1;
        const CLEAR_TRANSMIT = 1 << 2;
        const DMA_MODE = 1 << 3;
        const TRIGGER = 3 << 6;
    }

    /// SPEC: ns16550a :: 8.1 Line Control Register -> word length, stop bits, parity, break, DLAB
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lcr: u8 {
        const WORD_LENGTH = 3;
        const STOP_BITS = 1 << 2;
        const PARITY = 1 << 3;
        const BREAK = 1 << 6;
        const DLAB = 1 << 7;
    }

    /// SPEC: ns16550a :: 8.8 Modem Control Register -> outputs and loopback
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mcr: u8 {
        const DTR = 1 << 0;
        const RTS = 1 << 1;
        const OUT1 = 1 << 2;
        const OUT2 = 1 << 3;
        const LOOP = 1 << 4;
    }

    /// SPEC: ns16550a :: 8.4 Line Status Register -> data ready, errors, transmitter state
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lsr: u8 {
        const DR = 1 << 0;
        const OE = 1 << 1;
        const THRE = 1 << 5;
        const TEMT = 1 << 6;
    }

    /// SPEC: ns16550a :: 8.9 Modem Status Register -> inputs and what changed since the last read
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Msr: u8 {
        const DCTS = 1 << 0;
        const DDSR = 1 << 1;
        const TERI = 1 << 2;
        const DDCD = 1 << 3;
        const CTS = 1 << 4;
        const DSR = 1 << 5;
        const RI = 1 << 6;
        const DCD = 1 << 7;
        const DELTAS = 0x0f;
        const LINES = 0xf0;
    }
}

/// Interrupt identification, bits 3:0 of IIR.
///
/// SPEC: ns16550a :: 8.6 Interrupt Identification Register -> the sources by priority
pub mod iir {
    pub const LINE_STATUS: u8 = 0x06;
    pub const RECEIVED_DATA: u8 = 0x04;
    pub const TIMEOUT: u8 = 0x0c;
    pub const TRANSMITTER_EMPTY: u8 = 0x02;
    pub const MODEM_STATUS: u8 = 0x00;
    pub const NONE: u8 = 0x01;
    /// Bits 7:6 while the FIFOs are on
    pub const FIFOS: u8 = 0xc0;
}
