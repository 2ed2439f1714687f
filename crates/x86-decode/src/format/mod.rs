//! Instructions as text, without allocation: `mov eax,[rdi+rcx*4+8h]`.

mod att;
mod intel;
mod mnemonic;
mod options;

pub use options::{FormatOptions, MemorySizes, Numbers, Symbol, SymbolResolver, Syntax};

use crate::{
    InsnFlags, Instruction, MemSize, MemoryOperand, Op, OperandKind, OperandValue, Register, RegisterKind,
};
use core::fmt;
use x86_types::{Seg, Width};

/// An instruction as text; see [`Instruction::display`].
#[derive(Clone, Copy, Debug)]
pub struct Display<'i, 'o> {
    insn: &'i Instruction,
    rip: u64,
    options: FormatOptions<'o>,
}

impl Instruction {
    /// Returns the instruction as text in NASM's syntax, with its first byte at offset `rip` of the code segment.
    pub fn display(&self, rip: u64) -> Display<'_, 'static> {
        Display { insn: self, rip, options: FormatOptions::nasm() }
    }

    /// Returns the instruction as text by `options`, with its first byte at offset `rip` of the code segment.
    pub fn display_with<'o>(&self, rip: u64, options: FormatOptions<'o>) -> Display<'_, 'o> {
        Display { insn: self, rip, options }
    }
}

impl fmt::Display for Display<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.prefixes(f)?;
        self.mnemonic(f)?;
        let mut parts = self.parts();
        let count = parts.iter().flatten().count();
        if self.options.syntax == Syntax::Att && !keeps_order(self.insn.op) {
            parts[..count].reverse();
        }
        for (i, part) in parts.into_iter().flatten().enumerate() {
            f.write_str(match (i, self.options.space) {
                (0, _) => " ",
                (_, true) => ", ",
                (_, false) => ",",
            })?;
            match self.options.syntax {
                Syntax::Att => self.att_operand(f, part)?,
                Syntax::Nasm | Syntax::Intel => self.intel_operand(f, part)?,
            }
        }
        Ok(())
    }
}

/// Most operands that are written: four explicit ones, or those that GNU tools add.
const PARTS: usize = 4;

/// Returns whether AT&T syntax has the operands in Intel's order.
const fn keeps_order(op: Op) -> bool {
    matches!(op, Op::Enter | Op::Bound | Op::Monitor | Op::Mwait | Op::Invlpg)
}

/// An operand as it is written.
#[derive(Clone, Copy)]
enum Part {
    Explicit(OperandValue),
    /// A register that the encoding does not name
    Register(Register),
    /// Memory that the encoding does not name: segment and address register
    Memory(Seg, Register, Width),
}

impl Display<'_, '_> {
    /// Returns the operands in Intel's order. GNU tools write those of string operations and some other implicit ones,
    /// too.
    fn parts(&self) -> [Option<Part>; PARTS] {
        let insn = self.insn;
        let mut parts = [None; PARTS];
        let mut at = 0;
        let mut add = |part| {
            if let Some(slot) = parts.get_mut(at) {
                *slot = part;
                at += 1;
            }
        };
        if self.options.syntax != Syntax::Nasm {
            let general = |width, number| Register::general(width, number).map(Part::Register);
            let accumulator = general(insn.opsize, 0);
            let memory = |seg, number, size| {
                Register::general(insn.addrsize, number).map(|register| Part::Memory(seg, register, size))
            };
            let source = memory(insn.seg, 6, insn.opsize);
            let destination = memory(Seg::Es, 7, insn.opsize);
            let dx = general(Width::B2, 2);
            let (first, second) = match insn.op {
                Op::Movs => (destination, source),
                Op::Cmps => (source, destination),
                Op::Stos => (destination, accumulator),
                Op::Lods => (accumulator, source),
                Op::Scas => (accumulator, destination),
                Op::Ins => (destination, dx),
                Op::Outs => (dx, source),
                Op::Xlat => (memory(insn.seg, 3, Width::B1), None),
                Op::Monitor if self.options.syntax == Syntax::Att => {
                    (general(insn.addrsize, 0), general(Width::B4, 1))
                }
                Op::Mwait if self.options.syntax == Syntax::Att => {
                    (general(Width::B4, 0), general(Width::B4, 1))
                }
                _ => (None, None),
            };
            add(first.or(second));
            if first.is_some() {
                add(second);
            } else {
                at = 0;
            }
            if at != 0 && insn.op == Op::Monitor {
                parts[2] = general(Width::B4, 2);
            }
        }
        let gnu = self.options.syntax != Syntax::Nasm;
        for (i, value) in insn.operand_values().enumerate() {
            // GNU tools leave out ST(0) where it cannot be another, and AT&T's syntax a count of one.
            let silent = match insn.op {
                Op::Fcom | Op::Fcomp | Op::Fucom | Op::Fucomp | Op::Fxch => {
                    gnu && i == 0 && matches!(value, OperandValue::Register(_))
                }
                _ => self.options.syntax == Syntax::Att && insn.operands[i].kind == OperandKind::One,
            };
            if let (false, Some(slot)) = (silent, parts.get_mut(at)) {
                *slot = Some(Part::Explicit(self.as_written(value)));
                at += 1;
            }
        }
        let xmm0 = matches!(insn.op, Op::Blendvps | Op::Blendvpd | Op::Pblendvb | Op::Sha256rnds2);
        if xmm0
            && gnu
            && let Some(slot) = parts.get_mut(at)
        {
            *slot = Register::new(RegisterKind::Xmm, 0).map(Part::Register);
        }
        parts
    }

