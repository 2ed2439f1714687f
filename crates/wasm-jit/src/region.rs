//! Which code becomes one function: from a hot place along static control flow, as far as the interpreter has been.

#[cfg(test)]
mod tests;

use crate::block::{Block, Term};
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use crate::value::vector::VectorNode;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use x86_decode::{InsnFlags, Instruction};
use x86_exec::Reach;
use x86_exec::vcpu::compiled::{CodeMode, REPLAY_LEN};
use x86_paging::Tlb;
use x86_types::{CodeSize, PAGE_SIZE, Width};

/// Instructions of a region at most.
pub const MAX_INSTRUCTIONS: usize = 160;
/// Blocks of a region at most.
const MAX_BLOCKS: usize = 48;
/// Instructions of a block at most.
const MAX_BLOCK: usize = 64;
/// Places that a return may go to within its region at most.
const MAX_RETURNS: usize = 4;

/// Device accesses of an instruction at most, two vectors in halves.
const MAX_ACCESSES: usize = 4;

const _: () = assert!(MAX_BLOCK * MAX_ACCESSES <= REPLAY_LEN);

/// Where code is read from. Distances are in bytes from the region's entry.
pub trait CodeSource {
    /// The instruction there, if its bytes can be had now
    fn instruction(&self, distance: i64) -> Option<Instruction>;
    /// Whether the block there ran often enough to be worth translating
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

/// Where an edge leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// To a block of the region, by number
    Block(usize),
    /// To a block as well, by way of a dispatcher, which goes on there
    Through { dispatcher: usize, to: usize },
    /// Out, to this distance
    Exit(i64),
}

impl Edge {
    /// The node that comes next, if any does.
    pub(crate) fn next(self) -> Option<usize> {
        match self {
            Edge::Block(n) | Edge::Through { dispatcher: n, .. } => Some(n),
            Edge::Exit(_) => None,
        }
    }

    /// The block that it leads to in the end.
    pub(crate) fn block(self) -> Option<usize> {
        match self {
            Edge::Block(n) | Edge::Through { to: n, .. } => Some(n),
            Edge::Exit(_) => None,
        }
    }
}

/// A block in its place; or a dispatcher, which has none.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Distance of the first instruction
    pub(crate) at: i64,
    /// Distance behind the last
    pub(crate) end: i64,
    pub(crate) block: Block,
    /// Where `Goto`, `Step`, or `Branch` (taken, then not taken) go; or the candidates of an indirect jump or of a dispatcher
    pub(crate) edges: Vec<Edge>,
}

/// Code that becomes one function.
#[derive(Clone, Debug)]
pub struct Region {
    pub(crate) mode: CodeMode,
    pub(crate) nodes: Vec<Node>,
    /// Instructions that the processor executes in passing, those together that follow each other
    pub(crate) steps: Vec<Vec<Instruction>>,
    pub(crate) page_offset: u64,
}

impl Region {
    /// Instructions translated, steps included.
    pub fn instructions(&self) -> u32 {
        self.nodes.iter().map(Node::retired).sum()
    }

    /// Where in the TLB the bank begins that its mode looks into.
    pub(crate) fn bank_offset(&self) -> u64 {
        u64::from(self.mode.bank) * Tlb::BANK_BYTES as u64
    }

    /// Blocks of the region.
    pub fn blocks(&self) -> usize {
        self.ranges().count()
    }

    /// Bytes that the region stands for, as distances from its entry: start and end of each block.
    pub fn ranges(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let blocks = self.nodes.iter().filter(|node| node.block.term != Term::Choose);
        blocks.map(|node| (node.at, node.end))
    }

    /// The distance that an edge leads to, in the end.
    pub(crate) fn goal(&self, edge: Edge) -> i64 {
        match edge {
            Edge::Block(to) | Edge::Through { to, .. } => self.nodes[to].at,
            Edge::Exit(at) => at,
        }
    }

    /// Whether x87 instructions of the region compute.
    pub(crate) fn computes_f80(&self) -> bool {
        let computes = |node| matches!(node, crate::value::Node::Vector(VectorNode::F80(..)));
        self.nodes.iter().any(|node| node.block.values.iter().any(|(_, node)| computes(node)))
    }

