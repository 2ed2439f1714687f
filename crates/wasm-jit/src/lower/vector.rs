//! Lane-wise operations on integers, and the WebAssembly instructions for each.
//!
//! Operations without a short form in WebAssembly are helper calls.

use crate::domain::Recorder;
use crate::value::vector::VectorOne::{self, *};
use crate::value::vector::VectorShift::{self, *};
use crate::value::vector::VectorTest;
use crate::value::vector::VectorTwo::{self, *};
use crate::value::vector::{Precision, VectorNode};
use crate::value::{Op2, Value};
use x86_exec::vector::VecOp;
use x86_types::Width;

/// Returns the instruction for an operation that is a single one, on the operands in order.
///
/// SPEC: wasm-3.0-core :: 4.3.6 Vector Operations -> lanes wrap or saturate as x86's do; pairs of 16-bit products wrap in 32 bits; narrowing takes signed lanes, whichever way it saturates
fn direct(op: VecOp) -> Option<VectorTwo> {
    Some(match op {
        VecOp::And => And,
        VecOp::Or => Or,
        VecOp::Xor => Xor,
        VecOp::Paddb => AddB,
        VecOp::Paddw => AddW,
        VecOp::Paddd => AddD,
        VecOp::Paddq => AddQ,
        VecOp::Paddsb => AddSatBS,
        VecOp::Paddsw => AddSatWS,
        VecOp::Paddusb => AddSatBU,
        VecOp::Paddusw => AddSatWU,
        VecOp::Psubb => SubB,
        VecOp::Psubw => SubW,
        VecOp::Psubd => SubD,
        VecOp::Psubq => SubQ,
        VecOp::Psubsb => SubSatBS,
        VecOp::Psubsw => SubSatWS,
        VecOp::Psubusb => SubSatBU,
        VecOp::Psubusw => SubSatWU,
        VecOp::Pmullw => MulW,
        VecOp::Pmulld => MulD,
        VecOp::Pmaddwd => Dot,
        VecOp::Pavgb => AverageB,
        VecOp::Pavgw => AverageW,
        VecOp::Pminub => MinBU,
        VecOp::Pminuw => MinWU,
        VecOp::Pminud => MinDU,
        VecOp::Pminsb => MinBS,
        VecOp::Pminsw => MinWS,
        VecOp::Pminsd => MinDS,
        VecOp::Pmaxub => MaxBU,
        VecOp::Pmaxuw => MaxWU,
        VecOp::Pmaxud => MaxDU,
        VecOp::Pmaxsb => MaxBS,
        VecOp::Pmaxsw => MaxWS,
        VecOp::Pmaxsd => MaxDS,
        VecOp::Pcmpeqb => EqB,
        VecOp::Pcmpeqw => EqW,
        VecOp::Pcmpeqd => EqD,
        VecOp::Pcmpeqq => EqQ,
        VecOp::Pcmpgtb => GtB,
        VecOp::Pcmpgtw => GtW,
        VecOp::Pcmpgtd => GtD,
        VecOp::Pcmpgtq => GtQ,
        VecOp::Packsswb => NarrowWS,
        VecOp::Packuswb => NarrowWU,
        VecOp::Packssdw => NarrowDS,
        VecOp::Packusdw => NarrowDU,
        _ => return None,
    })
}

/// Returns the instructions for an operation on the second operand only, in order.
fn chain(op: VecOp) -> Option<&'static [VectorOne]> {
    Some(match op {
        VecOp::Pabsb => &[AbsB],
        VecOp::Pabsw => &[AbsW],
        VecOp::Pabsd => &[AbsD],
        VecOp::Pmovsxbw => &[ExtendBS],
        VecOp::Pmovsxbd => &[ExtendBS, ExtendWS],
        VecOp::Pmovsxbq => &[ExtendBS, ExtendWS, ExtendDS],
        VecOp::Pmovsxwd => &[ExtendWS],
        VecOp::Pmovsxwq => &[ExtendWS, ExtendDS],
        VecOp::Pmovsxdq => &[ExtendDS],
        VecOp::Pmovzxbw => &[ExtendBU],
        VecOp::Pmovzxbd => &[ExtendBU, ExtendWU],
        VecOp::Pmovzxbq => &[ExtendBU, ExtendWU, ExtendDU],
        VecOp::Pmovzxwd => &[ExtendWU],
        VecOp::Pmovzxwq => &[ExtendWU, ExtendDU],
        VecOp::Pmovzxdq => &[ExtendDU],
        _ => return None,
    })
}

