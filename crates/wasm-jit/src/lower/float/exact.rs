//! The mode in which MXCSR.PE is clear: code exits where a result was rounded, and the interpreter sets PE. From then
//! on the mode is the one without this check.
//!
//! The rounding error of an addition or a multiplication is itself a floating-point number, computed by a few more
//! operations (error-free transformations): D. Knuth, The Art of Computer Programming 2, 4.2.2, and T. Dekker, A
//! floating-point technique for extending the available precision, 1971.

use super::{Lanes, packed_two};
use crate::domain::Recorder;
use crate::lower::vector::splat;
use crate::value::vector::Precision::{self, Double, Single};
use crate::value::vector::VectorTwo::{NeF32, NeF64, Or};
use crate::value::vector::{FloatOne, FloatOrder, FloatTwo, VectorNode, VectorTest};
use crate::value::{Op2, Value};
use x86_exec::vcpu::compiled::FloatMode;
use x86_exec::vector::VecOp;

/// Returns whether an operation is recorded in this mode.
pub(super) fn is_checked(op: VecOp) -> bool {
    super::arithmetic(op).is_some()
        || super::convert::to_integer(op).is_some()
        || matches!(op, VecOp::Sqrtss | VecOp::Sqrtsd | VecOp::Sqrtps | VecOp::Sqrtpd | VecOp::Cvtsd2ss)
        || matches!(op, VecOp::Cvtsi2ss32 | VecOp::Cvtsi2ss64 | VecOp::Cvtsi2sd64)
}

/// Returns the number of bits of a significand.
fn significand_bits(p: Precision) -> u64 {
    if p == Single { 24 } else { 53 }
}

impl Recorder {
    fn checks_exactness(&self) -> bool {
        self.mode.float == FloatMode::Exact
    }

    /// Returns the least exponent field of a result that needs no closer check. A smaller result may be tiny, or the
    /// rounding error of a product may underflow.
    pub(super) fn least_exponent(&self, op: FloatTwo, p: Precision) -> u64 {
        match op {
            FloatTwo::Add | FloatTwo::Sub => 1,
            FloatTwo::Mul | FloatTwo::Div if self.checks_exactness() => 2 * significand_bits(p),
            FloatTwo::Mul | FloatTwo::Div => 2,
        }
    }

    fn arithmetic(&mut self, lanes: Lanes, op: FloatTwo, a: Value, b: Value) -> Value {
        if lanes.packed {
            return self.two(packed_two(op, lanes.p), a, b);
        }
        self.values.vector(VectorNode::FloatTwo(op, lanes.p, a, b))
    }

    fn number(&mut self, lanes: Lanes, bits: u64) -> Value {
        if lanes.packed {
            return self.values.bits128(splat(lanes.p.width(), bits));
        }
        let bits = self.values.imm(bits);
        self.values.vector(VectorNode::FromBits(lanes.p, bits))
    }

    /// Returns 0 if two floats, or all lanes of two vectors, are equal. NaNs are unequal.
    fn differ(&mut self, lanes: Lanes, a: Value, b: Value) -> Value {
        if lanes.packed {
            return self.two(super::of(lanes.p, NeF32, NeF64), a, b);
        }
        let equal = self.values.vector(VectorNode::Compare(FloatOrder::Eq, lanes.p, a, b));
        self.op(Op2::Xor, equal, 1)
    }

    fn exit_if_any(&mut self, lanes: Lanes, differ: Value) {
        let any = if lanes.packed { self.vector_test(VectorTest::Any, differ) } else { differ };
        self.exit_if(any);
    }

    /// Returns the rounding error of a sum or a difference.
    fn error_of_sum(&mut self, lanes: Lanes, op: FloatTwo, a: Value, b: Value, sum: Value) -> Value {
        use FloatTwo::{Add, Sub};
        let of_b = self.arithmetic(lanes, Sub, sum, a);
        let of_a = self.arithmetic(lanes, Sub, sum, of_b);
        let lost_a = self.arithmetic(lanes, Sub, a, of_a);
        // For a difference, `of_b` is the part of -b.
        let lost_b = match op {
            Sub => self.arithmetic(lanes, Add, b, of_b),
            _ => self.arithmetic(lanes, Sub, b, of_b),
        };
        self.arithmetic(lanes, op, lost_a, lost_b)
    }

