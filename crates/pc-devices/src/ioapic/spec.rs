//! Names from the 82093AA data sheet (and the EOI register that its successors in the ICH add).
#![allow(missing_docs, reason = "the names are the data sheet's own")]

use bitflags::bitflags;

/// Where the register window is.
pub const BASE: u64 = 0xfec0_0000;

/// Inputs.
pub const INPUTS: usize = 24;

/// Offsets of the registers that are reached directly.
///
/// SPEC: intel-82093aa :: 3.1 Memory Mapped Registers for Accessing IOAPIC Registers -> IOREGSEL and IOWIN
pub mod window {
    pub const IOREGSEL: u64 = 0x00;
    pub const IOWIN: u64 = 0x10;
    /// SPEC: intel-ich9 :: 13.5 Advanced Programmable Interrupt Controller (APIC) -> a vector written here ends it
    pub const EOI: u64 = 0x40;
}

/// Indices that IOREGSEL selects.
///
/// SPEC: intel-82093aa :: 3.2 IOAPIC Registers -> ID, version, arbitration, two doublewords for each redirection entry
pub mod index {
    pub const ID: u8 = 0x00;
    pub const VERSION: u8 = 0x01;
    pub const ARBITRATION: u8 = 0x02;
    pub const REDIRECTION: u8 = 0x10;
}

/// Version 20H (it has an EOI register), highest entry 23.
pub const VERSION: u32 = 0x20 | (INPUTS as u32 - 1) << 16;

bitflags! {
    /// SPEC: intel-82093aa :: 3.2.4 I/O Redirection Table Registers -> the fields of an entry
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Entry: u64 {
        const VECTOR = 0xff;
        const DELIVERY = 7 << 8;
        const LOGICAL = 1 << 11;
        const STATUS = 1 << 12;
        const POLARITY = 1 << 13;
        const REMOTE_IRR = 1 << 14;
        const LEVEL = 1 << 15;
        const MASKED = 1 << 16;
        const DESTINATION = 0xff << 56;
    }
}

impl Entry {
    /// Delivery status and remote IRR are read-only.
    pub const WRITABLE: Entry = Entry::all().difference(Entry::STATUS).difference(Entry::REMOTE_IRR);
}
