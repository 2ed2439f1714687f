//! Intel syntax, without allocation: `mov eax,[rdi+rcx*4+8h]`.

use crate::{InsnFlags, Instruction, MemSize, NO_REG, Op, Operand, OperandKind};
use core::fmt;
use x86_types::Width;

const GPR8: [&str; 20] = [
    "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b",
    "r15b", "ah", "ch", "dh", "bh",
];
const GPR16: [&str; 16] = [
    "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w",
    "r15w",
];
const GPR32: [&str; 16] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d",
    "r14d", "r15d",
];
const GPR64: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
    "r15",
];
const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];
const CONDITIONS: [&str; 16] =
    ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const MEM_SIZES: [&str; 9] = ["byte ", "word ", "dword ", "qword ", "oword ", "yword ", "tword ", "", ""];

/// An instruction as text; see [`Instruction::display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<'a> {
    insn: &'a Instruction,
    rip: u64,
}

impl Instruction {
    /// The instruction in Intel syntax, for one whose first byte is at offset `rip` of the code segment.
    pub fn display(&self, rip: u64) -> Display<'_> {
        Display { insn: self, rip }
    }
}

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prefixes(f)?;
        self.mnemonic(f)?;
        let operands = self.insn.operands.iter().filter(|operand| operand.kind != OperandKind::None);
        for (i, operand) in operands.enumerate() {
            f.write_str(if i == 0 { " " } else { "," })?;
            self.operand(f, *operand)?;
        }
        Ok(())
    }
}

/// `value` in hexadecimal with the suffix `h`, and a leading zero before a letter.
fn hex(f: &mut fmt::Formatter<'_>, value: u64) -> fmt::Result {
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(1);
    let zero = if value >> (4 * (digits - 1)) > 9 { "0" } else { "" };
    write!(f, "{zero}{value:X}h")
}

fn name(f: &mut fmt::Formatter<'_>, names: &[&str], number: u8) -> fmt::Result {
    f.write_str(names.get(number as usize).copied().unwrap_or("?"))
}

fn gpr(f: &mut fmt::Formatter<'_>, width: Width, number: u8) -> fmt::Result {
    let names: &[&str] = match width {
        Width::B1 => &GPR8,
        Width::B2 => &GPR16,
        Width::B4 => &GPR32,
        Width::B8 => &GPR64,
    };
    name(f, names, number)
}

