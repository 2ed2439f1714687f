//! The memory operand: ModRM, SIB and displacement.

use crate::decode::Decoder;
use crate::{DecodeError, InsnFlags, Instruction, NO_REG};
use x86_types::{Seg, Width};

const BX: u8 = 3;
const SP: u8 = 4;
const BP: u8 = 5;
const SI: u8 = 6;
const DI: u8 = 7;

/// Base and index by ModRM.rm.
///
/// SPEC: intel-sdm-vol2 :: 2.1.5 Addressing-Mode Encoding of ModR/M and SIB Bytes -> table 2-1, 16-bit forms
const FORMS_16: [(u8, u8); 8] =
    [(BX, SI), (BX, DI), (BP, SI), (BP, DI), (SI, NO_REG), (DI, NO_REG), (BP, NO_REG), (BX, NO_REG)];

impl Decoder<'_> {
    /// Reads the memory operand into `insn`; `vector_index` if SIB's index is a vector register.
    pub(crate) fn memory(&mut self, insn: &mut Instruction, vector_index: bool) -> Result<(), DecodeError> {
        if insn.addrsize == Width::B2 {
            self.memory_16(insn)?;
        } else {
            self.memory_32(insn, vector_index)?;
        }
        // SPEC: intel-sdm-vol1 :: 3.7.4 Specifying a Segment Selector -> SS is the default when the base is (E/R)SP or (E/R)BP
        if self.p.seg.is_none() && (insn.base == SP || insn.base == BP) {
            insn.seg = Seg::Ss;
        }
        Ok(())
    }

    fn memory_16(&mut self, insn: &mut Instruction) -> Result<(), DecodeError> {
        let rm = self.modrm & 7;
        (insn.base, insn.index) = FORMS_16[rm as usize];
        match self.modrm >> 6 {
            0 if rm == 6 => {
                insn.base = NO_REG;
                insn.disp = self.cur.u16()? as i16 as i32;
            }
            0 => {}
            1 => insn.disp = self.cur.u8()? as i8 as i32,
            _ => insn.disp = self.cur.u16()? as i16 as i32,
        }
        Ok(())
    }

    /// SPEC: intel-sdm-vol2 :: 2.1.5 Addressing-Mode Encoding of ModR/M and SIB Bytes -> tables 2-2 and 2-3
    /// SPEC: intel-sdm-vol2 :: 2.2.1.6 RIP-Relative Addressing -> in 64-bit mode mod 0 rm 5 is relative to the next instruction
    fn memory_32(&mut self, insn: &mut Instruction, vector_index: bool) -> Result<(), DecodeError> {
        let mode = self.modrm >> 6;
        let mut base = self.modrm & 7;
        let sib = base == 4;
        if sib {
            let sib = self.cur.u8()?;
            let index = (sib >> 3) & 7 | self.p.x;
            if vector_index {
                self.check_gather(index)?;
            }
            if index != 4 || vector_index {
                insn.index = index;
                insn.scale = sib >> 6;
            }
            base = sib & 7;
        }
        if base == 5 && mode == 0 {
            insn.disp = self.cur.u32()? as i32;
            if self.p.mode64 && !sib {
                insn.flags |= InsnFlags::RIP_RELATIVE;
            }
            return Ok(());
        }
        insn.base = base | self.p.b;
        match mode {
            0 => {}
            1 => insn.disp = self.cur.u8()? as i8 as i32,
            _ => insn.disp = self.cur.u32()? as i32,
        }
        Ok(())
    }

    /// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> #UD if any two of destination, index and mask are the same register
    fn check_gather(&self, index: u8) -> Result<(), DecodeError> {
        let (destination, mask) = (self.reg(), self.vvvv());
        if destination == index || destination == mask || index == mask {
            return Err(DecodeError::Undefined);
        }
        Ok(())
    }
}
