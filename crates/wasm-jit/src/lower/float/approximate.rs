//! RCPPS, RCPSS, RSQRTPS and RSQRTSS, with the interpreter's approximation. MXCSR has no effect on them, and they raise
//! no exceptions.

use crate::domain::Recorder;
use crate::lower::shuffle;
use crate::lower::vector::splat;
use crate::value::Value;
use crate::value::vector::Precision::{Double, Single};
use crate::value::vector::VectorOne::{Demote, Promote, SqrtF64};
use crate::value::vector::VectorTwo::{And, DivF32, DivF64, NeF32, Or};
use crate::value::vector::{FloatOne, FloatTwo, VectorNode, VectorTest};
use x86_exec::vector::VecOp;
use x86_types::Width;

/// The bits of the result that are kept: sign, exponent and twelve of the fraction.
const KEPT: u64 = 0xffff_f800;

impl Recorder {
    /// Records an approximation; returns `None` for other operations. Exits if an operand or a result is a NaN or
    /// denormal.
    pub(in crate::lower) fn lower_approximation(&mut self, op: VecOp, a: Value, b: Value) -> Option<Value> {
        let (packed, of_root) = match op {
            VecOp::Rcpps => (true, false),
            VecOp::Rcpss => (false, false),
            VecOp::Rsqrtps => (true, true),
            VecOp::Rsqrtss => (false, true),
            _ => return None,
        };
        if packed {
            self.exit_unless_lanes_known_normal(Single, b);
            let exact = if of_root { self.reciprocal_roots(b) } else { self.reciprocals(b) };
            let nan = self.two(NeF32, exact, exact);
            let bad = match self.denormal_lanes(Single, exact) {
                Some(denormal) => self.two(Or, denormal, nan),
                None => nan,
            };
            let any = self.vector_test(VectorTest::Any, bad);
            self.exit_if(any);
            let kept = self.values.bits128(splat(Width::B4, KEPT));
            return Some(self.two(And, exact, kept));
        }
        let x = self.low(Single, b);
        self.exit_unless_known_normal(Single, x);
        let exact = if of_root { self.reciprocal_root(x) } else { self.reciprocal(x) };
        self.exit_unless_known_normal(Single, exact);
        let bits = self.values.float_bits(Single, exact);
        let kept = self.op(crate::value::Op2::And, bits, KEPT);
        Some(self.values.with_lane(Width::B4, 0, a, kept))
    }

    fn reciprocal(&mut self, x: Value) -> Value {
        let one = self.values.bits128(splat(Width::B4, 1.0_f32.to_bits().into()));
        let one = self.low(Single, one);
        self.values.vector(VectorNode::FloatTwo(FloatTwo::Div, Single, one, x))
    }

    fn reciprocals(&mut self, x: Value) -> Value {
        let one = self.values.bits128(splat(Width::B4, 1.0_f32.to_bits().into()));
        self.two(DivF32, one, x)
    }

    /// Returns `1 / sqrt(x)`, computed with doubles and rounded once at the end.
    fn reciprocal_root(&mut self, x: Value) -> Value {
        let one = self.values.bits128(splat(Width::B8, 1.0_f64.to_bits()));
        let (one, x) = (self.low(Double, one), self.values.vector(VectorNode::Converted(Double, x)));
        let root = self.values.vector(VectorNode::FloatOne(FloatOne::Sqrt, Double, x));
        let quotient = self.values.vector(VectorNode::FloatTwo(FloatTwo::Div, Double, one, root));
        self.values.vector(VectorNode::Converted(Single, quotient))
    }

    fn reciprocal_roots(&mut self, x: Value) -> Value {
        let upper = self.values.shuffle(shuffle::lanes(Width::B8, |_| 1), x, x);
        let one = self.values.bits128(splat(Width::B8, 1.0_f64.to_bits()));
        let [low, high] = [x, upper].map(|half| {
            let doubles = self.one(Promote, half);
            let roots = self.one(SqrtF64, doubles);
            let quotients = self.two(DivF64, one, roots);
            self.one(Demote, quotients)
        });
        self.values.shuffle(shuffle::lanes(Width::B8, |n| 2 * n), low, high)
    }
}