    /// Splits a float into a sum of two floats with half the bits each (Dekker's split). For a large float the result
    /// is NaN.
    fn halves(&mut self, lanes: Lanes, a: Value) -> (Value, Value) {
        use FloatTwo::{Mul, Sub};
        let factor = match lanes.p {
            Single => 4097.0_f32.to_bits().into(),
            Double => 134_217_729.0_f64.to_bits(),
        };
        let factor = self.number(lanes, factor);
        let large = self.arithmetic(lanes, Mul, a, factor);
        let rest = self.arithmetic(lanes, Sub, large, a);
        let high = self.arithmetic(lanes, Sub, large, rest);
        (high, self.arithmetic(lanes, Sub, a, high))
    }

    /// Returns the rounding error of a product.
    fn error_of_product(&mut self, lanes: Lanes, a: Value, b: Value, product: Value) -> Value {
        use FloatTwo::{Add, Mul, Sub};
        let (high_a, low_a) = self.halves(lanes, a);
        let (high_b, low_b) = if a == b { (high_a, low_a) } else { self.halves(lanes, b) };
        let highest = self.arithmetic(lanes, Mul, high_a, high_b);
        let mut error = self.arithmetic(lanes, Sub, highest, product);
        for (x, y) in [(high_a, low_b), (low_a, high_b), (low_a, low_b)] {
            let part = self.arithmetic(lanes, Mul, x, y);
            error = self.arithmetic(lanes, Add, error, part);
        }
        error
    }

    /// Exits if the result of an operation, which is normal or an exact zero, was rounded.
    pub(super) fn exit_unless_exact(
        &mut self,
        lanes: Lanes,
        op: FloatTwo,
        a: Value,
        b: Value,
        result: Value,
    ) {
        if !self.checks_exactness() {
            return;
        }
        let error = match op {
            FloatTwo::Add | FloatTwo::Sub => self.error_of_sum(lanes, op, a, b, result),
            FloatTwo::Mul => self.error_of_product(lanes, a, b, result),
            FloatTwo::Div => return self.exit_unless_product(lanes, result, b, a),
        };
        let zero = self.number(lanes, 0);
        let differ = self.differ(lanes, error, zero);
        self.exit_if_any(lanes, differ);
    }

    /// Exits unless `product` is provably the exact product of `a` and `b`.
    fn exit_unless_product(&mut self, lanes: Lanes, a: Value, b: Value, product: Value) {
        let rounded = self.arithmetic(lanes, FloatTwo::Mul, a, b);
        let error = self.error_of_product(lanes, a, b, rounded);
        let zero = self.number(lanes, 0);
        let (inexact, other) = (self.differ(lanes, error, zero), self.differ(lanes, rounded, product));
        let wrong = if lanes.packed {
            self.two(Or, inexact, other)
        } else {
            self.values.two(Op2::Or, inexact, other)
        };
        self.exit_if_any(lanes, wrong);
        // The rounding error of a small product may underflow.
        let least = 2 * significand_bits(lanes.p);
        if lanes.packed {
            let (small, zero) =
                (self.out_of_range(lanes.p, product, least), self.zero_lanes(lanes.p, product));
            let small = self.two(crate::value::vector::VectorTwo::AndNot, small, zero);
            return self.exit_if_any(lanes, small);
        }
        let (small, magnitude) =
            (self.suspicious(lanes.p, &[], product, least), self.magnitude(lanes.p, product));
        let not_zero = self.op(Op2::Ne, magnitude, 0);
        self.exit_if_both(small, not_zero);
    }

    pub(super) fn exit_unless_root_exact(&mut self, lanes: Lanes, x: Value, root: Value) {
        if self.checks_exactness() {
            self.exit_unless_product(lanes, root, root, x);
        }
    }

    /// Exits if a float is not an integer.
    pub(super) fn exit_unless_whole(&mut self, p: Precision, truncate: bool, x: Value) {
        if self.checks_exactness() {
            let op = if truncate { FloatOne::Trunc } else { FloatOne::Nearest };
            let whole = self.values.vector(VectorNode::FloatOne(op, p, x));
            let differ = self.differ(Lanes { p, packed: false }, whole, x);
            self.exit_if(differ);
        }
    }

    /// Exits if an integer has more bits than the significand of this format.
    pub(super) fn exit_unless_integer_exact(&mut self, p: Precision, integer: Value) {
        if self.checks_exactness() {
            let most = 1 << significand_bits(p);
            let moved = self.op(Op2::Add, integer, most);
            let limit = self.values.imm(2 * most);
            let wrong = self.values.two(Op2::LtU, limit, moved);
            self.exit_if(wrong);
        }
    }

    pub(super) fn exit_unless_demotion_exact(&mut self, double: Value, single: Value) {
        if self.checks_exactness() {
            let again = self.values.vector(VectorNode::Converted(Double, single));
            let differ = self.differ(Lanes { p: Double, packed: false }, again, double);
            self.exit_if(differ);
        }
    }
}
