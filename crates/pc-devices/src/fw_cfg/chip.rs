//! The selected item, how far it was read, and DMA requests.

use super::items::Items;
use super::spec::*;
use crate::codec::codec_struct;

/// State.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) items: Items,
    selected: u16,
    /// Bytes of the item that were read
    offset: u32,
    /// Upper half of the next request's address
    dma_high: u32,
}
codec_struct!(Chip { items, selected, offset, dma_high });

/// The operation of a DMA request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    control: Control,
    key: u16,
    length: u32,
    /// Where bytes go in guest memory
    address: u64,
}

impl Request {
    pub(super) fn new(bytes: [u8; REQUEST_BYTES]) -> Self {
        let [c0, c1, c2, c3, l0, l1, l2, l3, address @ ..] = bytes;
        let control = u32::from_be_bytes([c0, c1, c2, c3]);
        Self {
            control: Control::from_bits_truncate(control),
            key: (control >> 16) as u16,
            length: u32::from_be_bytes([l0, l1, l2, l3]),
            address: u64::from_be_bytes(address),
        }
    }
}

/// What a DMA request does to guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transfer<'a> {
    /// First address
    pub(super) address: u64,
    /// Bytes of the item
    pub(super) bytes: &'a [u8],
    /// How many zeros follow them
    pub(super) zeros: u32,
}

impl Chip {
    /// The items stay: they are the machine's.
    pub(super) fn reset(&mut self) {
        (self.selected, self.offset, self.dma_high) = (key::SIGNATURE, 0, 0);
    }

    pub(super) fn select(&mut self, key: u16) {
        (self.selected, self.offset) = (key, 0);
    }

    /// Returns the next byte of the selected item, 0 behind its end.
    pub(super) fn read(&mut self) -> u8 {
        let byte = self.items.get(self.selected).and_then(|item| item.get(self.offset as usize));
        let byte = byte.copied();
        self.offset = self.offset.saturating_add(u32::from(byte.is_some()));
        byte.unwrap_or(0)
    }

    pub(super) fn set_dma_high(&mut self, value: u32) {
        self.dma_high = value;
    }

    /// Returns the address of the request that the lower half starts.
    pub(super) fn dma_address(&mut self, low: u32) -> u64 {
        u64::from(std::mem::take(&mut self.dma_high)) << 32 | u64::from(low)
    }

    /// Serves a request. Returns what it does to memory, and whether it succeeds. Behind the end of an item zeros are
    /// read; no item takes writes.
    pub(super) fn serve(&mut self, request: Request) -> (Option<Transfer<'_>>, bool) {
        let Request { control, key, length, address } = request;
        if control.contains(Control::SELECT) {
            self.select(key);
        }
        let reads = control.contains(Control::READ);
        let writes = control.contains(Control::WRITE) && !reads;
        if !reads && !writes && !control.contains(Control::SKIP) {
            return (None, true);
        }
        if writes {
            return (None, length == 0);
        }
        let item = self.items.get(self.selected).unwrap_or(&[]);
        let rest = item.get(self.offset as usize..).unwrap_or(&[]);
        let len = rest.len().min(length as usize);
        self.offset = self.offset.saturating_add(len as u32);
        let transfer = Transfer { address, bytes: &rest[..len], zeros: length - len as u32 };
        (reads.then_some(transfer), true)
    }
}
