//! The mode and the general registers of the recording domain.

use super::Recorder;
use crate::value::{Op2, Value};
use x86_exec::vcpu::compiled::Segments;
use x86_exec::{ExecutionMode, GeneralRegisters};
use x86_types::{CodeSize, Width};

impl ExecutionMode for Recorder {
    fn code_size(&self) -> CodeSize {
        self.mode.code_size
    }

    fn stack_width(&self) -> Width {
        self.mode.stack_width
    }

    fn has_paragraphs(&self) -> bool {
        self.mode.segments == Segments::Real
    }
}

impl GeneralRegisters for Recorder {
    fn read_gpr(&mut self, r: u8, w: Width) -> Value {
        let mut v = self.whole_gpr(r);
        if w == Width::B1 {
            let shift = self.values.imm(Self::high_byte(r));
            v = self.values.two(Op2::ShrU, v, shift);
        }
        self.cut(w, v)
    }

    fn write_gpr(&mut self, r: u8, w: Width, v: Value) {
        let mut new = self.cut(w, v);
        if matches!(w, Width::B1 | Width::B2) {
            let shift = if w == Width::B1 { Self::high_byte(r) } else { 0 };
            let (old, keep) = (self.whole_gpr(r), self.values.imm(!(w.mask() << shift)));
            let kept = self.values.two(Op2::And, old, keep);
            let shift = self.values.imm(shift);
            new = self.values.two(Op2::Shl, new, shift);
            new = self.values.two(Op2::Or, kept, new);
        }
        if let Some(place) = self.state.gpr.get_mut(usize::from(r & 15)) {
            *place = Some(new);
        }
    }
}
