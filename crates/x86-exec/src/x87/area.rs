//! Structures in memory that an instruction reads or writes whole.

use crate::{MemRef, Vcpu};
use x86_decode::Instruction;
use x86_types::{Exception, RamAddr, Width};

/// The memory operand of an instruction, as a structure.
pub(super) struct Area<'a> {
    pub(super) vm: &'a mut Vcpu,
    pub(super) i: &'a Instruction,
    operand: MemRef<u64>,
    /// Where its first bytes lie, and how many those are, if all of them are in one page of RAM that may be accessed
    plain: Option<(RamAddr, u64)>,
}

impl<'a> Area<'a> {
    /// An area to read, `size` bytes of it or more.
    pub(super) fn to_read(vm: &'a mut Vcpu, i: &'a Instruction, size: u64) -> Self {
        Self::new(vm, i, size, false)
    }

    fn new(vm: &'a mut Vcpu, i: &'a Instruction, size: u64, write: bool) -> Self {
        let operand = crate::operand::mem(vm, i);
        let last = operand.offset.wrapping_add(size - 1);
        let wraps = i.addrsize.trunc(last) < operand.offset;
        let plain = if wraps { None } else { vm.plain_area(&operand, size, write).map(|at| (at, size)) };
        Self { vm, i, operand, plain }
    }

    /// An area to write: its first and last byte are checked, so that nothing is written where part of it would fault.
    pub(super) fn to_write(vm: &'a mut Vcpu, i: &'a Instruction, size: u64) -> Result<Self, Exception> {
        let area = Self::new(vm, i, size, true);
        if area.plain.is_none() {
            for offset in [0, size - 1] {
                let m = area.at(offset);
                area.vm.check_write_ref(&m, Width::B1)?;
            }
        }
        Ok(area)
    }

    fn at(&self, offset: u64) -> MemRef<u64> {
        let offset = self.i.addrsize.trunc(self.operand.offset.wrapping_add(offset));
        MemRef { offset, ..self.operand }
    }

    fn plain(&self, offset: u64, w: Width) -> Option<RamAddr> {
        let (at, size) = self.plain?;
        (offset + u64::from(w.bytes()) <= size).then(|| at.wrapping_add(offset))
    }

    pub(super) fn load(&mut self, offset: u64, w: Width) -> Result<u64, Exception> {
        if let Some(at) = self.plain(offset, w) {
            return Ok(self.vm.memory().ram_value(at, w.bytes().into()));
        }
        let m = self.at(offset);
        self.vm.load_ref(&m, w).map_err(Exception::from)
    }

    pub(super) fn store(&mut self, offset: u64, w: Width, v: u64) -> Result<(), Exception> {
        if let Some(at) = self.plain(offset, w) {
            self.vm.memory().set_ram_value(at, w.bytes().into(), v);
            return Ok(());
        }
        let m = self.at(offset);
        self.vm.store_ref(&m, w, v).map_err(Exception::from)
    }

    pub(super) fn load128(&mut self, offset: u64) -> Result<u128, Exception> {
        let (low, high) = (self.load(offset, Width::B8)?, self.load(offset + 8, Width::B8)?);
        Ok(u128::from(low) | u128::from(high) << 64)
    }

    pub(super) fn store128(&mut self, offset: u64, v: u128) -> Result<(), Exception> {
        self.store(offset, Width::B8, v as u64)?;
        self.store(offset + 8, Width::B8, (v >> 64) as u64)
    }

    /// #GP(0) where the area is not aligned to `to` bytes.
    pub(super) fn check_alignment(vm: &mut Vcpu, i: &Instruction, to: u64) -> Result<(), Exception> {
        let m = crate::operand::mem(vm, i);
        if vm.linear_of(&m).0 & (to - 1) != 0 { Err(Exception::GP0) } else { Ok(()) }
    }
}
