//! The DAC: 256 colours of three components.

use super::spec::port;
use crate::codec::codec_struct;

/// A colour as it is shown: red, green, blue, 255.
pub(super) type Rgba = [u8; 4];

/// Colour registers with the state of access to them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dac {
    colors: [[u8; 3]; 256],
    /// Components written of a colour that is not complete
    pending: [u8; 3],
    /// Component that comes next, 0 to 2
    component: u8,
    read_index: u8,
    write_index: u8,
    /// The read address was written last
    reading: bool,
    mask: u8,
    /// Components have 8 bits rather than 6
    eight_bits: bool,
}
codec_struct!(Dac { colors, pending, component, read_index, write_index, reading, mask, eight_bits });

impl Dac {
    pub(super) fn new() -> Self {
        Self {
            colors: [[0; 3]; 256],
            pending: [0; 3],
            component: 0,
            read_index: 0,
            write_index: 0,
            reading: false,
            mask: 0xff,
            eight_bits: false,
        }
    }

    pub(super) fn set_eight_bits(&mut self, on: bool) {
        self.eight_bits = on;
    }

    /// Moves on to the next component. Returns which one it was, and whether the colour is complete.
    fn step(&mut self) -> (usize, bool) {
        let at = self.component % 3;
        self.component = (at + 1) % 3;
        (usize::from(at), at == 2)
    }

    /// SPEC: freevga :: DAC Data Register (Read/Write at 3C9h) -> red, green, blue; the index moves on behind the third
    fn read_data(&mut self) -> u8 {
        let index = self.read_index;
        let (at, complete) = self.step();
        if complete {
            self.read_index = index.wrapping_add(1);
        }
        self.colors[usize::from(index)][at]
    }

    fn write_data(&mut self, value: u8) {
        let (at, complete) = self.step();
        self.pending[at] = if self.eight_bits { value } else { value & 0x3f };
        if complete {
            self.colors[usize::from(self.write_index)] = self.pending;
            self.write_index = self.write_index.wrapping_add(1);
        }
    }

    pub(super) fn read(&mut self, at: u16) -> u8 {
        match at {
            port::PEL_MASK => self.mask,
            // SPEC: freevga :: DAC State Register (Read at 3C7h) -> two bits that tell read from write mode; set in read mode, as QEMU has them
            port::DAC_READ => u8::from(self.reading) * 3,
            port::DAC_WRITE => self.write_index,
            _ => self.read_data(),
        }
    }

    pub(super) fn write(&mut self, at: u16, value: u8) {
        match at {
            port::PEL_MASK => self.mask = value,
            port::DAC_READ => (self.read_index, self.component, self.reading) = (value, 0, true),
            port::DAC_WRITE => (self.write_index, self.component, self.reading) = (value, 0, false),
            _ => self.write_data(value),
        }
    }

    /// Returns whether the first colour is too bright for the comparators behind the connector to be at rest.
    pub(super) fn is_bright(&self) -> bool {
        self.colors[0].iter().map(|&component| u16::from(component)).sum::<u16>() >= 0x4e
    }

    /// Returns what a colour number looks like.
    pub(super) fn color(&self, number: u8) -> Rgba {
        let [red, green, blue] = self.colors[usize::from(number & self.mask)].map(|component| {
            // Six bits become eight as in QEMU, so that pictures can be compared: the lowest bit is repeated.
            if self.eight_bits { component } else { (component << 2) | ((component & 1) * 3) }
        });
        [red, green, blue, 255]
    }
}
