//! Where PE is still to be set: results that were rounded are left to the interpreter, which sets it. After that the code
//! runs in the mode that does not ask any more.
//!
//! What an addition or a multiplication rounded away is itself a floating-point number, which a few more operations give:
//! D. Knuth, The Art of Computer Programming 2, 4.2.2, and T. Dekker, A floating-point technique for extending the available
//! precision, 1971.

use super::{Lanes, packed_two};
use crate::domain::Recorder;
use crate::lower::vector::splat;
use crate::value::vector::Precision::{self, Double, Single};
use crate::value::vector::VectorTwo::{NeF32, NeF64, Or};
use crate::value::vector::{FloatOne, FloatOrder, FloatTwo, VectorNode, VectorTest};
use crate::value::{Op2, Value};
use x86_exec::vcpu::compiled::FloatMode;
use x86_exec::vector::VecOp;

/// Whether an operation is recorded in this mode.
pub(super) fn is_checked(op: VecOp) -> bool {
    super::arithmetic(op).is_some()
        || super::convert::to_integer(op).is_some()
        || matches!(op, VecOp::Sqrtss | VecOp::Sqrtsd | VecOp::Sqrtps | VecOp::Sqrtpd | VecOp::Cvtsd2ss)
        || matches!(op, VecOp::Cvtsi2ss32 | VecOp::Cvtsi2ss64 | VecOp::Cvtsi2sd64)
}

/// Bits of a significand.
fn significand_bits(p: Precision) -> u64 {
    if p == Single { 24 } else { 53 }
}

impl Recorder {
    fn looks_for_exactness(&self) -> bool {
        self.mode.float == FloatMode::Exact
    }

    /// The least exponent field with which a result need not be looked at more closely: less may be tiny, or what was
    /// rounded away from a product may be less than any number.
    pub(super) fn least_exponent(&self, op: FloatTwo, p: Precision) -> u64 {
        match op {
            FloatTwo::Add | FloatTwo::Sub => 1,
            FloatTwo::Mul | FloatTwo::Div if self.looks_for_exactness() => 2 * significand_bits(p),
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

    /// Something that is 0 where two floats, or all lanes of two vectors, are equal. NaNs are not.
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

    /// What a sum or a difference rounded away.
    fn error_of_sum(&mut self, lanes: Lanes, op: FloatTwo, a: Value, b: Value, sum: Value) -> Value {
        use FloatTwo::{Add, Sub};
        let of_b = self.arithmetic(lanes, Sub, sum, a);
        let of_a = self.arithmetic(lanes, Sub, sum, of_b);
        let lost_a = self.arithmetic(lanes, Sub, a, of_a);
        // Of a difference, `of_b` stands for -b.
        let lost_b = match op {
            Sub => self.arithmetic(lanes, Add, b, of_b),
            _ => self.arithmetic(lanes, Sub, b, of_b),
        };
        self.arithmetic(lanes, op, lost_a, lost_b)
    }

    /// A float as a sum of two of half the bits each. A large one becomes a NaN.
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

    /// What a product rounded away.
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

    /// Leaves where the result of an operation, which is an ordinary number or an exact zero, was rounded.
    pub(super) fn exit_unless_exact(
        &mut self,
        lanes: Lanes,
        op: FloatTwo,
        a: Value,
        b: Value,
        result: Value,
    ) {
        if !self.looks_for_exactness() {
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

    /// Leaves where `a` times `b` is not `product` to the last bit, or where that cannot be told.
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
        // What was rounded away from a small product may be less than any number.
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
        if self.looks_for_exactness() {
            self.exit_unless_product(lanes, root, root, x);
        }
    }

    /// Leaves where a float is no whole number.
    pub(super) fn exit_unless_whole(&mut self, p: Precision, truncate: bool, x: Value) {
        if self.looks_for_exactness() {
            let op = if truncate { FloatOne::Trunc } else { FloatOne::Nearest };
            let whole = self.values.vector(VectorNode::FloatOne(op, p, x));
            let differ = self.differ(Lanes { p, packed: false }, whole, x);
            self.exit_if(differ);
        }
    }

    /// Leaves where an integer has more bits than a float of this format.
    pub(super) fn exit_unless_integer_exact(&mut self, p: Precision, integer: Value) {
        if self.looks_for_exactness() {
            let most = 1 << significand_bits(p);
            let moved = self.op(Op2::Add, integer, most);
            let limit = self.values.imm(2 * most);
            let wrong = self.values.two(Op2::LtU, limit, moved);
            self.exit_if(wrong);
        }
    }

    pub(super) fn exit_unless_demotion_exact(&mut self, double: Value, single: Value) {
        if self.looks_for_exactness() {
            let again = self.values.vector(VectorNode::Converted(Double, single));
            let differ = self.differ(Lanes { p: Double, packed: false }, again, double);
            self.exit_if(differ);
        }
    }
}
