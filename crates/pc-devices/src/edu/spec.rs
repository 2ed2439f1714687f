//! Registers of QEMU's educational device.

use bitflags::bitflags;

/// The device's identification: version 1.0 and the letters
pub(super) const IDENTIFICATION_VALUE: u32 = 0x0100_00ed;
/// Size of its registers and its buffer in memory
pub(super) const MEMORY_LEN: u32 = 1 << 20;
/// Where its buffer begins in its own addresses, for transfers
pub(super) const BUFFER_START: u64 = 0x4_0000;
/// Bytes of the buffer
pub(super) const BUFFER_LEN: usize = 4096;
/// Registers below take accesses of 32 bits alone; those from here on 64 bits too
pub(super) const WIDE_REGISTERS: u64 = 0x80;

/// Which device it is; read only
pub(super) const IDENTIFICATION: u64 = 0x00;
/// Returns the complement of what was written
pub(super) const LIVENESS: u64 = 0x04;
/// A number, then its factorial modulo 2^32
pub(super) const FACTORIAL: u64 = 0x08;
/// [`Status`]
pub(super) const STATUS: u64 = 0x20;
/// What interrupts for
pub(super) const INTERRUPT_STATUS: u64 = 0x24;
/// Sets bits of the interrupt status
pub(super) const INTERRUPT_RAISE: u64 = 0x60;
/// Clears bits of the interrupt status
pub(super) const INTERRUPT_ACKNOWLEDGE: u64 = 0x64;
/// Source of a transfer
pub(super) const DMA_SOURCE: u64 = 0x80;
/// Destination of a transfer
pub(super) const DMA_DESTINATION: u64 = 0x88;
/// Bytes to transfer
pub(super) const DMA_COUNT: u64 = 0x90;
/// [`DmaCommand`]
pub(super) const DMA_COMMAND: u64 = 0x98;

/// The factorial is there
pub(super) const FACTORIAL_DONE: u32 = 0x001;
/// The transfer has ended
pub(super) const DMA_DONE: u32 = 0x100;

bitflags! {
    /// State of the computation.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Status: u32 {
        /// A factorial is being computed; read only
        const COMPUTING = 1 << 0;
        /// Interrupt when it is there
        const INTERRUPT = 1 << 7;
    }
}

bitflags! {
    /// Command of the bus master.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct DmaCommand: u64 {
        /// Start; reads as one until the transfer has ended
        const RUN = 1 << 0;
        /// From the buffer to RAM, otherwise from RAM to the buffer
        const TO_RAM = 1 << 1;
        /// Interrupt at the end
        const INTERRUPT = 1 << 2;
        const _ = !0;
    }
}
