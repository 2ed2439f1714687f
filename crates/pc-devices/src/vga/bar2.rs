//! The registers in memory: EDID, VGA ports, Bochs display interface, QEMU's own.

use super::spec::bar2::{
    BIG_ENDIAN, BYTE_ORDER, DISPI, DISPI_END, EXTENDED, EXTENDED_END, LEN, LITTLE_ENDIAN, PORTS, PORTS_END,
};
use super::spec::port;
use super::{REGISTERS, Vga};
use device_api::Ctx;
use x86_types::GuestPhysAddr;

impl Vga {
    /// Returns the offset in the registers of an address, if it is one of theirs.
    pub(super) fn register_offset(&self, address: GuestPhysAddr) -> Option<u64> {
        let base = self.config.base(REGISTERS).filter(|&base| base != 0)?;
        address.0.checked_sub(base).filter(|&offset| offset < LEN.into())
    }

    /// SPEC: qemu-standard-vga :: MMIO area spec -> ports byte by byte in order; Bochs registers flat, 16 bits each
    pub(super) fn read_registers(&mut self, ctx: &mut Ctx<'_>, offset: u64, size: u8) -> u64 {
        if (DISPI..DISPI_END).contains(&offset) && size > 1 {
            return (0..u64::from(size / 2)).fold(0, |value, n| {
                let at = offset + 2 * n;
                let word = if at < DISPI_END { self.read_flat_dispi(at) } else { 0xffff };
                value | u64::from(word) << (16 * n)
            });
        }
        (0..u64::from(size.min(8)))
            .fold(0, |value, n| value | u64::from(self.read_register_byte(ctx, offset + n)) << (8 * n))
    }

    fn read_flat_dispi(&mut self, offset: u64) -> u16 {
        self.chip.dispi.index = ((offset - DISPI) / 2) as u16;
        self.chip.read_dispi(self.video.len)
    }

    fn read_register_byte(&mut self, ctx: &mut Ctx<'_>, offset: u64) -> u8 {
        let byte_of = |value: u32| (value >> (8 * (offset & 3))) as u8;
        match offset {
            PORTS..PORTS_END => self.chip.read_port(ctx.now, port::ATTRIBUTE + (offset - PORTS) as u16),
            DISPI..DISPI_END => (self.read_flat_dispi(offset) >> (8 * (offset & 1))) as u8,
            EXTENDED..BYTE_ORDER => byte_of((EXTENDED_END - EXTENDED) as u32),
            BYTE_ORDER..EXTENDED_END => {
                byte_of(if self.chip.big_endian { BIG_ENDIAN } else { LITTLE_ENDIAN })
            }
            _ => {
                let edid = self.edid.as_ref().and_then(|edid| edid.get(offset as usize));
                edid.copied().unwrap_or(0xff)
            }
        }
    }

    pub(super) fn write_registers(&mut self, ctx: &mut Ctx<'_>, offset: u64, size: u8, value: u64) {
        match offset {
            PORTS..PORTS_END => {
                for n in 0..u64::from(size.min(8)).min(PORTS_END - offset) {
                    let at = port::ATTRIBUTE + (offset - PORTS + n) as u16;
                    self.write_vga_port(ctx.memory, at, (value >> (8 * n)) as u8);
                }
            }
            DISPI..DISPI_END if size > 1 => {
                for n in 0..u64::from(size / 2).min((DISPI_END - offset).div_ceil(2)) {
                    self.chip.dispi.index = ((offset - DISPI) / 2 + n) as u16;
                    self.write_dispi(ctx.memory, (value >> (16 * n)) as u16);
                }
            }
            BYTE_ORDER if size >= 4 => match value as u32 {
                BIG_ENDIAN => self.chip.big_endian = true,
                LITTLE_ENDIAN => self.chip.big_endian = false,
                _ => {}
            },
            _ => {}
        }
    }
}
