//! From bytes to an [`Instruction`]: find the row, then read its operands.

use crate::prefix::{Cursor, Prefixes};
use crate::table::{
    Row,
    arg::{Arg, Class, Size},
    flag, key,
};
use crate::{DecodeError, InsnFlags, Instruction, MemSize, NO_REG, Operand, OperandKind};
use x86_types::{CodeSize, Seg, Width};

/// Decodes the instruction at the start of `bytes`; what follows it is not looked at.
///
/// # Errors
/// [`DecodeError::NeedMore`] if `bytes` is a proper prefix of an instruction, [`DecodeError::TooLong`] if the
/// instruction goes on after byte 15, [`DecodeError::Undefined`] if no instruction has this encoding.
pub fn decode(size: CodeSize, bytes: &[u8]) -> Result<Instruction, DecodeError> {
    let mut cur = Cursor::new(bytes);
    let (p, map, opcode) = Prefixes::read(size, &mut cur)?;
    let rows = map.rows(opcode);
    let first = rows.first().ok_or(DecodeError::Undefined)?;
    let mut key = p.key();
    let mut modrm = 0;
    if first.has(flag::MODRM) {
        modrm = match cur.u8() {
            Err(DecodeError::NeedMore) if !rows.iter().any(|row| row.matches(key, !key::MODRM)) => {
                return Err(DecodeError::Undefined);
            }
            byte => byte?,
        };
        key |= (modrm as u16 & 7) << key::RM_SHIFT | (modrm >> 3) as u16 & key::REG;
        key |= if modrm >= 0xc0 { key::MOD3 } else { 0 };
    }
    let row = rows.iter().find(|row| row.matches(key, !0)).ok_or(DecodeError::Undefined)?;
    Decoder { size, p, cur, row, opcode, modrm }.finish()
}

/// An instruction whose row is known and whose operands are not yet read.
pub(crate) struct Decoder<'a> {
    pub(crate) size: CodeSize,
    pub(crate) p: Prefixes,
    pub(crate) cur: Cursor<'a>,
    row: &'static Row,
    opcode: u8,
    pub(crate) modrm: u8,
}

