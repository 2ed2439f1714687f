//! Operands in Intel syntax, as NASM and as GNU tools write it.

use super::{Display, MemorySizes, Part, Syntax};
use crate::{InsnFlags, MemSize, MemoryOperand, Op, OperandValue, Register, RegisterKind};
use core::fmt;
use x86_types::Width;

impl Display<'_, '_> {
    pub(super) fn intel_operand(&self, f: &mut fmt::Formatter<'_>, part: Part) -> fmt::Result {
        let value = match part {
            Part::Explicit(value) => value,
            Part::Register(register) => return self.intel_register(f, register),
            Part::Memory(segment, register, size) => {
                let size = match size {
                    Width::B1 => MemSize::B1,
                    Width::B2 => MemSize::B2,
                    Width::B4 => MemSize::B4,
                    Width::B8 => MemSize::B8,
                };
                f.write_str(self.size_name(size))?;
                return write!(f, "{}:[{register}]", Register::segment(segment));
            }
        };
        match value {
            OperandValue::Register(register) => self.intel_register(f, register),
            OperandValue::Memory(memory) => self.intel_memory(f, &memory),
            OperandValue::Immediate { value: 1, .. } if self.counts_one() => f.write_str("1"),
            OperandValue::Immediate { value, .. } => self.options.number(f, value),
            OperandValue::Relative { .. } => {
                self.options.address(f, self.insn.branch_target(self.rip).unwrap_or(0))
            }
            OperandValue::FarPointer { selector, offset } => {
                self.options.number(f, selector.into())?;
                f.write_str(":")?;
                self.options.number(f, offset.into())
            }
        }
    }

    /// Returns whether the instruction shifts by the constant 1.
    pub(super) fn counts_one(&self) -> bool {
        self.insn.operands.iter().any(|operand| operand.kind == crate::OperandKind::One)
    }

    fn intel_register(&self, f: &mut fmt::Formatter<'_>, register: Register) -> fmt::Result {
        match (register.kind(), self.options.syntax) {
            (RegisterKind::X87, Syntax::Intel) => match register.number() {
                0 => f.write_str("st"),
                number => write!(f, "st({number})"),
            },
            _ => f.write_str(register.name()),
        }
    }

    fn size_name(&self, size: MemSize) -> &'static str {
        let far = 2 + self.insn.opsize.bytes();
        if self.options.syntax == Syntax::Nasm {
            return match size {
                MemSize::B1 => "byte ",
                MemSize::B2 => "word ",
                MemSize::B4 => "dword ",
                MemSize::B8 => "qword ",
                MemSize::B16 => "oword ",
                MemSize::B32 => "yword ",
                MemSize::B10 => "tword ",
                MemSize::Far | MemSize::Other => "",
            };
        }
        match size {
            MemSize::B1 => "BYTE PTR ",
            MemSize::B2 => "WORD PTR ",
            MemSize::B4 => "DWORD PTR ",
            MemSize::B8 => "QWORD PTR ",
            MemSize::B16 if self.insn.op == Op::Cmpxchg16b => "OWORD PTR ",
            MemSize::B16 if matches!(self.insn.op, Op::Lddqu | Op::Vlddqu | Op::Invpcid) => "",
            MemSize::B16 => "XMMWORD PTR ",
            MemSize::B32 if self.insn.op == Op::Vlddqu => "",
            MemSize::B32 => "YMMWORD PTR ",
            MemSize::B10 => "TBYTE PTR ",
            MemSize::Far if matches!(self.insn.op, Op::Lgdt | Op::Lidt | Op::Sgdt | Op::Sidt) => "",
            MemSize::Far => match far {
                4 => "DWORD PTR ",
                6 => "FWORD PTR ",
                _ => "TBYTE PTR ",
            },
            MemSize::Other => match self.insn.op {
                Op::Bound if self.insn.opsize == Width::B2 => "DWORD PTR ",
                Op::Bound => "QWORD PTR ",
                Op::Invlpg | Op::Clflush | Op::Clflushopt | Op::Clwb => "BYTE PTR ",
                Op::Prefetchnta | Op::Prefetcht0 | Op::Prefetcht1 | Op::Prefetcht2 | Op::Prefetchw => {
                    "BYTE PTR "
                }
                _ => "",
            },
        }
    }

    fn intel_memory(&self, f: &mut fmt::Formatter<'_>, memory: &MemoryOperand) -> fmt::Result {
        let nasm = self.options.syntax == Syntax::Nasm;
        // GNU tools write no size for a MOV with a memory offset: the register determines it.
        let offset = !nasm && self.insn.flags.contains(InsnFlags::MOFFS);
        if !offset && self.options.sizes == MemorySizes::Always || self.ambiguous(memory.size) {
            f.write_str(self.size_name(memory.size))?;
        }
        let named = self.named_address(memory);
        let relative = memory.base.is_some_and(|base| base.kind() == RegisterKind::Ip);
        let absolute = named.is_some() && !relative;
        let overridden = self.insn.flags.contains(InsnFlags::SEG_OVERRIDE);
        let segment = Register::segment(memory.segment);
        if nasm {
            f.write_str("[")?;
        }
        if overridden || absolute && !nasm {
            write!(f, "{segment}:")?;
        }
        if !nasm && !absolute {
            f.write_str("[")?;
        }
        match named {
            Some(address) if absolute => self.options.address(f, address)?,
            Some(address) if self.options.resolve_rip => {
                if nasm {
                    f.write_str("rel ")?;
                }
                self.options.address(f, address)?;
            }
            Some(address) if self.options.symbols.is_some_and(|resolver| resolver(address).is_some()) => {
                f.write_str("rip+")?;
                self.options.address(f, address)?;
            }
            _ => self.intel_address(f, memory)?,
        }
        if nasm || !absolute {
            f.write_str("]")?;
        }
        Ok(())
    }

    fn intel_address(&self, f: &mut fmt::Formatter<'_>, memory: &MemoryOperand) -> fmt::Result {
        let nasm = self.options.syntax == Syntax::Nasm;
        if let Some(base) = memory.base {
            f.write_str(base.name())?;
        }
        if let Some(index) = memory.index {
            if memory.base.is_some() {
                f.write_str("+")?;
            }
            f.write_str(index.name())?;
            if memory.scale != 1 || !nasm && memory.address_size != Width::B2 {
                write!(f, "*{}", memory.scale)?;
            }
        }
        let relative = memory.base.is_some_and(|base| base.kind() == RegisterKind::Ip);
        if memory.displacement != 0 || !nasm && (memory.base.is_none() || relative) {
            self.displacement(f, memory, "+")?;
        }
        Ok(())
    }
}
