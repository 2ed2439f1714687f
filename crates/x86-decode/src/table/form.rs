//! Rows compiled to what the decoder reads: 16 bytes a row, and tables instead of decisions.

use super::arg::{Class, Size};
use super::row::{Row, flag as row_flag, key};
use crate::{InsnFlags, Op};
use x86_types::Width;

/// Facts that the decoder branches on.
pub(crate) mod flag {
    /// The low opcode nibble is a condition: a mask for the opcode.
    pub(crate) const CC: u16 = 15;
    /// LOCK is allowed with a memory destination
    pub(crate) const LOCK: u16 = 1 << 4;
    /// F2 and F3 repeat
    pub(crate) const STR: u16 = 1 << 5;
    /// VEX.vvvv names an operand
    pub(crate) const VVVV: u16 = 1 << 6;
    /// The next form is another one of the same opcodes
    pub(crate) const MORE: u16 = 1 << 7;
    /// The operand by ModRM.reg is a byte register
    pub(crate) const BYTE_REG: u16 = 1 << 8;
    /// The operand by ModRM.rm or by the opcode is a byte register
    pub(crate) const BYTE_RM: u16 = 1 << 9;
    /// Segment registers 6 and 7 are not allowed
    pub(crate) const CHECK_SEG: u16 = 1 << 10;
    /// CS is not allowed
    pub(crate) const CHECK_CS: u16 = 1 << 11;
    /// The control register must exist
    pub(crate) const CHECK_CR: u16 = 1 << 12;
    /// The debug register must exist
    pub(crate) const CHECK_DR: u16 = 1 << 13;
    /// The index is a vector register
    pub(crate) const VSIB: u16 = 1 << 14;
    /// Any of what must be checked
    pub(crate) const CHECK: u16 = CHECK_SEG | CHECK_CS | CHECK_CR | CHECK_DR | VSIB;
}

/// What one encoding decodes to.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) mask: u16,
    pub(crate) value: u16,
    pub(crate) op: Op,
    /// [`InsnFlags`] of every instruction of the form
    pub(crate) insn: InsnFlags,
    /// The first of the form's [templates](super::template)
    pub(crate) template: u16,
    /// See [`flag`]
    pub(crate) flags: u16,
    /// Bits 3:0 row of [`OPSIZES`], bits 7:4 kind of [immediate](super::immediate)
    pub(crate) sizes: u8,
    /// Which bits of variant and memory choose among the templates; 8 if VEX.L is part of the variant
    pub(crate) choice: u8,
    /// Places of operands: by ModRM.reg in bits 1:0, by ModRM.rm or the opcode in bits 3:2, by VEX.vvvv in bits 5:4
    pub(crate) places: u8,
    /// Which bits of register numbers count: of ModRM.reg in bits 3:0, of ModRM.rm or the opcode in bits 7:4
    pub(crate) numbers: u8,
}

const _: () = assert!(core::mem::size_of::<Form>() == 16);

impl Form {
    /// Matches no key.
    pub(crate) const NONE: Form = Form {
        mask: key::NEVER,
        value: key::NEVER,
        op: Op::Nop,
        insn: InsnFlags::empty(),
        template: 0,
        flags: 0,
        sizes: 0,
        choice: 0,
        places: 0,
        numbers: 0,
    };

    pub(super) const fn new(row: &Row, vex: bool, more: bool) -> Form {
        let mut flags = 0;
        flags |= if row.has(row_flag::CC) { flag::CC } else { 0 };
        flags |= if row.has(row_flag::LOCK) { flag::LOCK } else { 0 };
        flags |= if row.has(row_flag::STR) { flag::STR } else { 0 };
        flags |= if row.has(row_flag::VVVV) { flag::VVVV } else { 0 };
        flags |= if more { flag::MORE } else { 0 };
        let mut insn = 0;
        insn |= if row.has(row_flag::PRIV) { InsnFlags::PRIVILEGED.bits() } else { 0 };
        insn |= if row.has(row_flag::END) { InsnFlags::ENDS_BLOCK.bits() } else { 0 };
        // Where nothing is chosen, the last place gets a zero.
        let (mut reg, mut rm, mut vvvv, mut numbers) = (3, 3, 3, 0);
        let mut memory = false;
        let mut i = 0;
        while i < 4 {
            let arg = row.args[i];
            let byte = matches!(arg.size, Size::B);
            match arg.class {
                Class::G | Class::C | Class::D | Class::V => (reg, numbers) = (i, numbers | 15),
                Class::P | Class::S | Class::SLoad => (reg, numbers) = (i, numbers | 7),
                Class::E | Class::R | Class::RAny | Class::Z | Class::W | Class::U => {
                    (rm, numbers) = (i, numbers | 15 << 4);
                }
                Class::Q | Class::N | Class::Sti => (rm, numbers) = (i, numbers | 7 << 4),
                Class::B | Class::H => vvvv = i,
                _ => {}
            }
            match arg.class {
                Class::S => flags |= flag::CHECK_SEG,
                Class::SLoad => flags |= flag::CHECK_SEG | flag::CHECK_CS,
                Class::C => flags |= flag::CHECK_CR,
                Class::D => flags |= flag::CHECK_DR,
                Class::Vm => flags |= flag::VSIB,
                Class::O => insn |= InsnFlags::MOFFS.bits(),
                Class::G if byte => flags |= flag::BYTE_REG,
                Class::E | Class::R | Class::Z if byte => flags |= flag::BYTE_RM,
                _ => {}
            }
            assert!(!rule_of_y_broken(row, vex, arg.size), "the operand size does not say REX.W");
            memory |= arg.class.reaches_memory();
            i += 1;
        }
        // The decoder reads a memory operand wherever ModRM.mod is not 3; control and debug registers excepted.
        let register =
            row.mask & row.value & key::MOD3 != 0 || flags & (flag::CHECK_CR | flag::CHECK_DR) != 0;
        assert!(
            memory || register || !row.has(row_flag::MODRM),
            "ModRM.rm says memory, and no operand is it"
        );
        Form {
            mask: row.mask,
            value: row.value,
            op: row.op,
            insn: InsnFlags::from_bits_retain(insn),
            template: 0,
            flags,
            sizes: opsize_rule(row, vex) | super::immediate::kind(row) << 4,
            choice: super::template::choice(row, vex),
            places: (reg | rm << 2 | vvvv << 4) as u8,
            numbers,
        }
    }

