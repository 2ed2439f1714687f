//! Floating-point operations, by WebAssembly's own where their result and flags are provably the processor's.
//!
//! WebAssembly rounds to nearest and reports no exceptions. A result is used if the operation raises no exception but
//! PE: no operand is denormal, and the result is normal or an exact zero. Whether PE is set already is part of the mode
//! that code is compiled for; if it is clear, the result has to be exact as well. In all other cases the code exits
//! before the instruction, and the interpreter executes it. Results are infinities or NaNs only in the mode for which IE and OE
//! are set as well; there the payload of a NaN is computed (`nan.rs`).
//!
//! SPEC: wasm-3.0-core :: 4.3.3 Floating-Point Operations -> round to nearest, ties to even; NaN results are not determined: compiled code replaces them

mod approximate;
mod check;
mod convert;
mod exact;
mod nan;

use crate::domain::Recorder;
use crate::value::vector::VectorOne::{self, *};
use crate::value::vector::VectorTwo::{self, *};
use crate::value::vector::{FloatOne, FloatOrder, FloatTwo, Precision, VectorNode, VectorTest};
use crate::value::{Op2, Value};
use x86_exec::vcpu::compiled::FloatMode;
use x86_exec::vector::VecOp;
use x86_types::Width;

use Precision::{Double, Single};
use check::unit;

/// Format and number of lanes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lanes {
    p: Precision,
    packed: bool,
}

const SS: Lanes = Lanes { p: Single, packed: false };
const SD: Lanes = Lanes { p: Double, packed: false };
const PS: Lanes = Lanes { p: Single, packed: true };
const PD: Lanes = Lanes { p: Double, packed: true };

/// Returns the operation of ADD, SUB, MUL and DIV in all their forms.
fn arithmetic(op: VecOp) -> Option<(FloatTwo, Lanes)> {
    use FloatTwo::{Add, Div, Mul, Sub};
    Some(match op {
        VecOp::Addps => (Add, PS),
        VecOp::Addpd => (Add, PD),
        VecOp::Addss => (Add, SS),
        VecOp::Addsd => (Add, SD),
        VecOp::Subps => (Sub, PS),
        VecOp::Subpd => (Sub, PD),
        VecOp::Subss => (Sub, SS),
        VecOp::Subsd => (Sub, SD),
        VecOp::Mulps => (Mul, PS),
        VecOp::Mulpd => (Mul, PD),
        VecOp::Mulss => (Mul, SS),
        VecOp::Mulsd => (Mul, SD),
        VecOp::Divps => (Div, PS),
        VecOp::Divpd => (Div, PD),
        VecOp::Divss => (Div, SS),
        VecOp::Divsd => (Div, SD),
        _ => return None,
    })
}

/// Returns whether an operation is a maximum (or a minimum), and its lanes.
fn extremum(op: VecOp) -> Option<(bool, Lanes)> {
    Some(match op {
        VecOp::Minps => (false, PS),
        VecOp::Minpd => (false, PD),
        VecOp::Minss => (false, SS),
        VecOp::Minsd => (false, SD),
        VecOp::Maxps => (true, PS),
        VecOp::Maxpd => (true, PD),
        VecOp::Maxss => (true, SS),
        VecOp::Maxsd => (true, SD),
        _ => return None,
    })
}

fn comparison(op: VecOp) -> Option<Lanes> {
    Some(match op {
        VecOp::Cmpps => PS,
        VecOp::Cmppd => PD,
        VecOp::Cmpss => SS,
        VecOp::Cmpsd => SD,
        _ => return None,
    })
}

/// Returns the packed form of an operation.
fn packed_two(op: FloatTwo, p: Precision) -> VectorTwo {
    match (op, p) {
        (FloatTwo::Add, Single) => AddF32,
        (FloatTwo::Add, Double) => AddF64,
        (FloatTwo::Sub, Single) => SubF32,
        (FloatTwo::Sub, Double) => SubF64,
        (FloatTwo::Mul, Single) => MulF32,
        (FloatTwo::Mul, Double) => MulF64,
        (FloatTwo::Div, Single) => DivF32,
        (FloatTwo::Div, Double) => DivF64,
    }
}

