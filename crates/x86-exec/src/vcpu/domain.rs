//! The domain of the processor: values are numbers, and handlers execute.

mod arithmetic;
mod flags;
mod memory;
mod registers;
mod vectors;

use super::{Raised, Vcpu};
use crate::{ControlFlow, Domain, DomainTypes, Flow, Step};
use x86_decode::Instruction;
use x86_types::{CodeSize, Exception, LinearAddr, Seg};

impl DomainTypes for Vcpu {
    type V = u64;
    type X = u128;
    type Fault = Raised;
}

impl Domain for Vcpu {
    const BY_SHAPE: bool = true;

    fn concrete(&mut self, insn: &Instruction) -> Step<Self> {
        crate::concrete::exec(self, insn).map_err(Raised::from)
    }

    fn concrete_handler(insn: &Instruction) -> crate::Handler<Self> {
        crate::x87::concrete_handler(insn).unwrap_or(|vm, i| vm.concrete(i))
    }

    fn repeat(
        &mut self,
        insn: &Instruction,
        body: fn(&mut Self, &Instruction) -> Result<(), Raised>,
    ) -> Result<Flow, Raised> {
        self.repeat_string(insn, body)
    }
}

impl ControlFlow for Vcpu {
    #[inline(always)]
    fn next_rip(&mut self) -> u64 {
        self.cpu.rip
    }

    #[inline(always)]
    fn check_target(&mut self, target: u64) -> Result<(), Raised> {
        let bad = if self.cpu.code_size == CodeSize::Bits64 {
            !LinearAddr(target).is_canonical(48) && !LinearAddr(target).is_canonical(self.cpu.linear_bits())
        } else {
            target > u64::from(self.cpu.segment(Seg::Cs).limit)
        };
        if bad {
            return Err(Raised::from(Exception::GP0));
        }
        Ok(())
    }

    #[inline(always)]
    fn jump(&mut self, target: u64) -> Result<(), Raised> {
        self.check_target(target)?;
        self.cpu.rip = target;
        Ok(())
    }

    #[inline(always)]
    fn branch(&mut self, c: u64, target: u64) -> Result<(), Raised> {
        if c != 0 { self.jump(target) } else { Ok(()) }
    }

    fn jump_to_paragraph(&mut self, selector: u64, offset: u64) -> Result<(), Raised> {
        self.check_target(offset)?;
        self.load_paragraph(Seg::Cs, selector as u16);
        self.cpu.rip = offset;
        Ok(())
    }

    fn raise(&mut self, exception: Exception) -> Raised {
        Raised::from(exception)
    }
}
