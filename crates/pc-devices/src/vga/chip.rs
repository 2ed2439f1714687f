//! The registers of the VGA: sequencer, graphics controller, CRT controller, attribute controller, DAC.

use super::dac::Dac;
use super::dispi::Dispi;
use super::spec::{
    Clocking, CrtcMode, Enable, GraphicsMode, MemoryMode, Misc, Status, attr, crtc, dispi, gfx, port, seq,
};
use super::timing::Timing;
use crate::codec::codec_struct;
use device_api::VmTime;

/// All registers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chip {
    pub(super) misc: u8,
    feature: u8,
    seq_index: u8,
    pub(super) seq: [u8; 8],
    gfx_index: u8,
    pub(super) gfx: [u8; 16],
    crtc_index: u8,
    /// As in QEMU, registers that do not exist keep what is written to them
    pub(super) crtc: [u8; 256],
    /// Address register, with [`attr::PALETTE_ON`]
    pub(super) attr_index: u8,
    /// The next write to 3C0h is data
    attr_data: bool,
    pub(super) attr: [u8; attr::COUNT],
    pub(super) dac: Dac,
    /// What the last read of the display buffer fetched, plane 0 in the low byte
    pub(super) latch: u32,
    pub(super) dispi: Dispi,
    /// Pixels of two and more bytes have their high byte first
    pub(super) big_endian: bool,
}
codec_struct!(Chip {
    misc,
    feature,
    seq_index,
    seq,
    gfx_index,
    gfx,
    crtc_index,
    crtc,
    attr_index,
    attr_data,
    attr,
    dac,
    latch,
    dispi,
    big_endian
});

impl Chip {
    /// Returns the state after a reset.
    pub(super) fn new() -> Self {
        Self {
            misc: 0,
            feature: 0,
            seq_index: 0,
            seq: [0; 8],
            gfx_index: 0,
            gfx: [0; 16],
            crtc_index: 0,
            crtc: [0; 256],
            attr_index: 0,
            attr_data: false,
            attr: [0; attr::COUNT],
            dac: Dac::new(),
            latch: 0,
            dispi: Dispi::new(),
            big_endian: false,
        }
    }

    pub(super) fn misc(&self) -> Misc {
        Misc::from_bits_retain(self.misc)
    }
    pub(super) fn clocking(&self) -> Clocking {
        Clocking::from_bits_retain(self.seq[seq::CLOCKING])
    }
    pub(super) fn memory_mode(&self) -> MemoryMode {
        MemoryMode::from_bits_retain(self.seq[seq::MEMORY_MODE])
    }
    pub(super) fn graphics_mode(&self) -> GraphicsMode {
        GraphicsMode::from_bits_retain(self.gfx[gfx::MODE])
    }
    pub(super) fn crtc_mode(&self) -> CrtcMode {
        CrtcMode::from_bits_retain(self.crtc[crtc::MODE])
    }

    /// Returns a CRT controller register with its bits 8 and 9, which lie in other registers.
    pub(super) fn crtc_long(&self, low: usize) -> u32 {
        let (overflow, scan) =
            (u32::from(self.crtc[crtc::OVERFLOW]), u32::from(self.crtc[crtc::MAXIMUM_SCAN_LINE]));
        // SPEC: freevga :: Overflow Register (Index 07h) -> bits 8 and 9 of the vertical registers; bit 9 of the line compare is in 09h
        let (eight, nine) = match low {
            crtc::VERTICAL_TOTAL => (overflow, overflow >> 5),
            crtc::VERTICAL_DISPLAY_END => (overflow >> 1, overflow >> 6),
            crtc::VERTICAL_RETRACE_START => (overflow >> 2, overflow >> 7),
            _ => (overflow >> 4, scan >> 6),
        };
        u32::from(self.crtc[low & 0xff]) | (eight & 1) << 8 | (nine & 1) << 9
    }

    /// Returns whether a port answers: those of the CRT controller are at 3Bxh or at 3Dxh.
    ///
    /// SPEC: freevga :: Miscellaneous Output Register (Read at 3CCh, Write at 3C2h) -> bit 0 selects 3Dxh
    fn answers(&self, at: u16) -> bool {
        let other = if self.misc().contains(Misc::COLOR) { 0x3b0 } else { 0x3d0 };
        at & !0xf != other
    }

    /// IN of a byte.
    pub(super) fn read_port(&mut self, now: VmTime, at: u16) -> u8 {
        if !self.answers(at) {
            return 0xff;
        }
        match at {
            port::ATTRIBUTE => self.attr_index,
            port::ATTRIBUTE_READ => self.attr.get(usize::from(self.attr_index & 0x1f)).copied().unwrap_or(0),
            // SPEC: freevga :: Input Status #0 Register (Read-only at 3C2h) -> bit 4 senses a colour monitor: it falls while the DAC drives bright levels
            port::MISC_WRITE => u8::from(!self.dac.is_bright()) << 4,
            port::SEQUENCER_INDEX => self.seq_index,
            port::SEQUENCER_DATA => self.seq[usize::from(self.seq_index & 7)],
            port::PEL_MASK | port::DAC_READ | port::DAC_WRITE | port::DAC_DATA => self.dac.read(at),
            port::FEATURE_READ => self.feature,
            port::MISC_READ => self.misc,
            port::GRAPHICS_INDEX => self.gfx_index,
            port::GRAPHICS_DATA => self.gfx[usize::from(self.gfx_index & 15)],
            at if port::CRTC_INDEX.contains(&at) => self.crtc_index,
            at if port::CRTC_DATA.contains(&at) => self.crtc[usize::from(self.crtc_index)],
            at if port::STATUS.contains(&at) => {
                // SPEC: freevga :: Attribute Address Register(3C0h) -> reading input status 1 has the next write to 3C0h be an address
                self.attr_data = false;
                self.status(now).bits()
            }
            _ => 0,
        }
    }

