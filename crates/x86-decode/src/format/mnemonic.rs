//! Mnemonics: families of operations written out, and what AT&T syntax calls by another name.

use super::{Display, Syntax};
use crate::{Feature, InsnFlags, MemSize, Op, Operand, OperandKind};
use core::fmt;
use x86_types::{Cond, Width};

/// Returns the condition's suffix of Jcc, SETcc and CMOVcc.
const fn condition(cond: Cond) -> &'static str {
    match cond {
        Cond::O => "o",
        Cond::No => "no",
        Cond::B => "b",
        Cond::Ae => "ae",
        Cond::E => "e",
        Cond::Ne => "ne",
        Cond::Be => "be",
        Cond::A => "a",
        Cond::S => "s",
        Cond::Ns => "ns",
        Cond::P => "p",
        Cond::Np => "np",
        Cond::L => "l",
        Cond::Ge => "ge",
        Cond::Le => "le",
        Cond::G => "g",
    }
}

impl Display<'_, '_> {
    pub(super) fn mnemonic(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let insn = self.insn;
        let family = match insn.op {
            Op::Jcc => "j",
            Op::Setcc => "set",
            Op::Cmovcc => "cmov",
            _ => "",
        };
        if !family.is_empty() {
            f.write_str(family)?;
            return f.write_str(condition(insn.cond()));
        }
        let (stem, suffix) = match self.options.syntax {
            Syntax::Nasm => self.nasm_mnemonic(),
            Syntax::Intel => self.gnu_mnemonic(),
            Syntax::Att => self.att_mnemonic(),
        };
        f.write_str(stem)?;
        f.write_str(suffix)
    }

    /// Returns whether the instruction has REX.W or VEX.W.
    fn w(&self) -> bool {
        self.insn.flags.contains(InsnFlags::W)
    }

    fn nasm_mnemonic(&self) -> (&'static str, &'static str) {
        let insn = self.insn;
        let by = |names: [&'static str; 4], width: Width| names[width as usize];
        match insn.op {
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
            Op::Sysret | Op::Sysexit if self.w() => (insn.op.mnemonic(), "q"),
            Op::Fxsave | Op::Fxrstor | Op::Xsave | Op::Xrstor | Op::Xsaveopt | Op::Xsavec if self.w() => {
                (insn.op.mnemonic(), "64")
            }
            op => (op.mnemonic(), ""),
        }
    }

    /// Returns the mnemonic of `objdump -M intel`.
    fn gnu_mnemonic(&self) -> (&'static str, &'static str) {
        let insn = self.insn;
        let immediate = insn.operands[0].kind == OperandKind::Imm;
        let relative = insn.operands[0].kind == OperandKind::Rel;
        match insn.op {
            Op::Movs | Op::Cmps | Op::Stos | Op::Lods | Op::Scas | Op::Ins | Op::Outs | Op::Xlat => {
                (insn.op.mnemonic(), "")
            }
            Op::Mov if self.has_full_immediate() => ("movabs", ""),
            Op::JmpFar => ("jmp", ""),
            Op::CallFar => ("call", ""),
            Op::Iret if self.w() => ("iret", "q"),
            Op::Pushf | Op::Popf | Op::Pusha | Op::Popa | Op::Iret | Op::Ret | Op::Leave | Op::Enter => {
                (insn.op.mnemonic(), self.unusual_size())
            }
            Op::RetFar => ("retf", self.unusual_size()),
            Op::Push if immediate => ("push", self.unusual_size()),
            Op::Jmp | Op::Call if relative => (insn.op.mnemonic(), self.unusual_size()),
            Op::Sgdt | Op::Sidt | Op::Lgdt | Op::Lidt => (insn.op.mnemonic(), self.size_letter(insn.opsize)),
            Op::Sysret | Op::Sysexit if !self.w() => (insn.op.mnemonic(), self.size_letter(Width::B4)),
            _ => self.nasm_mnemonic(),
        }
    }

    /// Returns whether this is a MOV with 64 bits of immediate or of memory offset.
    fn has_full_immediate(&self) -> bool {
        let insn = self.insn;
        let moffs = insn.flags.contains(InsnFlags::MOFFS) && insn.addrsize == Width::B8;
        // REX, opcode, eight bytes; the other form with an immediate that is no memory operand has seven bytes.
        let immediate = insn.operands[1].kind == OperandKind::Imm && insn.opsize == Width::B8;
        moffs || immediate && !insn.has_mem() && insn.len >= 10
    }

    /// Returns a size as a suffix: none for 64 bits, which are the default where there are such suffixes.
    fn size_letter(&self, size: Width) -> &'static str {
        match (size, self.options.syntax) {
            (Width::B1 | Width::B8, _) => "",
            (Width::B2, _) => "w",
            (Width::B4, Syntax::Att) => "l",
            (Width::B4, _) => "d",
        }
    }

