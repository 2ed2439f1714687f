//! Status flags in values: the lazy form of `ArithFlags`, each flag out of it, and compare-and-branch fused.

use crate::domain::Recorder;
use crate::value::{Entry, Op1, Op2, Value};
use x86_exec::{Bin, Flag, FlagDef};
use x86_state::ArithFlags;
use x86_types::{Cond, Width};

/// Places of the flags in RFLAGS.
const PLACES: [(Flag, u64); 6] =
    [(Flag::Cf, 0), (Flag::Pf, 2), (Flag::Af, 4), (Flag::Zf, 6), (Flag::Sf, 7), (Flag::Of, 11)];

impl Recorder {
    /// Result and aux as they are now.
    pub(crate) fn flags(&mut self) -> (Value, Value) {
        match self.state.flags {
            Some(flags) => flags,
            None => (self.values.entry(Entry::FlagsResult), self.values.entry(Entry::FlagsAux)),
        }
    }

    fn two_imm(&mut self, op: Op2, a: Value, imm: u64) -> Value {
        let b = self.values.imm(imm);
        self.values.two(op, a, b)
    }

    /// `aux` out of a carry vector: bit n is the carry out of bit n.
    fn aux_of(&mut self, w: Width, carries: Value) -> Value {
        let up = self.two_imm(Op2::Shl, carries, u64::from(64 - w.bits()));
        let up = self.two_imm(Op2::And, up, ArithFlags::CF | ArithFlags::CARRY_IN);
        let af = self.two_imm(Op2::And, carries, ArithFlags::AF);
        self.values.two(Op2::Or, up, af)
    }

    /// Bits 63 and 62 of `aux` out of CF and OF.
    fn top_bits(&mut self, cf: Value, of: Value) -> Value {
        let differ = self.values.two(Op2::Xor, cf, of);
        let (cf, carry_in) = (self.two_imm(Op2::Shl, cf, 63), self.two_imm(Op2::Shl, differ, 62));
        self.values.two(Op2::Or, cf, carry_in)
    }

    /// `aux` with another CF, OF kept.
    fn with_carry(&mut self, aux: Value, cf: Value) -> Value {
        let old = self.two_imm(Op2::ShrU, aux, 63);
        let flip = self.values.two(Op2::Xor, old, cf);
        let both = self.two_imm(Op2::Mul, flip, ArithFlags::CF | ArithFlags::CARRY_IN);
        self.values.two(Op2::Xor, aux, both)
    }

    /// The lazy form that a definition leaves.
    pub(crate) fn lower_flags(&mut self, def: FlagDef<Value>) -> (Value, Value) {
        match def {
            FlagDef::Add { w, a, b, result } => {
                let (both, either) = (self.values.two(Op2::And, a, b), self.values.two(Op2::Or, a, b));
                let no = self.two_imm(Op2::Xor, result, u64::MAX);
                let passed = self.values.two(Op2::And, either, no);
                let carries = self.values.two(Op2::Or, both, passed);
                (self.extend(w, result), self.aux_of(w, carries))
            }
            FlagDef::Sub { w, a, b, result } => {
                let no = self.two_imm(Op2::Xor, a, u64::MAX);
                let (both, either) = (self.values.two(Op2::And, no, b), self.values.two(Op2::Or, no, b));
                let passed = self.values.two(Op2::And, either, result);
                let borrows = self.values.two(Op2::Or, both, passed);
                (self.extend(w, result), self.aux_of(w, borrows))
            }
            FlagDef::Inc { w, result } => {
                let a = self.two_imm(Op2::Add, result, u64::MAX);
                let no = self.two_imm(Op2::Xor, result, u64::MAX);
                let carries = self.values.two(Op2::And, a, no);
                self.keep_carry(w, result, carries)
            }
            FlagDef::Dec { w, result } => {
                let a = self.two_imm(Op2::Add, result, 1);
                let no = self.two_imm(Op2::Xor, a, u64::MAX);
                let borrows = self.values.two(Op2::And, no, result);
                self.keep_carry(w, result, borrows)
            }
            FlagDef::Logic { w, result } => (self.extend(w, result), self.values.imm(0)),
            FlagDef::Explicit { w, result, cf, of, af } => {
                let (top, af) = (self.top_bits(cf, of), self.two_imm(Op2::Shl, af, 3));
                (self.extend(w, result), self.values.two(Op2::Or, top, af))
            }
            FlagDef::CarryOverflow { cf, of } => {
                let (result, aux) = self.flags();
                let rest = self.two_imm(Op2::And, aux, !(ArithFlags::CF | ArithFlags::CARRY_IN));
                let top = self.top_bits(cf, of);
                (result, self.values.two(Op2::Or, rest, top))
            }
            FlagDef::Carry(cf) => {
                let (result, aux) = self.flags();
                (result, self.with_carry(aux, cf))
            }
            FlagDef::Image(image) => self.lower_unpack(image),
        }
    }

    fn keep_carry(&mut self, w: Width, result: Value, carries: Value) -> (Value, Value) {
        let cf = self.lower_flag(Flag::Cf);
        let aux = self.aux_of(w, carries);
        (self.extend(w, result), self.with_carry(aux, cf))
    }

