//! One 8237A, and the two of a PC with their page registers.

use super::spec::*;
use crate::codec::codec_struct;
use device_api::{DmaDirection, DmaTransfer};
use x86_types::GuestPhysAddr;

/// One channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Channel {
    base_address: u16,
    address: u16,
    base_count: u16,
    count: u16,
    mode: Mode,
}
codec_struct!(Channel { base_address, address, base_count, count, mode });

impl Channel {
    fn cascades(&self) -> bool {
        self.mode.contains(Mode::CASCADE)
    }

    /// SPEC: intel-8237a :: Mode Register -> transfer type: 00 verify, 01 write to memory, 10 read from memory, 11 illegal
    fn direction(&self) -> Option<DmaDirection> {
        match (self.mode.contains(Mode::WRITE), self.mode.contains(Mode::READ)) {
            (false, false) => Some(DmaDirection::Verify),
            (true, false) => Some(DmaDirection::ToMemory),
            (false, true) => Some(DmaDirection::FromMemory),
            (true, true) => None,
        }
    }

    /// Returns how many transfers are left until the terminal count.
    fn left(&self) -> u32 {
        u32::from(self.count) + 1
    }

    /// Returns how many transfers are left until the address wraps.
    fn until_wrap(&self) -> u32 {
        if self.mode.contains(Mode::DECREMENT) {
            u32::from(self.address) + 1
        } else {
            0x1_0000 - u32::from(self.address)
        }
    }

    /// `transfers` were made. Returns whether the terminal count was reached.
    ///
    /// SPEC: intel-8237a :: Current Word Register -> one more transfer than the count; TC when it goes from 0 to FFFFh
    fn advance(&mut self, transfers: u32) -> bool {
        let ended = transfers >= self.left();
        let transfers = transfers as u16;
        self.count = self.count.wrapping_sub(transfers);
        self.address = if self.mode.contains(Mode::DECREMENT) {
            self.address.wrapping_sub(transfers)
        } else {
            self.address.wrapping_add(transfers)
        };
        if ended && self.mode.contains(Mode::AUTOINITIALIZE) {
            (self.address, self.count) = (self.base_address, self.base_count);
        }
        ended
    }
}

/// State of one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chip {
    channels: [Channel; 4],
    command: u8,
    request: u8,
    mask: u8,
    /// Terminal counts since status was read
    reached: u8,
    /// The channel with the highest priority, where it rotates
    first: u8,
    /// The next byte of an address or count is the high one
    high_byte: bool,
}
codec_struct!(Chip { channels, command, request, mask, reached, first, high_byte });

impl Default for Chip {
    /// SPEC: intel-8237a :: Reset -> command, status, request and the flip-flop are cleared, the mask is set
    fn default() -> Self {
        Self {
            channels: Default::default(),
            command: 0,
            request: 0,
            mask: 0x0f,
            reached: 0,
            first: 0,
            high_byte: false,
        }
    }
}

impl Chip {
    /// Takes the byte pointer: whether this access is to the high byte.
    fn pointer(&mut self) -> bool {
        self.high_byte = !self.high_byte;
        !self.high_byte
    }

    fn channel(&mut self, channel: u8) -> &mut Channel {
        &mut self.channels[usize::from(channel & 3)]
    }

