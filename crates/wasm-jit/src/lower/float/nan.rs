//! Results that are infinities or NaNs. They are recorded where IE and OE are set already ([`FloatMode::Sticky`]), since only
//! then neither is seen in MXCSR.
//!
//! [`FloatMode::Sticky`]: x86_exec::vcpu::compiled::FloatMode::Sticky

use super::check::{exponent_max, unit, with_exponent};
use super::of;
use crate::domain::Recorder;
use crate::lower::vector::splat;
use crate::value::vector::Precision::{self, Single};
use crate::value::vector::VectorOne::{AbsF32, AbsF64, Not};
use crate::value::vector::VectorTwo::{
    And, AndNot, EqF32, EqF64, LeF32, LeF64, LtF32, LtF64, NeF32, NeF64, Or,
};
use crate::value::vector::{FloatOrder, FloatTwo, VectorNode};
use crate::value::{Op2, Value};

/// The bit that makes a NaN quiet.
fn quiet_bit(p: Precision) -> u64 {
    with_exponent(p, 1) >> 1
}

/// SPEC: intel-sdm-vol1 :: 4.8.3.7 QNaN Floating-Point Indefinite -> the result of an invalid operation: negative, quiet, no payload
fn indefinite(p: Precision) -> u64 {
    1 << (p.width().bits() - 1) | with_exponent(p, exponent_max(p)) | quiet_bit(p)
}

impl Recorder {
    /// Returns nonzero if a result is not excused by being an infinity or a NaN. An infinite quotient is not: it may be that of
    /// a division by zero, which raises ZE.
    pub(super) fn is_unexcused(&mut self, op: FloatTwo, p: Precision, result: Value) -> Value {
        let t = self.magnitude(p, result);
        let infinity = self.values.imm(unit(p).wrapping_neg());
        let compare = if op == FloatTwo::Div { Op2::LeU } else { Op2::LtU };
        self.values.two(compare, t, infinity)
    }

    /// Returns ones in the lanes that are excused likewise.
    pub(super) fn excused_lanes(&mut self, op: FloatTwo, p: Precision, result: Value) -> Value {
        if op == FloatTwo::Div {
            return self.nan_lanes(p, result);
        }
        let magnitude = self.one(if p == Single { AbsF32 } else { AbsF64 }, result);
        let infinity = self.values.bits128(splat(p.width(), with_exponent(p, exponent_max(p))));
        let finite = self.two(of(p, LtF32, LtF64), magnitude, infinity);
        self.one(Not, finite)
    }

    /// Returns ones in the lanes that are NaNs.
    pub(super) fn nan_lanes(&mut self, p: Precision, x: Value) -> Value {
        self.two(of(p, NeF32, NeF64), x, x)
    }

    fn is_number(&mut self, p: Precision, f: Value) -> Value {
        self.values.vector(VectorNode::Compare(FloatOrder::Eq, p, f, f))
    }

    fn float_of_bits(&mut self, p: Precision, bits: Value) -> Value {
        self.values.vector(VectorNode::FromBits(p, bits))
    }

    fn quieted(&mut self, p: Precision, f: Value) -> Value {
        let bits = self.values.float_bits(p, f);
        let quiet = self.op(Op2::Or, bits, quiet_bit(p));
        self.float_of_bits(p, quiet)
    }

    /// Returns the result of an operation on `x` and `y`, where it is a NaN the processor's.
    ///
    /// SPEC: intel-sdm-vol1 :: 4.8.3.5 Operating on SNaNs and QNaNs -> the first operand if it is a NaN, else the second, made quiet
    pub(super) fn nan_of_operands(&mut self, p: Precision, x: Value, y: Value, result: Value) -> Value {
        let default = self.values.imm(indefinite(p));
        let mut nan = self.float_of_bits(p, default);
        for f in [y, x] {
            let (number, quiet) = (self.is_number(p, f), self.quieted(p, f));
            nan = self.values.select(number, nan, quiet);
        }
        let number = self.is_number(p, result);
        let result = self.values.select(number, result, nan);
        self.set_known_normal(result);
        result
    }

    /// The same for the lanes of `a` and `b`.
    pub(super) fn nan_lanes_of_operands(&mut self, p: Precision, a: Value, b: Value, result: Value) -> Value {
        let mut nan = self.values.bits128(splat(p.width(), indefinite(p)));
        let quiet_bits = self.values.bits128(splat(p.width(), quiet_bit(p)));
        for x in [b, a] {
            let (lanes, quiet) = (self.nan_lanes(p, x), self.two(Or, x, quiet_bits));
            nan = self.bit_select(lanes, quiet, nan);
        }
        let lanes = self.nan_lanes(p, result);
        let result = self.bit_select(lanes, nan, result);
        self.set_known_normal_in(p, result);
        result
    }

    /// Returns the bits of `yes` where `mask` has ones, else those of `no`.
    fn bit_select(&mut self, mask: Value, yes: Value, no: Value) -> Value {
        let (yes, no) = (self.two(And, yes, mask), self.two(AndNot, no, mask));
        self.two(Or, yes, no)
    }

    /// Records CMPPS or CMPPD with one of the first eight predicates. Operands may be NaNs.
    ///
    /// SPEC: intel-sdm-vol2 :: CMPPD—Compare Packed Double Precision Floating-Point Values -> 3 and 7 tell whether operands are unordered; the negated predicates hold if they are
    pub(super) fn lower_compare_with_nans(
        &mut self,
        p: Precision,
        a: Value,
        b: Value,
        predicate: u8,
    ) -> Value {
        // In other modes a NaN raises IE.
        self.float_mode();
        self.exit_if_lanes_denormal(p, a);
        self.exit_if_lanes_denormal(p, b);
        let (equal, less, less_or_equal) = (of(p, EqF32, EqF64), of(p, LtF32, LtF64), of(p, LeF32, LeF64));
        let mask = match predicate & 3 {
            0 => self.two(equal, a, b),
            1 => self.two(less, a, b),
            2 => self.two(less_or_equal, a, b),
            _ => {
                let (of_a, of_b) = (self.nan_lanes(p, a), self.nan_lanes(p, b));
                self.two(Or, of_a, of_b)
            }
        };
        if predicate & 4 == 0 { mask } else { self.one(Not, mask) }
    }
}
