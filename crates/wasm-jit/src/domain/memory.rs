//! Memory operands in the recording domain.

use super::{NotRecorded, Recorder};
use crate::block::{Access, Action};
use crate::value::{Entry, Op2, Value};
use x86_exec::vcpu::compiled::Segments;
use x86_exec::{MemRef, Memory};
use x86_types::{CodeSize, Seg, Width};

impl Memory for Recorder {
    fn load(&mut self, m: &MemRef<Value>, w: Width) -> Result<Value, NotRecorded> {
        Ok(self.read_memory(m, w, false))
    }

    fn load_for_write(&mut self, m: &MemRef<Value>, w: Width) -> Result<Value, NotRecorded> {
        Ok(self.read_memory(m, w, true))
    }

    fn store(&mut self, m: &MemRef<Value>, w: Width, v: Value) -> Result<(), NotRecorded> {
        self.exit_if_unmasked();
        let access = Access { linear: self.linear(m, w.bytes().into(), true), w };
        let refused = self.exit_before();
        let again = self.opened == Some(access);
        self.act(Action::Store { access, value: v, again, refused });
        self.stored = true;
        if self.distance(v) == Some(self.next_offset) {
            self.returns_to = Some(self.next_offset);
        }
        Ok(())
    }

    fn push_two(&mut self, w: Width, first: Value, second: Value) -> Result<(), NotRecorded> {
        self.push_both(w, first, second)
    }
}

impl Recorder {
    /// Returns the linear address of an operand of `bytes` bytes. If segments are not flat, exits unless the operand is
    /// within the offsets that are known to be accessible.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.4 Modes of Operation vs. Memory Model -> 64-bit mode treats the bases of CS, DS, ES and SS as 0; those of FS and GS count
    /// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> outside 64-bit mode an access whose last byte lies beyond the limit faults: that is the interpreter's, as are segments that expand down
    pub(super) fn linear(&mut self, m: &MemRef<Value>, bytes: u64, write: bool) -> Value {
        let long = self.mode.code_size == CodeSize::Bits64;
        let is_flat = self.mode.segments == Segments::Flat && !matches!(m.seg, Seg::Fs | Seg::Gs);
        if is_flat && (long || m.seg != Seg::Cs) {
            return m.offset;
        }
        if !long {
            let (end, size) = (self.values.entry(Entry::SegEnd(m.seg as u8, write)), self.values.imm(bytes));
            let behind = self.values.two(Op2::Add, m.offset, size);
            let outside = self.values.two(Op2::LtU, end, behind);
            self.exit_if(outside);
        }
        let base = self.base_of(m.seg);
        if long {
            return self.values.two(Op2::Add, m.offset, base);
        }
        // The constant is added last, so that accesses to one structure share a TLB probe.
        let (sum, constant) = self.values.without_constant(m.offset, Width::B4.mask());
        let based = self.values.two(Op2::Add, sum, base);
        let linear = self.values.two(Op2::Add, based, constant);
        self.cut(Width::B4, linear)
    }

    pub(super) fn read_memory(&mut self, m: &MemRef<Value>, w: Width, for_write: bool) -> Value {
        let access = Access { linear: self.linear(m, w.bytes().into(), for_write), w };
        let refused = self.exit_before();
        self.opened = for_write.then_some(access);
        let number = self.act(Action::Load { access, for_write, refused });
        self.values.effect(number, w.bits())
    }
}
