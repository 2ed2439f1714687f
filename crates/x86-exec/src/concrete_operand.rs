//! Operands of concrete instructions, those without a generic handler, and their result.

use crate::{Flow, Vcpu};
use x86_decode::Instruction;
use x86_types::{Exception, Width};

/// The result of a concrete instruction.
pub(crate) type ConcreteResult = Result<Flow, Exception>;

impl Vcpu {
    /// Returns integer operand `n`.
    pub(crate) fn read_operand(&mut self, i: &Instruction, n: usize, w: Width) -> Result<u64, Exception> {
        crate::operand::read(self, i, n, w).map_err(Exception::from)
    }

    /// Writes integer operand `n`.
    pub(crate) fn write_operand(
        &mut self,
        i: &Instruction,
        n: usize,
        w: Width,
        v: u64,
    ) -> Result<(), Exception> {
        crate::operand::write(self, i, n, w, v).map_err(Exception::from)
    }

    /// Loads from `offset` bytes above the address of the memory operand.
    pub(crate) fn load_operand(&mut self, i: &Instruction, offset: u64, w: Width) -> Result<u64, Exception> {
        let mut m = crate::operand::mem(self, i);
        m.offset = i.addrsize.trunc(m.offset.wrapping_add(offset));
        self.load_ref(&m, w).map_err(Exception::from)
    }

    /// Stores at `offset` bytes above the address of the memory operand.
    pub(crate) fn store_operand(
        &mut self,
        i: &Instruction,
        offset: u64,
        w: Width,
        v: u64,
    ) -> Result<(), Exception> {
        let mut m = crate::operand::mem(self, i);
        m.offset = i.addrsize.trunc(m.offset.wrapping_add(offset));
        self.store_ref(&m, w, v).map_err(Exception::from)
    }

    /// Pushes a value.
    pub(crate) fn push(&mut self, w: Width, v: u64) -> Result<(), Exception> {
        crate::int::stack::push_value(self, w, v).map_err(Exception::from)
    }

    /// Returns the value that POP would read, and the stack pointer after it.
    pub(crate) fn peek(&mut self, w: Width) -> Result<(u64, u64), Exception> {
        crate::int::stack::peek_value(self, w).map_err(Exception::from)
    }
}
