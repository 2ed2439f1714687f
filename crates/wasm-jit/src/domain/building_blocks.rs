//! Building blocks of recording: addresses of code, effects, registers, flags.

use super::Recorder;
use crate::block::{Action, Base, Effect, FlagState};
use crate::value::{Entry, Node, Op2, Value};
use x86_types::{CodeSize, Width};

impl Recorder {
    /// Returns RIP at a distance from the region's entry. The entry is a local, since code may be mapped at several
    /// addresses.
    pub(super) fn rip(&mut self, offset: i64) -> Value {
        let (start, offset) = (self.values.entry(Entry::Base), self.values.imm(offset as u64));
        let rip = self.values.two(Op2::Add, start, offset);
        if self.mode.code_size == CodeSize::Bits64 { rip } else { self.cut(Width::B4, rip) }
    }

    /// Returns the distance of a value from the region's entry, if it is a constant.
    ///
    /// SPEC: intel-sdm-vol2 :: JMP—Jump -> with an operand size of 16 bits the target is cut to 16 bits
    pub(super) fn distance(&self, v: Value) -> Option<i64> {
        let long = self.mode.code_size == CodeSize::Bits64;
        let (sum, mask) = match self.values.node(v) {
            Node::Two(Op2::And, sum, mask) if !long => (sum, self.values.constant(mask)?),
            _ => (v, u64::MAX),
        };
        let distance = match self.values.node(sum) {
            Node::Entry(Entry::Base) => 0,
            Node::Two(Op2::Add, a, b) if self.values.node(a) == Node::Entry(Entry::Base) => {
                self.values.constant(b)?
            }
            _ => return None,
        };
        // Outside 64-bit mode addresses wrap, and so do distances. Those of 16-bit code wrap within 64 KiB, depending
        // on the address of the code.
        if long {
            Some(distance as i64)
        } else if mask == Width::B4.mask() {
            Some(i64::from(distance as i32))
        } else if mask == Width::B2.mask() && self.mode.code_size == CodeSize::Bits16 {
            let target = self.start.wrapping_add(distance) & mask;
            Some(target.wrapping_sub(self.start) as i64)
        } else {
            None
        }
    }

    pub(super) fn act(&mut self, action: Action) -> u32 {
        self.effects.push(Effect { at: self.values.len(), before: self.retired, action });
        self.effects.len() as u32 - 1
    }

    pub(super) fn whole_gpr(&mut self, r: u8) -> Value {
        let r = r & 15;
        match self.state.gpr.get(usize::from(r)) {
            Some(&Some(v)) => v,
            _ => self.values.entry(Entry::Gpr(r)),
        }
    }

    pub(super) fn high_byte(r: u8) -> u64 {
        u64::from(r >> 4 & 1) * 8
    }

    pub(crate) fn new_flags(&mut self, base: Base, carry: Option<Value>) {
        self.versions += 1;
        self.state.flags = FlagState { base, carry, version: self.versions };
    }
}
