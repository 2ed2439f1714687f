//! Operations of all widths in 64-bit values, and of vectors.

mod float;
mod shuffle;
mod vector;

use crate::domain::Recorder;
use crate::value::{Op1, Op2, Value};
use x86_exec::{Bin, Cmp, Un};
use x86_types::Width;

impl Recorder {
    fn op(&mut self, op: Op2, a: Value, imm: u64) -> Value {
        let b = self.values.imm(imm);
        self.values.two(op, a, b)
    }

    /// Returns the low bits, zero-extended.
    pub(crate) fn cut(&mut self, w: Width, a: Value) -> Value {
        if w == Width::B8 { a } else { self.op(Op2::And, a, w.mask()) }
    }

    /// Returns the low bits, sign-extended to 64.
    pub(crate) fn extend(&mut self, w: Width, a: Value) -> Value {
        match w {
            Width::B1 => self.values.one(Op1::Extend8, a),
            Width::B2 => self.values.one(Op1::Extend16, a),
            Width::B4 => self.values.one(Op1::Extend32, a),
            Width::B8 => a,
        }
    }

    /// Returns the bit at `place`, 0 or 1.
    pub(crate) fn bit(&mut self, a: Value, place: Value) -> Value {
        let moved = self.values.two(Op2::ShrU, a, place);
        self.op(Op2::And, moved, 1)
    }

    pub(crate) fn lower_bin(&mut self, op: Bin, w: Width, a: Value, b: Value) -> Value {
        let wide = match op {
            Bin::Add => self.values.two(Op2::Add, a, b),
            Bin::Sub => self.values.two(Op2::Sub, a, b),
            Bin::And => self.values.two(Op2::And, a, b),
            Bin::Or => self.values.two(Op2::Or, a, b),
            Bin::Xor => self.values.two(Op2::Xor, a, b),
            Bin::Mul => self.values.two(Op2::Mul, a, b),
            Bin::Shl => self.values.two(Op2::Shl, a, b),
            Bin::Shr => self.values.two(Op2::ShrU, a, b),
            Bin::Sar => {
                let a = self.extend(w, a);
                self.values.two(Op2::ShrS, a, b)
            }
            Bin::Rol | Bin::Ror if w == Width::B8 => {
                self.values.two(if op == Bin::Rol { Op2::Rotl } else { Op2::Rotr }, a, b)
            }
            Bin::Rol | Bin::Ror => self.lower_rotate(op == Bin::Rol, w, a, b),
        };
        self.cut(w, wide)
    }

    /// Returns a rotation of fewer than 64 bits. The result is not cut to the width.
    fn lower_rotate(&mut self, left: bool, w: Width, a: Value, n: Value) -> Value {
        let modulo = u64::from(w.bits()) - 1;
        let (a, n) = (self.cut(w, a), self.op(Op2::And, n, modulo));
        let zero = self.values.imm(0);
        let minus = self.values.two(Op2::Sub, zero, n);
        let back = self.op(Op2::And, minus, modulo);
        let (forth, other) = if left { (Op2::Shl, Op2::ShrU) } else { (Op2::ShrU, Op2::Shl) };
        let (x, y) = (self.values.two(forth, a, n), self.values.two(other, a, back));
        self.values.two(Op2::Or, x, y)
    }

    pub(crate) fn lower_un(&mut self, op: Un, w: Width, a: Value) -> Value {
        let bits = u64::from(w.bits());
        match op {
            Un::Not => {
                let all = self.op(Op2::Xor, a, u64::MAX);
                self.cut(w, all)
            }
            Un::Neg => {
                let zero = self.values.imm(0);
                let minus = self.values.two(Op2::Sub, zero, a);
                self.cut(w, minus)
            }
            Un::Ctz => {
                // A one just above the width stops the count there.
                let stopped = if w == Width::B8 { a } else { self.op(Op2::Or, a, 1 << bits) };
                self.values.one(Op1::Ctz, stopped)
            }
            Un::Clz => {
                let all = self.values.one(Op1::Clz, a);
                self.op(Op2::Sub, all, 64 - bits)
            }
            Un::Popcnt => self.values.one(Op1::Popcnt, a),
            Un::Bswap => {
                // Swaps adjacent bytes, then words, then halves; the final shift drops what is above the width.
                let mut v = a;
                for (shift, mask) in [(8, 0x00ff_00ff_00ff_00ff), (16, 0x0000_ffff_0000_ffff)] {
                    let down = self.op(Op2::ShrU, v, shift);
                    let (down, up) = (self.op(Op2::And, down, mask), self.op(Op2::And, v, mask));
                    let up = self.op(Op2::Shl, up, shift);
                    v = self.values.two(Op2::Or, down, up);
                }
                v = self.op(Op2::Rotl, v, 32);
                self.op(Op2::ShrU, v, 64 - bits)
            }
        }
    }

    pub(crate) fn lower_cmp(&mut self, op: Cmp, w: Width, a: Value, b: Value) -> Value {
        let op = match op {
            Cmp::Eq => Op2::Eq,
            Cmp::Ne => Op2::Ne,
            Cmp::Ltu => Op2::LtU,
            Cmp::Leu => Op2::LeU,
            Cmp::Lts => Op2::LtS,
            Cmp::Les => Op2::LeS,
        };
        let signed = matches!(op, Op2::LtS | Op2::LeS);
        let (a, b) = if signed { (self.extend(w, a), self.extend(w, b)) } else { (a, b) };
        self.values.two(op, a, b)
    }

