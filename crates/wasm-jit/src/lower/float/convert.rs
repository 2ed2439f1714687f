//! Conversions between integers and floats, and between formats.

use super::check::exponent_max;
use super::{of, packed_one};
use crate::domain::Recorder;
use crate::lower::shuffle;
use crate::lower::vector::splat;
use crate::value::vector::Precision::{self, Double, Single};
use crate::value::vector::VectorOne::*;
use crate::value::vector::VectorTwo::*;
use crate::value::vector::{FloatOne, VectorNode, VectorTest};
use crate::value::{Op2, Value};
use x86_exec::vector::VecOp;
use x86_types::Width;

/// Returns, for a conversion of the lowest lane to an integer: source format, width of the integer, and whether it
/// truncates.
pub(super) fn to_integer(op: VecOp) -> Option<(Precision, Width, bool)> {
    Some(match op {
        VecOp::Cvtss2si32 => (Single, Width::B4, false),
        VecOp::Cvtss2si64 => (Single, Width::B8, false),
        VecOp::Cvtsd2si32 => (Double, Width::B4, false),
        VecOp::Cvtsd2si64 => (Double, Width::B8, false),
        VecOp::Cvttss2si32 => (Single, Width::B4, true),
        VecOp::Cvttss2si64 => (Single, Width::B8, true),
        VecOp::Cvttsd2si32 => (Double, Width::B4, true),
        VecOp::Cvttsd2si64 => (Double, Width::B8, true),
        _ => return None,
    })
}

impl Recorder {
    /// CVTSS2SD: the conversion to the wider format is exact.
    pub(super) fn lower_promotion(&mut self, a: Value, b: Value) -> Value {
        let single = self.low(Single, b);
        self.exit_unless_known_normal(Single, single);
        let double = self.values.vector(VectorNode::Converted(Double, single));
        self.set_known_normal(double);
        self.values.with_low(Double, a, double)
    }

    /// CVTPS2PD: converts the two lower lanes.
    pub(super) fn lower_packed_promotion(&mut self, b: Value) -> Value {
        let both = self.values.shuffle(shuffle::lanes(Width::B8, |_| 0), b, b);
        self.exit_unless_lanes_known_normal(Single, both);
        let doubles = self.one(Promote, b);
        self.set_known_normal_in(Double, doubles);
        doubles
    }

    /// CVTSI2SD and CVTSI2SS. The range of integers lies within the range of normal floats: the only possible exception
    /// is PE.
    pub(super) fn lower_from_integer(&mut self, p: Precision, w: Width, a: Value, b: Value) -> Value {
        let lane = self.values.lane(w, 0, b);
        let integer = self.extend(w, lane);
        if !(p == Double && w == Width::B4) {
            self.exit_unless_integer_exact(p, integer);
        }
        let float = self.values.vector(VectorNode::FromInteger(p, integer));
        self.set_known_normal(float);
        self.values.with_low(p, a, float)
    }

    /// CVTSD2SI, CVTSS2SI and the truncating forms. Denormals raise nothing but PE here. Exits if the operand is a NaN
    /// or does not fit.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.8.3.7 QNaN Floating-Point Indefinite -> what does not fit raises IE, in the interpreter
    pub(super) fn lower_to_integer(&mut self, p: Precision, w: Width, truncate: bool, b: Value) -> Value {
        let mut x = self.low(p, b);
        self.exit_unless_whole(p, truncate, x);
        if !truncate {
            x = self.values.vector(VectorNode::FloatOne(FloatOne::Nearest, p, x));
        }
        // Magnitudes below 2^63, by the exponent, fit in 64 bits.
        let (exponent, bias) = (self.exponent(p, x), exponent_max(p) >> 1);
        let too_large = self.values.imm(bias + 63);
        let huge = self.values.two(Op2::LeU, too_large, exponent);
        self.exit_if(huge);
        let integer = self.values.vector(VectorNode::ToInteger(p, x));
        if w == Width::B4 {
            let fitting = self.extend(w, integer);
            let wrong = self.values.two(Op2::Ne, fitting, integer);
            self.exit_if(wrong);
        }
        self.widened(integer)
    }

