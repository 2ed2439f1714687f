//! Ports, keys and bits of QEMU's firmware configuration device.

/// Selector, a word; a byte read here is data, too
pub(super) const SELECTOR: u16 = 0x510;
/// Data, a byte at a time
pub(super) const DATA: u16 = 0x511;
/// Address of a DMA request, big-endian: the upper half
pub(super) const DMA_HIGH: u16 = 0x514;
/// The lower half, which starts the request
pub(super) const DMA_LOW: u16 = 0x518;
/// Ports from the selector to the end of the DMA address
pub(super) const PORTS: u16 = 12;

/// What the DMA address reads as
pub(super) const DMA_SIGNATURE: [u8; 8] = *b"QEMU CFG";

/// Keys of items that the device has itself.
///
/// SPEC: qemu-fw-cfg :: Firmware Configuration Items -> signature, features, and the directory of files
pub(super) mod key {
    pub(in super::super) const SIGNATURE: u16 = 0x00;
    pub(in super::super) const ID: u16 = 0x01;
    pub(in super::super) const FILE_DIR: u16 = 0x19;
    /// Files, in the order of their names
    pub(in super::super) const FILE_FIRST: u16 = 0x20;
}

/// Bit of a key: the item is the architecture's own
pub(super) const ARCH_LOCAL: u16 = 0x8000;
/// Bits of a key that number the items
pub(super) const ENTRY_MASK: u16 = 0x3fff;
/// How many files there can be
pub(super) const MAX_FILES: usize = (ENTRY_MASK - key::FILE_FIRST) as usize + 1;
/// Bytes of a file's name, a zero at its end included
pub(super) const NAME_BYTES: usize = 56;
/// Content of [`key::ID`]: items can be read by ports and by DMA
pub(super) const FEATURES: u32 = 0b11;

bitflags::bitflags! {
    /// The control word of a DMA request; the upper half is a key.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Control: u32 {
        /// The request failed
        const ERROR = 1 << 0;
        /// From the item to memory
        const READ = 1 << 1;
        /// Past bytes of the item
        const SKIP = 1 << 2;
        /// Select the key first
        const SELECT = 1 << 3;
        /// From memory to the item
        const WRITE = 1 << 4;
    }
}

/// Bytes of a DMA request: control, length, address
pub(super) const REQUEST_BYTES: usize = 16;
