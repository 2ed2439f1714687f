//! Side exits of the code being recorded, and the checkpoint at which the interpreter resumes.

use super::Recorder;
use crate::block::{Action, Exit, State};
use crate::value::{Entry, Op2, Value};
use x86_exec::vcpu::compiled::Segments;
use x86_types::CodeSize;

/// A checkpoint: the start of the block, or the point after its last store. The interpreter can repeat everything since
/// then: only loads, which return the same values.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) state: State,
    pub(super) at: i64,
    pub(super) retired: u32,
    /// The exit that resumes here, if there is one
    pub(super) exit: Option<u32>,
}

impl Recorder {
    /// Returns the exit by which the interpreter executes this instruction, from the checkpoint on. The instruction may not have
    /// stored yet, since the interpreter could read what it stored.
    pub(super) fn exit_before(&mut self) -> u32 {
        self.unsupported |= self.stored;
        if let Some(exit) = self.checkpoint.exit {
            return exit;
        }
        let Checkpoint { ref state, at, retired, .. } = self.checkpoint;
        self.exits.push(Exit { state: state.clone(), at, retired });
        let exit = self.exits.len() as u32 - 1;
        self.checkpoint.exit = Some(exit);
        exit
    }

    /// Exits to the interpreter before this instruction if `condition` is not 0.
    pub(crate) fn exit_if(&mut self, condition: Value) {
        if self.values.constant(condition) == Some(0) || self.excluded.contains(&condition) {
            return;
        }
        self.excluded.push(condition);
        let exit = self.exit_before();
        self.act(Action::ExitIf { condition, exit });
    }

    /// Exits if RIP may not become `target`. Targets within the region are covered by the check at the region's entry;
    /// in flat 32-bit code the limit of CS is part of the mode. With 57-bit linear addresses, targets beyond 48 bits
    /// exit.
    ///
    /// SPEC: intel-sdm-vol2 :: RET—Return From Procedure -> outside 64-bit mode #GP(0) if the offset is beyond the limit of CS; likewise JMP and CALL
    /// SPEC: intel-sdm-vol1 :: 3.3.7.1 Canonical Addressing -> bits 63:47 of a target have to be equal; if not, the instruction is left to the interpreter
    pub(super) fn exit_if_bad_target(&mut self, target: Value) {
        if self.distance(target).is_some() {
            return;
        }
        if self.mode.segments != Segments::Flat {
            let end = self.values.entry(Entry::CodeEnd);
            let bad = self.values.two(Op2::LeU, end, target);
            return self.exit_if(bad);
        }
        if self.mode.code_size != CodeSize::Bits64 {
            return;
        }
        let up = self.values.imm(16);
        let shifted = self.values.two(Op2::Shl, target, up);
        let back = self.values.two(Op2::ShrS, shifted, up);
        let bad = self.values.two(Op2::Ne, back, target);
        self.exit_if(bad);
    }
}