fn packed_one(op: FloatOne, p: Precision) -> VectorOne {
    match (op, p) {
        (FloatOne::Sqrt, Single) => SqrtF32,
        (FloatOne::Sqrt, Double) => SqrtF64,
        (FloatOne::Nearest, Single) => NearestF32,
        (FloatOne::Nearest, Double) => NearestF64,
        (FloatOne::Floor, Single) => FloorF32,
        (FloatOne::Floor, Double) => FloorF64,
        (FloatOne::Ceil, Single) => CeilF32,
        (FloatOne::Ceil, Double) => CeilF64,
        (FloatOne::Trunc, Single) => TruncF32,
        (FloatOne::Trunc, Double) => TruncF64,
    }
}

/// Returns the operation of a format.
fn of(p: Precision, single: VectorTwo, double: VectorTwo) -> VectorTwo {
    if p == Single { single } else { double }
}

impl Recorder {
    /// Records an operation on floating-point lanes. Returns `None` if WebAssembly has no equivalent.
    pub(crate) fn lower_float(&mut self, op: VecOp, a: Value, b: Value, imm: u8) -> Option<Value> {
        if let Some((max, lanes)) = extremum(op) {
            return Some(self.lower_extremum(max, lanes, a, b));
        }
        if let Some(lanes) = comparison(op) {
            return self.lower_compare(lanes, a, b, imm);
        }
        if let Some(x) = self.lower_exact(op, a, b) {
            return Some(x);
        }
        // The operations below round.
        match self.float_mode() {
            FloatMode::Other => return None,
            FloatMode::Exact if !exact::is_checked(op) => return None,
            _ => {}
        }
        if let Some((op, lanes)) = arithmetic(op) {
            return Some(self.lower_arithmetic(op, lanes, a, b));
        }
        if let Some((p, w, truncate)) = convert::to_integer(op) {
            return Some(self.lower_to_integer(p, w, truncate, b));
        }
        Some(match op {
            VecOp::Sqrtss => self.lower_sqrt(SS, a, b),
            VecOp::Sqrtsd => self.lower_sqrt(SD, a, b),
            VecOp::Sqrtps => self.lower_sqrt(PS, a, b),
            VecOp::Sqrtpd => self.lower_sqrt(PD, a, b),
            VecOp::Roundss => self.lower_round(SS, a, b, imm),
            VecOp::Roundsd => self.lower_round(SD, a, b, imm),
            VecOp::Roundps => self.lower_round(PS, a, b, imm),
            VecOp::Roundpd => self.lower_round(PD, a, b, imm),
            VecOp::Haddps => self.lower_neighbours(FloatTwo::Add, Single, a, b),
            VecOp::Haddpd => self.lower_neighbours(FloatTwo::Add, Double, a, b),
            VecOp::Hsubps => self.lower_neighbours(FloatTwo::Sub, Single, a, b),
            VecOp::Hsubpd => self.lower_neighbours(FloatTwo::Sub, Double, a, b),
            VecOp::Addsubps => self.lower_add_sub(Single, a, b),
            VecOp::Addsubpd => self.lower_add_sub(Double, a, b),
            VecOp::Cvtsd2ss => self.lower_demotion(a, b),
            VecOp::Cvtpd2ps => self.lower_packed_demotion(b),
            VecOp::Cvtdq2ps => {
                let singles = self.one(SinglesOf, b);
                self.set_known_normal_in(Single, singles);
                singles
            }
            VecOp::Cvtps2dq => self.lower_to_integers(Single, false, b),
            VecOp::Cvttps2dq => self.lower_to_integers(Single, true, b),
            VecOp::Cvtpd2dq => self.lower_to_integers(Double, false, b),
            VecOp::Cvttpd2dq => self.lower_to_integers(Double, true, b),
            VecOp::Cvtsi2ss32 => self.lower_from_integer(Single, Width::B4, a, b),
            VecOp::Cvtsi2ss64 => self.lower_from_integer(Single, Width::B8, a, b),
            VecOp::Cvtsi2sd64 => self.lower_from_integer(Double, Width::B8, a, b),
            _ => return None,
        })
    }

