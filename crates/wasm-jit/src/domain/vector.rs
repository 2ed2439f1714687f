//! Vectors in the recording domain: 16 bytes of memory, and what is known of floats.

use super::Recorder;
use crate::block::{Access, Action};
use crate::value::vector::Precision;
use crate::value::{Op2, Value};
use x86_exec::MemRef;
use x86_exec::vcpu::compiled::FloatMode;
use x86_types::Width;

impl Recorder {
    pub(super) fn load_vector(&mut self, m: &MemRef<Value>, aligned: bool) -> Value {
        let linear = self.vector_place(m, aligned);
        let refused = self.exit_before();
        let number = self.act(Action::LoadVector { linear, refused });
        self.values.effect(number, 128)
    }

    pub(super) fn store_vector(&mut self, m: &MemRef<Value>, aligned: bool, x: Value) {
        let linear = self.vector_place(m, aligned);
        let refused = self.exit_before();
        self.act(Action::StoreVector { linear, value: x, refused });
        self.stored = true;
    }

    /// The linear address of 16 bytes. Leaves where they should be aligned and are not.
    fn vector_place(&mut self, m: &MemRef<Value>, aligned: bool) -> Value {
        let Access { linear, .. } = self.linear(m, Width::B8);
        if aligned {
            let low = self.values.imm(15);
            let rest = self.values.two(Op2::And, linear, low);
            self.leave_if(rest);
        }
        linear
    }

    /// Leaves before this instruction where neither is 0. Mostly the first is, and nothing else has to be looked at.
    pub(crate) fn leave_if_both(&mut self, first: Value, second: Value) {
        match (self.values.constant(first), self.values.constant(second)) {
            (Some(0), _) | (_, Some(0)) => {}
            (Some(_), _) => self.leave_if(second),
            (_, Some(_)) => self.leave_if(first),
            _ => {
                let exit = self.exit_before();
                self.act(Action::LeaveIfBoth { first, second, exit });
            }
        }
    }

    /// Whether a float is known to be neither a NaN nor denormal.
    pub(crate) fn is_tame(&self, f: Value) -> bool {
        self.tame.contains(&(None, f))
    }

    pub(crate) fn set_tame(&mut self, f: Value) {
        self.tame.push((None, f));
    }

    /// The same, of all lanes of a vector.
    pub(crate) fn is_tame_in(&self, p: Precision, x: Value) -> bool {
        self.tame.contains(&(Some(p), x))
    }

    pub(crate) fn set_tame_in(&mut self, p: Precision, x: Value) {
        self.tame.push((Some(p), x));
    }

    /// What rounding may do unseen. What is recorded depends on it.
    pub(crate) fn float_mode(&mut self) -> FloatMode {
        self.of_float_mode = true;
        self.mode.float
    }
}
