//! Segmentation: from a segment and an offset to a linear address.

use super::Vcpu;
use x86_state::{SegAttr, Segment};
use x86_types::{CodeSize, Exception, LinearAddr, Seg};

/// Whether no access through the segment can fail its limit or rights check.
pub(super) fn is_unrestricted(seg: Seg, segment: &Segment) -> bool {
    let attr = segment.attr;
    segment.limit == u32::MAX
        && attr.contains(SegAttr::P)
        && !(attr.is_data() && attr.contains(SegAttr::EC))
        && (seg == Seg::Cs || attr.is_writable())
        && (seg != Seg::Cs)
}

/// One past the last offset of a segment that may be accessed for sure; 0 where rights forbid it, or where the range does not
/// begin at 0.
pub(super) fn plain_end(segment: &Segment, real: bool, write: bool) -> u64 {
    let attr = segment.attr;
    let rights = attr.contains(SegAttr::P) && (if write { attr.is_writable() } else { attr.is_readable() });
    let expands_down = attr.is_data() && attr.contains(SegAttr::EC);
    if expands_down || !real && !rights { 0 } else { u64::from(segment.limit) + 1 }
}

impl Vcpu {
    /// The linear address of a memory operand, unchecked.
    pub(crate) fn linear_of(&self, m: &crate::MemRef<u64>) -> LinearAddr {
        LinearAddr(m.offset.wrapping_add(self.mem.seg_base[m.seg as usize]) & self.mem.linear_mask)
    }

    /// The exception of a bad offset: #SS(0) through SS, #GP(0) otherwise.
    pub(super) fn segment_fault(seg: Seg) -> Exception {
        if seg == Seg::Ss { Exception::SS0 } else { Exception::GP0 }
    }

    /// Linear address of an access of `size` bytes, all checks made.
    ///
    /// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> offsets beyond the limit, writes to read-only and reads of execute-only segments, null segments
    pub(super) fn check_segment(
        &self,
        seg: Seg,
        offset: u64,
        size: u64,
        write: bool,
    ) -> Result<LinearAddr, Exception> {
        let linear = offset.wrapping_add(self.mem.seg_base[seg as usize]) & self.mem.linear_mask;
        if self.cpu.code_size != CodeSize::Bits64 {
            let segment = self.cpu.segment(seg);
            let (attr, limit) = (segment.attr, u64::from(segment.limit));
            let real = self.cpu.mode().is_real_like();
            let rights =
                attr.contains(SegAttr::P) && (if write { attr.is_writable() } else { attr.is_readable() });
            if !real && !rights {
                return Err(Self::segment_fault(seg));
            }
            let last = offset.wrapping_add(size - 1);
            let inside = if attr.is_data() && attr.contains(SegAttr::EC) {
                let top = if attr.contains(SegAttr::DB) { 0xffff_ffff } else { 0xffff };
                offset > limit && last <= top
            } else {
                last <= limit
            };
            if !inside {
                return Err(Self::segment_fault(seg));
            }
        } else {
            let bits = self.cpu.linear_bits();
            let last = linear.wrapping_add(size - 1);
            if !LinearAddr(linear).is_canonical(bits) || !LinearAddr(last).is_canonical(bits) {
                return Err(Self::segment_fault(seg));
            }
        }
        if self.alignment_checked() && size.is_power_of_two() && size <= 8 && linear & (size - 1) != 0 {
            return Err(Exception::AlignmentCheck);
        }
        Ok(LinearAddr(linear))
    }
}
