//! The serial EEPROM: 64 words behind four wires.

use super::spec::Eecd;
use crate::codec::codec_struct;

/// Words of it.
pub(super) const WORDS: usize = 64;

/// Sum of all words.
///
/// SPEC: intel-8254x :: 5.6.35 Checksum Word Calculation (Word 3Fh) -> the words from 00h to 3Fh add up to BABAh
const SUM: u16 = 0xbaba;

/// Bits of a command behind its start bit: two of the operation, six of the address.
const COMMAND_BITS: u8 = 8;

/// Content, and how far a command has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Eeprom {
    words: Vec<u16>,
    /// The wires as software last drove them
    wires: u32,
    /// What was shifted in since the chip was selected, from the start bit on
    input: u32,
    count: u8,
    /// Next bit to shift out while a read is on its way: word and bit
    output: Option<u16>,
    level: bool,
    /// Writes are enabled
    writable: bool,
}
codec_struct!(Eeprom { words, wires, input, count, output, level, writable });

impl Eeprom {
    /// Returns the EEPROM of a card with this address: behind that come compatibility words, the PBA number, two words of
    /// initialization control around subsystem and device; the rest is ones.
    pub(super) fn new(mac: [u8; 6]) -> Self {
        let mut words = vec![0xffff; WORDS];
        for (word, pair) in words.iter_mut().zip(mac.chunks_exact(2)) {
            *word = u16::from_le_bytes([pair[0], pair[1]]);
        }
        let rest = [
            (0x03, 0x0000),
            (0x04, 0xffff),
            (0x08, 0xe401),
            (0x09, 0x1000),
            (0x0a, 0x640b),
            (0x0b, 0x001e),
            (0x0c, 0x8086),
            (0x0d, 0x100e),
            (0x0e, 0x8086),
            (0x0f, 0x3040),
        ];
        for (at, value) in rest {
            words[at] = value;
        }
        let sum = words[..WORDS - 1].iter().fold(0u16, |sum, word| sum.wrapping_add(*word));
        words[WORDS - 1] = SUM.wrapping_sub(sum);
        Self { words, wires: 0, input: 0, count: 0, output: None, level: true, writable: false }
    }

    /// Returns a word; addresses wrap.
    pub(super) fn word(&self, at: usize) -> u16 {
        self.words.get(at % WORDS).copied().unwrap_or(0xffff)
    }

    /// Returns the address of the card.
    pub(super) fn mac(&self) -> [u8; 6] {
        let [a, b, c] = [0, 1, 2].map(|at| self.word(at).to_le_bytes());
        [a[0], a[1], b[0], b[1], c[0], c[1]]
    }

    /// EECD as it is read.
    pub(super) fn read(&self) -> u32 {
        let mut value = Eecd::PRES.bits() | self.wires;
        if self.wires & Eecd::REQ.bits() != 0 {
            value |= Eecd::GNT.bits();
        }
        if self.level {
            value |= Eecd::DO.bits();
        }
        value
    }

    /// EECD is written: bits go in and out at rising edges of the clock while the chip is selected.
    ///
    /// SPEC: intel-8254x :: 5.3.1 Software Access -> request, grant, then the EEPROM's own protocol on the four wires
    pub(super) fn write(&mut self, value: u32) {
        let before = Eecd::from_bits_retain(self.wires);
        let now = Eecd::from_bits_retain(value);
        self.wires = value & (Eecd::SK | Eecd::CS | Eecd::DI | Eecd::FWE | Eecd::REQ).bits();
        if !now.contains(Eecd::CS) {
            return;
        }
        if !before.contains(Eecd::CS) {
            (self.input, self.count, self.output, self.level) = (0, 0, None, true);
        }
        if now.contains(Eecd::SK) && !before.contains(Eecd::SK) {
            self.clock(now.contains(Eecd::DI));
        }
    }

    fn clock(&mut self, bit: bool) {
        if let Some(at) = self.output {
            let word = self.word(usize::from(at >> 4));
            self.level = word >> (15 - (at & 15)) & 1 != 0;
            self.output = Some(at.wrapping_add(1));
            return;
        }
        // Zeros before the start bit do nothing.
        if self.input == 0 && !bit || self.count > COMMAND_BITS + 16 {
            return;
        }
        self.input = self.input << 1 | u32::from(bit);
        self.count += 1;
        if self.count == COMMAND_BITS + 1 {
            self.command();
        } else if self.count == COMMAND_BITS + 17 {
            self.program();
        }
    }

    /// The operation and its address are complete.
    fn command(&mut self) {
        let address = (self.input & 0x3f) as u16;
        match self.input >> 6 & 3 {
            // Behind the address comes a 0, then the word.
            0b10 => (self.output, self.level) = (Some(address << 4), false),
            0b11 if self.writable => self.set(address, 0xffff),
            0b00 if address >> 4 == 3 => self.writable = true,
            0b00 if address >> 4 == 0 => self.writable = false,
            _ => {}
        }
    }

    /// The word behind a write is complete.
    fn program(&mut self) {
        let address = (self.input >> 16 & 0x3f) as u16;
        if self.input >> 22 & 3 == 0b01 && self.writable {
            self.set(address, self.input as u16);
        }
    }

    fn set(&mut self, address: u16, value: u16) {
        if let Some(word) = self.words.get_mut(usize::from(address)) {
            *word = value;
        }
    }

    /// Aborts a transfer on the serial lines; the content stays.
    pub(super) fn reset(&mut self) {
        (self.wires, self.input, self.count, self.output, self.level) = (0, 0, 0, None, true);
        self.writable = false;
    }
}