    /// Returns the operand size as a suffix, if a prefix chose it.
    fn unusual_size(&self) -> &'static str {
        let prefixed = self.insn.flags.contains(InsnFlags::OPSIZE_PREFIX);
        if prefixed { self.size_letter(self.insn.opsize) } else { "" }
    }

    fn att_mnemonic(&self) -> (&'static str, &'static str) {
        let insn = self.insn;
        let by = |names: [&'static str; 4], width: Width| names[width as usize];
        let size = insn.operands.iter().find_map(|operand| operand.memory_size());
        let source = insn.operands[1];
        match insn.op {
            Op::Movs | Op::Cmps | Op::Ins | Op::Outs => {
                (insn.op.mnemonic(), by(["b", "w", "l", "q"], insn.opsize))
            }
            Op::JmpFar => ("ljmp", self.unusual_size()),
            Op::CallFar => ("lcall", self.unusual_size()),
            Op::RetFar => ("lret", self.unusual_size()),
            Op::Push | Op::Pop | Op::Jmp | Op::Call if insn.has_mem() => {
                (insn.op.mnemonic(), self.unusual_size())
            }
            Op::Cbw => (by(["", "cbtw", "cwtl", "cltq"], insn.opsize), ""),
            Op::Cwd => (by(["", "cwtd", "cltd", "cqto"], insn.opsize), ""),
            Op::Movsxd if self.w() => ("movslq", ""),
            Op::Movzx | Op::Movsx => {
                let byte = matches!(source.width(), Some(Width::B1));
                let stem = match (insn.op, byte) {
                    (Op::Movzx, true) => "movzb",
                    (Op::Movzx, false) => "movzw",
                    (_, true) => "movsb",
                    (_, false) => "movsw",
                };
                (stem, by(["", "w", "l", "q"], insn.opsize))
            }
            Op::Crc32 => ("crc32", Self::letter(size)),
            Op::Cvtsi2ss | Op::Cvtsi2sd | Op::Vcvtsi2ss | Op::Vcvtsi2sd => {
                (insn.op.mnemonic(), Self::letter(size))
            }
            Op::Vcvtpd2ps | Op::Vcvtpd2dq | Op::Vcvttpd2dq => {
                let suffix = match size {
                    Some(MemSize::B16) => "x",
                    Some(MemSize::B32) => "y",
                    _ => "",
                };
                (insn.op.mnemonic(), suffix)
            }
            // The syntax has had these the other way round since AT&T's first assembler.
            Op::Fsub | Op::Fsubr | Op::Fdiv | Op::Fdivr if insn.operands[0].reg != 0 && size.is_none() => {
                (Self::reversed(insn.op), "")
            }
            Op::Fsubp | Op::Fsubrp | Op::Fdivp | Op::Fdivrp => (Self::reversed(insn.op), ""),
            _ if self.takes_suffix() => (self.gnu_mnemonic().0, Self::letter(size)),
            _ if insn.feature() == Feature::Fpu || insn.op == Op::Fisttp => {
                (insn.op.mnemonic(), self.x87_letter(size))
            }
            _ => self.gnu_mnemonic(),
        }
    }

    /// Returns the operation with its operands exchanged.
    const fn reversed(op: Op) -> &'static str {
        match op {
            Op::Fsub => "fsubr",
            Op::Fsubr => "fsub",
            Op::Fdiv => "fdivr",
            Op::Fdivr => "fdiv",
            Op::Fsubp => "fsubrp",
            Op::Fsubrp => "fsubp",
            Op::Fdivp => "fdivrp",
            _ => "fdivp",
        }
    }

    /// Returns the letter of a memory operand's size.
    fn letter(size: Option<MemSize>) -> &'static str {
        match size {
            Some(MemSize::B1) => "b",
            Some(MemSize::B2) => "w",
            Some(MemSize::B4) => "l",
            Some(MemSize::B8) => "q",
            _ => "",
        }
    }

    /// Returns the suffix of an x87 instruction with a number in memory: of its size and of whether it is an integer.
    fn x87_letter(&self, size: Option<MemSize>) -> &'static str {
        match self.insn.op {
            Op::Fadd
            | Op::Fmul
            | Op::Fcom
            | Op::Fcomp
            | Op::Fsub
            | Op::Fsubr
            | Op::Fdiv
            | Op::Fdivr
            | Op::Fld
            | Op::Fst
            | Op::Fstp => match size {
                Some(MemSize::B4) => "s",
                Some(MemSize::B8) => "l",
                Some(MemSize::B10) => "t",
                _ => "",
            },
            Op::Fiadd
            | Op::Fimul
            | Op::Ficom
            | Op::Ficomp
            | Op::Fisub
            | Op::Fisubr
            | Op::Fidiv
            | Op::Fidivr
            | Op::Fild
            | Op::Fist
            | Op::Fistp
            | Op::Fisttp => match size {
                Some(MemSize::B2) => "s",
                Some(MemSize::B4) => "l",
                Some(MemSize::B8) => "ll",
                _ => "",
            },
            _ => "",
        }
    }

    /// Returns whether the mnemonic has a suffix for the size of memory, since no register determines it.
    fn takes_suffix(&self) -> bool {
        let is_register = |operand: &Operand| {
            use OperandKind::{Gpr8, Gpr16, Gpr32, Gpr64};
            matches!(operand.kind, Gpr8 | Gpr16 | Gpr32 | Gpr64)
        };
        match self.insn.op {
            // CL does not determine the size.
            Op::Rol | Op::Ror | Op::Rcl | Op::Rcr | Op::Shl | Op::Shr | Op::Sar => true,
            Op::Add
            | Op::Or
            | Op::Adc
            | Op::Sbb
            | Op::And
            | Op::Sub
            | Op::Xor
            | Op::Cmp
            | Op::Test
            | Op::Mov
            | Op::Inc
            | Op::Dec
            | Op::Neg
            | Op::Not
            | Op::Mul
            | Op::Imul
            | Op::Div
            | Op::Idiv
            | Op::Bt
            | Op::Bts
            | Op::Btr
            | Op::Btc
            | Op::Nop => !self.insn.operands.iter().any(is_register),
            _ => false,
        }
    }
}
