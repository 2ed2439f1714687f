//! Status flags in the recording domain: their lazy form, each flag computed from it, and compare-and-branch fused.

use super::Recorder;
use crate::block::{Base, FlagState};
use crate::value::vector::VectorNode;
use crate::value::{Entry, Op1, Op2, Value};
use x86_exec::{Bin, Flag, FlagDef, FlagsRegister};
use x86_state::ArithFlags;
use x86_types::{Cond, Width};

/// Places of the flags in RFLAGS.
const PLACES: [(Flag, u64); 6] =
    [(Flag::Cf, 0), (Flag::Pf, 2), (Flag::Af, 4), (Flag::Zf, 6), (Flag::Sf, 7), (Flag::Of, 11)];

impl FlagsRegister for Recorder {
    fn set_flags(&mut self, def: FlagDef<Value>) {
        self.lower_set_flags(def);
    }

    fn set_flags_if(&mut self, c: Value, def: FlagDef<Value>) {
        match self.values.constant(c) {
            Some(0) => {}
            Some(_) => self.set_flags(def),
            None => {
                let old = self.canonical();
                self.lower_set_flags(def);
                let new = self.canonical();
                let result = self.values.select(c, new.0, old.0);
                let aux = self.values.select(c, new.1, old.1);
                self.new_flags(Base::Canonical(result, aux), None);
            }
        }
    }

    fn flag(&mut self, flag: Flag) -> Value {
        self.lower_flag(flag)
    }

    fn flags_image(&mut self) -> Value {
        self.lower_image()
    }

    fn direction(&mut self) -> Value {
        let (flags, place) = (self.values.entry(Entry::SystemFlags), self.values.imm(10));
        self.bit(flags, place)
    }

    fn cond(&mut self, cond: Cond) -> Value {
        self.lower_cond(cond)
    }
}

impl Recorder {
    fn two_imm(&mut self, op: Op2, a: Value, imm: u64) -> Value {
        let b = self.values.imm(imm);
        self.values.two(op, a, b)
    }

    /// Returns `aux` for a carry vector, in which bit n is the carry out of bit n.
    fn aux_of(&mut self, w: Width, carries: Value) -> Value {
        let up = self.two_imm(Op2::Shl, carries, u64::from(64 - w.bits()));
        let up = self.two_imm(Op2::And, up, ArithFlags::CF | ArithFlags::CARRY_IN);
        let af = self.two_imm(Op2::And, carries, ArithFlags::AF);
        self.values.two(Op2::Or, up, af)
    }

    /// Returns bits 63 and 62 of `aux` for CF and OF.
    fn top_bits(&mut self, cf: Value, of: Value) -> Value {
        let differ = self.values.two(Op2::Xor, cf, of);
        let (cf, carry_in) = (self.two_imm(Op2::Shl, cf, 63), self.two_imm(Op2::Shl, differ, 62));
        self.values.two(Op2::Or, cf, carry_in)
    }

    /// Returns `aux` with CF replaced and OF unchanged.
    fn with_carry(&mut self, aux: Value, cf: Value) -> Value {
        let old = self.two_imm(Op2::ShrU, aux, 63);
        let flip = self.values.two(Op2::Xor, old, cf);
        let both = self.two_imm(Op2::Mul, flip, ArithFlags::CF | ArithFlags::CARRY_IN);
        self.values.two(Op2::Xor, aux, both)
    }

    /// Returns the flags in their lazy form: result and aux.
    pub(crate) fn canonical(&mut self) -> (Value, Value) {
        let FlagState { base, carry, .. } = self.state.flags;
        let (result, aux) = match base {
            Base::Entry => (self.values.entry(Entry::AnyResult), self.values.entry(Entry::AnyAux)),
            Base::Canonical(result, aux) | Base::CarryZero(result, aux, ..) => (result, aux),
            Base::Def(def, _) => self.lower_def(def),
        };
        match carry {
            Some(cf) => (result, self.with_carry(aux, cf)),
            None => (result, aux),
        }
    }

