//! The display buffer as the processor reaches it, at A0000h: planes, latches, write and read modes.
//!
//! Video memory is a row of 32-bit words, a byte for each plane. Where addresses select planes (chain 4, odd/even),
//! they count words without gaps: in chain 4 the buffer is then plain bytes, as QEMU has it.

use super::chip::Chip;
use super::spec::{GraphicsMode, MemoryMode, Misc, VGA_BYTES, gfx, seq};

/// Video memory.
pub(super) trait Vram {
    /// Bytes, a power of two
    fn len(&self) -> u32;
    /// Returns a word; the address is one of a byte in it.
    fn word(&self, at: u32) -> u32;
    /// Stores a word.
    fn set_word(&mut self, at: u32, value: u32);
    /// Returns a byte.
    fn byte(&self, at: u32) -> u8;
    /// Stores a byte.
    fn set_byte(&mut self, at: u32, value: u8);
    /// Copies bytes out.
    fn copy(&self, at: u32, bytes: &mut [u8]);
}

/// Addresses that are plain bytes of video memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlainWindow {
    /// Offset from A0000h
    pub(super) start: u32,
    pub(super) len: u32,
    /// Where in video memory it begins
    pub(super) vram: u32,
}

/// A bit for each plane as a mask of their bytes in a word.
const PLANES: [u32; 16] = {
    let mut masks = [0; 16];
    let mut bits = 0;
    while bits < 16 {
        let mut plane = 0;
        while plane < 4 {
            if bits >> plane & 1 != 0 {
                masks[bits] |= 0xff << (8 * plane);
            }
            plane += 1;
        }
        bits += 1;
    }
    masks
};

fn planes(bits: u8) -> u32 {
    PLANES[usize::from(bits & 15)]
}

/// Returns a byte in all four planes.
fn spread(byte: u8) -> u32 {
    u32::from(byte) * 0x0101_0101
}

/// Where an access falls.
struct Target {
    /// Address of a byte of the word
    at: u32,
    /// Planes that writes reach, before the map mask
    write: u8,
    /// Plane that reads select
    read: u8,
}

impl Chip {
    /// Returns start and length of what answers, from A0000h on, and the first byte or word behind it.
    ///
    /// SPEC: freevga :: Miscellaneous Graphics Register (Index 06h) -> memory map select: 128 KiB, 64 KiB at A0000h, 32 KiB at B0000h or B8000h
    fn mapped(&self) -> (u32, u32, u32) {
        match self.gfx[gfx::MISC] >> 2 & 3 {
            0 => (0, 0x2_0000, 0),
            1 => (0, 0x1_0000, self.dispi.bank_offset()),
            2 => (0x1_0000, 0x8000, 0),
            _ => (0x1_8000, 0x8000, 0),
        }
    }

    /// Pixels of a byte and more: the display buffer is plain memory, however sequencer and graphics controller are set.
    fn is_linear(&self) -> bool {
        self.dispi.pixel_bits().is_some_and(|bits| bits > 4)
    }

    /// Returns the offset in the display buffer that an offset from A0000h is, if one answers.
    ///
    /// SPEC: freevga :: Miscellaneous Output Register (Read at 3CCh, Write at 3C2h) -> bit 1 enables address decode
    fn offset(&self, from_a0000: u32) -> Option<u32> {
        let (start, len, first) = self.mapped();
        let offset = from_a0000.checked_sub(start).filter(|&offset| offset < len)?;
        self.misc().contains(Misc::RAM).then(|| first + offset)
    }

    /// SPEC: freevga :: Sequencer Memory Mode Register (Index 04h) -> chain 4: the low two address bits select the plane; odd/even for writes
    /// SPEC: freevga :: Graphics Mode Register (Index 05h) -> odd/even for reads
    fn target(&self, offset: u32, vram: u32, to_write: bool) -> Target {
        let mode = self.memory_mode();
        let odd_even = if to_write {
            !mode.contains(MemoryMode::SEQUENTIAL)
        } else {
            self.graphics_mode().contains(GraphicsMode::ODD_EVEN)
        };
        let low = offset as u8;
        // Planes are as large as the VGA's unless a mode of the Bochs interface needs more.
        let size = if self.dispi.pixel_bits().is_some() { vram } else { VGA_BYTES.min(vram) };
        if mode.contains(MemoryMode::CHAIN_4) {
            Target { at: offset & (vram - 1), write: 1 << (low & 3), read: low & 3 }
        } else if odd_even {
            let read = self.gfx[gfx::READ_MAP] & 2 | low & 1;
            Target { at: ((offset >> 1) * 4) & (size - 1), write: 5 << (low & 1), read }
        } else {
            Target { at: offset.wrapping_mul(4) & (size - 1), write: 15, read: self.gfx[gfx::READ_MAP] & 3 }
        }
    }

