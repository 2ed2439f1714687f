//! Discovery: the instructions that static control flow reaches from a region's entry.

use super::{CodeSource, MAX_BLOCK, MAX_INSTRUCTIONS};
use crate::block::Terminator;
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use crate::region::page;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use x86_decode::{InsnFlags, Instruction};

/// Most blocks of a region.
const MAX_BLOCKS: usize = 48;

/// A run of consecutive instructions.
pub(super) struct Run {
    /// Distance of the first
    pub(super) at: i64,
    pub(super) insns: Vec<Instruction>,
    /// Distances of its successors, from the encoding or from the target profile
    pub(super) next: Vec<i64>,
    /// Those among them that an indirect jump at its end was seen to go to
    pub(super) targets: Vec<i64>,
}

impl Run {
    /// Truncates the run before the next of `leaders`.
    fn cut(&mut self, leaders: &FxHashSet<i64>) {
        let mut here = self.at;
        for n in 0..self.insns.len() {
            if n > 0 && leaders.contains(&here) {
                self.insns.truncate(n);
                self.next = vec![here];
                self.targets.clear();
                return;
            }
            here += i64::from(self.insns[n].len);
        }
    }
}

/// Reads code from the entry on. Returns runs in an order in which most follow their predecessors.
pub(super) fn discover(source: &dyn CodeSource, recorder: &mut Recorder) -> Vec<Run> {
    let mut leaders = FxHashSet::from_iter([0]);
    let mut waiting = VecDeque::from([0]);
    let (mut total, mut returns_to_entry) = (0, false);
    let mut runs: Vec<Run> = Vec::new();
    while let Some(at) = waiting.pop_front() {
        if total >= MAX_INSTRUCTIONS || runs.len() >= MAX_BLOCKS {
            break;
        }
        let run = run(source, recorder, at);
        total += run.insns.len();
        returns_to_entry |= run.next.contains(&0);
        for &next in &run.next {
            if !leaders.contains(&next) && source.is_warm(next) {
                leaders.insert(next);
                waiting.push_back(next);
            }
        }
        runs.push(run);
    }
    // Once all leaders are known, blocks end where the next one begins. The region's entry is no
    // leader if no edge leads to it and it lies inside a block, as where the interpreter was interrupted: the values that the
    // block computes before it would have to go through locals there.
    let mut kept: FxHashSet<i64> = runs.iter().map(|run| run.at).collect();
    if !returns_to_entry {
        kept.remove(&0);
    }
    runs.iter_mut().for_each(|run| run.cut(&kept));
    runs.retain(|run| !run.insns.is_empty());
    in_order(runs)
}

/// Instructions from `at` to the end of their block, and where they may go on.
fn run(source: &dyn CodeSource, recorder: &mut Recorder, at: i64) -> Run {
    let offset = source.page_offset();
    let (mut insns, mut here): (Vec<Instruction>, i64) = (Vec::new(), at);
    loop {
        if !insns.is_empty() && (insns.len() >= MAX_BLOCK || page(offset, here) != page(offset, at)) {
            break;
        }
        let Some(insn) = source.instruction(here) else { break };
        let next = here + i64::from(insn.len);
        // An instruction that crosses a page boundary is a block of its own.
        let spans = page(offset, next - 1) != page(offset, here);
        if spans && !insns.is_empty() {
            break;
        }
        insns.push(insn);
        if insn.flags.contains(InsnFlags::ENDS_BLOCK) {
            let (mut next, is_indirect) = successors(recorder, here, &insn);
            let targets = if is_indirect { source.targets(at) } else { Vec::new() };
            for to in &targets {
                if !next.contains(to) {
                    next.push(*to);
                }
            }
            return Run { at, insns, next, targets };
        }
        here = next;
        if spans {
            break;
        }
    }
    Run { at, insns, next: vec![here], targets: Vec::new() }
}

/// Returns the successors that the last instruction of a block encodes, and whether it has others.
fn successors(recorder: &mut Recorder, at: i64, insn: &Instruction) -> (Vec<i64>, bool) {
    let behind = at + i64::from(insn.len);
    recorder.begin(at, EntryFlags::Any);
    if recorder.instruction(insn).is_err() {
        return (vec![behind], false);
    }
    let mut next: Vec<i64> = recorder.returns_to().into_iter().collect();
    let term = recorder.end(Terminator::Jump(behind));
    match term {
        Terminator::Jump(to) => next.push(to),
        Terminator::Branch { taken, next: behind, .. } => next.extend([behind, taken]),
        Terminator::Indirect { .. } => {}
        Terminator::HelperCall { .. } | Terminator::Dispatch => next.push(behind),
    }
    next.dedup();
    (next, matches!(term, Terminator::Indirect { .. }))
}

/// Runs that the entry reaches, in reverse postorder.
fn in_order(runs: Vec<Run>) -> Vec<Run> {
    let number: FxHashMap<i64, usize> = runs.iter().enumerate().map(|(n, run)| (run.at, n)).collect();
    let Some(&first) = number.get(&0) else { return Vec::new() };
    let mut seen = vec![false; runs.len()];
    seen[first] = true;
    let mut order = Vec::with_capacity(runs.len());
    let mut stack = vec![(first, 0)];
    while let Some(top) = stack.last_mut() {
        let (n, next) = (top.0, runs[top.0].next.get(top.1));
        top.1 += 1;
        match next {
            Some(next) => {
                if let Some(&next) = number.get(next)
                    && !std::mem::replace(&mut seen[next], true)
                {
                    stack.push((next, 0));
                }
            }
            None => {
                order.push(n);
                stack.pop();
            }
        }
    }
    let mut runs: Vec<Option<Run>> = runs.into_iter().map(Some).collect();
    order.iter().rev().filter_map(|&n| runs[n].take()).collect()
}
