//! Checks of operands and results: denormal, infinite, NaN.

use super::of;
use crate::domain::Recorder;
use crate::lower::vector::splat;
use crate::value::vector::Precision::{self, Single};
use crate::value::vector::VectorOne::{AbsF32, AbsF64, Not};
use crate::value::vector::VectorTest;
use crate::value::vector::VectorTwo::{And, EqF32, EqF64, GeF32, GeF64, LtF32, LtF64, Or};
use crate::value::{Op2, Value};
use x86_exec::vcpu::compiled::FloatMode;

/// Returns the number of bits of the exponent.
pub(super) fn exponent_bits(p: Precision) -> u64 {
    if p == Single { 8 } else { 11 }
}

/// Returns the exponent field of infinities and NaNs.
pub(super) fn exponent_max(p: Precision) -> u64 {
    (1 << exponent_bits(p)) - 1
}

/// Returns the bits of the least normal number, shifted left by one to drop the sign.
pub(super) fn unit(p: Precision) -> u64 {
    1 << (64 - exponent_bits(p))
}

/// Returns the bits of the power of two with this exponent field.
pub(super) fn with_exponent(p: Precision, field: u64) -> u64 {
    field << (p.width().bits() as u64 - 1 - exponent_bits(p))
}

impl Recorder {
    pub(super) fn either(&mut self, a: Option<Value>, b: Option<Value>) -> Option<Value> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.values.two(Op2::Or, a, b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn either_lane(&mut self, a: Option<Value>, b: Option<Value>) -> Option<Value> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.two(Or, a, b)),
            (a, b) => a.or(b),
        }
    }

    /// Returns the bits of a float, shifted left to drop the sign: the exponent is on top.
    pub(super) fn magnitude(&mut self, p: Precision, f: Value) -> Value {
        let bits = self.values.float_bits(p, f);
        self.op(Op2::Shl, bits, 65 - u64::from(p.width().bits()))
    }

    /// Returns whether results may be NaNs. Values that are known to be normal may then be NaNs, too.
    pub(super) fn has_nans(&self) -> bool {
        self.mode.float == FloatMode::Sticky
    }

    /// Returns whether a float is denormal; `None` if it is known not to be.
    pub(super) fn denormal(&mut self, p: Precision, f: Value) -> Option<Value> {
        if self.is_known_normal(f) {
            return None;
        }
        let t = self.magnitude(p, f);
        let less = self.op(Op2::Add, t, u64::MAX);
        Some(self.op(Op2::LtU, less, unit(p) - 1))
    }

    /// Returns the exponent field of a float.
    pub(super) fn exponent(&mut self, p: Precision, f: Value) -> Value {
        let bits = self.values.float_bits(p, f);
        let field = self.op(Op2::ShrU, bits, u64::from(p.width().bits()) - 1 - exponent_bits(p));
        self.op(Op2::And, field, exponent_max(p))
    }

    /// Returns a negative number if an exponent field is less than `least`.
    fn below(&mut self, exponent: Value, least: u64) -> Value {
        self.op(Op2::Add, exponent, least.wrapping_neg())
    }

    /// Returns whether a closer check is needed: the exponent field of one of the operands (`others`) is 0 (a zero or a
    /// denormal), or that of the result is less than `least`, or the result is infinite or a NaN. This check takes few
    /// instructions.
    pub(super) fn suspicious(&mut self, p: Precision, others: &[Value], result: Value, least: u64) -> Value {
        let exponent = self.exponent(p, result);
        let mut any = self.below(exponent, least);
        let mut doubtful = false;
        for &f in others.iter().filter(|&&f| f != result) {
            if !self.is_known_normal(f) {
                let exponent = self.exponent(p, f);
                let small = self.below(exponent, 1);
                any = self.values.two(Op2::Or, any, small);
                doubtful = true;
            }
        }
        if !doubtful {
            // One unsigned comparison checks both bounds.
            let first = self.values.imm(exponent_max(p) - least);
            return self.values.two(Op2::LeU, first, any);
        }
        let most = self.values.imm(exponent_max(p) - 1);
        let large = self.values.two(Op2::Sub, most, exponent);
        any = self.values.two(Op2::Or, any, large);
        self.op(Op2::LtS, any, 0)
    }

    /// Exits if a float is a NaN or denormal.
    pub(super) fn exit_unless_known_normal(&mut self, p: Precision, f: Value) {
        if self.is_known_normal(f) && !self.has_nans() {
            return;
        }
        let suspicious = self.suspicious(p, &[], f, 1);
        let t = self.magnitude(p, f);
        let (not_zero, not_infinite) = (self.op(Op2::Ne, t, 0), self.op(Op2::Ne, t, unit(p).wrapping_neg()));
        let wrong = self.values.two(Op2::And, not_zero, not_infinite);
        self.exit_if_both(suspicious, wrong);
        self.set_known_normal(f);
    }

    /// Returns a vector with nonzero lanes where a lane is denormal; `None` if it is known that none is.
    pub(super) fn denormal_lanes(&mut self, p: Precision, x: Value) -> Option<Value> {
        if self.is_known_normal_in(p, x) {
            return None;
        }
        let magnitude = self.one(if p == Single { AbsF32 } else { AbsF64 }, x);
        let least = self.values.bits128(splat(p.width(), with_exponent(p, 1)));
        let small = self.two(of(p, LtF32, LtF64), magnitude, least);
        Some(self.two(And, small, magnitude))
    }

    /// Exits if a lane is a NaN or denormal.
    pub(super) fn exit_unless_lanes_known_normal(&mut self, p: Precision, x: Value) {
        let denormal = self.denormal_lanes(p, x);
        if denormal.is_none() && !self.has_nans() {
            return;
        }
        let nan = self.nan_lanes(p, x);
        if let Some(bad) = self.either_lane(denormal, Some(nan)) {
            let any = self.vector_test(VectorTest::Any, bad);
            self.exit_if(any);
        }
        self.set_known_normal_in(p, x);
    }

    /// Exits if a lane is denormal.
    pub(super) fn exit_if_lanes_denormal(&mut self, p: Precision, x: Value) {
        if let Some(denormal) = self.denormal_lanes(p, x) {
            let any = self.vector_test(VectorTest::Any, denormal);
            self.exit_if(any);
            self.set_known_normal_in(p, x);
        }
    }

    /// Returns all ones in lanes whose exponent field is below `from`, or that are infinite or NaN.
    pub(super) fn out_of_range(&mut self, p: Precision, x: Value, from: u64) -> Value {
        let magnitude = self.one(if p == Single { AbsF32 } else { AbsF64 }, x);
        let least = self.values.bits128(splat(p.width(), with_exponent(p, from)));
        let infinity = self.values.bits128(splat(p.width(), with_exponent(p, exponent_max(p))));
        let large = self.two(of(p, GeF32, GeF64), magnitude, least);
        let finite = self.two(of(p, LtF32, LtF64), magnitude, infinity);
        let ordinary = self.two(And, large, finite);
        self.one(Not, ordinary)
    }

    pub(super) fn zero_lanes(&mut self, p: Precision, x: Value) -> Value {
        let zero = self.values.bits128(0);
        self.two(of(p, EqF32, EqF64), x, zero)
    }
}
