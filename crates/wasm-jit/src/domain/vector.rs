//! Vector and MMX registers in the recording domain, their memory operands, and known properties of floats.

use super::{NotRecorded, Recorder};
use crate::block::Action;
use crate::layout;
use crate::value::vector::Precision;
use crate::value::{Entry, Op2, Value};
use x86_exec::vcpu::compiled::{FloatMode, Segments};
use x86_exec::vector::VecOp;
use x86_exec::{MemRef, Mmx, Vectors};
use x86_types::Width;

impl Vectors for Recorder {
    fn check_sse(&mut self) -> Result<(), NotRecorded> {
        if self.mode.sse { Ok(()) } else { Err(NotRecorded) }
    }

    fn check_avx(&mut self) -> Result<(), NotRecorded> {
        if self.mode.avx { Ok(()) } else { Err(NotRecorded) }
    }

    fn check_vex(&mut self) -> Result<(), NotRecorded> {
        if self.mode.segments == Segments::Real { Err(NotRecorded) } else { Ok(()) }
    }

    fn read_xmm(&mut self, r: u8) -> Value {
        self.vector_half(r & 15)
    }

    fn write_xmm(&mut self, r: u8, x: Value) {
        self.set_vector_half(r & 15, x);
    }

    fn read_ymm_high(&mut self, r: u8) -> Value {
        self.vector_half(layout::HIGH_HALF | r & 15)
    }

    fn write_ymm_high(&mut self, r: u8, x: Value) {
        self.set_vector_half(layout::HIGH_HALF | r & 15, x);
    }

    fn load128(&mut self, m: &MemRef<Value>, aligned: bool) -> Result<Value, NotRecorded> {
        Ok(self.load_vector(m, aligned))
    }

    fn store128(&mut self, m: &MemRef<Value>, aligned: bool, x: Value) -> Result<(), NotRecorded> {
        self.store_vector(m, aligned, x);
        Ok(())
    }

    fn load256(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
    ) -> Result<[Value; 2], NotRecorded> {
        Ok(self.load_vector_pair(m, addrsize, aligned))
    }

    fn store256(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
        x: [Value; 2],
    ) -> Result<(), NotRecorded> {
        self.store_vector_pair(m, addrsize, aligned, x);
        Ok(())
    }

    fn vector(&mut self, op: VecOp, a: Value, b: Value, imm: u8) -> Result<Value, NotRecorded> {
        let lowered =
            if op.is_float() { self.lower_float(op, a, b, imm) } else { self.lower_vector(op, a, b, imm) };
        lowered.ok_or(NotRecorded)
    }

    fn vector_pair(
        &mut self,
        op: VecOp,
        a: [Value; 2],
        b: [Value; 2],
        imm: [u8; 2],
    ) -> Result<[Value; 2], NotRecorded> {
        // An exception of either half exits before the instruction.
        Ok([self.vector(op, a[0], b[0], imm[0])?, self.vector(op, a[1], b[1], imm[1])?])
    }

    fn extract(&mut self, x: Value, w: Width, lane: u8) -> Value {
        self.values.lane(w, lane, x)
    }

    fn insert(&mut self, x: Value, w: Width, lane: u8, v: Value) -> Value {
        self.values.with_lane(w, lane, x, v)
    }

    fn zero128(&mut self) -> Value {
        self.values.bits128(0)
    }
}

impl Mmx for Recorder {
    fn check_mmx(&mut self) -> Result<(), NotRecorded> {
        self.exit_if_no_mmx()
    }

    fn read_mmx(&mut self, r: u8) -> Value {
        self.mmx(r)
    }

    fn write_mmx(&mut self, r: u8, v: Value) {
        if let Some(register) = self.state.fpu.mmx.get_mut(usize::from(r & 7)) {
            *register = Some(v);
        }
    }

    fn enter_mmx(&mut self) {
        self.state.fpu.is_mmx = true;
        self.state.fpu.tags = Some(0xff);
    }

    fn leave_mmx(&mut self) {
        self.state.fpu.tags = Some(0);
    }
}

impl Recorder {
    pub(super) fn load_vector(&mut self, m: &MemRef<Value>, aligned: bool) -> Value {
        let linear = self.vector_place(m, if aligned { 16 } else { 1 }, false);
        let refused = self.exit_before();
        let number = self.act(Action::LoadVector { linear, refused });
        self.values.effect(number, 128)
    }