    /// Whether the code is another one where floating-point operations round or tell exceptions in another way.
    pub fn depends_on_float_mode(&self) -> bool {
        self.nodes.iter().any(|node| node.block.of_float_mode)
    }

    /// Instructions that [`x86_exec::Vcpu::compiled_step`] will be asked to execute, by number.
    pub fn steps(&self) -> &[Vec<Instruction>] {
        &self.steps
    }

    /// What the step with this number can reach.
    pub(crate) fn reach(&self, step: u32) -> Reach {
        reach(&self.steps, step)
    }

    /// Which page, counted from the entry's, a distance lies in.
    pub(crate) fn page(&self, distance: i64) -> i64 {
        page(self.page_offset, distance)
    }
}

fn reach(steps: &[Vec<Instruction>], step: u32) -> Reach {
    let insns = steps.get(step as usize).into_iter().flatten();
    insns.map(Reach::of).reduce(Reach::union).unwrap_or(Reach::ALL)
}

fn page(offset: u64, distance: i64) -> i64 {
    (offset as i64 + distance).div_euclid(PAGE_SIZE as i64)
}

impl Node {
    /// Instructions, steps at the end included.
    pub(crate) fn retired(&self) -> u32 {
        let stepped = if let Term::Step { count, .. } = self.block.term { count } else { 0 };
        self.block.retired + stepped
    }
}

/// Instructions that follow each other.
struct Run {
    insns: Vec<Instruction>,
    /// Distances it may go on to, as far as the encoding tells or it was seen
    next: Vec<i64>,
    /// Those among them that an indirect jump at its end was seen to go to
    targets: Vec<i64>,
}

struct Former<'a> {
    source: &'a dyn CodeSource,
    mode: CodeMode,
    steps: Vec<Vec<Instruction>>,
    /// What was read, by distance
    decoded: FxHashMap<i64, Option<Instruction>>,
    /// Where the last instructions of blocks go on, by distance
    ends: FxHashMap<i64, (Vec<i64>, bool)>,
}

/// Forms the region that begins at the source's entry; `None` where its first instruction can only be interpreted.
pub fn form(source: &dyn CodeSource, mode: CodeMode) -> Option<Region> {
    let former =
        Former { source, mode, steps: Vec::new(), decoded: FxHashMap::default(), ends: FxHashMap::default() };
    let (nodes, steps) = former.region()?;
    if nodes.is_empty() {
        return None;
    }
    let mut region = Region { mode, nodes, steps, page_offset: source.page_offset() };
    crate::graph::prepare(&mut region);
    let first = region.nodes.first()?;
    (first.retired() > 0).then_some(region)
}

