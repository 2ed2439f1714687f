//! What compiled code has computed for x87 instructions.

use super::super::Vcpu;
use crate::F80Function;

impl Vcpu {
    /// What a function of two numbers gives, by [`F80Function::apply`]. Bits 7:0 of `what` are the function's number, the
    /// control word is above. Returns the lower half of the result; the upper one goes to
    /// [`Shared::scratch`](super::Shared).
    pub fn compiled_f80(&mut self, what: u64, a: (u64, u64), b: (u64, u64)) -> u64 {
        let (low, high) = match F80Function::ALL.get((what & 0xff) as usize) {
            Some(function) => function.apply((what >> 8) as u16, a, b),
            None => (0, 0),
        };
        self.code.shared.scratch = high.into();
        low
    }
}
