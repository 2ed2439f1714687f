//! Where a memory operand lies, and loads.

use super::Recorder;
use crate::block::{Access, Action};
use crate::value::{Entry, Op2, Value};
use x86_exec::MemRef;
use x86_types::{CodeSize, Seg, Width};

impl Recorder {
    /// The linear address of an operand. Segments are flat but for FS and GS, whose bases count, and which may need
    /// checks outside 64-bit mode.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.3.4 Modes of Operation vs. Memory Model -> 64-bit mode treats the bases of CS, DS, ES and SS as 0; those of FS and GS count
    pub(super) fn linear(&mut self, m: &MemRef<Value>, w: Width) -> Access {
        let long = self.mode.code_size == CodeSize::Bits64;
        let mut linear = m.offset;
        if matches!(m.seg, Seg::Fs | Seg::Gs) || m.seg == Seg::Cs && !long {
            if !long {
                let (checks, seg) = (self.values.entry(Entry::SegChecks), self.values.imm(m.seg as u64));
                let checked = self.bit(checks, seg);
                self.leave_if(checked);
            }
            let base = self.values.entry(Entry::SegBase(m.seg as u8));
            linear = self.values.two(Op2::Add, linear, base);
            if !long {
                linear = self.cut(Width::B4, linear);
            }
        }
        Access { linear, w }
    }

    pub(super) fn read_memory(&mut self, m: &MemRef<Value>, w: Width, for_write: bool) -> Value {
        let access = self.linear(m, w);
        let refused = self.exit_before();
        self.opened = for_write.then_some(access);
        let number = self.act(Action::Load { access, for_write, refused });
        self.values.effect(number, w.bits())
    }
}