/// Returns, for a shift: the instruction, bits of a lane, whether it is arithmetic, and whether the count is the
/// immediate.
fn shift(op: VecOp) -> Option<(VectorShift, u64, bool, bool)> {
    Some(match op {
        VecOp::Psllw => (ShlW, 16, false, false),
        VecOp::Pslld => (ShlD, 32, false, false),
        VecOp::Psllq => (ShlQ, 64, false, false),
        VecOp::Psrlw => (ShrUW, 16, false, false),
        VecOp::Psrld => (ShrUD, 32, false, false),
        VecOp::Psrlq => (ShrUQ, 64, false, false),
        VecOp::Psraw => (ShrSW, 16, true, false),
        VecOp::Psrad => (ShrSD, 32, true, false),
        VecOp::PsllwImm => (ShlW, 16, false, true),
        VecOp::PslldImm => (ShlD, 32, false, true),
        VecOp::PsllqImm => (ShlQ, 64, false, true),
        VecOp::PsrlwImm => (ShrUW, 16, false, true),
        VecOp::PsrldImm => (ShrUD, 32, false, true),
        VecOp::PsrlqImm => (ShrUQ, 64, false, true),
        VecOp::PsrawImm => (ShrSW, 16, true, true),
        VecOp::PsradImm => (ShrSD, 32, true, true),
        _ => return None,
    })
}

/// Returns a vector with `lane` in every lane of width `w`.
pub(crate) fn splat(w: Width, lane: u64) -> u128 {
    (0..16 / w.bytes()).fold(0, |all, n| all | u128::from(w.trunc(lane)) << (n * w.bits()))
}

impl Recorder {
    pub(crate) fn one(&mut self, op: VectorOne, a: Value) -> Value {
        self.values.vector(VectorNode::One(op, a))
    }

    pub(crate) fn two(&mut self, op: VectorTwo, a: Value, b: Value) -> Value {
        self.values.vector_two(op, a, b)
    }

    fn by_constant(&mut self, op: VectorTwo, a: Value, bits: u128) -> Value {
        let bits = self.values.bits128(bits);
        self.two(op, a, bits)
    }

    pub(crate) fn shifted(&mut self, op: VectorShift, a: Value, count: u64) -> Value {
        let count = self.values.imm(count);
        self.values.vector(VectorNode::Shift(op, a, count))
    }

    pub(crate) fn vector_test(&mut self, op: VectorTest, a: Value) -> Value {
        self.values.vector(VectorNode::Test(op, a))
    }

    /// Returns a vector with an integer in the lowest lane, and zeros above.
    pub(crate) fn widened(&mut self, v: Value) -> Value {
        let zero = self.values.bits128(0);
        self.values.with_lane(Width::B8, 0, zero, v)
    }

    /// Records an operation on integers or bits. Returns `None` for one without a short form.
    pub(crate) fn lower_vector(&mut self, op: VecOp, a: Value, b: Value, imm: u8) -> Option<Value> {
        if let Some(two) = direct(op) {
            return Some(self.two(two, a, b));
        }
        if let Some(steps) = chain(op) {
            return Some(steps.iter().fold(b, |x, &step| self.one(step, x)));
        }
        if let Some((op, bits, signed, by_imm)) = shift(op) {
            let count = if by_imm { self.values.imm(imm.into()) } else { self.values.lane(Width::B8, 0, b) };
            return Some(self.lower_vector_shift(op, bits, signed, a, count));
        }
        if let Some((bytes, first, second)) = super::shuffle::moves(op, imm) {
            let (first, second) = (self.named(first, a, b), self.named(second, a, b));
            return Some(self.values.shuffle(bytes, first, second));
        }
        self.lower_approximation(op, a, b).or_else(|| self.lower_sequence(op, a, b, imm))
    }

