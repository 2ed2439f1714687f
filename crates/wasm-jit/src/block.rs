//! A recorded block: values, what happens in order, the ways out, and where it goes at its end.

use crate::fpu::Fpu;
use crate::value::{Value, Values};
use x86_exec::FlagDef;
use x86_types::Width;

/// What the six status flags follow from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Base {
    /// Whatever the locals say
    #[default]
    Entry,
    /// A definition; `plain` where no carry went into the result
    Def(FlagDef<Value>, bool),
    /// `ArithFlags`: result and aux
    Canonical(Value, Value),
    /// The same, of CF and ZF alone, the others 0: result, aux, CF, ZF
    CarryZero(Value, Value, Value, Value),
}

/// Status flags as values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FlagState {
    pub(crate) base: Base,
    /// CF, where it is not what `base` says
    pub(crate) carry: Option<Value>,
    /// Tells definitions apart; 0 is the state at the block's entry
    pub(crate) version: u32,
}

/// The processor's state as values; what is not named is as it was at entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) gpr: [Option<Value>; 16],
    /// Halves of vector registers, as [`layout::vector`](crate::layout::vector) numbers them
    pub(crate) vectors: [Option<Value>; 32],
    /// Selectors and bases of segment registers
    pub(crate) segments: [Option<(Value, Value)>; 6],
    pub(crate) flags: FlagState,
    pub(crate) fpu: Fpu,
}

/// A way out in the middle of a block, for an instruction that has to be interpreted: the interpreter starts over where the
/// block began, or behind its last store.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) state: State,
    /// Where it starts over, as a distance from the region's entry
    pub(crate) at: i64,
    /// Instructions of the block before that
    pub(crate) retired: u32,
}

/// A linear address and a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) linear: Value,
    pub(crate) w: Width,
}

/// Something that happens, at its place among the others. Exits are named by their number in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Gives the value loaded, or leaves
    Load {
        access: Access,
        for_write: bool,
        refused: u32,
    },
    /// Stores, or leaves. `again` where the load before it looked the same place up for writing
    Store {
        access: Access,
        value: Value,
        again: bool,
        refused: u32,
    },
    /// 16 bytes
    LoadVector {
        linear: Value,
        refused: u32,
    },
    StoreVector {
        linear: Value,
        value: Value,
        refused: u32,
    },
    /// Leaves where the value is not 0
    ExitIf {
        condition: Value,
        exit: u32,
    },
    /// Leaves where neither is 0; the second is looked at only where the first is not
    ExitIfBoth {
        first: Value,
        second: Value,
        exit: u32,
    },
}

impl Action {
    pub(crate) fn operands(self) -> impl Iterator<Item = Value> {
        let list = match self {
            Action::Load { access, .. } => [Some(access.linear), None],
            Action::Store { access, value, .. } => [Some(access.linear), Some(value)],
            Action::LoadVector { linear, .. } => [Some(linear), None],
            Action::StoreVector { linear, value, .. } => [Some(linear), Some(value)],
            Action::ExitIf { condition, .. } => [Some(condition), None],
            Action::ExitIfBoth { first, second, .. } => [Some(first), Some(second)],
        };
        list.into_iter().flatten()
    }

    pub(crate) fn exit(self) -> u32 {
        match self {
            Action::Load { refused, .. }
            | Action::Store { refused, .. }
            | Action::LoadVector { refused, .. }
            | Action::StoreVector { refused, .. } => refused,
            Action::ExitIf { exit, .. } | Action::ExitIfBoth { exit, .. } => exit,
        }
    }
}

/// An action, behind so many values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) at: usize,
    /// Instructions of the block before its own
    pub(crate) before: u32,
    pub(crate) action: Action,
}

/// Where control goes. Distances are from the region's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminator {
    /// On to one place
    Jump(i64),
    /// To `taken` where the condition is not 0, else on
    Branch { condition: Value, taken: i64, next: i64 },
    /// To a place that a value names. `from_memory` where it was loaded, as a return address is
    Indirect { target: Value, from_memory: bool },
    /// The processor executes the instructions here, of so many bytes, by their number among the region's
    HelperCall { at: i64, len: u32, index: u32, count: u32 },
    /// To where it was decided on the way here. No code ends so: it is a dispatcher, and nothing else is in its block
    Dispatch,
}

/// Straight-line code, recorded.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) values: Values,
    pub(crate) effects: Vec<Effect>,
    pub(crate) exits: Vec<Exit>,
    /// The state at the end
    pub(crate) state: State,
    pub(crate) term: Terminator,
    /// A call: where it will return to
    pub(crate) returns_to: Option<i64>,
    /// Instructions
    pub(crate) retired: u32,
    /// What was recorded depends on [`CodeMode::float`](x86_exec::vcpu::compiled::CodeMode::float)
    pub(crate) of_float_mode: bool,
}