    /// Returns the lazy form of a definition. CF of INC and DEC is a separate value.
    fn lower_def(&mut self, def: FlagDef<Value>) -> (Value, Value) {
        let (w, result, carries) = match def {
            FlagDef::Add { w, a, b, result } => {
                let (both, either) = (self.values.two(Op2::And, a, b), self.values.two(Op2::Or, a, b));
                let no = self.two_imm(Op2::Xor, result, u64::MAX);
                let passed = self.values.two(Op2::And, either, no);
                (w, result, self.values.two(Op2::Or, both, passed))
            }
            FlagDef::Sub { w, a, b, result } => {
                let no = self.two_imm(Op2::Xor, a, u64::MAX);
                let (both, either) = (self.values.two(Op2::And, no, b), self.values.two(Op2::Or, no, b));
                let passed = self.values.two(Op2::And, either, result);
                (w, result, self.values.two(Op2::Or, both, passed))
            }
            FlagDef::Inc { w, result } => {
                let a = self.two_imm(Op2::Add, result, u64::MAX);
                let no = self.two_imm(Op2::Xor, result, u64::MAX);
                (w, result, self.values.two(Op2::And, a, no))
            }
            FlagDef::Dec { w, result } => {
                let a = self.two_imm(Op2::Add, result, 1);
                let no = self.two_imm(Op2::Xor, a, u64::MAX);
                (w, result, self.values.two(Op2::And, no, result))
            }
            FlagDef::Logic { w, result } | FlagDef::Explicit { w, result, .. } => {
                return (self.extend(w, result), self.values.imm(0));
            }
            FlagDef::CarryOverflow { .. } | FlagDef::Carry(_) | FlagDef::Image(_) => return self.canonical(),
        };
        (self.extend(w, result), self.aux_of(w, carries))
    }

    pub(crate) fn lower_set_flags(&mut self, def: FlagDef<Value>) {
        match def {
            FlagDef::Add { w, a, b, result } => {
                let plain = self.lower_bin(Bin::Add, w, a, b) == result;
                self.new_flags(Base::Def(def, plain), None);
            }
            FlagDef::Sub { w, a, b, result } => {
                let plain = self.lower_bin(Bin::Sub, w, a, b) == result;
                self.new_flags(Base::Def(def, plain), None);
            }
            FlagDef::Logic { .. } => self.new_flags(Base::Def(def, true), None),
            FlagDef::Inc { .. } | FlagDef::Dec { .. } => {
                let cf = self.lower_flag(Flag::Cf);
                self.new_flags(Base::Def(def, true), Some(cf));
            }
            FlagDef::Carry(cf) => {
                let base = self.state.flags.base;
                self.new_flags(base, Some(cf));
            }
            FlagDef::Explicit { w, result, cf, of, af } => {
                let (top, af) = (self.top_bits(cf, of), self.two_imm(Op2::Shl, af, 3));
                let (result, aux) = (self.extend(w, result), self.values.two(Op2::Or, top, af));
                self.new_flags(Base::Canonical(result, aux), None);
            }
            FlagDef::CarryOverflow { cf, of } => {
                let (result, aux) = self.canonical();
                let rest = self.two_imm(Op2::And, aux, !(ArithFlags::CF | ArithFlags::CARRY_IN));
                let top = self.top_bits(cf, of);
                let aux = self.values.two(Op2::Or, rest, top);
                self.new_flags(Base::Canonical(result, aux), None);
            }
            FlagDef::Image(image) => {
                let base = match self.values.vector_node(image) {
                    Some(VectorNode::CarryZero(cf, zf)) => self.carry_and_zero(cf, zf),
                    _ => {
                        let (result, aux) = self.lower_unpack(image);
                        Base::Canonical(result, aux)
                    }
                };
                self.new_flags(base, None);
            }
        }
    }