    /// Registers that are read as 16 bits, whatever the operand size is.
    fn as_written(&self, value: OperandValue) -> OperandValue {
        let word = matches!(self.insn.op, Op::Lldt | Op::Ltr | Op::Verr | Op::Verw | Op::Lmsw);
        match value {
            OperandValue::Register(register) if word => {
                Register::general(Width::B2, register.number()).map_or(value, OperandValue::Register)
            }
            _ => value,
        }
    }

    fn prefixes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let insn = self.insn;
        if insn.flags.contains(InsnFlags::LOCK) {
            f.write_str("lock ")?;
        }
        let compares = matches!(insn.op, Op::Cmps | Op::Scas);
        if insn.flags.contains(InsnFlags::REPNE) {
            let gnu = self.options.syntax != Syntax::Nasm;
            f.write_str(if gnu { "repnz " } else { "repne " })?;
        }
        if insn.flags.contains(InsnFlags::REP) {
            f.write_str(match (compares, self.options.syntax) {
                (false, _) => "rep ",
                (true, Syntax::Nasm) => "repe ",
                (true, _) => "repz ",
            })?;
        }
        let implicit = matches!(insn.op, Op::Movs | Op::Cmps | Op::Lods | Op::Outs | Op::Xlat);
        let overridden = insn.flags.contains(InsnFlags::SEG_OVERRIDE);
        if implicit && overridden && self.options.syntax == Syntax::Nasm {
            f.write_str(Register::segment(insn.seg).name())?;
            f.write_str(" ")?;
        }
        Ok(())
    }

    /// Returns the address that an operand without registers, or relative to RIP, names.
    fn named_address(&self, memory: &MemoryOperand) -> Option<u64> {
        let relative = memory.base.is_some_and(|base| base.kind() == RegisterKind::Ip);
        match (relative, memory.base, memory.index) {
            (true, ..) | (false, None, None) => self.insn.effective_address(self.rip, |_| 0),
            _ => None,
        }
    }

    /// Returns whether no register operand determines the size of the memory operand.
    fn ambiguous(&self, size: MemSize) -> bool {
        let shift = matches!(
            self.insn.op,
            Op::Rol | Op::Ror | Op::Rcl | Op::Rcr | Op::Shl | Op::Shr | Op::Sar | Op::Shld | Op::Shrd
        );
        let tells = |operand: &crate::Operand| match operand.kind {
            OperandKind::Gpr8 => size == MemSize::B1,
            OperandKind::Gpr16 => size == MemSize::B2,
            OperandKind::Gpr32 => size == MemSize::B4,
            OperandKind::Gpr64 | OperandKind::Mmx => size == MemSize::B8,
            OperandKind::Xmm => size == MemSize::B16,
            OperandKind::Ymm => size == MemSize::B32,
            _ => false,
        };
        shift || !self.insn.operands.iter().any(tells)
    }

    /// Writes a displacement that follows a register.
    fn displacement(&self, f: &mut fmt::Formatter<'_>, memory: &MemoryOperand, plus: &str) -> fmt::Result {
        let value = memory.displacement;
        if self.options.signed {
            f.write_str(if value < 0 { "-" } else { plus })?;
            self.options.number(f, value.unsigned_abs())
        } else {
            f.write_str(plus)?;
            self.options.number(f, memory.address_size.trunc(value as u64))
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
