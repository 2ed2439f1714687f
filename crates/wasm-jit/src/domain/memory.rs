//! Addresses of memory operands, and loads.

use super::Recorder;
use crate::block::{Access, Action};
use crate::value::{Entry, Op2, Value};
use x86_exec::MemRef;
use x86_exec::vcpu::compiled::Segments;
use x86_types::{CodeSize, Seg, Width};

impl Recorder {
    /// The linear address of an operand of so many bytes. Where segments are not flat it is left to the interpreter unless all
    /// of it lies among the offsets that may be accessed for sure.
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
        // What is constant comes last, so that accesses to one structure are seen to be neighbours.
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
