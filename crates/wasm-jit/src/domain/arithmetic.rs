//! Integer arithmetic of the recording domain.

use super::{NotRecorded, Recorder};
use crate::value::Value;
use x86_exec::{Arithmetic, Bin, Cmp, Un};
use x86_types::Width;

impl Arithmetic for Recorder {
    fn imm(&mut self, value: u64) -> Value {
        self.values.imm(value)
    }

    fn bin(&mut self, op: Bin, w: Width, a: Value, b: Value) -> Value {
        self.lower_bin(op, w, a, b)
    }

    fn un(&mut self, op: Un, w: Width, a: Value) -> Value {
        self.lower_un(op, w, a)
    }

    fn cmp(&mut self, op: Cmp, w: Width, a: Value, b: Value) -> Value {
        self.lower_cmp(op, w, a, b)
    }

    fn select(&mut self, c: Value, yes: Value, no: Value) -> Value {
        self.values.select(c, yes, no)
    }

    fn sext(&mut self, from: Width, to: Width, a: Value) -> Value {
        let wide = self.extend(from, a);
        self.cut(to, wide)
    }

    fn trunc(&mut self, to: Width, a: Value) -> Value {
        self.cut(to, a)
    }

    fn mul_wide(&mut self, signed: bool, w: Width, a: Value, b: Value) -> (Value, Value) {
        self.lower_mul(signed, w, a, b)
    }

    fn div_wide(
        &mut self,
        signed: bool,
        w: Width,
        hi: Value,
        lo: Value,
        divisor: Value,
    ) -> Result<(Value, Value), NotRecorded> {
        Ok(if signed { self.lower_idiv(w, hi, lo, divisor) } else { self.lower_div(w, hi, lo, divisor) })
    }
}
