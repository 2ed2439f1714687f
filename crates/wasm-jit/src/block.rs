//! A recorded block: values, what happens in order, and the ways out.

use crate::value::{Value, Values};
use x86_types::{Seg, Width};

/// The processor's state as values; what is not named is as it was at entry.
///
/// SPEC: intel-sdm-vol1 :: 3.4.3.1 Status Flags -> the six flags leave a block in lazy form, result and carries
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) gpr: [Option<Value>; 16],
    /// `ArithFlags`: result and aux
    pub(crate) flags: Option<(Value, Value)>,
}

/// A way out.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    pub(crate) state: State,
    pub(crate) rip: Value,
    /// Instructions of the block that have taken effect
    pub(crate) retired: u32,
    /// The instruction at RIP has to be interpreted
    pub(crate) interpret: bool,
}

/// A segment, an offset and a size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) seg: Seg,
    pub(crate) offset: Value,
    pub(crate) w: Width,
}

/// Something that happens, at its place among the others. Exits are named by their number in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Gives the value loaded, or leaves
    Load { access: Access, for_write: bool, refused: u32 },
    /// Gives the store's status, or leaves
    Store { access: Access, value: Value, refused: u32 },
    /// Leaves where the value is not 0
    LeaveIf { condition: Value, exit: u32 },
}

impl Action {
    pub(crate) fn operands(self) -> impl Iterator<Item = Value> {
        let list = match self {
            Action::Load { access, .. } => [Some(access.offset), None],
            Action::Store { access, value, .. } => [Some(access.offset), Some(value)],
            Action::LeaveIf { condition, .. } => [Some(condition), None],
        };
        list.into_iter().flatten()
    }

    pub(crate) fn exit(self) -> u32 {
        match self {
            Action::Load { refused, .. } | Action::Store { refused, .. } => refused,
            Action::LeaveIf { exit, .. } => exit,
        }
    }
}

/// An action, behind so many values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) at: usize,
    pub(crate) action: Action,
}

/// Why a block ends where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A branch
    Branch,
    /// All instructions given were translated
    Whole,
    /// The next instruction has no meaning in recorded values (system, repeated, vector): it has to be interpreted
    Interpret,
    /// The block is as long as a block may be
    Full,
}

/// Straight-line code, recorded.
#[derive(Clone, Debug)]
pub struct Block {
    pub(crate) values: Values,
    pub(crate) effects: Vec<Effect>,
    pub(crate) exits: Vec<Exit>,
    /// The exit at the end
    pub(crate) last: Exit,
    pub(crate) end: End,
}

impl Block {
    /// How many of the instructions given are part of the block.
    pub fn instructions(&self) -> u32 {
        self.last.retired
    }

    /// Why it ends.
    pub fn end(&self) -> End {
        self.end
    }
}