    /// Returns the vector for a side of a shuffle.
    fn named(&mut self, from: super::shuffle::Side, a: Value, b: Value) -> Value {
        use super::shuffle::Side;
        match from {
            Side::First => a,
            Side::Second => b,
            Side::Zeros => self.values.bits128(0),
        }
    }

    /// SPEC: intel-sdm-vol2 :: PSLLW/PSLLD/PSLLQ—Shift Packed Data Left Logical -> a count of the lane's width or more, of 64 bits, leaves zeros
    /// SPEC: intel-sdm-vol2 :: PSRAW/PSRAD/PSRAQ—Shift Packed Data Right Arithmetic -> such a count leaves copies of the sign
    fn lower_vector_shift(
        &mut self,
        op: VectorShift,
        bits: u64,
        signed: bool,
        a: Value,
        count: Value,
    ) -> Value {
        let width = self.values.imm(bits);
        let fits = self.values.two(Op2::LtU, count, width);
        if signed {
            let most = self.values.imm(bits - 1);
            let count = self.values.select(fits, count, most);
            return self.values.vector(VectorNode::Shift(op, a, count));
        }
        let (moved, zero) = (self.values.vector(VectorNode::Shift(op, a, count)), self.values.bits128(0));
        self.values.select(fits, moved, zero)
    }

    /// Records an operation that takes several instructions.
    fn lower_sequence(&mut self, op: VecOp, a: Value, b: Value, imm: u8) -> Option<Value> {
        Some(match op {
            VecOp::Andn => self.two(AndNot, b, a),
            VecOp::Pshufb => {
                // A control byte with its top bit set is out of range for `swizzle` too, which gives 0.
                let control = self.by_constant(And, b, splat(Width::B1, 0x8f));
                self.two(Swizzle, a, control)
            }
            VecOp::Pmulhw => self.high_halves(WideLowWS, WideHighWS, a, b),
            VecOp::Pmulhuw => self.high_halves(WideLowWU, WideHighWU, a, b),
            VecOp::Pmulhrsw => {
                // PMULHRSW wraps for -1 times -1, the one product that `q15mulr_sat` saturates.
                let least = self.values.bits128(splat(Width::B2, 0x8000));
                let (x, y, product) =
                    (self.two(EqW, a, least), self.two(EqW, b, least), self.two(Rounded, a, b));
                let both = self.two(And, x, y);
                self.two(Xor, product, both)
            }
            VecOp::Pmuludq => self.even_products(WideLowDU, a, b),
            VecOp::Pmuldq => self.even_products(WideLowDS, a, b),
            VecOp::Pmaddubsw => self.byte_products(a, b),
            VecOp::Psadbw => {
                let (x, y) = (self.two(SubSatBU, a, b), self.two(SubSatBU, b, a));
                let differences = self.two(Or, x, y);
                let pairs = self.one(PairsB, differences);
                let fours = self.one(PairsW, pairs);
                let (low, high) = (
                    self.by_constant(And, fours, splat(Width::B8, 0xffff_ffff)),
                    self.shifted(ShrUQ, fours, 32),
                );
                self.two(AddQ, low, high)
            }
            VecOp::Psignb => self.lower_sign(Width::B1, SubB, EqB, a, b),
            VecOp::Psignw => self.lower_sign(Width::B2, SubW, EqW, a, b),
            VecOp::Psignd => self.lower_sign(Width::B4, SubD, EqD, a, b),
            VecOp::Phaddw => self.neighbours(AddW, Width::B2, a, b),
            VecOp::Phaddd => self.neighbours(AddD, Width::B4, a, b),
            VecOp::Phaddsw => self.neighbours(AddSatWS, Width::B2, a, b),
            VecOp::Phsubw => self.neighbours(SubW, Width::B2, a, b),
            VecOp::Phsubd => self.neighbours(SubD, Width::B4, a, b),
            VecOp::Phsubsw => self.neighbours(SubSatWS, Width::B2, a, b),
            VecOp::Insertps => {
                let (from, to) = (imm >> 6, imm >> 4 & 3);
                let lane = self.values.lane(Width::B4, from, b);
                let inserted = self.values.with_lane(Width::B4, to, a, lane);
                let keep =
                    (0..4).filter(|n| imm >> n & 1 == 0).fold(0, |all, n| all | 0xffff_ffff << (32 * n));
                self.by_constant(And, inserted, keep)
            }
            VecOp::Pmovmskb => self.lower_mask(VectorTest::SignsB, b),
            VecOp::Movmskps => self.lower_mask(VectorTest::SignsD, b),
            VecOp::Movmskpd => self.lower_mask(VectorTest::SignsQ, b),
            VecOp::Ptest => {
                let (both, rest) = (self.two(And, a, b), self.two(AndNot, b, a));
                let (both, rest) =
                    (self.vector_test(VectorTest::Any, both), self.vector_test(VectorTest::Any, rest));
                let zero = self.values.imm(0);
                let (zf, cf) = (self.values.two(Op2::Eq, both, zero), self.values.two(Op2::Eq, rest, zero));
                let image = self.values.vector(VectorNode::CarryZero(cf, zf));
                self.widened(image)
            }
            _ => return None,
        })
    }

