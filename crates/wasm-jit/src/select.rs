//! Region selection: which code becomes one function. A region starts at hot code and follows static control flow, as far as
//! the interpreter has executed it.

mod discover;
#[cfg(test)]
mod tests;

use crate::block::{Block, Terminator};
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use crate::graph;
use crate::region::{Edge, Node, Region, helper_effects};
use discover::{Run, discover};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use x86_decode::Instruction;
use x86_exec::RegisterEffects;
use x86_exec::vcpu::compiled::{CodeMode, REPLAY_LEN};

/// Most instructions of a region.
pub const MAX_INSTRUCTIONS: usize = 160;
/// Most instructions of a block.
const MAX_BLOCK: usize = 64;
/// Most return points within its region that a return is compared with.
const MAX_RETURNS: usize = 4;

/// Most device accesses of an instruction: two vectors, each in halves.
const MAX_ACCESSES: usize = 4;

const _: () = assert!(MAX_BLOCK * MAX_ACCESSES <= REPLAY_LEN);

/// A source of code. Distances are in bytes from the region's entry.
pub trait CodeSource {
    /// Returns the instruction there, if its bytes can be read now
    fn instruction(&self, distance: i64) -> Option<Instruction>;
    /// Whether the block there ran often enough to be worth translating, and is not better reached by a jump
    fn is_warm(&self, distance: i64) -> bool;
    /// Where an indirect jump or call at the end of the block there was seen to go, the most frequent first
    fn targets(&self, _distance: i64) -> Vec<i64> {
        Vec::new()
    }
    /// Offset of the region's entry within its page
    fn page_offset(&self) -> u64;
    /// RIP of the region's entry
    fn rip(&self) -> u64 {
        0
    }
}

/// Selects the region that begins at the source's entry. Returns `None` if its first instruction can only be interpreted.
pub fn select_region(source: &dyn CodeSource, mode: CodeMode) -> Option<Region> {
    let mut recorder = Recorder::new(mode, 0, EntryFlags::Any).starting_at(source.rip());
    let runs = discover(source, &mut recorder);
    let (nodes, helpers) =
        RegionBuilder { recorder, trial: None, source, mode, helpers: Vec::new() }.record_all(&runs);
    let mut region = Region { mode, nodes, helpers, page_offset: source.page_offset() };
    graph::prepare(&mut region);
    let first = region.nodes.first()?;
    (first.retired() > 0).then_some(region)
}

/// Records what was discovered.
struct RegionBuilder<'a> {
    recorder: Recorder,
    /// For instructions by themselves, once one is needed
    trial: Option<Recorder>,
    source: &'a dyn CodeSource,
    mode: CodeMode,
    helpers: Vec<Vec<Instruction>>,
}

