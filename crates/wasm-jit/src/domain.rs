//! The recording [`Domain`]: handlers run over it record values and effects instead of executing.

mod arithmetic;
mod building_blocks;
mod exits;
mod flags;
mod memory;
mod registers;
mod reuse;
mod segments;
mod vector;
mod x87;

use crate::block::{Access, Block, Effect, Exit, State, Terminator};
use crate::value::vector::Precision;
use crate::value::{Node, Value, Values};
use exits::Checkpoint;
use x86_decode::Instruction;
use x86_exec::vcpu::compiled::CodeMode;
use x86_exec::{ControlFlow, Domain, DomainTypes, Flow, Step, exec};
use x86_types::{Exception, Seg};

/// The current instruction cannot be recorded; the block ends before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRecorded;

pub(crate) struct Recorder {
    pub(crate) mode: CodeMode,
    pub(crate) values: Values,
    effects: Vec<Effect>,
    exits: Vec<Exit>,
    pub(crate) state: State,
    /// Where the interpreter resumes after a side exit
    checkpoint: Checkpoint,
    pub(crate) versions: u32,
    retired: u32,
    /// RIP of the region's entry when the region was selected; used for distances that wrap
    start: u64,
    /// Distance of the instruction being recorded, and of the next one, from the region's entry
    offset: i64,
    next_offset: i64,
    /// Terminator of this instruction
    term: Option<Terminator>,
    /// The address that this instruction's last load translated for writing
    opened: Option<Access>,
    /// The instruction has stored
    stored: bool,
    /// The instruction stored the address of the next one
    returns_to: Option<i64>,
    /// Conditions of earlier side exits, which are known to be false
    excluded: Vec<Value>,
    /// Floats, and vectors of floats of a format, that are neither NaNs nor denormal
    known_normal: Vec<(Option<Precision>, Value)>,
    /// What was recorded depends on [`CodeMode::float`]
    of_float_mode: bool,
    /// Exceptions of x87 instructions since the checkpoint, not checked yet
    unchecked: Option<Value>,
    /// The instruction cannot be recorded
    unsupported: bool,
}

impl Recorder {
    /// Records one instruction. Returns whether the block continues. If the instruction cannot be recorded, the state
    /// is as before.
    pub(crate) fn instruction(&mut self, insn: &Instruction) -> Result<bool, NotRecorded> {
        let (values, effects, exits) = (self.values.len(), self.effects.len(), self.exits.len());
        let (excluded, known_normal, unchecked) =
            (self.excluded.len(), self.known_normal.len(), self.unchecked);
        if std::mem::take(&mut self.stored) {
            let state = self.state.clone();
            self.checkpoint = Checkpoint { state, at: self.offset, retired: self.retired, exit: None };
        }
        let (before, exit) = (self.state.clone(), self.checkpoint.exit);
        self.opened = None;
        self.returns_to = None;
        self.next_offset = self.offset + i64::from(insn.len);
        let step = exec(self, insn);
        // A store cannot be repeated.
        self.unsupported |= self.stored && self.unchecked.is_some();
        if step.is_err() || self.unsupported {
            self.values.truncate(values);
            self.effects.truncate(effects);
            self.exits.truncate(exits);
            self.excluded.truncate(excluded);
            self.known_normal.truncate(known_normal);
            self.unchecked = unchecked;
            self.state = before;
            self.checkpoint.exit = exit;
            self.term = None;
            self.unsupported = false;
            return Err(NotRecorded);
        }
        self.retired += 1;
        self.offset = self.next_offset;
        Ok(step == Ok(Flow::Next))
    }

    /// Returns the distance of the next instruction from the region's entry.
    pub(crate) fn offset(&self) -> i64 {
        self.offset
    }

    /// Returns the block, whose terminator is that of its last instruction, or else `term`. The recorder is then ready
    /// for [`Recorder::begin`].
    pub(crate) fn finish(&mut self, term: Terminator) -> Block {
        self.exit_if_unmasked();
        Block {
            values: self.values.take(),
            effects: self.effects.as_slice().into(),
            exits: self.exits.as_slice().into(),
            state: self.state.clone(),
            term: self.end(term),
            returns_to: self.returns_to,
            retired: self.retired,
            of_float_mode: self.of_float_mode,
        }
    }

    /// Returns the terminator of the last instruction, or else `term`.
    pub(crate) fn end(&self, term: Terminator) -> Terminator {
        self.term.unwrap_or(term)
    }

    /// Returns where the last instruction, a call, will return to.
    pub(crate) fn returns_to(&self) -> Option<i64> {
        self.returns_to
    }
}

impl DomainTypes for Recorder {
    type V = Value;
    type X = Value;
    type Fault = NotRecorded;
}

impl Domain for Recorder {
    const BY_SHAPE: bool = false;

    fn concrete(&mut self, _: &Instruction) -> Step<Self> {
        Err(NotRecorded)
    }

    fn repeat(
        &mut self,
        _: &Instruction,
        _: fn(&mut Self, &Instruction) -> Result<(), NotRecorded>,
    ) -> Step<Self> {
        Err(NotRecorded)
    }
}

impl ControlFlow for Recorder {
    fn next_rip(&mut self) -> Value {
        self.rip(self.next_offset)
    }

    fn check_target(&mut self, target: Value) -> Result<(), NotRecorded> {
        self.exit_if_bad_target(target);
        Ok(())
    }

    fn jump(&mut self, target: Value) -> Result<(), NotRecorded> {
        self.check_target(target)?;
        let from_memory = matches!(self.values.node(target), Node::Effect(..));
        self.term = Some(match self.distance(target) {
            Some(distance) => Terminator::Jump(distance),
            None => Terminator::Indirect { target, from_memory },
        });
        Ok(())
    }

    fn branch(&mut self, c: Value, target: Value) -> Result<(), NotRecorded> {
        let taken = self.distance(target).ok_or(NotRecorded)?;
        self.term = Some(match self.values.constant(c) {
            Some(0) => Terminator::Jump(self.next_offset),
            Some(_) => Terminator::Jump(taken),
            None => Terminator::Branch { condition: c, taken, next: self.next_offset },
        });
        Ok(())
    }

    fn jump_to_paragraph(&mut self, selector: Value, offset: Value) -> Result<(), NotRecorded> {
        self.check_target(offset)?;
        self.load_paragraph(Seg::Cs, selector);
        self.term = Some(Terminator::Indirect { target: offset, from_memory: false });
        Ok(())
    }

    fn raise(&mut self, _: Exception) -> NotRecorded {
        NotRecorded
    }
}
