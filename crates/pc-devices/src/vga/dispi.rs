//! The Bochs display interface: resolutions beyond the VGA's, by a handful of 16-bit registers.

use super::spec::{Enable, dispi};
use crate::codec::codec_struct;

/// Its registers.
///
/// SPEC: bochs-vbe-dispi :: API -> an index port and a data port
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dispi {
    pub(super) index: u16,
    regs: [u16; 10],
}
codec_struct!(Dispi { index, regs });

/// Parameters of the displayed picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u16,
    pub(super) height: u16,
    /// 4, 8, 15, 16, 24 or 32
    pub(super) depth: u16,
    /// Bytes from row to row
    pub(super) pitch: u32,
    /// Pixels from the left edge of the virtual screen
    pub(super) x: u16,
    /// Rows from its top
    pub(super) y: u16,
}

impl Dispi {
    pub(super) fn new() -> Self {
        let mut regs = [0; 10];
        regs[usize::from(dispi::ID)] = *dispi::IDS.end();
        Self { index: 0, regs }
    }

    fn get(&self, register: u16) -> u16 {
        self.regs.get(usize::from(register)).copied().unwrap_or(0)
    }

    fn set(&mut self, register: u16, value: u16) {
        if let Some(slot) = self.regs.get_mut(usize::from(register)) {
            *slot = value;
        }
    }

    pub(super) fn enable(&self) -> Enable {
        Enable::from_bits_retain(self.get(dispi::ENABLE))
    }

    /// Returns the bits per pixel in memory; `None` if the VGA registers determine them.
    pub(super) fn pixel_bits(&self) -> Option<u32> {
        self.enable().contains(Enable::ENABLED).then(|| match self.get(dispi::BPP) {
            15 => 16,
            bits @ (4 | 16 | 24 | 32) => bits.into(),
            _ => 8,
        })
    }

    /// Returns the picture's parameters if the interface is enabled.
    pub(super) fn picture(&self) -> Option<Picture> {
        let bits = self.pixel_bits()?;
        Some(Picture {
            width: self.get(dispi::XRES).clamp(8, dispi::MAX_XRES),
            height: self.get(dispi::YRES).clamp(1, dispi::MAX_YRES),
            depth: if self.get(dispi::BPP) == 15 { 15 } else { bits as u16 },
            pitch: u32::from(self.get(dispi::VIRT_WIDTH)) * bits / 8,
            x: self.get(dispi::X_OFFSET),
            y: self.get(dispi::Y_OFFSET),
        })
    }

    /// Returns where in video memory the 64 KiB at A0000h begin.
    pub(super) fn bank_offset(&self) -> u32 {
        u32::from(self.get(dispi::BANK)) << 16
    }

    /// SPEC: bochs-vbe-dispi :: API -> with GETCAPS, sizes and depth read as the largest; 0Ah counts 64 KiB of memory
    pub(super) fn read(&self, register: u16, vram: u32) -> u16 {
        let caps = self.enable().contains(Enable::GETCAPS);
        match register {
            dispi::XRES if caps => dispi::MAX_XRES,
            dispi::YRES if caps => dispi::MAX_YRES,
            dispi::BPP if caps => dispi::MAX_BPP,
            dispi::VIDEO_MEMORY_64K => (vram >> 16) as u16,
            _ => self.get(register),
        }
    }

    /// Writes a register. Returns whether the interface was enabled by it.
    ///
    /// SPEC: bochs-vbe-dispi :: API -> values that cannot be had are adjusted; enabling a mode sets virtual width and offsets anew
    pub(super) fn write(&mut self, register: u16, value: u16, vram: u32) -> bool {
        match register {
            dispi::ID if dispi::IDS.contains(&value) => self.set(register, value),
            dispi::XRES
            | dispi::YRES
            | dispi::BPP
            | dispi::VIRT_WIDTH
            | dispi::X_OFFSET
            | dispi::Y_OFFSET => {
                self.set(register, value);
                self.adjust(vram);
            }
            dispi::BANK => {
                let banks = (vram >> 16).saturating_sub(1) as u16;
                let banks = if self.get(dispi::BPP) == 4 { banks >> 2 } else { banks };
                self.set(register, value & banks);
            }
            dispi::ENABLE => {
                let was = self.enable().contains(Enable::ENABLED);
                let is = Enable::from_bits_retain(value).contains(Enable::ENABLED);
                self.set(register, value);
                if is && !was {
                    for register in [dispi::VIRT_WIDTH, dispi::X_OFFSET, dispi::Y_OFFSET] {
                        self.set(register, 0);
                    }
                    self.adjust(vram);
                    return true;
                }
                self.set(dispi::BANK, 0);
            }
            _ => {}
        }
        false
    }

    /// Brings the registers of an enabled mode into the range of what can be shown, as QEMU does.
    fn adjust(&mut self, vram: u32) {
        if self.pixel_bits().is_none() {
            return;
        }
        if !matches!(self.get(dispi::BPP), 4 | 8 | 15 | 16 | 24 | 32) {
            self.set(dispi::BPP, 8);
        }
        let bits = self.pixel_bits().unwrap_or(8);
        let width = (self.get(dispi::XRES) & !7).clamp(8, dispi::MAX_XRES);
        self.set(dispi::XRES, width);
        let virt = (self.get(dispi::VIRT_WIDTH) & !7).clamp(width, MAX_VIRT_WIDTH);
        self.set(dispi::VIRT_WIDTH, virt);
        let pitch = u32::from(virt) * bits / 8;
        let rows = vram / pitch.max(1);
        let height = u32::from(self.get(dispi::YRES).clamp(1, dispi::MAX_YRES)).min(rows.max(1));
        self.set(dispi::YRES, height as u16);
        self.set(dispi::VIRT_HEIGHT, rows.min(0xffff) as u16);
        let fits = |x: u16, y: u16| {
            let offset = u64::from(x) * u64::from(bits) / 8 + u64::from(y) * u64::from(pitch);
            offset + u64::from(height * pitch) <= u64::from(vram)
        };
        let x = self.get(dispi::X_OFFSET);
        if !fits(x, self.get(dispi::Y_OFFSET)) {
            self.set(dispi::Y_OFFSET, 0);
            if !fits(x, 0) {
                self.set(dispi::X_OFFSET, 0);
            }
        }
    }
}

/// Pixels of a virtual screen's row, at most.
const MAX_VIRT_WIDTH: u16 = 16000;
