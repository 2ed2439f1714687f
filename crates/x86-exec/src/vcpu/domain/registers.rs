//! General and segment registers of the processor, and its mode.

use crate::vcpu::{Raised, Vcpu};
use crate::{ExecutionMode, GeneralRegisters, SegmentRegisters};
use x86_state::{Selector, Shadow};
use x86_types::{CodeSize, Exception, Seg, Width};

impl ExecutionMode for Vcpu {
    #[inline(always)]
    fn code_size(&self) -> CodeSize {
        self.cpu.code_size
    }

    #[inline(always)]
    fn stack_width(&self) -> Width {
        self.mem.stack_width
    }

    #[inline(always)]
    fn has_paragraphs(&self) -> bool {
        self.cpu.code_size != CodeSize::Bits64 && self.cpu.mode().is_real_like()
    }
}

impl GeneralRegisters for Vcpu {
    #[inline(always)]
    fn read_gpr(&mut self, r: u8, w: Width) -> u64 {
        let v = self.cpu.gpr[usize::from(r & 15)];
        if w == Width::B1 { v >> ((r >> 4 & 1) * 8) & 0xff } else { w.trunc(v) }
    }

    #[inline(always)]
    fn write_gpr(&mut self, r: u8, w: Width, v: u64) {
        let place = &mut self.cpu.gpr[usize::from(r & 15)];
        match w {
            Width::B8 | Width::B4 => *place = w.trunc(v),
            Width::B2 => *place = *place & !0xffff | v & 0xffff,
            Width::B1 => {
                let shift = (r >> 4 & 1) * 8;
                *place = *place & !(0xff << shift) | (v & 0xff) << shift;
            }
        }
    }
}

impl SegmentRegisters for Vcpu {
    #[inline(always)]
    fn selector(&mut self, seg: Seg) -> u64 {
        u64::from(self.cpu.segment(seg).selector.0)
    }

    fn load_segment(&mut self, seg: Seg, selector: u64) -> Result<(), Raised> {
        self.load_segment_register(seg, Selector(selector as u16)).map_err(Raised::from)
    }

    fn hold_interrupts(&mut self) {
        self.cpu.shadow = Shadow::MovSs;
        self.flags_changed();
    }
}

impl Vcpu {
    /// SPEC: intel-sdm-vol3 :: 22.1.1 Address Translation in Real-Address Mode -> the base is sixteen times the selector; limit and rights stay what they were
    pub(super) fn load_paragraph(&mut self, seg: Seg, selector: u16) {
        if let Some(segment) = self.cpu.seg.get_mut(seg as usize) {
            segment.load_real(selector);
            self.mem.seg_base[seg as usize] = segment.base;
        }
    }

    fn load_segment_register(&mut self, seg: Seg, selector: Selector) -> Result<(), Exception> {
        let before = *self.cpu.segment(seg);
        x86_exceptions::segments::load_segment(self, seg, selector)?;
        let now = *self.cpu.segment(seg);
        if self.has_paragraphs() && (now.limit, now.attr) == (before.limit, before.attr) {
            // Nothing else follows from it.
            self.mem.seg_base[seg as usize] = now.base;
        } else {
            self.segments_changed();
        }
        Ok(())
    }
}
