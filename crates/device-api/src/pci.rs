//! PCI functions: configuration space, base address registers, capabilities.

use crate::{Ctx, InterruptMessage, Snapshot};
use guest_memory::Region;

/// Bytes of a configuration space.
///
/// SPEC: pci-local-bus-3.0 :: 6.1 Configuration Space Organization -> 256 bytes
pub const CONFIG_BYTES: usize = 256;

/// Offsets of the standard header.
///
/// SPEC: pci-local-bus-3.0 :: 6.1 Configuration Space Organization -> Figure 6-1, type 00h header
#[allow(missing_docs, reason = "the names are those of the header's fields")]
pub mod offset {
    pub const VENDOR: u8 = 0x00;
    pub const DEVICE: u8 = 0x02;
    pub const COMMAND: u8 = 0x04;
    pub const STATUS: u8 = 0x06;
    pub const REVISION: u8 = 0x08;
    pub const CLASS: u8 = 0x09;
    pub const HEADER_TYPE: u8 = 0x0e;
    pub const BAR0: u8 = 0x10;
    pub const SUBSYSTEM_VENDOR: u8 = 0x2c;
    pub const SUBSYSTEM: u8 = 0x2e;
    pub const ROM: u8 = 0x30;
    pub const CAPABILITIES: u8 = 0x34;
    pub const INTERRUPT_LINE: u8 = 0x3c;
    pub const INTERRUPT_PIN: u8 = 0x3d;
}

bitflags::bitflags! {
    /// The command register.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.2.2 Device Control -> Table 6-1
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Command: u16 {
        /// Responds to I/O accesses
        const IO = 1;
        /// Responds to memory accesses
        const MEMORY = 1 << 1;
        /// May be bus master
        const MASTER = 1 << 2;
        /// Responds to SERR#
        const SERR = 1 << 8;
        /// INTx is not asserted
        const INTX_DISABLE = 1 << 10;
    }
}

/// Identity of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor
    pub vendor: u16,
    /// Device
    pub device: u16,
    /// Revision
    pub revision: u8,
    /// Base class, subclass and programming interface, as in `0x06_01_00`
    pub class: u32,
    /// Subsystem vendor and subsystem
    pub subsystem: (u16, u16),
    /// Other functions of the device exist
    pub multifunction: bool,
}

/// The space that a base address register decodes. Lengths are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Ports
    Io {
        /// How many
        len: u32,
    },
    /// Memory below 4 GiB
    Memory32 {
        /// Bytes
        len: u32,
        /// Reads have no side effects
        prefetchable: bool,
    },
    /// Memory anywhere; takes the next register too
    Memory64 {
        /// Bytes
        len: u64,
        /// Reads have no side effects
        prefetchable: bool,
    },
    /// The expansion ROM; its register is [`ROM_BAR`]
    Rom {
        /// Bytes
        len: u32,
    },
}

/// The index of the expansion ROM's register.
pub const ROM_BAR: usize = 6;

/// Addresses that a function answers at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which base address register; larger numbers are a function's own kinds of windows
    pub bar: u8,
    /// Ports rather than memory
    pub io: bool,
    /// First address or port
    pub start: u64,
    /// How many
    pub len: u64,
}

/// The configuration space of a function: what reads see, what writes change.
///
/// Only the values are state; which bits may be written follows from how the function built it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSpace {
    bytes: [u8; CONFIG_BYTES],
    writable: [u8; CONFIG_BYTES],
    /// Bits that a written 1 clears
    clears: [u8; CONFIG_BYTES],
    /// Values after a reset
    initial: [u8; CONFIG_BYTES],
    bars: [Option<Bar>; 7],
    msi: Option<u8>,
    next_capability: u8,
    last_capability: u8,
}

