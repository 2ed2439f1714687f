//! Values narrowed to i32 where only the low half is demanded: engines have shorter instructions for i32, which also clear the
//! high half.

use super::Emitter;
use super::blocks::Scope;
use crate::value::{Node, Op1, Op2, Value};

/// The low half.
pub(super) const LOW: u64 = u32::MAX as u64;

impl Emitter<'_> {
    /// Pushes the low half of a value, as an i32.
    ///
    /// SPEC: wasm-3.0-core :: 4.3.2 Integer Operations -> i32.wrap_i64 takes a value modulo 2^32, and so may sums, products and what is done bit by bit take their operands
    pub(super) fn narrow(&mut self, scope: &Scope<'_>, v: Value) {
        let values = &scope.block.values;
        if scope.local(v).is_none() {
            match values.node(v) {
                Node::Imm(value) => {
                    self.out().i32_const(value as u32 as i32);
                    return;
                }
                Node::Two(Op2::And, x, mask)
                    if values.constant(mask).is_some_and(|mask| mask & LOW == LOW) =>
                {
                    return self.narrow(scope, x);
                }
                Node::Two(op, a, b) if self.is_narrow(scope, op, a, b) => {
                    self.narrow(scope, a);
                    self.narrow(scope, b);
                    let out = &mut self.out();
                    match op {
                        Op2::Add => out.i32_add(),
                        Op2::Sub => out.i32_sub(),
                        Op2::Mul => out.i32_mul(),
                        Op2::And => out.i32_and(),
                        Op2::Or => out.i32_or(),
                        Op2::Xor => out.i32_xor(),
                        Op2::Shl => out.i32_shl(),
                        _ => out.i32_shr_u(),
                    };
                    return;
                }
                Node::Two(op, a, b) if self.comparison(scope, op, a, b) => return,
                Node::One(Op1::Extend32, x) => return self.narrow(scope, x),
                _ => {}
            }
        }
        self.value(scope, v);
        self.out().i32_wrap_i64();
    }

    /// Whether the low half of `a op b` is that of the low halves.
    fn is_narrow(&self, scope: &Scope<'_>, op: Op2, a: Value, b: Value) -> bool {
        let values = &scope.block.values;
        let by_few = values.constant(b).is_some_and(|count| count < 32);
        match op {
            Op2::Add | Op2::Sub | Op2::Mul | Op2::And | Op2::Or | Op2::Xor => true,
            Op2::Shl => by_few,
            Op2::ShrU => by_few && values.bits(a) <= 32,
            _ => false,
        }
    }

    /// Whether a value is made here, of low halves.
    pub(super) fn is_narrow_sum(&self, scope: &Scope<'_>, v: Value) -> bool {
        match scope.block.values.node(v) {
            Node::Two(op, a, b) => scope.local(v).is_none() && self.is_narrow(scope, op, a, b),
            _ => false,
        }
    }

    /// Pushes the i32 of a comparison if it can be one of low halves.
    pub(super) fn compares_narrow(&mut self, scope: &Scope<'_>, op: Op2, a: Value, b: Value) -> bool {
        let values = &scope.block.values;
        let is_signed = |v| match values.node(v) {
            Node::Imm(value) => value as i64 == i64::from(value as i32),
            Node::One(Op1::Extend8 | Op1::Extend16 | Op1::Extend32, _) => true,
            _ => values.bits(v) < 32,
        };
        let signed = matches!(op, Op2::LtS | Op2::LeS);
        let fits = |v| if signed { is_signed(v) } else { values.bits(v) <= 32 };
        if !fits(a) || !fits(b) {
            return false;
        }
        self.narrow(scope, a);
        self.narrow(scope, b);
        let out = &mut self.out();
        match op {
            Op2::Eq => out.i32_eq(),
            Op2::Ne => out.i32_ne(),
            Op2::LtU => out.i32_lt_u(),
            Op2::LeU => out.i32_le_u(),
            Op2::LtS => out.i32_lt_s(),
            _ => out.i32_le_s(),
        };
        true
    }
}