    /// Returns the flags with CF and ZF as given, and the others 0. With ZF clear the result is 1, whose parity gives
    /// PF = 0; with ZF set the result is 0, and `aux` inverts the parity.
    fn carry_and_zero(&mut self, cf: Value, zf: Value) -> Base {
        let result = self.two_imm(Op2::Xor, zf, 1);
        let (up, invert) = (
            self.two_imm(Op2::Mul, cf, ArithFlags::CF | ArithFlags::CARRY_IN),
            self.two_imm(Op2::Shl, zf, 8),
        );
        let aux = self.values.two(Op2::Or, up, invert);
        Base::CarryZero(result, aux, cf, zf)
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

    /// Returns one flag, 0 or 1.
    pub(crate) fn lower_flag(&mut self, flag: Flag) -> Value {
        if let Some(known) = self.known_flag(flag) {
            return known;
        }
        let (result, aux) = self.canonical();
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
                self.parity(mixed)
            }
        }
    }

    /// Returns 1 if the low byte has an even number of ones.
    fn parity(&mut self, v: Value) -> Value {
        let low = self.two_imm(Op2::And, v, 0xff);
        let ones = self.values.one(Op1::Popcnt, low);
        let odd = self.two_imm(Op2::And, ones, 1);
        self.two_imm(Op2::Xor, odd, 1)
    }

    /// Returns all six flags at their places in RFLAGS.
    pub(crate) fn lower_image(&mut self) -> Value {
        let mut image = self.values.imm(0);
        for (flag, place) in PLACES {
            let value = self.lower_flag(flag);
            let moved = self.two_imm(Op2::Shl, value, place);
            image = self.values.two(Op2::Or, image, moved);
        }
        image
    }

    /// Returns a flag that takes fewer operations than the lazy form.
    fn known_flag(&mut self, flag: Flag) -> Option<Value> {
        let FlagState { base, carry, .. } = self.state.flags;
        if flag == Flag::Cf
            && let Some(cf) = carry
        {
            return Some(cf);
        }
        let (def, plain) = match base {
            Base::Def(def, plain) => (def, plain),
            Base::Entry if flag == Flag::Cf => return Some(self.values.entry(Entry::AnyCarry)),
            Base::CarryZero(_, _, cf, zf) => {
                return Some(match flag {
                    Flag::Cf => cf,
                    Flag::Zf => zf,
                    _ => self.values.imm(0),
                });
            }
            _ => return None,
        };
        let (w, result) = match def {
            FlagDef::Add { w, result, .. }
            | FlagDef::Sub { w, result, .. }
            | FlagDef::Inc { w, result }
            | FlagDef::Dec { w, result }
            | FlagDef::Logic { w, result } => (w, result),
            _ => return None,
        };
        match (flag, def) {
            (Flag::Cf, FlagDef::Sub { a, b, .. }) if plain => Some(self.values.two(Op2::LtU, a, b)),
            (Flag::Cf, FlagDef::Add { a, .. }) if plain => Some(self.values.two(Op2::LtU, result, a)),
            (Flag::Cf | Flag::Of, FlagDef::Logic { .. }) => Some(self.values.imm(0)),
            (Flag::Of, FlagDef::Inc { .. }) => Some(self.two_imm(Op2::Eq, result, 1 << (w.bits() - 1))),
            (Flag::Of, FlagDef::Dec { .. }) => Some(self.two_imm(Op2::Eq, result, (1 << (w.bits() - 1)) - 1)),
            (Flag::Zf, FlagDef::Sub { a, b, .. }) if plain => Some(self.values.two(Op2::Eq, a, b)),
            (Flag::Zf, _) => Some(self.two_imm(Op2::Eq, result, 0)),
            (Flag::Sf, _) => {
                let (wide, zero) = (self.extend(w, result), self.values.imm(0));
                Some(self.values.two(Op2::LtS, wide, zero))
            }
            (Flag::Pf, _) => Some(self.parity(result)),
            _ => None,
        }
    }

    /// Returns a condition; after a comparison, the comparison itself.
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
        let FlagState { base: Base::Def(def, true), carry: None, .. } = self.state.flags else { return None };
        let (w, a, b) = match def {
            FlagDef::Sub { w, a, b, .. } => (w, a, b),
            // CF and OF are 0: the result compared with 0.
            FlagDef::Logic { w, result } => (w, result, self.values.imm(0)),
            _ => return None,
        };
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
