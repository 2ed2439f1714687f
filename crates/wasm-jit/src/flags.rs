//! What is known of the status flags at the start of a block.

use crate::block::{Base, FlagState};
use crate::value::{Entry, Values};
use x86_exec::FlagDef;
use x86_exec::vcpu::compiled::FlagsKind;
use x86_types::Width;

/// What is known of the flags where a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryFlags {
    /// Nothing: the kind is in the locals
    Any,
    /// The locals hold `ArithFlags`
    Canonical,
    /// The locals hold operands and result of a definition of this kind
    Of { kind: u64, plain: bool },
}

impl EntryFlags {
    /// Returns the flags as a block with these finds them.
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

    /// Returns what is known after a block that ends with `state`.
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
