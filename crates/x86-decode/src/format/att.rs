//! Operands in AT&T syntax.

use super::{Display, Part};
use crate::{InsnFlags, MemoryOperand, Op, OperandValue, Register, RegisterKind};
use core::fmt;

impl Display<'_, '_> {
    pub(super) fn att_operand(&self, f: &mut fmt::Formatter<'_>, part: Part) -> fmt::Result {
        let value = match part {
            Part::Explicit(value) => value,
            Part::Register(register) => return self.att_register(f, register),
            Part::Memory(segment, register, _) => {
                return write!(f, "%{}:(%{register})", Register::segment(segment));
            }
        };
        let indirect = matches!(self.insn.op, Op::Jmp | Op::Call | Op::JmpFar | Op::CallFar);
        match value {
            OperandValue::Register(register) => {
                if indirect {
                    f.write_str("*")?;
                }
                self.att_register(f, register)
            }
            OperandValue::Memory(memory) => {
                if indirect {
                    f.write_str("*")?;
                }
                self.att_memory(f, &memory)
            }
            OperandValue::Immediate { value: 1, .. } if self.counts_one() => f.write_str("$1"),
            OperandValue::Immediate { value, .. } => {
                f.write_str("$")?;
                self.options.number(f, value)
            }
            OperandValue::Relative { .. } => {
                self.options.address(f, self.insn.branch_target(self.rip).unwrap_or(0))
            }
            OperandValue::FarPointer { selector, offset } => {
                f.write_str("$")?;
                self.options.number(f, selector.into())?;
                f.write_str(if self.options.space { ", $" } else { ",$" })?;
                self.options.number(f, offset.into())
            }
        }
    }

    fn att_register(&self, f: &mut fmt::Formatter<'_>, register: Register) -> fmt::Result {
        let port = matches!(self.insn.op, Op::In | Op::Out | Op::Ins | Op::Outs);
        match (register.kind(), register.number()) {
            (RegisterKind::X87, 0) => f.write_str("%st"),
            (RegisterKind::X87, number) => write!(f, "%st({number})"),
            (RegisterKind::Debug, number) => write!(f, "%db{number}"),
            (RegisterKind::Gpr16, 2) if port => f.write_str("(%dx)"),
            _ => write!(f, "%{}", register.name()),
        }
    }

    fn att_memory(&self, f: &mut fmt::Formatter<'_>, memory: &MemoryOperand) -> fmt::Result {
        if self.insn.flags.contains(InsnFlags::SEG_OVERRIDE) {
            write!(f, "%{}:", Register::segment(memory.segment))?;
        }
        let relative = memory.base.is_some_and(|base| base.kind() == RegisterKind::Ip);
        match self.named_address(memory) {
            Some(address) if !relative || self.options.resolve_rip => {
                return self.options.address(f, address);
            }
            Some(address) if self.options.symbols.is_some_and(|resolver| resolver(address).is_some()) => {
                self.options.address(f, address)?;
            }
            _ if memory.displacement != 0 || memory.base.is_none() || relative => {
                self.displacement(f, memory, "")?;
            }
            _ => {}
        }
        f.write_str("(")?;
        if let Some(base) = memory.base {
            write!(f, "%{base}")?;
        }
        if let Some(index) = memory.index {
            write!(f, ",%{index}")?;
            if memory.address_size != x86_types::Width::B2 {
                write!(f, ",{}", memory.scale)?;
            }
        }
        f.write_str(")")
    }
}