    /// Records an operation that is exact in every rounding mode.
    fn lower_exact(&mut self, op: VecOp, a: Value, b: Value) -> Option<Value> {
        Some(match op {
            VecOp::Comiss | VecOp::Ucomiss => self.lower_order(Single, a, b),
            VecOp::Comisd | VecOp::Ucomisd => self.lower_order(Double, a, b),
            VecOp::Cvtss2sd => self.lower_promotion(a, b),
            VecOp::Cvtps2pd => self.lower_packed_promotion(b),
            VecOp::Cvtdq2pd => {
                let doubles = self.one(DoublesOf, b);
                self.set_known_normal_in(Double, doubles);
                doubles
            }
            VecOp::Cvtsi2sd32 => self.lower_from_integer(Double, Width::B4, a, b),
            _ => return None,
        })
    }

    fn lower_arithmetic(&mut self, op: FloatTwo, lanes: Lanes, a: Value, b: Value) -> Value {
        if lanes.packed {
            return self.lower_packed(op, lanes.p, a, b);
        }
        let (x, y) = (self.low(lanes.p, a), self.low(lanes.p, b));
        let result = self.lower_scalar(op, lanes.p, x, y);
        self.values.with_low(lanes.p, a, result)
    }

    /// SPEC: intel-sdm-vol1 :: 4.9.1.5 Numeric Underflow Exception (#U) -> tiny is what would be less than the least normal number with unlimited exponents: products and quotients of the lowest binade are left to the interpreter; sums there are exact
    /// SPEC: intel-sdm-vol1 :: 4.8.3.1 Signed Zeros -> a zero sum of numbers is exact, and so are products and quotients with a zero
    fn lower_scalar(&mut self, op: FloatTwo, p: Precision, x: Value, y: Value) -> Value {
        let result = self.values.vector(VectorNode::FloatTwo(op, p, x, y));
        let sum = matches!(op, FloatTwo::Add | FloatTwo::Sub);
        let least = self.least_exponent(op, p);
        let suspicious = self.suspicious(p, &[x, y], result, least);
        let unusual = self.suspicious(p, &[], result, least);
        let t = self.magnitude(p, result);
        let mut wrong = self.op(Op2::Ne, t, 0);
        if !sum {
            // A zero result is exact if an operand is zero.
            let of_x = self.magnitude(p, x);
            let mut of_number = self.op(Op2::Ne, of_x, 0);
            if op == FloatTwo::Mul {
                let of_y = self.magnitude(p, y);
                let other = self.op(Op2::Ne, of_y, 0);
                of_number = self.values.two(Op2::And, of_number, other);
            }
            wrong = self.values.two(Op2::Or, wrong, of_number);
        }
        if suspicious != unusual {
            wrong = self.values.two(Op2::And, unusual, wrong);
        }
        if self.has_nans() {
            let unexcused = self.is_unexcused(op, p, result);
            wrong = self.values.two(Op2::And, wrong, unexcused);
        }
        let (denormal_x, denormal_y) = (self.denormal(p, x), self.denormal(p, y));
        if let Some(denormal) = self.either(denormal_x, denormal_y) {
            wrong = self.values.two(Op2::Or, denormal, wrong);
        }
        self.exit_if_both(suspicious, wrong);
        self.exit_unless_exact(Lanes { p, packed: false }, op, x, y, result);
        for f in [x, y, result] {
            self.set_known_normal(f);
        }
        if self.has_nans() { self.nan_of_operands(p, x, y, result) } else { result }
    }

    fn lower_packed(&mut self, op: FloatTwo, p: Precision, a: Value, b: Value) -> Value {
        let result = self.two(packed_two(op, p), a, b);
        self.exit_for_lanes(op, p, a, b, &[result]);
        self.exit_unless_exact(Lanes { p, packed: true }, op, a, b, result);
        if self.has_nans() { self.nan_lanes_of_operands(p, a, b, result) } else { result }
    }