    pub(super) fn store_vector(&mut self, m: &MemRef<Value>, aligned: bool, x: Value) {
        self.exit_if_unmasked();
        let linear = self.vector_place(m, if aligned { 16 } else { 1 }, true);
        let refused = self.exit_before();
        self.act(Action::StoreVector { linear, value: x, refused });
        self.stored = true;
    }

    /// Loads 32 bytes as two halves.
    pub(super) fn load_vector_pair(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
    ) -> [Value; 2] {
        let places = [self.vector_place(m, if aligned { 32 } else { 1 }, false), {
            let upper = self.behind(m, addrsize, 16);
            self.vector_place(&upper, 1, false)
        }];
        let refused = self.exit_before();
        places.map(|linear| {
            let number = self.act(Action::LoadVector { linear, refused });
            self.values.effect(number, 128)
        })
    }

    /// Stores 32 bytes as two halves. The upper half is looked up for writing before the lower one is stored, so that
    /// either both are or none is.
    pub(super) fn store_vector_pair(
        &mut self,
        m: &MemRef<Value>,
        addrsize: Width,
        aligned: bool,
        x: [Value; 2],
    ) {
        self.exit_if_unmasked();
        let low = self.vector_place(m, if aligned { 32 } else { 1 }, true);
        let upper = self.behind(m, addrsize, 16);
        let high = self.vector_place(&upper, 1, true);
        for place in [upper, self.behind(m, addrsize, 24)] {
            self.read_memory(&place, Width::B8, true);
        }
        self.opened = None;
        let refused = self.exit_before();
        for (linear, value) in [low, high].into_iter().zip(x) {
            self.act(Action::StoreVector { linear, value, refused });
        }
        self.stored = true;
    }

    /// Returns the memory operand `bytes` above `m`.
    pub(super) fn behind(&mut self, m: &MemRef<Value>, addrsize: Width, bytes: u64) -> MemRef<Value> {
        let distance = self.values.imm(bytes);
        let offset = self.values.two(Op2::Add, m.offset, distance);
        MemRef { seg: m.seg, offset: self.cut(addrsize, offset) }
    }

    /// Returns half of a vector register, numbered as by [`layout::vector`](crate::layout::vector).
    pub(super) fn vector_half(&mut self, n: u8) -> Value {
        match self.state.vectors.get(usize::from(n)) {
            Some(&Some(x)) => x,
            _ => self.values.entry(Entry::Vector(n)),
        }
    }

    pub(super) fn set_vector_half(&mut self, n: u8, x: Value) {
        if let Some(place) = self.state.vectors.get_mut(usize::from(n)) {
            *place = Some(x);
        }
    }

    /// Returns the linear address of a vector. Exits if it is misaligned.
    fn vector_place(&mut self, m: &MemRef<Value>, alignment: u64, write: bool) -> Value {
        let linear = self.linear(m, 16, write);
        if alignment != 1 {
            let low = self.values.imm(alignment - 1);
            let rest = self.values.two(Op2::And, linear, low);
            self.exit_if(rest);
        }
        linear
    }

    /// Exits before this instruction if neither is 0. The first is a cheap check that is almost always 0; only then the
    /// second is evaluated.
    pub(crate) fn exit_if_both(&mut self, first: Value, second: Value) {
        match (self.values.constant(first), self.values.constant(second)) {
            (Some(0), _) | (_, Some(0)) => {}
            (Some(_), _) => self.exit_if(second),
            (_, Some(_)) => self.exit_if(first),
            _ => {
                let exit = self.exit_before();
                self.act(Action::ExitIfBoth { first, second, exit });
            }
        }
    }

    /// Returns whether a float is known to be neither a NaN nor denormal.
    pub(crate) fn is_known_normal(&self, f: Value) -> bool {
        self.known_normal.contains(&(None, f))
    }

    pub(crate) fn set_known_normal(&mut self, f: Value) {
        self.known_normal.push((None, f));
    }

    /// Returns the same for all lanes of a vector.
    pub(crate) fn is_known_normal_in(&self, p: Precision, x: Value) -> bool {
        self.known_normal.contains(&(Some(p), x))
    }

    pub(crate) fn set_known_normal_in(&mut self, p: Precision, x: Value) {
        self.known_normal.push((Some(p), x));
    }

    /// Returns the floating-point mode, and marks the recorded code as dependent on it.
    pub(crate) fn float_mode(&mut self) -> FloatMode {
        self.of_float_mode = true;
        self.mode.float
    }
}
