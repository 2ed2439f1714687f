//! Vectors in the recording domain: 16 bytes of memory, and what is known of floats.

use super::Recorder;
use crate::block::Action;
use crate::value::vector::Precision;
use crate::value::{Entry, Op2, Value};
use x86_exec::MemRef;
use x86_exec::vcpu::compiled::FloatMode;
use x86_types::Width;

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

    /// What is so many bytes behind a memory operand.
    pub(super) fn behind(&mut self, m: &MemRef<Value>, addrsize: Width, bytes: u64) -> MemRef<Value> {
        let distance = self.values.imm(bytes);
        let offset = self.values.two(Op2::Add, m.offset, distance);
        MemRef { seg: m.seg, offset: self.cut(addrsize, offset) }
    }

    /// Half of a vector register, as [`layout::vector`](crate::layout::vector) numbers them
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

    /// The linear address of a vector. Leaves where it should be aligned and is not.
    fn vector_place(&mut self, m: &MemRef<Value>, alignment: u64, write: bool) -> Value {
        let linear = self.linear(m, 16, write);
        if alignment != 1 {
            let low = self.values.imm(alignment - 1);
            let rest = self.values.two(Op2::And, linear, low);
            self.exit_if(rest);
        }
        linear
    }

    /// Leaves before this instruction where neither is 0. Mostly the first is, and nothing else has to be looked at.
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

    /// Whether a float is known to be neither a NaN nor denormal.
    pub(crate) fn is_known_normal(&self, f: Value) -> bool {
        self.known_normal.contains(&(None, f))
    }

    pub(crate) fn set_known_normal(&mut self, f: Value) {
        self.known_normal.push((None, f));
    }

    /// The same, of all lanes of a vector.
    pub(crate) fn is_known_normal_in(&self, p: Precision, x: Value) -> bool {
        self.known_normal.contains(&(Some(p), x))
    }

    pub(crate) fn set_known_normal_in(&mut self, p: Precision, x: Value) {
        self.known_normal.push((Some(p), x));
    }

    /// What rounding may do unseen. What is recorded depends on it.
    pub(crate) fn float_mode(&mut self) -> FloatMode {
        self.of_float_mode = true;
        self.mode.float
    }
}