    /// Exits unless the results of all lanes of `a` and `b` are the processor's.
    fn exit_for_lanes(&mut self, op: FloatTwo, p: Precision, a: Value, b: Value, results: &[Value]) {
        let denormal_a = self.denormal_lanes(p, a);
        let denormal_b = if a == b { None } else { self.denormal_lanes(p, b) };
        let denormal = self.either_lane(denormal_a, denormal_b);
        let sum = matches!(op, FloatTwo::Add | FloatTwo::Sub);
        let (mut suspicious, mut wrong) = (denormal, denormal);
        for &result in results {
            let unusual = self.out_of_range(p, result, self.least_exponent(op, p));
            let mut exact = self.zero_lanes(p, result);
            if !sum {
                let mut of_zero = self.zero_lanes(p, a);
                if op == FloatTwo::Mul {
                    let other = self.zero_lanes(p, b);
                    of_zero = self.two(Or, of_zero, other);
                }
                exact = self.two(And, exact, of_zero);
            }
            let mut not_exact = self.two(AndNot, unusual, exact);
            if self.has_nans() {
                let excused = self.excused_lanes(op, p, result);
                not_exact = self.two(AndNot, not_exact, excused);
            }
            suspicious = self.either_lane(suspicious, Some(unusual));
            wrong = self.either_lane(wrong, Some(not_exact));
        }
        if let (Some(suspicious), Some(wrong)) = (suspicious, wrong) {
            let suspicious = self.vector_test(VectorTest::Any, suspicious);
            let wrong = self.vector_test(VectorTest::Any, wrong);
            self.exit_if_both(suspicious, wrong);
        }
        for x in [a, b].iter().chain(results) {
            self.set_known_normal_in(p, *x);
        }
    }

    fn lower_neighbours(&mut self, op: FloatTwo, p: Precision, a: Value, b: Value) -> Value {
        let (even, odd) = self.even_and_odd(p.width(), a, b);
        self.lower_packed(op, p, even, odd)
    }

    /// ADDSUBPS and ADDSUBPD: differences in even lanes, sums in odd ones.
    fn lower_add_sub(&mut self, p: Precision, a: Value, b: Value) -> Value {
        let (sums, differences) =
            (self.two(of(p, AddF32, AddF64), a, b), self.two(of(p, SubF32, SubF64), a, b));
        let count = 16 / p.width().bytes() as u8;
        let turns = super::shuffle::lanes(p.width(), |n| n + (n & 1) * count);
        let result = self.values.shuffle(turns, differences, sums);
        self.exit_for_lanes(FloatTwo::Add, p, a, b, &[result]);
        if self.has_nans() { self.nan_lanes_of_operands(p, a, b, result) } else { result }
    }

    /// Records square roots. A NaN result exits: the operand was negative.
    fn lower_sqrt(&mut self, lanes: Lanes, a: Value, b: Value) -> Value {
        let p = lanes.p;
        if lanes.packed {
            let root = self.one(packed_one(FloatOne::Sqrt, p), b);
            let nan = self.two(of(p, NeF32, NeF64), root, root);
            let denormal = self.denormal_lanes(p, b);
            if let Some(bad) = self.either_lane(denormal, Some(nan)) {
                let any = self.vector_test(VectorTest::Any, bad);
                self.exit_if(any);
            }
            self.exit_unless_root_exact(lanes, b, root);
            self.set_known_normal_in(p, b);
            self.set_known_normal_in(p, root);
            return root;
        }
        let x = self.low(p, b);
        let root = self.values.vector(VectorNode::FloatOne(FloatOne::Sqrt, p, x));
        let suspicious = self.suspicious(p, &[x], root, 1);
        let t = self.magnitude(p, root);
        let infinity = self.values.imm(unit(p).wrapping_neg());
        let nan = self.values.two(Op2::LtU, infinity, t);
        let denormal = self.denormal(p, x);
        let wrong = self.either(denormal, Some(nan)).unwrap_or(nan);
        self.exit_if_both(suspicious, wrong);
        self.exit_unless_root_exact(lanes, x, root);
        self.set_known_normal(x);
        self.set_known_normal(root);
        self.values.with_low(p, a, root)
    }