    #[inline(always)]
    pub(crate) const fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// 4 if the operand by ModRM.reg is a byte register, of which numbers 4 to 7 may be AH to BH: 12 more.
    #[inline(always)]
    pub(crate) const fn byte_reg(&self) -> u32 {
        self.flags as u32 >> 6 & 4
    }

    /// As [`byte_reg`](Self::byte_reg), for the operand by ModRM.rm or by the opcode.
    #[inline(always)]
    pub(crate) const fn byte_rm(&self) -> u32 {
        self.flags as u32 >> 7 & 4
    }

    /// Returns whether the form's constraints hold, looking only at the key's bits in `known`.
    #[inline(always)]
    pub(crate) const fn matches(&self, key: u16, known: u16) -> bool {
        (key ^ self.value) & self.mask & known == 0
    }
}

/// Operands that REX.W or VEX.W sizes are 64 bits wide exactly if the operand size is: no rule of the opcode's own may
/// come between.
const fn rule_of_y_broken(row: &Row, vex: bool, size: Size) -> bool {
    let y = matches!(size, Size::Y | Size::YMb | Size::YMw | Size::YMd);
    let rule = opsize_rule(row, vex) >> 1;
    y && rule != rule::PLAIN && rule != rule::VEX
}

/// How prefixes, mode and opcode give the operand size.
mod rule {
    pub(super) const PLAIN: u8 = 0;
    pub(super) const BYTE: u8 = 1;
    pub(super) const NATIVE: u8 = 2;
    pub(super) const VEX: u8 = 3;
    pub(super) const F64: u8 = 4;
    pub(super) const D64: u8 = 5;
    pub(super) const Z32: u8 = 6;
}

pub(super) const fn opsize_rule(row: &Row, vex: bool) -> u8 {
    let rule = if row.has(row_flag::BYTE) {
        rule::BYTE
    } else if row.has(row_flag::NATIVE) {
        rule::NATIVE
    } else if vex {
        rule::VEX
    } else if row.has(row_flag::F64) {
        rule::F64
    } else if row.has(row_flag::D64) {
        rule::D64
    } else if row.has(row_flag::Z32) {
        rule::Z32
    } else {
        rule::PLAIN
    };
    rule << 1 | row.has(row_flag::NO_66) as u8
}

/// What the operand size depends on besides the opcode: code size, 66 prefix, REX.W or VEX.W.
pub(crate) mod opctx {
    pub(crate) const SIZE: u8 = 3;
    pub(crate) const OPSIZE_PREFIX: u8 = 4;
    pub(crate) const W: u8 = 8;
}

/// Operand sizes by [rule](Form::sizes) and [context](opctx).
pub(crate) static OPSIZES: [[Width; 16]; 16] = {
    let mut table = [[Width::B4; 16]; 16];
    let mut rule = 0;
    while rule < 16 {
        let mut context = 0;
        while context < 16 {
            table[rule][context] = opsize(rule as u8 >> 1, rule & 1 != 0, context as u8);
            context += 1;
        }
        rule += 1;
    }
    table
};

/// SPEC: intel-sdm-vol1 :: 3.6.1 Operand Size and Address Size in 64-Bit Mode -> REX.W over 66; some opcodes default to 64 bits, near branches are always 64
pub(super) const fn opsize(rule: u8, no_66: bool, context: u8) -> Width {
    let prefix = context & opctx::OPSIZE_PREFIX != 0 && !no_66;
    let w = context & opctx::W != 0;
    let size = context & opctx::SIZE;
    let mode64 = size >= 2;
    match rule {
        rule::BYTE => Width::B1,
        rule::NATIVE if mode64 => Width::B8,
        rule::NATIVE => Width::B4,
        rule::VEX if w && mode64 => Width::B8,
        rule::VEX => Width::B4,
        _ if size == 0 && prefix => Width::B4,
        _ if size == 0 => Width::B2,
        _ if size == 1 && prefix => Width::B2,
        _ if size == 1 => Width::B4,
        rule::F64 => Width::B8,
        rule::Z32 if w => Width::B4,
        _ if w => Width::B8,
        _ if prefix => Width::B2,
        rule::D64 => Width::B8,
        _ => Width::B4,
    }
}

impl Class {
    /// Returns whether the operand is memory where ModRM.mod is not 3.
    pub(super) const fn reaches_memory(self) -> bool {
        matches!(self, Class::E | Class::M | Class::Q | Class::W | Class::Vm)
    }
}
