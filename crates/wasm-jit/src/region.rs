//! A region: the code that becomes one function, as a graph of blocks.

use crate::block::{Block, Terminator};
use crate::value::vector::VectorNode;
use x86_decode::Instruction;
use x86_exec::RegisterEffects;
use x86_exec::vcpu::compiled::CodeMode;
use x86_paging::Tlb;
use x86_types::{CodeSize, PAGE_SIZE, Width};

/// An edge of the region's graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// To a block of the region, by number
    Block(usize),
    /// To a block through a dispatcher
    Dispatched { dispatcher: usize, to: usize },
    /// Out, to this distance
    Exit(i64),
}

impl Edge {
    /// Returns the next node, which may be a dispatcher; `None` for an exit.
    pub(crate) fn next(self) -> Option<usize> {
        match self {
            Edge::Block(n) | Edge::Dispatched { dispatcher: n, .. } => Some(n),
            Edge::Exit(_) => None,
        }
    }

    /// Returns the block at its end, behind a dispatcher.
    pub(crate) fn block(self) -> Option<usize> {
        match self {
            Edge::Block(n) | Edge::Dispatched { to: n, .. } => Some(n),
            Edge::Exit(_) => None,
        }
    }
}

/// A node: a block of code, or a dispatcher without code.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Distance of the first instruction
    pub(crate) at: i64,
    /// Distance behind the last
    pub(crate) end: i64,
    pub(crate) block: Box<Block>,
    /// Where `Goto`, `Step`, or `Branch` (taken, then not taken) go; or the candidates of an indirect jump or of a dispatcher
    pub(crate) edges: Vec<Edge>,
}

/// Code that becomes one function.
#[derive(Clone, Debug)]
pub struct Region {
    pub(crate) mode: CodeMode,
    pub(crate) nodes: Vec<Node>,
    /// Instructions of helper calls; adjacent ones share a call
    pub(crate) helpers: Vec<Vec<Instruction>>,
    pub(crate) page_offset: u64,
}

impl Region {
    /// Instructions translated, helpers included.
    pub fn instructions(&self) -> u32 {
        self.nodes.iter().map(Node::retired).sum()
    }

    /// Returns the offset of its mode's bank in the TLB.
    pub(crate) fn bank_offset(&self) -> u64 {
        u64::from(self.mode.bank) * Tlb::BANK_BYTES as u64
    }

    /// Blocks of the region.
    pub fn blocks(&self) -> usize {
        self.ranges().count()
    }

    /// Bytes that the region stands for, as distances from its entry: start and end of each block.
    pub fn ranges(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let blocks = self.nodes.iter().filter(|node| node.block.term != Terminator::Dispatch);
        blocks.map(|node| (node.at, node.end))
    }

    /// Returns the distance of an edge's target.
    pub(crate) fn goal(&self, edge: Edge) -> i64 {
        match edge {
            Edge::Block(to) | Edge::Dispatched { to, .. } => self.nodes[to].at,
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

    /// Instructions that [`x86_exec::Vcpu::compiled_helper_call`] will be asked to execute, by number.
    pub fn helper_calls(&self) -> &[Vec<Instruction>] {
        &self.helpers
    }

    /// Returns the register effects of the helper call with this number.
    pub(crate) fn effects(&self, helper: u32) -> RegisterEffects {
        helper_effects(&self.helpers, helper)
    }

    /// Returns the page of a distance, counted from the entry's page.
    pub(crate) fn page(&self, distance: i64) -> i64 {
        page(self.page_offset, distance)
    }
}

pub(crate) fn helper_effects(helpers: &[Vec<Instruction>], helper: u32) -> RegisterEffects {
    let insns = helpers.get(helper as usize).into_iter().flatten();
    insns.map(RegisterEffects::of).reduce(RegisterEffects::union).unwrap_or(RegisterEffects::ALL)
}

pub(crate) fn page(offset: u64, distance: i64) -> i64 {
    (offset as i64 + distance).div_euclid(PAGE_SIZE as i64)
}

impl Node {
    /// Instructions, helpers at the end included.
    pub(crate) fn retired(&self) -> u32 {
        let called = if let Terminator::HelperCall { count, .. } = self.block.term { count } else { 0 };
        self.block.retired + called
    }
}

/// Truncates a distance to the code's address size.
pub(crate) fn rip_mask(size: CodeSize) -> u64 {
    if size == CodeSize::Bits64 { u64::MAX } else { Width::B4.mask() }
}