    /// SPEC: intel-sdm-vol2 :: ROUNDPD—Round Packed Double Precision Floating-Point Values -> imm8[2] takes the mode's rounding, which is to nearest, else imm8[1:0] rounds
    fn lower_round(&mut self, lanes: Lanes, a: Value, b: Value, imm: u8) -> Value {
        let op = match imm & 7 {
            1 => FloatOne::Floor,
            2 => FloatOne::Ceil,
            3 => FloatOne::Trunc,
            _ => FloatOne::Nearest,
        };
        if lanes.packed {
            self.exit_unless_lanes_known_normal(lanes.p, b);
            let whole = self.one(packed_one(op, lanes.p), b);
            self.set_known_normal_in(lanes.p, whole);
            return whole;
        }
        let x = self.low(lanes.p, b);
        self.exit_unless_known_normal(lanes.p, x);
        let whole = self.values.vector(VectorNode::FloatOne(op, lanes.p, x));
        self.set_known_normal(whole);
        self.values.with_low(lanes.p, a, whole)
    }

    /// SPEC: intel-sdm-vol2 :: MINPS—Minimum of Packed Single Precision Floating-Point Values -> of two zeros the second operand; NaNs are left to the interpreter
    fn lower_extremum(&mut self, max: bool, lanes: Lanes, a: Value, b: Value) -> Value {
        let p = lanes.p;
        if lanes.packed {
            self.exit_unless_lanes_known_normal(p, a);
            self.exit_unless_lanes_known_normal(p, b);
            // `pmin` takes its second operand where that is less, `pmax` where it is greater.
            let op = if max { of(p, PmaxF32, PmaxF64) } else { of(p, PminF32, PminF64) };
            let result = self.two(op, b, a);
            self.set_known_normal_in(p, result);
            return result;
        }
        let (x, y) = (self.low(p, a), self.low(p, b));
        self.exit_unless_known_normal(p, x);
        self.exit_unless_known_normal(p, y);
        let (less, more) = if max { (y, x) } else { (x, y) };
        let first = self.values.vector(VectorNode::Compare(FloatOrder::Lt, p, less, more));
        let result = self.values.select(first, x, y);
        self.set_known_normal(result);
        self.values.with_low(p, a, result)
    }

    /// Records CMPPS, CMPSS, CMPPD or CMPSD. Exits if operands are unordered.
    fn lower_compare(&mut self, lanes: Lanes, a: Value, b: Value, predicate: u8) -> Option<Value> {
        let p = lanes.p;
        if lanes.packed && predicate < 8 && self.has_nans() {
            return Some(self.lower_compare_with_nans(p, a, b, predicate));
        }
        if lanes.packed {
            self.exit_unless_lanes_known_normal(p, a);
            self.exit_unless_lanes_known_normal(p, b);
        } else {
            let (x, y) = (self.low(p, a), self.low(p, b));
            self.exit_unless_known_normal(p, x);
            self.exit_unless_known_normal(p, y);
        }
        // Predicates from 8 on differ from the first eight for NaNs only.
        let op = match predicate & 7 {
            0 => Some(of(p, EqF32, EqF64)),
            1 => Some(of(p, LtF32, LtF64)),
            2 => Some(of(p, LeF32, LeF64)),
            4 => Some(of(p, NeF32, NeF64)),
            5 => Some(of(p, GeF32, GeF64)),
            6 => Some(of(p, GtF32, GtF64)),
            _ => None,
        };
        let mask = match op {
            Some(op) => self.two(op, a, b),
            None => self.values.bits128(if predicate & 7 == 7 { u128::MAX } else { 0 }),
        };
        if lanes.packed {
            return Some(mask);
        }
        let count = 16 / p.width().bytes() as u8;
        Some(self.values.shuffle(
            super::shuffle::lanes(p.width(), |n| if n == 0 { count } else { n }),
            a,
            mask,
        ))
    }

    /// Records COMISS, COMISD, UCOMISS or UCOMISD: CF for less, ZF for equal. Exits if operands are unordered.
    fn lower_order(&mut self, p: Precision, a: Value, b: Value) -> Value {
        let (x, y) = (self.low(p, a), self.low(p, b));
        self.exit_unless_known_normal(p, x);
        self.exit_unless_known_normal(p, y);
        let less = self.values.vector(VectorNode::Compare(FloatOrder::Lt, p, x, y));
        let equal = self.values.vector(VectorNode::Compare(FloatOrder::Eq, p, x, y));
        let image = self.values.vector(VectorNode::CarryZero(less, equal));
        self.widened(image)
    }
}