    /// Reads register 0 to 15; `requested` has a bit for each channel whose request line is high.
    pub(super) fn read(&mut self, register: u8, requested: u8) -> u8 {
        let channel = *self.channel(register >> 1);
        match register & 15 {
            0..8 => {
                let value = if register & 1 == 0 { channel.address } else { channel.count };
                value.to_le_bytes()[usize::from(self.pointer())]
            }
            // SPEC: intel-8237a :: Status Register -> 7:4 what is requested, 3:0 terminal counts, cleared by reading
            COMMAND => (self.request | requested & 15) << 4 | std::mem::take(&mut self.reached),
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
                let channel = self.channel(register >> 1);
                let (base, current) = if register & 1 == 0 {
                    (&mut channel.base_address, &mut channel.address)
                } else {
                    (&mut channel.base_count, &mut channel.count)
                };
                // SPEC: intel-8237a :: Base Address and Base Word Count Registers -> base and current are written together
                for register in [base, current] {
                    let mut bytes = register.to_le_bytes();
                    bytes[high] = value;
                    *register = u16::from_le_bytes(bytes);
                }
            }
            COMMAND => self.command = value,
            // SPEC: intel-8237a :: Request Register -> it is shown as a request. The peripherals of a PC wait for their own lines, so nothing moves by it alone
            REQUEST => self.request = if value & 4 != 0 { self.request | bit } else { self.request & !bit },
            SINGLE_MASK => self.mask = if value & 4 != 0 { self.mask | bit } else { self.mask & !bit },
            MODE => self.channel(value).mode = Mode::from_bits_truncate(value & !3),
            CLEAR_POINTER => self.high_byte = false,
            // SPEC: intel-8237a :: Software Commands -> master clear has the effect of RESET on these registers
            MASTER_CLEAR => *self = Self { channels: self.channels, ..Self::default() },
            CLEAR_MASK => self.mask = 0,
            _ => self.mask = value & 0x0f,
        }
    }

    /// Returns the first channel that is requested and may be served.
    ///
    /// SPEC: intel-8237a :: Priority -> fixed, channel 0 first; or rotating, the channel last served last
    fn served(&self, requested: u8) -> Option<u8> {
        if self.command & DISABLE != 0 {
            return None;
        }
        let first = if self.command & ROTATING != 0 { self.first } else { 0 };
        (0..4).map(|n| (first + n) & 3).find(|channel| requested & !self.mask & 1 << channel != 0)
    }

    /// `transfers` of a channel were made. Returns whether the terminal count was reached.
    ///
    /// SPEC: intel-8237a :: Mask Register -> a channel that reaches TC without autoinitialize is masked
    fn moved(&mut self, channel: u8, transfers: u32) -> bool {
        let bit = 1 << (channel & 3);
        self.first = (channel + 1) & 3;
        let ended = self.channel(channel).advance(transfers);
        if ended {
            self.reached |= bit;
            self.request &= !bit;
            if !self.channel(channel).mode.contains(Mode::AUTOINITIALIZE) {
                self.mask |= bit;
            }
        }
        ended
    }
}

/// Both controllers and the page registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dma {
    low: Chip,
    high: Chip,
    pages: [u8; PAGE_COUNT as usize],
}
codec_struct!(Dma { low, high, pages });

impl Default for Dma {
    /// The state that firmware sets up: channel 4 cascades the requests of channels 0 to 3.
    fn default() -> Self {
        let mut high = Chip { mask: 0x0e, ..Chip::default() };
        high.channel(0).mode = Mode::CASCADE;
        Self { low: Chip::default(), high, pages: [0; PAGE_COUNT as usize] }
    }
}

impl Dma {
    pub(super) fn read_port(&mut self, port: u16, requests: u8) -> u8 {
        match port {
            LOW..0x10 => self.low.read(port as u8, requests & 15),
            HIGH..0xe0 => self.high.read(((port - HIGH) >> 1) as u8, requests >> 4),
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

    /// Returns what the channel that is served first may move.
    ///
    /// SPEC: intel-8237a :: Cascade Mode -> the second controller's requests arrive at a channel of the first, here channel 4, and have its priority
    pub(super) fn transfer(&self, requests: u8) -> Option<DmaTransfer> {
        let mut high = requests >> 4 & !1;
        let low = self.low.served(requests & 15);
        if low.is_some() {
            high |= 1;
        }
        // A channel in cascade mode moves nothing itself, and lets others through.
        while let Some(channel) = self.high.served(high) {
            let moves = if channel == 0 && self.high.channels[0].cascades() {
                low.and_then(|channel| self.of_channel(channel))
            } else if channel == 0 {
                None
            } else {
                self.of_channel(4 + channel)
            };
            if moves.is_some() {
                return moves;
            }
            high &= !(1 << channel);
        }
        None
    }

    fn of_channel(&self, channel: u8) -> Option<DmaTransfer> {
        let chip = if channel < 4 { &self.low } else { &self.high };
        let state = chip.channels[usize::from(channel & 3)];
        let direction = state.direction().filter(|_| !state.cascades())?;
        let page = self.pages.get(*PAGE_OF.get(usize::from(channel))?)?;
        let transfers = state.left().min(state.until_wrap());
        // Channels 5 to 7 count words; their address starts at bit 1, and bit 0 of the page is not used.
        let (address, bytes) = if channel < 4 {
            (u64::from(*page) << 16 | u64::from(state.address), 1)
        } else {
            (u64::from(*page & !1) << 16 | u64::from(state.address) << 1, 2)
        };
        // Bytes downwards begin with the upper byte of a word.
        let decrement = state.mode.contains(Mode::DECREMENT);
        let address = if decrement { address + bytes - 1 } else { address };
        Some(DmaTransfer {
            channel,
            address: GuestPhysAddr(address),
            len: transfers * bytes as u32,
            direction,
            decrement,
        })
    }

    /// `bytes` of a channel were moved. Returns whether the terminal count was reached.
    pub(super) fn moved(&mut self, channel: u8, bytes: u32) -> bool {
        if channel < 4 { self.low.moved(channel, bytes) } else { self.high.moved(channel & 3, bytes / 2) }
    }
}