    fn lower_unpack(&mut self, image: Value) -> (Value, Value) {
        let [cf, pf, af, zf, sf, of] = PLACES.map(|(_, place)| {
            let place = self.values.imm(place);
            self.bit(image, place)
        });
        let result = self.two_imm(Op2::Xor, zf, 1);
        let fix = self.values.two(Op2::Xor, pf, zf);
        let mut aux = self.top_bits(cf, of);
        for (bit, place) in [(af, 3), (fix, 8), (sf, 0)] {
            let moved = self.two_imm(Op2::Shl, bit, place);
            aux = self.values.two(Op2::Or, aux, moved);
        }
        (result, aux)
    }

    /// One flag, 0 or 1.
    pub(crate) fn lower_flag(&mut self, flag: Flag) -> Value {
        if let Some(known) = self.fused_flag(flag) {
            return known;
        }
        let (result, aux) = self.flags();
        match flag {
            Flag::Cf => self.two_imm(Op2::ShrU, aux, 63),
            Flag::Zf => self.two_imm(Op2::Eq, result, 0),
            Flag::Sf => {
                let (sign, invert) =
                    (self.two_imm(Op2::ShrU, result, 63), self.two_imm(Op2::And, aux, ArithFlags::SF_INVERT));
                self.values.two(Op2::Xor, sign, invert)
            }
            Flag::Of => {
                let up = self.two_imm(Op2::Shl, aux, 1);
                let differ = self.values.two(Op2::Xor, aux, up);
                self.two_imm(Op2::ShrU, differ, 63)
            }
            Flag::Af => {
                let place = self.values.imm(3);
                self.bit(aux, place)
            }
            Flag::Pf => {
                let fix = self.two_imm(Op2::ShrU, aux, 8);
                let mixed = self.values.two(Op2::Xor, result, fix);
                let low = self.two_imm(Op2::And, mixed, 0xff);
                let ones = self.values.one(Op1::Popcnt, low);
                let odd = self.two_imm(Op2::And, ones, 1);
                self.two_imm(Op2::Xor, odd, 1)
            }
        }
    }

    /// All six at their places.
    pub(crate) fn lower_image(&mut self) -> Value {
        let mut image = self.values.imm(0);
        for (flag, place) in PLACES {
            let value = self.lower_flag(flag);
            let moved = self.two_imm(Op2::Shl, value, place);
            image = self.values.two(Op2::Or, image, moved);
        }
        image
    }

    /// A flag that the last definition gives more cheaply than the lazy form would.
    fn fused_flag(&mut self, flag: Flag) -> Option<Value> {
        match (flag, self.last_flags?) {
            (Flag::Cf, FlagDef::Sub { w, a, b, result }) if self.is_plain_sub(w, a, b, result) => {
                Some(self.values.two(Op2::LtU, a, b))
            }
            (
                Flag::Cf,
                FlagDef::Explicit { cf, .. } | FlagDef::CarryOverflow { cf, .. } | FlagDef::Carry(cf),
            ) => Some(cf),
            (Flag::Of, FlagDef::Explicit { of, .. } | FlagDef::CarryOverflow { of, .. }) => Some(of),
            (Flag::Zf, FlagDef::Sub { w, a, b, result }) if self.is_plain_sub(w, a, b, result) => {
                Some(self.values.two(Op2::Eq, a, b))
            }
            _ => None,
        }
    }

    /// Whether no borrow came in: then flags are comparisons of the operands.
    fn is_plain_sub(&mut self, w: Width, a: Value, b: Value, result: Value) -> bool {
        self.lower_bin(Bin::Sub, w, a, b) == result
    }

    /// A condition; after a comparison, the comparison itself.
    ///
    /// SPEC: intel-sdm-vol1 :: B.1 Condition Codes -> after CMP, SUB or NEG the conditions B, BE, E, L and LE are unsigned and signed comparisons of the operands
    pub(crate) fn lower_cond(&mut self, cond: Cond) -> Value {
        let plain = match self.fused_condition(cond) {
            Some(known) => known,
            None => self.plain_condition(cond),
        };
        if cond as u8 & 1 == 0 { plain } else { self.two_imm(Op2::Xor, plain, 1) }
    }

    fn fused_condition(&mut self, cond: Cond) -> Option<Value> {
        let FlagDef::Sub { w, a, b, result } = self.last_flags? else { return None };
        if !self.is_plain_sub(w, a, b, result) {
            return None;
        }
        let (op, signed) = match cond as u8 >> 1 {
            1 => (Op2::LtU, false),
            2 => (Op2::Eq, false),
            3 => (Op2::LeU, false),
            6 => (Op2::LtS, true),
            7 => (Op2::LeS, true),
            _ => return None,
        };
        let (a, b) = if signed { (self.extend(w, a), self.extend(w, b)) } else { (a, b) };
        Some(self.values.two(op, a, b))
    }

    fn plain_condition(&mut self, cond: Cond) -> Value {
        match cond as u8 >> 1 {
            0 => self.lower_flag(Flag::Of),
            1 => self.lower_flag(Flag::Cf),
            2 => self.lower_flag(Flag::Zf),
            3 => {
                let (cf, zf) = (self.lower_flag(Flag::Cf), self.lower_flag(Flag::Zf));
                self.values.two(Op2::Or, cf, zf)
            }
            4 => self.lower_flag(Flag::Sf),
            5 => self.lower_flag(Flag::Pf),
            order => {
                let (sf, of) = (self.lower_flag(Flag::Sf), self.lower_flag(Flag::Of));
                let less = self.values.two(Op2::Xor, sf, of);
                if order == 6 {
                    return less;
                }
                let zf = self.lower_flag(Flag::Zf);
                self.values.two(Op2::Or, less, zf)
            }
        }
    }
}
