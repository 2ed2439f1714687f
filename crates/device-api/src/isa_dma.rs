//! DMA over the ISA bus: the controller has the addresses, the peripheral the data.

use crate::Ctx;
use x86_types::GuestPhysAddr;

/// Which way bytes go.
///
/// SPEC: intel-8237a :: Mode Register -> transfer type: write to memory, read from memory, verify
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaDirection {
    /// From the peripheral to memory (a "write" transfer)
    ToMemory,
    /// From memory to the peripheral (a "read" transfer)
    FromMemory,
    /// Cycles without data
    Verify,
}

/// What a channel may move now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaTransfer {
    /// 0 to 7
    pub channel: u8,
    /// Where the next byte goes
    pub address: GuestPhysAddr,
    /// Bytes until the terminal count, or until the address wraps
    pub len: u32,
    /// Which way
    pub direction: DmaDirection,
    /// Addresses go down
    pub decrement: bool,
}

/// The 8237A pair.
pub trait DmaController {
    /// Returns what the first channel may move that is requested (a bit for each channel in `requests`) and not masked.
    fn transfer(&mut self, requests: u8) -> Option<DmaTransfer>;
    /// `bytes` of the channel's transfer were moved. Returns whether that reached the terminal count.
    fn moved(&mut self, channel: u8, bytes: u32) -> bool;
}

/// A device that moves bytes by a DMA channel while it holds its request line high
/// ([`Pins::dma_request`](crate::Pins::dma_request)).
pub trait DmaPeripheral {
    /// Returns the channel, 0 to 7.
    fn channel(&self) -> u8;
    /// Gives up to `bytes.len()` bytes to memory. Returns how many; with 0 the transfer waits for the next request.
    fn to_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &mut [u8]) -> usize;
    /// Takes bytes from memory. Returns how many.
    #[expect(clippy::wrong_self_convention, reason = "from memory to the peripheral, not a conversion")]
    fn from_memory(&mut self, ctx: &mut Ctx<'_>, bytes: &[u8]) -> usize;
    /// The controller drives TC with the last byte.
    fn terminal_count(&mut self, ctx: &mut Ctx<'_>);
}