    fn lower_mask(&mut self, op: VectorTest, b: Value) -> Value {
        let mask = self.vector_test(op, b);
        self.widened(mask)
    }

    /// Returns the upper halves of 16-bit products: the odd words of the full products.
    fn high_halves(&mut self, low: VectorTwo, high: VectorTwo, a: Value, b: Value) -> Value {
        let (low, high) = (self.two(low, a, b), self.two(high, a, b));
        self.values.shuffle(super::shuffle::lanes(Width::B2, |n| 2 * n + 1), low, high)
    }

    /// Returns the products of the even doublewords.
    fn even_products(&mut self, low: VectorTwo, a: Value, b: Value) -> Value {
        let even = super::shuffle::lanes(Width::B4, |n| (2 * n) & 3);
        let (a, b) = (self.values.shuffle(even, a, a), self.values.shuffle(even, b, b));
        self.two(low, a, b)
    }

    /// PMADDUBSW: unsigned bytes of `a` times signed bytes of `b`; each product fits in a word.
    fn byte_products(&mut self, a: Value, b: Value) -> Value {
        let (even, odd) = (self.by_constant(And, a, splat(Width::B2, 0xff)), self.shifted(ShrUW, a, 8));
        let up = self.shifted(ShlW, b, 8);
        let (signed_even, signed_odd) = (self.shifted(ShrSW, up, 8), self.shifted(ShrSW, b, 8));
        let (x, y) = (self.two(MulW, even, signed_even), self.two(MulW, odd, signed_odd));
        self.two(AddSatWS, x, y)
    }

    /// PSIGN: lanes of `a` negated where `b` is negative, zero where `b` is zero.
    fn lower_sign(&mut self, w: Width, sub: VectorTwo, eq: VectorTwo, a: Value, b: Value) -> Value {
        let (op, most) = match w {
            Width::B1 => (ShrSB, 7),
            Width::B2 => (ShrSW, 15),
            _ => (ShrSD, 31),
        };
        let sign = self.shifted(op, b, most);
        let complement = self.two(Xor, a, sign);
        let signed = self.two(sub, complement, sign);
        let zero = self.values.bits128(0);
        let none = self.two(eq, b, zero);
        self.two(AndNot, signed, none)
    }

    /// Returns adjacent lanes combined: those of `a` in the lower half, those of `b` in the upper half.
    pub(crate) fn neighbours(&mut self, op: VectorTwo, w: Width, a: Value, b: Value) -> Value {
        let (even, odd) = self.even_and_odd(w, a, b);
        self.two(op, even, odd)
    }

    pub(crate) fn even_and_odd(&mut self, w: Width, a: Value, b: Value) -> (Value, Value) {
        let even = self.values.shuffle(super::shuffle::lanes(w, |n| 2 * n), a, b);
        let odd = self.values.shuffle(super::shuffle::lanes(w, |n| 2 * n + 1), a, b);
        (even, odd)
    }

    /// Returns the lowest float of a vector.
    pub(crate) fn low(&mut self, p: Precision, x: Value) -> Value {
        self.values.low(p, x)
    }
}
