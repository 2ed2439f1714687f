//! The CT1745 mixer: volumes, and which interrupt and DMA channels the card uses.

use super::spec::{IRQS, mixer};
use crate::codec::codec_struct;

/// Volumes of 5 bits: the default, and the loudest that has an effect.
const DEFAULT: u8 = 24;

/// What 0 to 24 steps of 2 dB below the default leave of a sample, in 1/32768ths.
const STEPS: [i32; DEFAULT as usize + 1] = [
    32768, 26029, 20675, 16423, 13045, 10362, 8231, 6538, 5193, 4125, 3277, 2603, 2068, 1642, 1305, 1036,
    823, 654, 519, 413, 328, 260, 207, 164, 130,
];

/// Registers with the address that was written last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mixer {
    index: u8,
    registers: [u8; 0x48],
    irq: u8,
    dma8: u8,
    dma16: u8,
}
codec_struct!(Mixer { index, registers, irq, dma8, dma16 });

/// Returns the registers of 4 bits a channel, by the pairs of 5 bits that they are mapped to.
fn pair_of(index: u8) -> Option<u8> {
    match index {
        0x04 => Some(mixer::VOICE),
        0x22 => Some(mixer::MASTER),
        0x26 => Some(mixer::MIDI),
        0x28 => Some(mixer::CD),
        0x2e => Some(mixer::LINE),
        _ => None,
    }
}

/// SPEC: creative-sb-guide :: CT1745 Mixer -> defaults: master, voice and MIDI 24 of 31, CD, line and microphone 0, outputs and inputs on, treble and bass 8 of 15
fn defaults() -> [u8; 0x48] {
    let mut registers = [0; 0x48];
    for pair in [mixer::MASTER, mixer::VOICE, mixer::MIDI] {
        registers[usize::from(pair)] = DEFAULT << 3;
        registers[usize::from(pair) + 1] = DEFAULT << 3;
    }
    registers[0x3c] = 0x1f;
    registers[0x3d] = 0x15;
    registers[0x3e] = 0x0b;
    registers[0x44..].fill(8 << 4);
    registers
}

impl Mixer {
    pub(super) fn new(irq: u8, dma8: u8, dma16: u8) -> Self {
        Self { index: 0, registers: defaults(), irq, dma8, dma16 }
    }

    pub(super) fn irq(&self) -> u8 {
        self.irq
    }

    pub(super) fn dma8(&self) -> u8 {
        self.dma8
    }

    pub(super) fn dma16(&self) -> u8 {
        self.dma16
    }

    pub(super) fn set_index(&mut self, value: u8) {
        self.index = value;
    }

    pub(super) fn index(&self) -> u8 {
        self.index
    }

    fn register(&self, index: u8) -> u8 {
        self.registers.get(usize::from(index)).copied().unwrap_or(0xff)
    }

    /// Reads a register; that of the interrupt status is the DSP's.
    ///
    /// SPEC: creative-sb-guide :: Configuring DMA and Interrupt Settings -> register 80h has a bit for IRQ 2, 5, 7 and 10, register 81h for DMA channels 0, 1, 3 and 5 to 7
    pub(super) fn read(&self) -> u8 {
        match self.index {
            mixer::INTERRUPT => 0xf0 | IRQS.iter().position(|&irq| irq == self.irq).map_or(0, |bit| 1 << bit),
            mixer::DMA => 1 << (self.dma8 & 7) | 1 << (self.dma16 & 7),
            0x0a => self.register(mixer::MIC) >> 5,
            index => match pair_of(index) {
                Some(pair) => self.register(pair) & 0xf0 | self.register(pair + 1) >> 4,
                None => self.register(index),
            },
        }
    }

    pub(super) fn write(&mut self, value: u8) {
        let mut set = |index: u8, value: u8| {
            if let Some(register) = self.registers.get_mut(usize::from(index)) {
                *register = value;
            }
        };
        match self.index {
            mixer::RESET => self.registers = defaults(),
            mixer::INTERRUPT => {
                if let Some(&irq) = IRQS.get(value.trailing_zeros() as usize) {
                    self.irq = irq;
                }
            }
            mixer::DMA => {
                let low = value & 0b1011;
                if low != 0 {
                    self.dma8 = low.trailing_zeros() as u8;
                }
                // Without a channel of words, samples of 16 bits go by that of bytes.
                let high = value & 0b1110_0000;
                self.dma16 = if high != 0 { high.trailing_zeros() as u8 } else { self.dma8 };
            }
            0x0a => set(mixer::MIC, value << 5 | 0x18),
            index => match pair_of(index) {
                Some(pair) => {
                    set(pair, value & 0xf0 | 8);
                    set(pair + 1, value << 4 | 8);
                }
                None => set(index, value),
            },
        }
    }

    /// Returns what the volumes of a pair and of the master leave of a sample, left and right, in 1/32768ths.
    ///
    /// SPEC: creative-sb-guide :: CT1745 Mixer -> 31 levels of 2 dB; those above the default are not louder here, so that nothing is clipped
    pub(super) fn gain(&self, pair: u8) -> [i32; 2] {
        let step = |index: u8| {
            let level = self.register(index) >> 3;
            STEPS.get(usize::from(DEFAULT.saturating_sub(level))).copied().unwrap_or(0)
        };
        [0, 1].map(|side| step(pair + side) * step(mixer::MASTER + side) / 32768)
    }
}