impl RegionBuilder<'_> {
    fn record_all(mut self, runs: &[Run]) -> (Vec<Node>, Vec<Vec<Instruction>>) {
        let mut wanted: FxHashMap<i64, usize> = FxHashMap::default();
        for next in runs.iter().flat_map(|run| &run.next) {
            *wanted.entry(*next).or_default() += 1;
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(runs.len() + 1);
        let mut targets: Vec<(usize, &Vec<i64>)> = Vec::new();
        let mut number = FxHashMap::default();
        // For each run: the number of predecessors recorded, and their flags if all agree.
        let mut behind: FxHashMap<i64, (usize, EntryFlags)> = FxHashMap::default();
        for run in runs {
            let (mut at, mut rest) = (run.at, &run.insns[..]);
            let mut flags = match behind.get(&run.at) {
                // The flags are known if all predecessors are recorded and agree.
                Some(&(count, flags)) if run.at != 0 && Some(&count) == wanted.get(&run.at) => flags,
                _ => EntryFlags::Any,
            };
            // Helper calls split a run into several blocks.
            loop {
                let (block, end, used) = self.record(at, rest, flags);
                let called = match block.term {
                    Terminator::HelperCall { index, .. } => Some(helper_effects(&self.helpers, index)),
                    _ => None,
                };
                let left = match called {
                    Some(RegisterEffects { flags: true, .. }) => EntryFlags::Canonical,
                    _ => flags.behind(&block.state.flags),
                };
                let returns_to = block.returns_to;
                if matches!(block.term, Terminator::Indirect { .. }) {
                    targets.push((nodes.len(), &run.targets));
                }
                number.insert(at, nodes.len());
                nodes.push(Node { at, end, block: Box::new(block), edges: Vec::new() });
                rest = rest.get(used..).unwrap_or(&[]);
                if rest.is_empty() || called.is_none() {
                    for next in &run.next {
                        // At a return point the flags are those of the called code.
                        let known = if returns_to == Some(*next) { EntryFlags::Any } else { left };
                        let (count, flags) = behind.entry(*next).or_insert((0, known));
                        *count += 1;
                        if *flags != known {
                            *flags = EntryFlags::Any;
                        }
                    }
                    break;
                }
                (at, flags) = (end, left);
            }
        }
        for node in &mut nodes {
            let edge =
                |distance: i64| number.get(&distance).map_or(Edge::Exit(distance), |&n| Edge::Block(n));
            node.edges = match node.block.term {
                Terminator::Jump(to) => vec![edge(to)],
                Terminator::Branch { taken, next, .. } => vec![edge(taken), edge(next)],
                Terminator::HelperCall { at, len, .. } => vec![edge(at + i64::from(len))],
                Terminator::Indirect { .. } | Terminator::Dispatch => Vec::new(),
            };
        }
        for (n, seen) in targets {
            nodes[n].edges = seen.iter().filter_map(|at| number.get(at)).map(|&n| Edge::Block(n)).collect();
        }
        returns(&mut nodes, &number);
        (nodes, self.helpers)
    }

    /// Returns whether an instruction can be recorded, independently of those before it.
    fn is_recorded(&mut self, insn: &Instruction) -> bool {
        let (mode, start) = (self.mode, self.source.rip());
        let trial =
            self.trial.get_or_insert_with(|| Recorder::new(mode, 0, EntryFlags::Any).starting_at(start));
        trial.begin(0, EntryFlags::Any);
        trial.instruction(insn).is_ok()
    }

    /// Records a run up to what cannot be recorded. Gives the block, the distance behind it and how many instructions it
    /// stands for.
    fn record(&mut self, at: i64, insns: &[Instruction], flags: EntryFlags) -> (Block, i64, usize) {
        self.recorder.begin(at, flags);
        for (n, insn) in insns.iter().enumerate() {
            if self.recorder.instruction(insn).is_err() {
                let (at, index) = (self.recorder.offset(), self.helpers.len() as u32);
                let others = insns[n + 1..].iter().take_while(|insn| !self.is_recorded(insn)).copied();
                let helpers: Vec<Instruction> = [*insn].into_iter().chain(others).collect();
                let (len, count) =
                    (helpers.iter().map(|insn| u32::from(insn.len)).sum(), helpers.len() as u32);
                self.helpers.push(helpers);
                let term = Terminator::HelperCall { at, len, index, count };
                return (self.recorder.finish(term), at + i64::from(len), n + count as usize);
            }
        }
        let end = self.recorder.offset();
        (self.recorder.finish(Terminator::Jump(end)), end, insns.len())
    }
}

/// Adds edges from returns to the return points of the region's calls.
///
/// A function of the region is what is reached from a call's target without following calls or returns.
fn returns(nodes: &mut [Node], number: &FxHashMap<i64, usize>) {
    let mut callers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in nodes.iter() {
        let Some(back) = node.block.returns_to.and_then(|back| number.get(&back)) else { continue };
        for callee in node.edges.iter().filter_map(|edge| edge.next()) {
            callers.entry(callee).or_default().push(*back);
        }
    }
    for (callee, backs) in callers {
        let (mut seen, mut waiting) = (BTreeSet::from([callee]), vec![callee]);
        while let Some(n) = waiting.pop() {
            let node = &nodes[n];
            let mut next = Vec::new();
            match (node.block.returns_to, node.block.term) {
                (Some(back), _) => next.extend(number.get(&back)),
                (None, Terminator::Indirect { from_memory: true, .. }) => {
                    for &back in &backs {
                        if nodes[n].edges.len() < MAX_RETURNS && !nodes[n].edges.contains(&Edge::Block(back))
                        {
                            nodes[n].edges.push(Edge::Block(back));
                        }
                    }
                }
                _ => next.extend(node.edges.iter().filter_map(|edge| edge.next())),
            }
            waiting.extend(next.into_iter().filter(|&n| seen.insert(n)));
        }
    }
}