impl ConfigSpace {
    /// Returns a header without base address registers and capabilities.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.2.1 Device Identification -> vendor, device, revision, class code, header type
    /// SPEC: pci-local-bus-3.0 :: 6.2.3 Device Status -> error bits are cleared by writing ones
    pub fn new(identity: Identity) -> Self {
        let mut space = Self {
            bytes: [0; CONFIG_BYTES],
            writable: [0; CONFIG_BYTES],
            clears: [0; CONFIG_BYTES],
            initial: [0; CONFIG_BYTES],
            bars: [None; 7],
            msi: None,
            next_capability: 0x40,
            last_capability: 0,
        };
        space.set_u16(offset::VENDOR, identity.vendor);
        space.set_u16(offset::DEVICE, identity.device);
        space.set_u8(offset::REVISION, identity.revision);
        space.set_u8(offset::CLASS, identity.class as u8);
        space.set_u16(offset::CLASS + 1, (identity.class >> 8) as u16);
        space.set_u8(offset::HEADER_TYPE, u8::from(identity.multifunction) << 7);
        space.set_u16(offset::SUBSYSTEM_VENDOR, identity.subsystem.0);
        space.set_u16(offset::SUBSYSTEM, identity.subsystem.1);
        let command = Command::IO | Command::MEMORY | Command::MASTER | Command::SERR | Command::INTX_DISABLE;
        space.allow(offset::COMMAND, &command.bits().to_le_bytes());
        space.clears[usize::from(offset::STATUS) + 1] = 0xf9;
        space.allow(offset::INTERRUPT_LINE, &[0xff]);
        space
    }

    /// Adds a base address register: 0 to 5, or [`ROM_BAR`] for [`Bar::Rom`].
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.2.5.1 Address Maps -> type bits, and read-only zeros below the size
    #[must_use]
    pub fn with_bar(mut self, index: usize, bar: Bar) -> Self {
        let at = bar_offset(index);
        let (low, mask): (u32, u64) = match bar {
            Bar::Io { len } => (1, u64::from(!(len - 1))),
            Bar::Memory32 { len, prefetchable } => (u32::from(prefetchable) << 3, u64::from(!(len - 1))),
            Bar::Memory64 { len, prefetchable } => (4 | u32::from(prefetchable) << 3, !(len - 1)),
            // SPEC: pci-local-bus-3.0 :: 6.2.5.2 Expansion ROM Base Address Register -> bit 0 enables, bits 31:11 base
            Bar::Rom { len } => (0, u64::from(!(len - 1) | 1)),
        };
        self.set_u32(at, low);
        self.allow(at, &(mask as u32).to_le_bytes());
        if matches!(bar, Bar::Memory64 { .. }) {
            self.allow(at + 4, &((mask >> 32) as u32).to_le_bytes());
        }
        self.bars[index] = Some(bar);
        self
    }

    /// Sets which of INTA# to INTD# (1 to 4) the function drives.
    #[must_use]
    pub fn with_interrupt_pin(mut self, pin: u8) -> Self {
        self.set_u8(offset::INTERRUPT_PIN, pin);
        self
    }

    /// Adds a capability: its id, its bytes behind id and pointer, and which bits of these may be written. Returns its
    /// offset, or `None` where there is no room left.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.7 Capabilities List -> a linked list from offset 34h, dword aligned; status bit 4
    pub fn add_capability(&mut self, id: u8, bytes: &[u8], writable: &[u8]) -> Option<u8> {
        let at = self.next_capability;
        let end = usize::from(at) + 2 + bytes.len();
        if end > CONFIG_BYTES - 4 {
            return None;
        }
        let link = if self.last_capability == 0 { offset::CAPABILITIES } else { self.last_capability + 1 };
        self.set_u8(link, at);
        self.set_u8(at, id);
        for (n, &byte) in bytes.iter().enumerate() {
            self.set_u8(at + 2 + n as u8, byte);
        }
        self.allow(at + 2, writable);
        let status = self.u16(offset::STATUS);
        self.set_u16(offset::STATUS, status | 1 << 4);
        self.last_capability = at;
        self.next_capability = end.next_multiple_of(4) as u8;
        Some(at)
    }