    /// OUT of a byte.
    pub(super) fn write_port(&mut self, at: u16, value: u8) {
        if !self.answers(at) {
            return;
        }
        match at {
            port::ATTRIBUTE => self.write_attribute(value),
            port::MISC_WRITE => self.misc = value & !0x10,
            port::SEQUENCER_INDEX => self.seq_index = value & 7,
            port::SEQUENCER_DATA => {
                let index = usize::from(self.seq_index & 7);
                self.seq[index] = value & seq::WRITABLE[index];
            }
            port::PEL_MASK | port::DAC_READ | port::DAC_WRITE | port::DAC_DATA => self.dac.write(at, value),
            port::GRAPHICS_INDEX => self.gfx_index = value & 15,
            port::GRAPHICS_DATA => {
                let index = usize::from(self.gfx_index & 15);
                self.gfx[index] = value & gfx::WRITABLE[index];
            }
            at if port::CRTC_INDEX.contains(&at) => self.crtc_index = value,
            at if port::CRTC_DATA.contains(&at) => self.write_crtc(value),
            at if port::STATUS.contains(&at) => self.feature = value & 0x10,
            _ => {}
        }
    }

    /// SPEC: freevga :: Attribute Address Register(3C0h) -> address and data are written to one port by turns
    fn write_attribute(&mut self, value: u8) {
        if !self.attr_data {
            self.attr_index = value & 0x3f;
        } else if let Some(register) = self.attr.get_mut(usize::from(self.attr_index & 0x1f)) {
            let writable = match self.attr_index & 0x1f {
                0x00..=0x0f | 0x12 => 0x3f,
                0x10 => 0xef,
                0x11 => 0xff,
                _ => 0x0f,
            };
            *register = value & writable;
        }
        self.attr_data = !self.attr_data;
    }

    /// SPEC: freevga :: CRT Controller Registers -> with bit 7 of register 11h set, 00h to 07h keep their values but for bit 4 of 07h
    fn write_crtc(&mut self, value: u8) {
        let index = usize::from(self.crtc_index);
        if index > crtc::OVERFLOW || self.crtc[crtc::VERTICAL_RETRACE_END] & crtc::PROTECT == 0 {
            self.crtc[index] = value;
        } else if index == crtc::OVERFLOW {
            let bit = crtc::OVERFLOW_LINE_COMPARE;
            self.crtc[index] = self.crtc[index] & !bit | value & bit;
        }
    }

    /// Returns when the beam is where.
    pub(super) fn timing(&self) -> Timing {
        Timing::new(self)
    }

    fn status(&self, now: VmTime) -> Status {
        let beam = self.timing().beam(now);
        let mut status = Status::empty();
        status.set(Status::BLANKED, beam.blanked);
        status.set(Status::VERTICAL_RETRACE, beam.vertical_retrace);
        status
    }

    /// Reads the register that the index of the Bochs interface selects.
    pub(super) fn read_dispi(&self, vram: u32) -> u16 {
        self.dispi.read(self.dispi.index, vram)
    }

    /// Writes it. Returns how many bytes of video memory are to be cleared.
    ///
    /// SPEC: bochs-vbe-dispi :: API -> ENABLED sets a mode up, which clears memory unless NOCLEARMEM is set; 8BIT_DAC makes colours eight bits wide
    pub(super) fn write_dispi(&mut self, value: u16, vram: u32) -> u32 {
        let register = self.dispi.index;
        let enabled = self.dispi.write(register, value, vram);
        if register == dispi::ENABLE {
            self.dac.set_eight_bits(self.dispi.enable().contains(Enable::DAC_8BIT));
        }
        match self.dispi.picture().filter(|_| enabled) {
            None => 0,
            Some(picture) => {
                self.set_up_mode(picture.width, picture.height, picture.pitch, picture.depth);
                let keep = self.dispi.enable().contains(Enable::NOCLEARMEM);
                if keep { 0 } else { picture.pitch.saturating_mul(picture.height.into()).min(vram) }
            }
        }
    }

    /// Sets the VGA's registers as QEMU does for a mode of the Bochs interface: what reads them sees its size, and the
    /// display buffer is the 64 KiB at A0000h. The sequencer is left as it is.
    fn set_up_mode(&mut self, width: u16, height: u16, pitch: u32, depth: u16) {
        let last = height - 1;
        self.gfx[gfx::MISC] = self.gfx[gfx::MISC] & !0x0c | 0x05;
        self.crtc[crtc::MODE] |= 3;
        self.crtc[crtc::OFFSET] = (pitch >> 3) as u8;
        self.crtc[crtc::HORIZONTAL_DISPLAY_END] = (width / 8 - 1) as u8;
        self.crtc[crtc::VERTICAL_DISPLAY_END] = last as u8;
        let overflow = self.crtc[crtc::OVERFLOW] & !0x42;
        self.crtc[crtc::OVERFLOW] = overflow | (last >> 7) as u8 & 0x02 | (last >> 3) as u8 & 0x40 | 0x10;
        self.crtc[crtc::LINE_COMPARE] = 0xff;
        self.crtc[crtc::MAXIMUM_SCAN_LINE] = self.crtc[crtc::MAXIMUM_SCAN_LINE] & !0x9f | 0x40;
        let shift = if depth == 4 { 0 } else { GraphicsMode::SHIFT_256.bits() };
        self.gfx[gfx::MODE] = self.gfx[gfx::MODE] & !0x60 | shift;
    }
}
