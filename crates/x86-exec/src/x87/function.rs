//! Numeric functions of x87 instructions, and the same by number, for compiled code.

use crate::Format;
use x86_float::{Env, F80, Flags, Operand};
use x86_types::Width;

/// A function of one or two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum F80Op {
    /// Sum of both, each negated if its flag is set
    Sum(bool, bool),
    /// Product
    Product,
    /// Quotient of the first and the second; with the flag, of the second and the first
    Quotient(bool),
    /// Square root of the first
    Sqrt,
    /// The first, rounded to an integer by RC
    Round,
}

impl F80Op {
    /// Returns the result of the function.
    #[inline(always)]
    pub(crate) fn apply(self, env: &mut Env, a: F80, b: Operand) -> F80 {
        match self {
            F80Op::Sum(negate_a, negate_b) => F80::sum(env, a, b, negate_a, negate_b),
            F80Op::Product => F80::mul(env, a, b),
            F80Op::Quotient(reversed) => F80::quotient(env, a, b, reversed),
            F80Op::Sqrt => a.sqrt(env),
            F80Op::Round => a.round_to_integral(env),
        }
    }
}

/// A function of two numbers and the control word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum F80Function {
    /// The result is a number
    Compute(F80Op),
    /// The result is CF, PF and ZF at their places in RFLAGS; signaling or not
    Compare(bool),
    /// The number with the bits of a float of this width
    Load(Width),
    /// The bits of a float or an integer of this width
    Store(Width, Format),
}

impl F80Function {
    /// All functions
    pub const ALL: [F80Function; 21] = {
        use F80Function::{Compare, Compute, Load, Store};
        use F80Op::{Product, Quotient, Round, Sqrt, Sum};
        [
            Compute(Sum(false, false)),
            Compute(Sum(true, false)),
            Compute(Sum(false, true)),
            Compute(Sum(true, true)),
            Compute(Product),
            Compute(Quotient(false)),
            Compute(Quotient(true)),
            Compute(Sqrt),
            Compute(Round),
            Compare(false),
            Compare(true),
            Load(Width::B4),
            Load(Width::B8),
            Store(Width::B4, Format::Float),
            Store(Width::B8, Format::Float),
            Store(Width::B2, Format::Integer),
            Store(Width::B4, Format::Integer),
            Store(Width::B8, Format::Integer),
            Store(Width::B2, Format::Truncated),
            Store(Width::B4, Format::Truncated),
            Store(Width::B8, Format::Truncated),
        ]
    };

    /// Its number.
    pub fn number(self) -> u64 {
        Self::ALL.iter().position(|&function| function == self).unwrap_or(0) as u64
    }

    /// Returns the function's result for operands in register format: a significand, and sign and exponent in bits 15:0
    /// of the second word. The lower half of the result is a value or a significand. Its upper half has sign and
    /// exponent of a number in bits 15:0, and exceptions and C1 (by rounding) in bits 31:16, at their places in the
    /// status word.
    #[inline]
    pub fn apply(self, control: u16, a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
        let mut env = Env::from_x87_control(control);
        let number = |x: (u64, u64)| F80::new(x.0, x.1 as u16);
        let first = number(a);
        let (low, high) = match self {
            F80Function::Compute(op) => parts(op.apply(&mut env, first, number(b).into())),
            F80Function::Compare(signaling) => {
                (F80::compare(&mut env, first, number(b), signaling).eflags().into(), 0)
            }
            F80Function::Load(Width::B4) => parts(F80::from_single(&mut env, a.0 as u32)),
            F80Function::Load(_) => parts(F80::from_double(&mut env, a.0)),
            F80Function::Store(w, format) => (stored(&mut env, first, w, format), 0),
        };
        let up = env.raised.contains(Flags::PE) && env.rounded_up;
        let status = u64::from(env.raised.bits()) | if up { super::status::C1.into() } else { 0 };
        (low, high | status << 16)
    }
}

fn parts(x: F80) -> (u64, u64) {
    (x.significand, x.sign_exponent.into())
}

/// Returns the bits of a number in this format.
#[inline(always)]
pub(crate) fn stored(env: &mut Env, x: F80, w: Width, format: Format) -> u64 {
    match (format, w) {
        (Format::Float, Width::B8) => x.to_double(env),
        (Format::Float, _) => x.to_single(env).into(),
        _ => w.trunc(x.to_integer(env, w.bits(), format == Format::Truncated) as u64),
    }
}