    /// Adds message-signalled interrupts: one vector, 64-bit address.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.8.1 MSI Capability Structure -> control, address, upper address, data
    #[must_use]
    pub fn with_msi(mut self) -> Self {
        let mut bytes = [0; 12];
        bytes[0] = 1 << 7;
        let mut writable = [0xff; 12];
        (writable[0], writable[1], writable[2]) = (0x01, 0, 0xfc);
        self.msi = self.add_capability(5, &bytes, &writable);
        self
    }

    /// Allows writes to the bits that are set in `mask`, from `at` on.
    pub fn allow(&mut self, at: u8, mask: &[u8]) {
        for (n, &bits) in mask.iter().enumerate() {
            if let Some(byte) = self.writable.get_mut(usize::from(at) + n) {
                *byte = bits;
            }
        }
    }

    /// Has written ones clear the bits that are set in `mask`, from `at` on.
    pub fn clear_by_ones(&mut self, at: u8, mask: &[u8]) {
        for (n, &bits) in mask.iter().enumerate() {
            if let Some(byte) = self.clears.get_mut(usize::from(at) + n) {
                *byte = bits;
            }
        }
    }

    /// Takes the values as they are for those after a reset. Called once, when the function is built.
    #[must_use]
    pub fn built(mut self) -> Self {
        self.initial = self.bytes;
        self
    }

    /// RST#.
    pub fn reset(&mut self) {
        self.bytes = self.initial;
    }

    /// Returns `size` (1, 2 or 4) bytes from `at` on, which lie in one dword; bytes behind the end as ones.
    pub fn read(&self, at: u8, size: u8) -> u32 {
        (0..size.min(4)).fold(0, |value, n| {
            let byte = self.bytes.get(usize::from(at) + usize::from(n)).copied().unwrap_or(0xff);
            value | u32::from(byte) << (8 * n)
        })
    }

    /// Writes `size` bytes as software does: what is read-only stays.
    pub fn write(&mut self, at: u8, size: u8, value: u32) {
        for n in 0..size.min(4) {
            let (index, new) = (usize::from(at) + usize::from(n), (value >> (8 * n)) as u8);
            let (Some(byte), Some(&writable), Some(&clears)) =
                (self.bytes.get_mut(index), self.writable.get(index), self.clears.get(index))
            else {
                return;
            };
            *byte = (*byte & !writable | new & writable) & !(new & clears);
        }
    }

    /// Returns a byte.
    pub fn u8(&self, at: u8) -> u8 {
        self.bytes[usize::from(at)]
    }

    /// Returns a little-endian word.
    pub fn u16(&self, at: u8) -> u16 {
        self.read(at, 2) as u16
    }

    /// Returns a little-endian dword.
    pub fn u32(&self, at: u8) -> u32 {
        self.read(at, 4)
    }

    /// Sets a byte, whether software may write it or not.
    pub fn set_u8(&mut self, at: u8, value: u8) {
        self.bytes[usize::from(at)] = value;
    }

    /// Sets a word.
    pub fn set_u16(&mut self, at: u8, value: u16) {
        self.set(at, &value.to_le_bytes());
    }

    /// Sets a dword.
    pub fn set_u32(&mut self, at: u8, value: u32) {
        self.set(at, &value.to_le_bytes());
    }

    fn set(&mut self, at: u8, bytes: &[u8]) {
        for (n, &value) in bytes.iter().enumerate() {
            if let Some(byte) = self.bytes.get_mut(usize::from(at) + n) {
                *byte = value;
            }
        }
    }

    /// Returns the command register.
    pub fn command(&self) -> Command {
        Command::from_bits_truncate(self.u16(offset::COMMAND))
    }

    /// Returns the address or port in a base address register, whether it is enabled or not; `None` where there is no
    /// such register.
    pub fn base(&self, index: usize) -> Option<u64> {
        let low = u64::from(self.u32(bar_offset(index)));
        Some(match (*self.bars.get(index)?)? {
            Bar::Io { .. } => low & !3,
            Bar::Memory32 { .. } => low & !0xf,
            Bar::Memory64 { .. } => low & !0xf | u64::from(self.u32(bar_offset(index) + 4)) << 32,
            Bar::Rom { .. } => low & !0x7ff,
        })
    }