    /// CVTPS2DQ, CVTPD2DQ and the truncating forms. From doubles, the upper lanes become zero.
    pub(super) fn lower_to_integers(&mut self, p: Precision, truncate: bool, b: Value) -> Value {
        let x = if truncate { b } else { self.one(packed_one(FloatOne::Nearest, p), b) };
        let (least, below) = match p {
            Single => ((-2_147_483_648_f32).to_bits().into(), 2_147_483_648_f32.to_bits().into()),
            Double => ((-2_147_483_648_f64).to_bits(), 2_147_483_648_f64.to_bits()),
        };
        let (least, below) =
            (self.values.bits128(splat(p.width(), least)), self.values.bits128(splat(p.width(), below)));
        // Doubles between -2^31 - 1 and -2^31 fit as well if truncated. They are rare, and exit.
        let (from, to) = (self.two(of(p, GeF32, GeF64), x, least), self.two(of(p, LtF32, LtF64), x, below));
        let fitting = self.two(And, from, to);
        let wrong = self.one(Not, fitting);
        let any = self.vector_test(VectorTest::Any, wrong);
        self.exit_if(any);
        self.one(if p == Single { IntegersOfF32 } else { IntegersOfF64 }, x)
    }

    /// CVTSD2SS: the result is normal, or the operand is zero.
    pub(super) fn lower_demotion(&mut self, a: Value, b: Value) -> Value {
        let double = self.low(Double, b);
        let single = self.values.vector(VectorNode::Converted(Single, double));
        let (from, to) = (self.exponent(Double, double), self.exponent(Single, single));
        let small = self.op(Op2::Add, to, 2_u64.wrapping_neg());
        let most = self.values.imm(exponent_max(Single) - 1);
        let large = self.values.two(Op2::Sub, most, to);
        let mut any = self.values.two(Op2::Or, small, large);
        if !self.is_known_normal(double) {
            let zero = self.op(Op2::Add, from, u64::MAX);
            any = self.values.two(Op2::Or, any, zero);
        }
        let suspicious = self.op(Op2::LtS, any, 0);
        let of_double = self.magnitude(Double, double);
        let wrong = self.op(Op2::Ne, of_double, 0);
        self.exit_if_both(suspicious, wrong);
        self.exit_unless_demotion_exact(double, single);
        self.set_known_normal(double);
        self.set_known_normal(single);
        self.values.with_low(Single, a, single)
    }

    /// CVTPD2PS: the upper lanes become zero.
    pub(super) fn lower_packed_demotion(&mut self, b: Value) -> Value {
        let singles = self.one(Demote, b);
        let again = self.one(Promote, singles);
        let magnitude = self.one(AbsF64, again);
        // Bounds as doubles: twice the least normal single, and infinity.
        let least = self.values.bits128(splat(Width::B8, f64::from(2.0 * f32::MIN_POSITIVE).to_bits()));
        let infinity = self.values.bits128(splat(Width::B8, f64::INFINITY.to_bits()));
        let (large, finite) = (self.two(GeF64, magnitude, least), self.two(LtF64, magnitude, infinity));
        let ordinary = self.two(And, large, finite);
        let unusual = self.one(Not, ordinary);
        let denormal = self.denormal_lanes(Double, b);
        let zero = self.zero_lanes(Double, b);
        let not_exact = self.two(AndNot, unusual, zero);
        let suspicious = self.either_lane(denormal, Some(unusual)).unwrap_or(unusual);
        let wrong = self.either_lane(denormal, Some(not_exact)).unwrap_or(not_exact);
        let (suspicious, wrong) =
            (self.vector_test(VectorTest::Any, suspicious), self.vector_test(VectorTest::Any, wrong));
        self.exit_if_both(suspicious, wrong);
        self.set_known_normal_in(Double, b);
        self.set_known_normal_in(Single, singles);
        singles
    }
}
