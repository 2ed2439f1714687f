//! One 8237A: registers only. Nothing requests a transfer here, so none ever runs.

use super::spec::*;
use crate::codec::codec_struct;

/// One channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Channel {
    base_address: u16,
    address: u16,
    base_count: u16,
    count: u16,
    mode: u8,
}
codec_struct!(Channel { base_address, address, base_count, count, mode });

/// State of one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    channels: [Channel; 4],
    command: u8,
    request: u8,
    mask: u8,
    /// The next byte of an address or count is the high one
    high_byte: bool,
}
codec_struct!(Chip { channels, command, request, mask, high_byte });

impl Default for Chip {
    /// SPEC: intel-8237a :: Reset -> command, status, request and the flip-flop are cleared, the mask is set
    fn default() -> Self {
        Self { channels: Default::default(), command: 0, request: 0, mask: 0x0f, high_byte: false }
    }
}

impl Chip {
    /// Takes the byte pointer: whether this access is to the high byte.
    fn pointer(&mut self) -> bool {
        self.high_byte = !self.high_byte;
        !self.high_byte
    }

    /// Reads register 0 to 15.
    pub(super) fn read(&mut self, register: u8) -> u8 {
        let channel = self.channels[usize::from(register >> 1 & 3)];
        match register & 15 {
            0..8 => {
                let value = if register & 1 == 0 { channel.address } else { channel.count };
                value.to_le_bytes()[usize::from(self.pointer())]
            }
            COMMAND => self.request << 4,
            // The temporary register: memory-to-memory transfers do not exist on a PC.
            MASTER_CLEAR => 0,
            ALL_MASK => 0xf0 | self.mask,
            _ => 0xff,
        }
    }

    /// Writes register 0 to 15.
    pub(super) fn write(&mut self, register: u8, value: u8) {
        let bit = 1 << (value & 3);
        match register & 15 {
            0..8 => {
                let high = usize::from(self.pointer());
                let channel = &mut self.channels[usize::from(register >> 1 & 3)];
                let (base, current) = if register & 1 == 0 {
                    (&mut channel.base_address, &mut channel.address)
                } else {
                    (&mut channel.base_count, &mut channel.count)
                };
                // SPEC: intel-8237a :: Base Address and Base Word Count Registers -> base and current are written together
                let mut bytes = base.to_le_bytes();
                bytes[high] = value;
                *base = u16::from_le_bytes(bytes);
                let mut bytes = current.to_le_bytes();
                bytes[high] = value;
                *current = u16::from_le_bytes(bytes);
            }
            COMMAND => self.command = value,
            REQUEST => self.request = if value & 4 != 0 { self.request | bit } else { self.request & !bit },
            SINGLE_MASK => self.mask = if value & 4 != 0 { self.mask | bit } else { self.mask & !bit },
            MODE => self.channels[usize::from(value & 3)].mode = value & !3,
            CLEAR_POINTER => self.high_byte = false,
            // SPEC: intel-8237a :: Software Commands -> master clear has the effect of RESET on these registers
            MASTER_CLEAR => *self = Self { channels: self.channels, ..Self::default() },
            CLEAR_MASK => self.mask = 0,
            _ => self.mask = value & 0x0f,
        }
    }
}

/// Both controllers and the page registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dma {
    low: Chip,
    high: Chip,
    pages: [u8; PAGE_COUNT as usize],
}
codec_struct!(Dma { low, high, pages });

impl Dma {
    pub(super) fn read_port(&mut self, port: u16) -> u8 {
        match port {
            LOW..0x10 => self.low.read(port as u8),
            HIGH..0xe0 => self.high.read(((port - HIGH) >> 1) as u8),
            _ => self.pages.get(usize::from(port.wrapping_sub(PAGES))).copied().unwrap_or(0xff),
        }
    }

    pub(super) fn write_port(&mut self, port: u16, value: u8) {
        match port {
            LOW..0x10 => self.low.write(port as u8, value),
            HIGH..0xe0 => self.high.write(((port - HIGH) >> 1) as u8, value),
            _ => {
                if let Some(page) = self.pages.get_mut(usize::from(port.wrapping_sub(PAGES))) {
                    *page = value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_counts_go_through_the_byte_pointer() {
        for (controller, step) in [(LOW, 1), (HIGH, 2)] {
            let mut dma = Dma::default();
            dma.write_port(controller + 12 * step, 0);
            for register in 0..8 {
                dma.write_port(controller + register * step, register as u8);
                dma.write_port(controller + register * step, 0x80 + register as u8);
            }
            for register in 0..8 {
                assert_eq!(dma.read_port(controller + register * step), register as u8);
                assert_eq!(dma.read_port(controller + register * step), 0x80 + register as u8);
            }
            // One byte moved leaves the pointer at the high byte, until it is cleared.
            dma.read_port(controller);
            assert_eq!(dma.read_port(controller + 2 * step), 0x82);
            dma.read_port(controller);
            dma.write_port(controller + 12 * step, 0);
            assert_eq!(dma.read_port(controller), 0);
        }
    }

    #[test]
    fn mask_and_request_bits() {
        // Register, value, mask and status after it
        let table = [
            (CLEAR_MASK, 0, 0xf0, 0x00),
            (SINGLE_MASK, 0x06, 0xf4, 0x00),
            (ALL_MASK, 0x0b, 0xfb, 0x00),
            (SINGLE_MASK, 0x01, 0xf9, 0x00),
            (REQUEST, 0x05, 0xf9, 0x20),
            (REQUEST, 0x01, 0xf9, 0x00),
            (REQUEST, 0x07, 0xf9, 0x80),
            (MASTER_CLEAR, 0, 0xff, 0x00),
        ];
        let mut chip = Chip::default();
        assert_eq!(chip.read(ALL_MASK), 0xff);
        for (register, value, mask, status) in table {
            chip.write(register, value);
            assert_eq!((chip.read(ALL_MASK), chip.read(COMMAND)), (mask, status), "{register:#x} {value:#x}");
        }
    }

    #[test]
    fn page_registers_hold_what_is_written() {
        let mut dma = Dma::default();
        for port in 0x81..0x90 {
            dma.write_port(port, port as u8);
        }
        for port in 0x81..0x90 {
            assert_eq!(dma.read_port(port), port as u8);
        }
        assert_eq!((dma.read_port(0x80), dma.read_port(0x90)), (0xff, 0xff));
    }
}