impl Former<'_> {
    fn region(mut self) -> Option<(Vec<Node>, Vec<Vec<Instruction>>)> {
        let runs = self.discover();
        let order = order(&runs);
        let mut wanted: FxHashMap<i64, usize> = FxHashMap::default();
        for next in runs.values().flat_map(|run| &run.next) {
            *wanted.entry(*next).or_default() += 1;
        }
        let mut nodes: Vec<Node> = Vec::new();
        let mut targets: Vec<(usize, &Vec<i64>)> = Vec::new();
        let mut number = BTreeMap::new();
        let mut behind: FxHashMap<i64, Vec<EntryFlags>> = FxHashMap::default();
        for &start in &order {
            let run = runs.get(&start)?;
            let (mut at, mut rest) = (start, &run.insns[..]);
            let mut flags = match behind.get(&start).map(Vec::as_slice) {
                // Known where all predecessors agree, and none comes later.
                Some([first, others @ ..])
                    if start != 0
                        && Some(&(others.len() + 1)) == wanted.get(&start)
                        && others.iter().all(|other| other == first) =>
                {
                    *first
                }
                _ => EntryFlags::Any,
            };
            // A run with instructions that the processor executes in passing becomes several blocks.
            loop {
                let (block, end, used) = self.record(at, rest, flags);
                let stepped = match block.term {
                    Term::Step { index, .. } => Some(reach(&self.steps, index)),
                    _ => None,
                };
                let left = match stepped {
                    Some(Reach { flags: true, .. }) => EntryFlags::Canonical,
                    _ => flags.behind(&block.state.flags),
                };
                let returns_to = block.returns_to;
                if matches!(block.term, Term::Indirect { .. }) {
                    targets.push((nodes.len(), &run.targets));
                }
                number.insert(at, nodes.len());
                nodes.push(Node { at, end, block, edges: Vec::new() });
                rest = rest.get(used..).unwrap_or(&[]);
                if rest.is_empty() || stepped.is_none() {
                    for next in &run.next {
                        // Where a call returns to, the flags are those that the called code leaves.
                        let known = if returns_to == Some(*next) { EntryFlags::Any } else { left };
                        behind.entry(*next).or_default().push(known);
                    }
                    break;
                }
                (at, flags) = (end, left);
            }
        }
        for node in &mut nodes {
            let edge =
                |distance: i64| number.get(&distance).map_or(Edge::Exit(distance), |&n| Edge::Block(n));
            let edges = match node.block.term {
                Term::Goto(to) => vec![edge(to)],
                Term::Branch { taken, next, .. } => vec![edge(taken), edge(next)],
                Term::Step { at, len, .. } => vec![edge(at + i64::from(len))],
                Term::Indirect { .. } | Term::Choose => Vec::new(),
            };
            node.edges = edges;
        }
        for (n, seen) in targets {
            nodes[n].edges = seen.iter().filter_map(|at| number.get(at)).map(|&n| Edge::Block(n)).collect();
        }
        returns(&mut nodes, &number);
        Some((nodes, self.steps))
    }

    /// The instruction at a distance, read once.
    fn instruction(&mut self, at: i64) -> Option<Instruction> {
        let source = self.source;
        *self.decoded.entry(at).or_insert_with(|| source.instruction(at))
    }

    /// Reads code from the entry on.
    fn discover(&mut self) -> BTreeMap<i64, Run> {
        let mut leaders = BTreeSet::from([0]);
        let mut waiting = std::collections::VecDeque::from([0]);
        let (mut total, mut returns_to_entry) = (0, false);
        let mut starts = Vec::new();
        while let Some(at) = waiting.pop_front() {
            if total >= MAX_INSTRUCTIONS || starts.len() >= MAX_BLOCKS {
                break;
            }
            let run = self.run(at, &|_| false);
            total += run.insns.len();
            starts.push(at);
            returns_to_entry |= run.next.contains(&0);
            for next in run.next {
                if !leaders.contains(&next) && self.source.is_warm(next) {
                    leaders.insert(next);
                    waiting.push_back(next);
                }
            }
        }
        // Once all leaders are known, blocks end where the next one begins. An entry in the midst of a block is none: where
        // the interpreter was interrupted, say. What the block computes would have to be known there whoever comes.
        let mut kept: BTreeSet<i64> = starts.iter().copied().collect();
        if !returns_to_entry {
            kept.remove(&0);
        }
        let mut runs = BTreeMap::new();
        for at in starts {
            let run = self.run(at, &|distance| kept.contains(&distance));
            if !run.insns.is_empty() {
                runs.insert(at, run);
            }
        }
        runs
    }

    /// Instructions from `at` to the end of their block, and where they may go on.
    fn run(&mut self, at: i64, leads: &dyn Fn(i64) -> bool) -> Run {
        let offset = self.source.page_offset();
        let (mut insns, mut here): (Vec<Instruction>, i64) = (Vec::new(), at);
        loop {
            let straight = |insns, here| Run { insns, next: vec![here], targets: Vec::new() };
            if !insns.is_empty()
                && (leads(here) || insns.len() >= MAX_BLOCK || page(offset, here) != page(offset, at))
            {
                return straight(insns, here);
            }
            let Some(insn) = self.instruction(here) else { return straight(insns, here) };
            let next = here + i64::from(insn.len);
            // An instruction in two pages is a block of its own.
            let spans = page(offset, next - 1) != page(offset, here);
            if spans && !insns.is_empty() {
                return straight(insns, here);
            }
            insns.push(insn);
            if insn.flags.contains(InsnFlags::ENDS_BLOCK) {
                let (mut next, is_indirect) = self.successors(here, &insn);
                let targets = if is_indirect { self.source.targets(at) } else { Vec::new() };
                next.extend(targets.iter().filter(|to| !next.contains(to)).copied().collect::<Vec<_>>());
                return Run { insns, next, targets };
            }
            here = next;
            if spans {
                return straight(insns, here);
            }
        }
    }

    /// Where the last instruction of a block may go on, as far as it tells, and whether it may go elsewhere.
    fn successors(&mut self, at: i64, insn: &Instruction) -> (Vec<i64>, bool) {
        if let Some(known) = self.ends.get(&at) {
            return known.clone();
        }
        let found = self.ends_at(at, insn);
        self.ends.insert(at, found.clone());
        found
    }

    fn ends_at(&self, at: i64, insn: &Instruction) -> (Vec<i64>, bool) {
        let behind = at + i64::from(insn.len);
        let mut recorder = self.recorder(at, EntryFlags::Any);
        if recorder.instruction(insn).is_err() {
            return (vec![behind], false);
        }
        let block = recorder.finish(Term::Goto(behind));
        let mut next: Vec<i64> = block.returns_to.into_iter().collect();
        match block.term {
            Term::Goto(to) => next.push(to),
            Term::Branch { taken, next: behind, .. } => next.extend([behind, taken]),
            Term::Indirect { .. } => {}
            Term::Step { .. } | Term::Choose => next.push(behind),
        }
        next.dedup();
        (next, matches!(block.term, Term::Indirect { .. }))
    }

    fn recorder(&self, at: i64, flags: EntryFlags) -> Recorder {
        Recorder::new(self.mode, at, flags).starting_at(self.source.rip())
    }

    /// Whether an instruction can be recorded, as far as that does not depend on those before it.
    fn is_recorded(&self, insn: &Instruction) -> bool {
        self.recorder(0, EntryFlags::Any).instruction(insn).is_ok()
    }

    /// Records a run up to what cannot be recorded. Gives the block, the distance behind it and how many instructions it
    /// stands for.
    fn record(&mut self, at: i64, insns: &[Instruction], flags: EntryFlags) -> (Block, i64, usize) {
        let mut recorder = self.recorder(at, flags);
        for (n, insn) in insns.iter().enumerate() {
            if recorder.instruction(insn).is_err() {
                let (at, index) = (recorder.offset(), self.steps.len() as u32);
                let others = insns[n + 1..].iter().take_while(|insn| !self.is_recorded(insn)).copied();
                let steps: Vec<Instruction> = [*insn].into_iter().chain(others).collect();
                let (len, count) = (steps.iter().map(|insn| u32::from(insn.len)).sum(), steps.len() as u32);
                self.steps.push(steps);
                let term = Term::Step { at, len, index, count };
                return (recorder.finish(term), at + i64::from(len), n + count as usize);
            }
        }
        let end = recorder.offset();
        (recorder.finish(Term::Goto(end)), end, insns.len())
    }
}

/// Blocks in an order in which most come behind their predecessors: reverse postorder.
fn order(runs: &BTreeMap<i64, Run>) -> Vec<i64> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::from([0]);
    let mut stack = vec![(0_i64, 0_usize)];
    while let Some(top) = stack.last_mut() {
        let next = runs.get(&top.0).and_then(|run| run.next.get(top.1).copied());
        match next {
            Some(next) => {
                top.1 += 1;
                if runs.contains_key(&next) && seen.insert(next) {
                    stack.push((next, 0));
                }
            }
            None => {
                order.push(top.0);
                stack.pop();
            }
        }
    }
    order.reverse();
    order.retain(|at| runs.contains_key(at));
    order
}

/// Gives returns the places that calls of the region expect them at.
///
/// A function of the region is what is reached from a call's target without following calls or returns.
fn returns(nodes: &mut [Node], number: &BTreeMap<i64, usize>) {
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
                (None, Term::Indirect { from_memory: true, .. }) => {
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

/// Cuts a distance to what the code's addresses can express.
pub(crate) fn rip_mask(size: CodeSize) -> u64 {
    if size == CodeSize::Bits64 { u64::MAX } else { Width::B4.mask() }
}
