//! Status flags in values: what they follow from, each flag out of it, and compare-and-branch fused.

use crate::block::{Base, FlagState};
use crate::domain::Recorder;
use crate::value::vector::VectorNode;
use crate::value::{Entry, Op1, Op2, Value, Values};
use x86_exec::vcpu::compiled::FlagsKind;
use x86_exec::{Bin, Flag, FlagDef};
use x86_state::ArithFlags;
use x86_types::{Cond, Width};

/// Places of the flags in RFLAGS.
const PLACES: [(Flag, u64); 6] =
    [(Flag::Cf, 0), (Flag::Pf, 2), (Flag::Af, 4), (Flag::Zf, 6), (Flag::Sf, 7), (Flag::Of, 11)];

/// What is known of the flags where a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryFlags {
    /// Nothing: the locals say
    Any,
    /// The locals hold `ArithFlags`
    Canonical,
    /// The locals hold operands and result of a definition of this kind
    Of { kind: u64, plain: bool },
}

impl EntryFlags {
    /// The flags that a block begins with.
    pub(crate) fn state(self, values: &mut Values) -> FlagState {
        let (a, b) = (Entry::FlagA, Entry::FlagB);
        let mut carry = None;
        let base = match self {
            EntryFlags::Any => Base::Entry,
            EntryFlags::Canonical => Base::Canonical(values.entry(Entry::FlagResult), values.entry(a)),
            EntryFlags::Of { kind, plain } => {
                let w = Width::ALL[(kind & 3) as usize];
                let result = values.entry(Entry::FlagResult);
                if kind & FlagsKind::CARRY != 0 {
                    carry = Some(values.entry(Entry::FlagCarry));
                }
                let def = match kind >> 2 & 7 {
                    1 => FlagDef::Add { w, a: values.entry(a), b: values.entry(b), result },
                    2 => FlagDef::Sub { w, a: values.entry(a), b: values.entry(b), result },
                    3 => FlagDef::Logic { w, result },
                    4 => FlagDef::Inc { w, result },
                    _ => FlagDef::Dec { w, result },
                };
                Base::Def(def, plain)
            }
        };
        FlagState { base, carry, version: 0 }
    }

    /// What is known behind a block that leaves these.
    pub(crate) fn behind(self, state: &FlagState) -> EntryFlags {
        if state.version == 0 {
            return self;
        }
        let carry = if state.carry.is_some() { FlagsKind::CARRY } else { 0 };
        match state.base {
            Base::Entry => EntryFlags::Any,
            Base::Canonical(..) | Base::CarryZero(..) if carry == 0 => EntryFlags::Canonical,
            Base::Canonical(..) | Base::CarryZero(..) => EntryFlags::Any,
            Base::Def(def, plain) => match FlagsKind::of(&def) {
                Some(kind) => EntryFlags::Of { kind: kind.0 | carry, plain },
                None => EntryFlags::Any,
            },
        }
    }
}

impl Recorder {
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

    /// Result and aux as they are now.
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

    /// The lazy form of a definition that has a kind. CF of INC and DEC is given apart.
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

    /// CF and ZF as given, the others 0. Of an odd number of ones in the result PF is 0; the zero's parity is inverted.
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

    /// One flag, 0 or 1.
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

    /// 1 where the low byte has an even number of ones.
    fn parity(&mut self, v: Value) -> Value {
        let low = self.two_imm(Op2::And, v, 0xff);
        let ones = self.values.one(Op1::Popcnt, low);
        let odd = self.two_imm(Op2::And, ones, 1);
        self.two_imm(Op2::Xor, odd, 1)
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

    /// A flag that follows from less than the lazy form.
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
