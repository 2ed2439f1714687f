//! Stacks as system operations use them: a segment, a pointer and a level, not necessarily those in force.

use crate::{Privilege, SystemContext};
use x86_state::{Cpu, CpuMode, SegAttr, Segment, gpr};
use x86_types::{Exception, LinearAddr, Seg, Width};

/// Returns whether `size` bytes at `offset` lie within the segment's limit.
///
/// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> the limit is the last valid offset; an expand-down segment has the offsets above it, up to FFFFH or FFFFFFFFH by its B flag
pub(crate) fn in_limit(segment: &Segment, offset: u64, size: u64) -> bool {
    let last = offset.saturating_add(size - 1);
    let attr = segment.attr;
    if !attr.contains(SegAttr::P) {
        false
    } else if attr.is_data() && attr.contains(SegAttr::EC) {
        let top = if attr.contains(SegAttr::DB) { 0xffff_ffff } else { 0xffff };
        offset > u64::from(segment.limit) && last <= top
    } else {
        last <= u64::from(segment.limit)
    }
}

/// A stack to pop from or push to. Nothing reaches the processor before [`Stack::commit`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub(crate) segment: Segment,
    pub(crate) pointer: u64,
    /// Of the stack pointer: SP, ESP or RSP
    width: Width,
    level: u8,
    /// Error code of a stack fault
    fault: u16,
    linear_bits: u32,
}

impl Stack {
    /// A stack of 64 bits, or else of the width in its segment's B flag.
    ///
    /// SPEC: intel-sdm-vol1 :: 6.2.3 Address-Size Attributes for Stack Accesses -> SP or ESP by the B flag of SS; RSP always in 64-bit mode
    pub(crate) fn new(cpu: &Cpu, segment: Segment, pointer: u64, is_64: bool, level: u8, fault: u16) -> Self {
        let width = match (is_64, segment.attr.contains(SegAttr::DB)) {
            (true, _) => Width::B8,
            (false, true) => Width::B4,
            (false, false) => Width::B2,
        };
        Self { segment, pointer: width.trunc(pointer), width, level, fault, linear_bits: cpu.linear_bits() }
    }

    /// The stack in force. `ext` is the error code of its faults.
    pub(crate) fn current(cpu: &Cpu, ext: u16) -> Self {
        let is_64 = cpu.mode() == CpuMode::Long64;
        Self::new(cpu, *cpu.segment(Seg::Ss), cpu.gpr[gpr::RSP], is_64, cpu.cpl, ext)
    }

    fn address(&self, offset: u64, size: Width) -> Result<LinearAddr, Exception> {
        let bytes = u64::from(size.bytes());
        if self.width == Width::B8 {
            let canonical = |address: u64| LinearAddr(address).is_canonical(self.linear_bits);
            if canonical(offset) && canonical(offset.wrapping_add(bytes - 1)) {
                return Ok(LinearAddr(offset));
            }
        } else if in_limit(&self.segment, offset, bytes) {
            return Ok(LinearAddr(self.segment.base.wrapping_add(offset) & 0xffff_ffff));
        }
        Err(Exception::StackFault(self.fault))
    }

    /// Moves the pointer up by `bytes`.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.pointer = self.width.trunc(self.pointer.wrapping_add(bytes));
    }

    /// Reads the word `index` above the pointer, without moving it.
    pub(crate) fn peek<C: SystemContext>(
        &self,
        ctx: &mut C,
        size: Width,
        index: u64,
    ) -> Result<u64, Exception> {
        let offset = self.width.trunc(self.pointer.wrapping_add(index * u64::from(size.bytes())));
        ctx.read_linear(self.address(offset, size)?, size, Privilege::Level(self.level))
    }

    pub(crate) fn pop<C: SystemContext>(&mut self, ctx: &mut C, size: Width) -> Result<u64, Exception> {
        let value = self.peek(ctx, size, 0)?;
        self.release(u64::from(size.bytes()));
        Ok(value)
    }

    fn down(&self, pointer: u64, size: Width) -> u64 {
        self.width.trunc(pointer.wrapping_sub(u64::from(size.bytes())))
    }

    /// Whether `count` words may be pushed.
    pub(crate) fn check_room(&self, size: Width, count: usize) -> Result<(), Exception> {
        let mut pointer = self.pointer;
        for _ in 0..count {
            pointer = self.down(pointer, size);
            self.address(pointer, size)?;
        }
        Ok(())
    }

    /// Pushes words, the first to the highest address. Limits are checked for all of them before any is written.
    pub(crate) fn push_all<C: SystemContext>(
        &mut self,
        ctx: &mut C,
        size: Width,
        words: &[u64],
    ) -> Result<(), Exception> {
        self.check_room(size, words.len())?;
        let mut pointer = self.pointer;
        for &word in words {
            pointer = self.down(pointer, size);
            let at = self.address(pointer, size)?;
            ctx.write_linear(at, size, size.trunc(word), Privilege::Level(self.level))?;
        }
        self.pointer = pointer;
        Ok(())
    }

    /// Writes the pointer to SP, ESP or RSP. SS is the caller's.
    pub(crate) fn commit(&self, cpu: &mut Cpu) {
        let rsp = &mut cpu.gpr[gpr::RSP];
        *rsp = match self.width {
            Width::B2 => *rsp & !0xffff | self.pointer & 0xffff,
            width => width.trunc(self.pointer),
        };
    }
}