    /// Reads a byte, so many bytes behind A0000h.
    ///
    /// SPEC: freevga :: Reading from Display Memory -> the latch takes all planes; mode 0 gives one of them, mode 1 compares with a colour
    pub(super) fn read_window(&mut self, vram: &impl Vram, from_a0000: u32) -> u8 {
        let (byte, latch) = self.window(vram, from_a0000);
        self.latch = latch;
        byte
    }

    /// Returns the byte that a read would give, and leaves the latch alone.
    pub(super) fn peek_window(&self, vram: &impl Vram, from_a0000: u32) -> u8 {
        self.window(vram, from_a0000).0
    }

    /// What a read gives, and the latch after it.
    fn window(&self, vram: &impl Vram, from_a0000: u32) -> (u8, u32) {
        let Some(offset) = self.offset(from_a0000) else { return (0xff, self.latch) };
        if self.is_linear() {
            return (vram.byte(offset & (vram.len() - 1)), self.latch);
        }
        let target = self.target(offset, vram.len(), false);
        let latch = vram.word(target.at);
        if !self.graphics_mode().contains(GraphicsMode::READ_COMPARE) {
            return ((latch >> (8 * target.read)) as u8, latch);
        }
        let care = planes(self.gfx[gfx::COLOR_DONT_CARE]);
        let differs = (latch ^ planes(self.gfx[gfx::COLOR_COMPARE])) & care;
        let folded = differs | differs >> 16;
        (!(folded | folded >> 8) as u8, latch)
    }

    /// Writes a byte, so many bytes behind A0000h.
    ///
    /// SPEC: freevga :: Writing to Display Memory -> rotate, set/reset, logical operation, bit mask, map mask, by write mode
    pub(super) fn write_window(&mut self, vram: &mut impl Vram, from_a0000: u32, value: u8) {
        let Some(offset) = self.offset(from_a0000) else { return };
        if self.is_linear() {
            return vram.set_byte(offset & (vram.len() - 1), value);
        }
        let target = self.target(offset, vram.len(), true);
        let mask = planes(target.write & self.seq[seq::MAP_MASK]);
        if mask == 0 {
            return;
        }
        let rotated = value.rotate_right((self.gfx[gfx::DATA_ROTATE] & 7).into());
        let bit_mask = self.gfx[gfx::BIT_MASK];
        let set_reset = planes(self.gfx[gfx::SET_RESET]);
        let result = match self.gfx[gfx::MODE] & 3 {
            0 => {
                let enabled = planes(self.gfx[gfx::ENABLE_SET_RESET]);
                self.combine(spread(rotated) & !enabled | set_reset & enabled, bit_mask)
            }
            1 => self.latch,
            2 => self.combine(planes(value), bit_mask),
            _ => self.combine(set_reset, bit_mask & rotated),
        };
        vram.set_word(
            target.at,
            if mask == u32::MAX { result } else { vram.word(target.at) & !mask | result & mask },
        );
    }

    /// SPEC: freevga :: Data Rotate Register (Index 03h) -> bits 4:3: unmodified, AND, OR, XOR with the latch
    /// SPEC: freevga :: Bit Mask Register (Index 08h) -> bits that are clear come from the latch
    #[inline]
    fn combine(&self, data: u32, bit_mask: u8) -> u32 {
        let data = match self.gfx[gfx::DATA_ROTATE] >> 3 {
            0 => data,
            1 => data & self.latch,
            2 => data | self.latch,
            _ => data ^ self.latch,
        };
        let mask = spread(bit_mask);
        data & mask | self.latch & !mask
    }

    /// Returns the addresses that are plain bytes at the moment: nothing between processor and memory changes them.
    pub(super) fn plain_window(&self, vram: u32) -> Option<PlainWindow> {
        let plain = self.misc().contains(Misc::RAM) && (self.is_linear() || self.passes_unchanged());
        let (start, len, first) = self.mapped();
        let inside = first.checked_add(len).is_some_and(|end| end <= vram);
        (plain && inside).then_some(PlainWindow { start, len, vram: first })
    }

    /// Chain 4 in write mode 0 without any of its stages, and read mode 0.
    fn passes_unchanged(&self) -> bool {
        self.memory_mode().contains(MemoryMode::CHAIN_4)
            && self.seq[seq::MAP_MASK] == 15
            && self.gfx[gfx::MODE] & (3 | GraphicsMode::READ_COMPARE.bits()) == 0
            && self.gfx[gfx::DATA_ROTATE] == 0
            && self.gfx[gfx::ENABLE_SET_RESET] == 0
            && self.gfx[gfx::BIT_MASK] == 0xff
    }
}
