//! A recorded block: its values, its effects in order, its exits and its terminator.

use crate::fpu::Fpu;
use crate::value::{Value, Values};
use x86_exec::FlagDef;
use x86_types::Width;

/// The source of the six status flags.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Base {
    /// The locals, of unknown kind
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
    /// CF, if it differs from that of `base`
    pub(crate) carry: Option<Value>,
    /// Identifies a definition; 0 is the state at the block's entry
    pub(crate) version: u32,
}

/// The processor's state as values. State without a value is unchanged since the entry.
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

/// A side exit, for an instruction that has to be interpreted. The interpreter resumes at the checkpoint: the start of
/// the block, or the point after its last store.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) state: State,
    /// The checkpoint, as a distance from the region's entry
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

/// An effect. Effects are executed in order. Exits are named by their number in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Loads a value, or exits
    Load {
        access: Access,
        for_write: bool,
        refused: u32,
    },
    /// Stores, or exits. `again` if the load before it already translated the address for writing
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
    /// Exits if the value is not 0
    ExitIf {
        condition: Value,
        exit: u32,
    },
    /// Exits if neither is 0. The second is evaluated only if the first is not 0
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

/// An action, and the number of values before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) at: usize,
    /// Instructions of the block before its own
    pub(crate) before: u32,
    pub(crate) action: Action,
}

/// The terminator of a block. Distances are from the region's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminator {
    /// To one target
    Jump(i64),
    /// To `taken` if the condition is not 0, else to `next`
    Branch { condition: Value, taken: i64, next: i64 },
    /// To the address in a value. `from_memory` if it was loaded, as a return address is
    Indirect { target: Value, from_memory: bool },
    /// A helper call executes `count` instructions of `len` bytes, number `index` of the region's helper calls
    HelperCall { at: i64, len: u32, index: u32, count: u32 },
    /// To the selected node. This is the terminator of a dispatcher, whose block is empty
    Dispatch,
}

/// A recorded basic block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) values: Values,
    pub(crate) effects: Vec<Effect>,
    pub(crate) exits: Vec<Exit>,
    /// The state at the end
    pub(crate) state: State,
    pub(crate) term: Terminator,
    /// Return address of the call at its end, as a distance
    pub(crate) returns_to: Option<i64>,
    /// Number of instructions
    pub(crate) retired: u32,
    /// What was recorded depends on [`CodeMode::float`](x86_exec::vcpu::compiled::CodeMode::float)
    pub(crate) of_float_mode: bool,
}