    pub(crate) fn lower_mul(&mut self, signed: bool, w: Width, a: Value, b: Value) -> (Value, Value) {
        if w == Width::B8 {
            let low = self.values.two(Op2::Mul, a, b);
            let mut high = self.high_product(a, b);
            if signed {
                // In the unsigned product a negative operand is 2^64 too large.
                for (x, y) in [(a, b), (b, a)] {
                    let sign = self.op(Op2::ShrS, x, 63);
                    let excess = self.values.two(Op2::And, sign, y);
                    high = self.values.two(Op2::Sub, high, excess);
                }
            }
            return (low, high);
        }
        let (a, b) = if signed { (self.extend(w, a), self.extend(w, b)) } else { (a, b) };
        let product = self.values.two(Op2::Mul, a, b);
        let high = self.op(Op2::ShrU, product, u64::from(w.bits()));
        (self.cut(w, product), self.cut(w, high))
    }

    /// Returns the upper half of an unsigned 128-bit product, from four 64-bit products of 32-bit halves: WebAssembly
    /// engines lack wide arithmetic.
    fn high_product(&mut self, a: Value, b: Value) -> Value {
        let (a0, a1) = (self.cut(Width::B4, a), self.op(Op2::ShrU, a, 32));
        let (b0, b1) = (self.cut(Width::B4, b), self.op(Op2::ShrU, b, 32));
        let low = self.values.two(Op2::Mul, a0, b0);
        let (x, y) = (self.values.two(Op2::Mul, a1, b0), self.values.two(Op2::Mul, a0, b1));
        let carried = self.op(Op2::ShrU, low, 32);
        let middle = self.values.two(Op2::Add, x, carried);
        let middle_low = self.cut(Width::B4, middle);
        let other = self.values.two(Op2::Add, y, middle_low);
        let (up, other_up) = (self.op(Op2::ShrU, middle, 32), self.op(Op2::ShrU, other, 32));
        let high = self.values.two(Op2::Mul, a1, b1);
        let sum = self.values.two(Op2::Add, high, up);
        self.values.two(Op2::Add, sum, other_up)
    }

    /// Returns `hi:lo` of two halves of fewer than 64 bits.
    fn dividend(&mut self, w: Width, hi: Value, lo: Value) -> Value {
        let up = self.op(Op2::Shl, hi, u64::from(w.bits()));
        self.values.two(Op2::Or, up, lo)
    }

    /// Records DIV. Exits before the instruction for #DE and for 128-bit dividends.
    ///
    /// SPEC: wasm-3.0-core :: 4.3.2 Integer Operations -> idiv_u and irem_u are undefined (trap) for a divisor of 0, which the exit excludes
    pub(crate) fn lower_div(&mut self, w: Width, hi: Value, lo: Value, divisor: Value) -> (Value, Value) {
        let dividend = if w == Width::B8 {
            let by_zero = self.op(Op2::Eq, divisor, 0);
            let wide = self.op(Op2::Ne, hi, 0);
            let refused = self.values.two(Op2::Or, by_zero, wide);
            self.exit_if(refused);
            lo
        } else {
            // The quotient fits if and only if the upper half is less than the divisor, which then is not 0.
            let refused = self.values.two(Op2::LeU, divisor, hi);
            self.exit_if(refused);
            self.dividend(w, hi, lo)
        };
        let quotient = self.values.two(Op2::DivU, dividend, divisor);
        let remainder = self.values.two(Op2::RemU, dividend, divisor);
        (self.cut(w, quotient), self.cut(w, remainder))
    }

    /// Records IDIV. Exits before the instruction as for DIV.
    ///
    /// SPEC: wasm-3.0-core :: 4.3.2 Integer Operations -> idiv_s is undefined (traps) for a divisor of 0 and for the one quotient that overflows; exits exclude both
    pub(crate) fn lower_idiv(&mut self, w: Width, hi: Value, lo: Value, divisor: Value) -> (Value, Value) {
        let divisor = self.extend(w, divisor);
        let mut refused = self.op(Op2::Eq, divisor, 0);
        let dividend = match w {
            Width::B8 => {
                let sign = self.op(Op2::ShrS, lo, 63);
                let wide = self.values.two(Op2::Ne, hi, sign);
                refused = self.values.two(Op2::Or, refused, wide);
                lo
            }
            Width::B4 => self.dividend(w, hi, lo),
            _ => {
                let narrow = self.dividend(w, hi, lo);
                self.extend(if w == Width::B1 { Width::B2 } else { Width::B4 }, narrow)
            }
        };
        if matches!(w, Width::B4 | Width::B8) {
            let (least, minus) = (self.op(Op2::Eq, dividend, 1 << 63), self.op(Op2::Eq, divisor, u64::MAX));
            let overflow = self.values.two(Op2::And, least, minus);
            refused = self.values.two(Op2::Or, refused, overflow);
        }
        self.exit_if(refused);
        let quotient = self.values.two(Op2::DivS, dividend, divisor);
        let remainder = self.values.two(Op2::RemS, dividend, divisor);
        if w != Width::B8 {
            let fitting = self.extend(w, quotient);
            let too_large = self.values.two(Op2::Ne, fitting, quotient);
            self.exit_if(too_large);
        }
        (self.cut(w, quotient), self.cut(w, remainder))
    }
}