    /// Appends what the base address registers decode. A register that still holds 0, or all ones of a size probe that
    /// leaves no room, decodes nothing.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.2.2 Device Control -> I/O and memory spaces answer as the command register allows
    pub fn windows(&self, out: &mut Vec<Window>) {
        let command = self.command();
        for (index, bar) in self.bars.iter().enumerate() {
            let (Some(bar), Some(start)) = (*bar, self.base(index)) else { continue };
            let (io, len, enabled) = match bar {
                Bar::Io { len } => (true, u64::from(len), command.contains(Command::IO)),
                Bar::Memory32 { len, .. } => (false, u64::from(len), command.contains(Command::MEMORY)),
                Bar::Memory64 { len, .. } => (false, len, command.contains(Command::MEMORY)),
                Bar::Rom { len } => {
                    let on = self.u8(offset::ROM) & 1 != 0;
                    (false, u64::from(len), on && command.contains(Command::MEMORY))
                }
            };
            let last = if io { 0xffff } else { u64::MAX };
            let fits = start.checked_add(len - 1).is_some_and(|end| end <= last);
            // A 32-bit register written with ones for its size would lie at the top of the 4 GiB, over the firmware.
            let probe = !matches!(bar, Bar::Memory64 { .. }) && !io && start + len > 0xffff_f000;
            if enabled && start != 0 && fits && !probe {
                out.push(Window { bar: index as u8, io, start, len });
            }
        }
    }

    /// Returns the message to send as interrupt, where message-signalled interrupts are enabled.
    ///
    /// SPEC: pci-local-bus-3.0 :: 6.8.1.3 Message Control for MSI -> bit 0 enables
    pub fn msi(&self) -> Option<InterruptMessage> {
        let at = self.msi?;
        if self.u8(at + 2) & 1 == 0 {
            return None;
        }
        Some(InterruptMessage::from_msi(self.u32(at + 4), self.u32(at + 12)))
    }
}

/// The values alone: the shape is the function's own.
impl Snapshot for ConfigSpace {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes);
    }
    /// `None` also where the values are those of another function.
    fn load(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let (values, rest) = bytes.split_first_chunk::<CONFIG_BYTES>()?;
        let same = values[..4] == self.bytes[..4];
        if !same {
            return None;
        }
        self.bytes = *values;
        *bytes = rest;
        Some(())
    }
}

const fn bar_offset(index: usize) -> u8 {
    if index == ROM_BAR { offset::ROM } else { offset::BAR0 + 4 * (index as u8 & 7) }
}

/// A PCI function.
pub trait PciFunction {
    /// Returns the configuration space.
    fn config(&self) -> &ConfigSpace;
    /// Returns the configuration space, to change.
    fn config_mut(&mut self) -> &mut ConfigSpace;
    /// Reads `size` (1, 2 or 4) bytes, which lie in one dword.
    fn config_read(&mut self, _ctx: &mut Ctx<'_>, at: u8, size: u8) -> u32 {
        self.config().read(at, size)
    }
    /// Writes `size` bytes within one dword. The bus queries [`PciFunction::windows`] afterwards.
    fn config_write(&mut self, _ctx: &mut Ctx<'_>, at: u8, size: u8, value: u32) {
        self.config_mut().write(at, size, value);
    }
    /// Appends what the function answers now: by default its base address registers.
    fn windows(&self, out: &mut Vec<Window>) {
        self.config().windows(out);
    }
    /// Returns the bytes behind a memory window; `None` where accesses go to the function's own
    /// [`Mmio`](crate::Mmio), as with registers.
    fn backing(&self, _bar: u8) -> Option<Region> {
        None
    }
}

#[cfg(test)]
mod tests;