impl Decoder<'_> {
    fn finish(mut self) -> Result<Instruction, DecodeError> {
        self.check()?;
        let row = self.row;
        let mut insn = Instruction {
            op: row.op,
            flags: self.flags(),
            len: 0,
            seg: self.p.seg.unwrap_or(Seg::Ds),
            opsize: self.opsize(),
            addrsize: self.addrsize(),
            operands: [Operand::default(); 4],
            base: NO_REG,
            index: NO_REG,
            scale: 0,
            cc: if row.has(flag::CC) { self.opcode & 15 } else { 0 },
            disp: 0,
            imm: 0,
        };
        for (slot, &arg) in row.args.iter().enumerate() {
            if arg.class == Class::None {
                break;
            }
            let operand = self.operand(arg, &mut insn)?;
            if let Some(place) = insn.operands.get_mut(slot) {
                *place = operand;
            }
        }
        insn.len = self.cur.at as u8;
        Ok(insn)
    }

    pub(crate) fn is_mem(&self) -> bool {
        self.modrm < 0xc0
    }

    /// ModRM.reg with its extension.
    pub(crate) fn reg(&self) -> u8 {
        (self.modrm >> 3) & 7 | self.p.r
    }

    /// ModRM.rm with its extension, as a register.
    fn rm(&self) -> u8 {
        self.modrm & 7 | self.p.b
    }

    /// VEX.vvvv as a register.
    pub(crate) fn vvvv(&self) -> u8 {
        if self.p.mode64 { self.p.vvvv } else { self.p.vvvv & 7 }
    }

    /// What is #UD although some row has the opcode.
    ///
    /// SPEC: intel-sdm-vol2 :: LOCK—Assert LOCK# Signal Prefix -> only before a read-modify-write instruction whose destination is memory
    /// SPEC: intel-sdm-vol2 :: 2.3.6 Instruction Operand Encoding and VEX.vvvv, ModR/M -> an unused vvvv must be 1111b
    fn check(&self) -> Result<(), DecodeError> {
        let row = self.row;
        let bad_lock = self.p.lock && !(row.has(flag::LOCK) && self.is_mem());
        let bad_vvvv = self.p.vex && self.p.vvvv != 0 && !row.has(flag::VVVV);
        let bad_register = row.has(flag::CHECK) && row.args.iter().any(|arg| self.bad_register(arg.class));
        if bad_lock || bad_vvvv || bad_register { Err(DecodeError::Undefined) } else { Ok(()) }
    }

    /// SPEC: intel-sdm-vol2 :: MOV—Move -> CS cannot be loaded, segment registers 6 and 7 do not exist
    /// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> CR0, CR2, CR3, CR4 and CR8 exist
    /// SPEC: intel-sdm-vol2 :: MOV—Move to/from Debug Registers -> REX.R is #UD
    fn bad_register(&self, class: Class) -> bool {
        match class {
            Class::S => (self.modrm >> 3) & 7 > 5,
            Class::SLoad => matches!((self.modrm >> 3) & 7, 1 | 6 | 7),
            Class::C => !matches!(self.reg(), 0 | 2 | 3 | 4 | 8),
            Class::D => self.p.r != 0,
            Class::Vm => self.addrsize() == Width::B2 || self.modrm & 7 != 4,
            _ => false,
        }
    }

    /// SPEC: intel-sdm-vol1 :: 3.6.1 Operand Size and Address Size in 64-Bit Mode -> REX.W over 66; some opcodes default to 64 bits, near branches are always 64
    fn opsize(&self) -> Width {
        let row = self.row;
        let p = &self.p;
        let prefix = p.opsize && !row.has(flag::NO_66);
        if row.has(flag::BYTE) {
            return Width::B1;
        }
        if row.has(flag::NATIVE) {
            return if p.mode64 { Width::B8 } else { Width::B4 };
        }
        if p.vex {
            return if p.w && p.mode64 { Width::B8 } else { Width::B4 };
        }
        match self.size {
            CodeSize::Bits16 if prefix => Width::B4,
            CodeSize::Bits16 => Width::B2,
            CodeSize::Bits32 if prefix => Width::B2,
            CodeSize::Bits32 => Width::B4,
            CodeSize::Bits64 if row.has(flag::F64) => Width::B8,
            CodeSize::Bits64 if p.w => {
                if row.has(flag::Z32) {
                    Width::B4
                } else {
                    Width::B8
                }
            }
            CodeSize::Bits64 if prefix => Width::B2,
            CodeSize::Bits64 if row.has(flag::D64) => Width::B8,
            CodeSize::Bits64 => Width::B4,
        }
    }

    pub(crate) fn addrsize(&self) -> Width {
        match (self.size, self.p.addrsize) {
            (CodeSize::Bits16, false) | (CodeSize::Bits32, true) => Width::B2,
            (CodeSize::Bits64, false) => Width::B8,
            _ => Width::B4,
        }
    }

    fn flags(&self) -> InsnFlags {
        let row = self.row;
        let p = &self.p;
        let string = row.has(flag::STR);
        let mut flags = InsnFlags::empty();
        flags.set(InsnFlags::LOCK, p.lock);
        flags.set(InsnFlags::REP, string && p.rep == 2);
        flags.set(InsnFlags::REPNE, string && p.rep == 3);
        flags.set(InsnFlags::SEG_OVERRIDE, p.seg.is_some());
        flags.set(InsnFlags::VEX, p.vex);
        flags.set(InsnFlags::VEX_L, p.l);
        flags.set(InsnFlags::W, p.w);
        flags.set(InsnFlags::OPSIZE_PREFIX, p.opsize);
        flags.set(InsnFlags::PRIVILEGED, row.has(flag::PRIV));
        flags.set(InsnFlags::ENDS_BLOCK, row.has(flag::END) || string && p.rep != 0);
        flags
    }

    fn operand(&mut self, arg: Arg, insn: &mut Instruction) -> Result<Operand, DecodeError> {
        use OperandKind as K;
        let plain = |kind, reg| Ok(Operand { kind, reg });
        let mmx = |reg: u8| Ok(Operand { kind: K::Mmx, reg: reg & 7 });
        match arg.class {
            Class::None => plain(K::None, 0),
            Class::E | Class::M | Class::Q | Class::W | Class::Vm if self.is_mem() => {
                self.memory(insn, arg.class == Class::Vm)?;
                plain(K::Mem, self.mem_size(arg.size, insn.opsize) as u8)
            }
            Class::E | Class::R | Class::RAny => Ok(self.gpr(arg.size, self.rm(), insn.opsize)),
            Class::G => Ok(self.gpr(arg.size, self.reg(), insn.opsize)),
            Class::Z => Ok(self.gpr(arg.size, self.opcode & 7 | self.p.b, insn.opsize)),
            Class::B => Ok(self.gpr(arg.size, self.vvvv(), insn.opsize)),
            Class::Acc => Ok(self.gpr(arg.size, 0, insn.opsize)),
            Class::Cl => plain(K::Gpr8, 1),
            Class::Dx => plain(K::Gpr16, 2),
            Class::S | Class::SLoad => plain(K::Seg, (self.modrm >> 3) & 7),
            Class::Es | Class::Cs | Class::Ss | Class::Ds | Class::Fs | Class::Gs => {
                plain(K::Seg, arg.class as u8 - Class::Es as u8)
            }
            Class::C => plain(K::Cr, self.reg()),
            Class::D => plain(K::Dr, self.reg()),
            Class::St0 => plain(K::St, 0),
            Class::Sti => plain(K::St, self.modrm & 7),
            Class::P => mmx(self.reg()),
            Class::Q | Class::N => mmx(self.rm()),
            Class::V => Ok(self.vector(arg.size, self.reg())),
            Class::W | Class::U => Ok(self.vector(arg.size, self.rm())),
            Class::H => Ok(self.vector(arg.size, self.vvvv())),
            Class::L => {
                let reg = self.cur.u8()? >> 4;
                Ok(self.vector(arg.size, if self.p.mode64 { reg } else { reg & 7 }))
            }
            // Only the register forms of these have rows, or a memory operand was read above.
            Class::M | Class::Vm => Err(DecodeError::Undefined),
            _ => self.immediate(arg, insn),
        }
    }

    fn immediate(&mut self, arg: Arg, insn: &mut Instruction) -> Result<Operand, DecodeError> {
        let cur = &mut self.cur;
        let word = insn.opsize == Width::B2;
        let (kind, value) = match (arg.class, arg.size) {
            (Class::One, _) => (OperandKind::One, 1),
            (Class::I, Size::B) => (OperandKind::Imm, cur.u8()? as u64),
            (Class::I, Size::W) => (OperandKind::Imm, cur.u16()? as u64),
            (Class::I, _) if word => (OperandKind::Imm, cur.u16()? as i16 as u64),
            (Class::I, _) => (OperandKind::Imm, cur.u32()? as i32 as u64),
            (Class::Ibs, _) => (OperandKind::Imm, cur.u8()? as i8 as u64),
            (Class::Iv, _) if word => (OperandKind::Imm, cur.u16()? as u64),
            (Class::Iv, _) if insn.opsize == Width::B8 => (OperandKind::Imm, cur.u64()?),
            (Class::Iv, _) => (OperandKind::Imm, cur.u32()? as u64),
            (Class::I2, _) => (OperandKind::Imm2, insn.imm | (cur.u8()? as u64) << 16),
            (Class::J, Size::B) => (OperandKind::Rel, cur.u8()? as i8 as u64),
            (Class::J, _) if word => (OperandKind::Rel, cur.u16()? as i16 as u64),
            (Class::J, _) => (OperandKind::Rel, cur.u32()? as i32 as u64),
            (Class::A, _) => {
                let offset = if word { cur.u16()? as u32 } else { cur.u32()? };
                (OperandKind::FarPtr, offset as u64 | (cur.u16()? as u64) << 32)
            }
            (Class::O, _) => {
                insn.flags |= InsnFlags::MOFFS;
                let offset = match insn.addrsize {
                    Width::B8 => cur.u64()?,
                    Width::B4 => cur.u32()? as u64,
                    _ => cur.u16()? as u64,
                };
                (OperandKind::Mem, offset)
            }
            _ => return Err(DecodeError::Undefined),
        };
        insn.imm = value;
        let reg = if kind == OperandKind::Mem { self.mem_size(arg.size, insn.opsize) as u8 } else { 0 };
        Ok(Operand { kind, reg })
    }

    /// General register `reg` of the size that `size` asks for.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.7.2.1 Register Operands in 64-Bit Mode -> with REX, byte registers 4 to 7 are SPL to DIL, without AH to BH
    fn gpr(&self, size: Size, reg: u8, opsize: Width) -> Operand {
        let width = match size {
            Size::B => Width::B1,
            Size::W => Width::B2,
            Size::D => Width::B4,
            Size::Q => Width::B8,
            Size::Z => opsize.min(Width::B4),
            Size::Y | Size::YMb | Size::YMw | Size::YMd => self.y(),
            _ => opsize,
        };
        let kind = match width {
            Width::B1 => OperandKind::Gpr8,
            Width::B2 => OperandKind::Gpr16,
            Width::B4 => OperandKind::Gpr32,
            Width::B8 => OperandKind::Gpr64,
        };
        let high = width == Width::B1 && !self.p.has_rex && (4..8).contains(&reg);
        Operand { kind, reg: if high { reg + 12 } else { reg } }
    }

    fn y(&self) -> Width {
        if self.p.w && self.p.mode64 { Width::B8 } else { Width::B4 }
    }

    fn vector(&self, size: Size, reg: u8) -> Operand {
        let wide = size == Size::Qq || size == Size::X && self.p.l;
        Operand { kind: if wide { OperandKind::Ymm } else { OperandKind::Xmm }, reg }
    }

    fn mem_size(&self, size: Size, opsize: Width) -> MemSize {
        let of = |width| match width {
            Width::B1 => MemSize::B1,
            Width::B2 => MemSize::B2,
            Width::B4 => MemSize::B4,
            Width::B8 => MemSize::B8,
        };
        let by_l = |narrow, wide| if self.p.l { wide } else { narrow };
        match size {
            Size::B | Size::YMb => MemSize::B1,
            Size::W | Size::VMw | Size::YMw => MemSize::B2,
            Size::D | Size::YMd => MemSize::B4,
            Size::Q => MemSize::B8,
            Size::V => of(opsize),
            Size::Z => of(opsize.min(Width::B4)),
            Size::Y => of(self.y()),
            Size::T => MemSize::B10,
            Size::Far => MemSize::Far,
            Size::Dq => MemSize::B16,
            Size::Qq => MemSize::B32,
            Size::X => by_l(MemSize::B16, MemSize::B32),
            Size::Half => by_l(MemSize::B8, MemSize::B16),
            Size::Quarter => by_l(MemSize::B4, MemSize::B8),
            Size::Eighth => by_l(MemSize::B2, MemSize::B4),
            Size::None => MemSize::Other,
        }
    }
}