impl Display<'_> {
    fn prefixes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let insn = self.insn;
        if insn.flags.contains(InsnFlags::LOCK) {
            f.write_str("lock ")?;
        }
        if insn.flags.contains(InsnFlags::REPNE) {
            f.write_str("repne ")?;
        }
        if insn.flags.contains(InsnFlags::REP) {
            f.write_str(if matches!(insn.op, Op::Cmps | Op::Scas) { "repe " } else { "rep " })?;
        }
        let implicit = matches!(insn.op, Op::Movs | Op::Cmps | Op::Lods | Op::Outs | Op::Xlat);
        if implicit && insn.flags.contains(InsnFlags::SEG_OVERRIDE) {
            name(f, &SEGMENTS, insn.seg as u8)?;
            f.write_str(" ")?;
        }
        Ok(())
    }

    fn mnemonic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let insn = self.insn;
        let by = |names: [&'static str; 4], width: Width| names[width as usize];
        let family = match insn.op {
            Op::Jcc => "j",
            Op::Setcc => "set",
            Op::Cmovcc => "cmov",
            _ => "",
        };
        if !family.is_empty() {
            f.write_str(family)?;
            return name(f, &CONDITIONS, insn.cc);
        }
        let w = insn.flags.contains(InsnFlags::W);
        let (stem, suffix) = match insn.op {
            Op::Movs | Op::Cmps | Op::Stos | Op::Lods | Op::Scas | Op::Ins | Op::Outs => {
                (insn.op.mnemonic(), by(["b", "w", "d", "q"], insn.opsize))
            }
            Op::Pushf | Op::Popf | Op::Pusha | Op::Popa | Op::Iret => {
                (insn.op.mnemonic(), by(["", "", "d", "q"], insn.opsize))
            }
            Op::Jcxz => (by(["", "jcxz", "jecxz", "jrcxz"], insn.addrsize), ""),
            Op::Cbw => (by(["", "cbw", "cwde", "cdqe"], insn.opsize), ""),
            Op::Cwd => (by(["", "cwd", "cdq", "cqo"], insn.opsize), ""),
            Op::MovSeg | Op::MovCr | Op::MovDr => ("mov", ""),
            Op::JmpFar => ("jmp far", ""),
            Op::CallFar => ("call far", ""),
            Op::RetFar => ("retf", ""),
            Op::Xlat => ("xlatb", ""),
            Op::Sysret | Op::Sysexit if w => (insn.op.mnemonic(), "q"),
            Op::Fxsave | Op::Fxrstor | Op::Xsave | Op::Xrstor | Op::Xsaveopt | Op::Xsavec if w => {
                (insn.op.mnemonic(), "64")
            }
            op => (op.mnemonic(), ""),
        };
        f.write_str(stem)?;
        f.write_str(suffix)
    }

    fn operand(&self, f: &mut fmt::Formatter<'_>, operand: Operand) -> fmt::Result {
        use OperandKind as K;
        let insn = self.insn;
        match operand.kind {
            K::None => Ok(()),
            K::Gpr8 => name(f, &GPR8, operand.reg),
            K::Gpr16 => name(f, &GPR16, operand.reg),
            K::Gpr32 => name(f, &GPR32, operand.reg),
            K::Gpr64 => name(f, &GPR64, operand.reg),
            K::Seg => name(f, &SEGMENTS, operand.reg),
            K::Cr => write!(f, "cr{}", operand.reg),
            K::Dr => write!(f, "dr{}", operand.reg),
            K::St => write!(f, "st{}", operand.reg),
            K::Mmx => write!(f, "mm{}", operand.reg),
            K::Xmm => write!(f, "xmm{}", operand.reg),
            K::Ymm => write!(f, "ymm{}", operand.reg),
            K::One => f.write_str("1"),
            K::Imm if insn.op == Op::Enter => hex(f, insn.imm & 0xffff),
            K::Imm => hex(f, insn.opsize.trunc(insn.imm)),
            K::Imm2 => hex(f, insn.imm >> 16),
            K::Rel => {
                let next = self.rip.wrapping_add(insn.len as u64);
                hex(f, insn.opsize.trunc(next.wrapping_add(insn.imm)))
            }
            K::FarPtr => {
                hex(f, insn.imm >> 32)?;
                f.write_str(":")?;
                hex(f, insn.imm & 0xffff_ffff)
            }
            K::Mem => self.memory(f, operand),
        }
    }

    /// Whether no register operand tells the size of the memory operand.
    fn ambiguous(&self, size: u8) -> bool {
        let shift = matches!(
            self.insn.op,
            Op::Rol | Op::Ror | Op::Rcl | Op::Rcr | Op::Shl | Op::Shr | Op::Sar | Op::Shld | Op::Shrd
        );
        let tells = |operand: &Operand| match operand.kind {
            OperandKind::Gpr8 => size == MemSize::B1 as u8,
            OperandKind::Gpr16 => size == MemSize::B2 as u8,
            OperandKind::Gpr32 => size == MemSize::B4 as u8,
            OperandKind::Gpr64 | OperandKind::Mmx => size == MemSize::B8 as u8,
            OperandKind::Xmm => size == MemSize::B16 as u8,
            OperandKind::Ymm => size == MemSize::B32 as u8,
            _ => false,
        };
        shift || !self.insn.operands.iter().any(tells)
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>, operand: Operand) -> fmt::Result {
        let insn = self.insn;
        if self.ambiguous(operand.reg) {
            name(f, &MEM_SIZES, operand.reg)?;
        }
        f.write_str("[")?;
        if insn.flags.contains(InsnFlags::SEG_OVERRIDE) {
            name(f, &SEGMENTS, insn.seg as u8)?;
            f.write_str(":")?;
        }
        if insn.flags.contains(InsnFlags::RIP_RELATIVE) {
            f.write_str("rel ")?;
            let next = self.rip.wrapping_add(insn.len as u64);
            hex(f, insn.addrsize.trunc(next.wrapping_add(insn.disp as u64)))?;
        } else if insn.base == NO_REG && insn.index == NO_REG {
            let moffs = insn.flags.contains(InsnFlags::MOFFS);
            hex(f, if moffs { insn.imm } else { insn.addrsize.trunc(insn.disp as u64) })?;
        } else {
            self.address(f)?;
        }
        f.write_str("]")
    }

    fn address(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let insn = self.insn;
        if insn.base != NO_REG {
            gpr(f, insn.addrsize, insn.base)?;
        }
        if insn.index != NO_REG {
            if insn.base != NO_REG {
                f.write_str("+")?;
            }
            match self.vector_index() {
                Some(kind) => write!(f, "{kind}{}", insn.index)?,
                None => gpr(f, insn.addrsize, insn.index)?,
            }
            if insn.scale != 0 {
                write!(f, "*{}", 1 << (insn.scale & 3))?;
            }
        }
        if insn.disp != 0 {
            f.write_str(if insn.disp < 0 { "-" } else { "+" })?;
            hex(f, insn.disp.unsigned_abs() as u64)?;
        }
        Ok(())
    }

    /// The kind of a gather's index register.
    ///
    /// SPEC: intel-sdm-vol2 :: VPGATHERDD/VPGATHERQD—Gather Packed Dword Values Using Signed Dword/Qword Indices -> as many indices as elements: half a register of dword indices for qword elements
    fn vector_index(&self) -> Option<&'static str> {
        let wide = self.insn.flags.contains(InsnFlags::VEX_L);
        match self.insn.op {
            Op::Vpgatherdq | Op::Vgatherdpd => Some("xmm"),
            Op::Vpgatherdd
            | Op::Vgatherdps
            | Op::Vpgatherqd
            | Op::Vgatherqps
            | Op::Vpgatherqq
            | Op::Vgatherqpd => Some(if wide { "ymm" } else { "xmm" }),
            _ => None,
        }
    }
}

impl fmt::Display for crate::DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedMore => "more bytes are needed",
            Self::TooLong => "the instruction is longer than 15 bytes",
            Self::Undefined => "no instruction has this encoding",
        })
    }
}

impl core::error::Error for crate::DecodeError {}
