//! Segment registers in the recording domain, for modes in which selectors are paragraphs.

use super::{NotRecorded, Recorder};
use crate::value::{Entry, Op2, Value};
use x86_exec::vcpu::compiled::Segments;
use x86_exec::{Arithmetic, Bin, ExecutionMode, GeneralRegisters, MemRef, Memory, SegmentRegisters};
use x86_types::{Seg, Width};

const RSP: u8 = 4;

impl SegmentRegisters for Recorder {
    fn selector(&mut self, seg: Seg) -> Value {
        self.selector_of(seg)
    }

    fn load_segment(&mut self, seg: Seg, selector: Value) -> Result<(), NotRecorded> {
        // Other modes read descriptors, and a load of SS blocks interrupts.
        if self.mode.segments != Segments::Real || matches!(seg, Seg::Cs | Seg::Ss) {
            return Err(NotRecorded);
        }
        self.load_paragraph(seg, selector);
        Ok(())
    }

    fn hold_interrupts(&mut self) {
        self.unsupported = true;
    }
}

impl Recorder {
    pub(super) fn selector_of(&mut self, seg: Seg) -> Value {
        match self.state.segments[seg as usize] {
            Some((selector, _)) => selector,
            None => self.values.entry(Entry::Selector(seg as u8)),
        }
    }

    pub(super) fn base_of(&mut self, seg: Seg) -> Value {
        match self.state.segments[seg as usize] {
            Some((_, base)) => base,
            None => self.values.entry(Entry::SegBase(seg as u8)),
        }
    }

    /// Loads selector and base. Limit and rights do not change; in virtual-8086 mode they are fixed.
    ///
    /// SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> the base is sixteen times the selector
    /// SPEC: intel-sdm-vol3 :: 22.2.1 Enabling Virtual-8086 Mode -> all segments have 64 KiB and the rights of user data
    pub(super) fn load_paragraph(&mut self, seg: Seg, selector: Value) {
        let selector = self.cut(Width::B2, selector);
        let four = self.values.imm(4);
        let base = self.values.two(Op2::Shl, selector, four);
        self.state.segments[seg as usize] = Some((selector, base));
    }

    /// Records two pushes as one store. Exits if the stack pointer wraps between them.
    pub(super) fn push_both(&mut self, w: Width, first: Value, second: Value) -> Result<(), NotRecorded> {
        let both = match w {
            Width::B1 => Width::B2,
            Width::B2 => Width::B4,
            Width::B4 => Width::B8,
            Width::B8 => return Err(NotRecorded),
        };
        let (sw, bytes) = (self.stack_width(), u64::from(both.bytes()));
        let (old, size, last) =
            (self.read_gpr(RSP, sw), self.values.imm(bytes), self.values.imm(sw.mask() - (bytes - 1)));
        let new = self.bin(Bin::Sub, sw, old, size);
        let wraps = self.values.two(Op2::LtU, last, new);
        self.exit_if(wraps);
        let up = self.values.imm(w.bits().into());
        let high = self.values.two(Op2::Shl, first, up);
        let pair = self.values.two(Op2::Or, high, second);
        self.store(&MemRef { seg: Seg::Ss, offset: new }, both, pair)?;
        self.write_gpr(RSP, sw, new);
        Ok(())
    }
}
