//! Ports, keys and bits of QEMU's firmware configuration device.

/// Selector, a word; a byte read here is data, too
pub const SELECTOR: u16 = 0x510;
/// Data, a byte at a time
pub const DATA: u16 = 0x511;
/// Address of a DMA request, big-endian: the upper half
pub const DMA_HIGH: u16 = 0x514;
/// The lower half, which starts the request
pub const DMA_LOW: u16 = 0x518;
/// Ports from the selector to the end of the DMA address
pub const PORTS: u16 = 12;

/// What the DMA address reads as
pub(super) const DMA_SIGNATURE: [u8; 8] = *b"QEMU CFG";

/// Keys of items.
#[allow(missing_docs)]
pub mod key {
    pub const SIGNATURE: u16 = 0x00;
    pub const ID: u16 = 0x01;
    pub const UUID: u16 = 0x02;
    pub const RAM_SIZE: u16 = 0x03;
    pub const NOGRAPHIC: u16 = 0x04;
    pub const NB_CPUS: u16 = 0x05;
    pub const MACHINE_ID: u16 = 0x06;
    pub const KERNEL_ADDR: u16 = 0x07;
    pub const KERNEL_SIZE: u16 = 0x08;
    pub const KERNEL_CMDLINE: u16 = 0x09;
    pub const INITRD_ADDR: u16 = 0x0a;
    pub const INITRD_SIZE: u16 = 0x0b;
    pub const BOOT_DEVICE: u16 = 0x0c;
    pub const NUMA: u16 = 0x0d;
    pub const BOOT_MENU: u16 = 0x0e;
    pub const MAX_CPUS: u16 = 0x0f;
    pub const KERNEL_ENTRY: u16 = 0x10;
    pub const KERNEL_DATA: u16 = 0x11;
    pub const INITRD_DATA: u16 = 0x12;
    pub const CMDLINE_ADDR: u16 = 0x13;
    pub const CMDLINE_SIZE: u16 = 0x14;
    pub const CMDLINE_DATA: u16 = 0x15;
    pub const SETUP_ADDR: u16 = 0x16;
    pub const SETUP_SIZE: u16 = 0x17;
    pub const SETUP_DATA: u16 = 0x18;
    pub const FILE_DIR: u16 = 0x19;
    /// Files, in the order of their names
    pub const FILE_FIRST: u16 = 0x20;
    /// Items of the x86 machine: tables of ACPI
    pub const ACPI_TABLES: u16 = 0x8000;
    pub const SMBIOS_ENTRIES: u16 = 0x8001;
    /// IRQ 0 is at input 2 of the I/O APIC
    pub const IRQ0_OVERRIDE: u16 = 0x8002;
    pub const E820_TABLE: u16 = 0x8003;
    pub const HPET: u16 = 0x8004;
}

/// Bit of a key: the item is the architecture's own
pub(super) const ARCH_LOCAL: u16 = 0x8000;
/// Bits of a key that number the items
pub(super) const ENTRY_MASK: u16 = 0x3fff;
/// How many files there can be
pub const MAX_FILES: usize = (ENTRY_MASK - key::FILE_FIRST) as usize + 1;
/// Bytes of a file's name, a zero at its end included
pub const NAME_BYTES: usize = 56;
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
