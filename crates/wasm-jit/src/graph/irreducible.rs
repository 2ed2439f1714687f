//! Irreducible loops: each gets a dispatcher as its head.
//!
//! In a loop with one entry, every iteration passes that entry. In a loop with several entries no node is passed by all
//! iterations. So a node without code is added, the dispatcher. All edges into the loop and all back edges to its entries are
//! redirected to it, and each selects the entry to which the dispatcher continues. The dispatcher dominates the loop, since
//! there is no other edge into it. No other node loses a dominator, since each entry was reachable from outside before without
//! passing another node of the loop.

use super::{dominates, successors};
use crate::block::Terminator;
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use crate::region::{Edge, Node, Region};

/// Returns the first target of a back edge that does not dominate its source.
pub(super) fn find_side_entry(nodes: &[Node], idom: &[usize]) -> Option<usize> {
    let back = |(n, node)| successors(node).map(move |to| (n, to));
    let bad = nodes.iter().enumerate().flat_map(back).filter(|&(n, to)| is_irreducible(idom, n, to));
    bad.map(|(_, to)| to).min()
}

/// Returns whether the target of a back edge does not dominate its source.
fn is_irreducible(idom: &[usize], from: usize, to: usize) -> bool {
    to <= from && !dominates(idom, to, from)
}

/// Adds a dispatcher for the loop around a node that [`find_side_entry`] found. Nodes are out of order then.
///
/// Repetition terminates: the first node of a loop in order is an entry, each other entry reaches it by an irreducible back
/// edge, and an edge that was redirected to a dispatcher is never redirected again.
pub(super) fn add_dispatcher(region: &mut Region, idom: &[usize], node: usize) {
    let inside = enclosing_loop(&region.nodes, idom, node);
    let mut is_entry = vec![false; region.nodes.len()];
    for (_, from) in region.nodes.iter().enumerate().filter(|&(n, _)| !inside[n]) {
        successors(from).filter(|&to| inside[to]).for_each(|to| is_entry[to] = true);
    }
    let dispatcher = region.nodes.len();
    for (n, from) in region.nodes.iter_mut().enumerate() {
        for edge in &mut from.edges {
            if let Edge::Block(to) = *edge
                && is_entry[to]
                && (!inside[n] || is_irreducible(idom, n, to))
            {
                *edge = Edge::Dispatched { dispatcher, to };
            }
        }
    }
    let at = region.nodes[node].at;
    let block = Recorder::new(region.mode, at, EntryFlags::Any).finish(Terminator::Dispatch);
    let edges = (0..dispatcher).filter(|&n| is_entry[n]).map(Edge::Block).collect();
    region.nodes.push(Node { at, end: at, block: Box::new(block), edges });
}

/// Returns the nodes of the loop around a node: those that reach it, and that it reaches, by paths among the nodes that
/// its immediate dominator dominates. All entries of the loop have that dominator.
fn enclosing_loop(nodes: &[Node], idom: &[usize], node: usize) -> Vec<bool> {
    let top = idom[node];
    let within: Vec<bool> = (0..nodes.len()).map(|n| n != top && dominates(idom, top, n)).collect();
    let mut before = vec![Vec::new(); nodes.len()];
    for (n, from) in nodes.iter().enumerate() {
        successors(from).for_each(|to| before[to].push(n));
    }
    let behind = reached(&within, node, |n| successors(&nodes[n]).collect());
    let ahead = reached(&within, node, |n| std::mem::take(&mut before[n]));
    behind.into_iter().zip(ahead).map(|(a, b)| a && b).collect()
}

/// Returns the nodes reachable by paths within a set of nodes.
fn reached(within: &[bool], from: usize, mut next: impl FnMut(usize) -> Vec<usize>) -> Vec<bool> {
    let mut seen = vec![false; within.len()];
    seen[from] = true;
    let mut waiting = vec![from];
    while let Some(n) = waiting.pop() {
        for to in next(n) {
            if within[to] && !std::mem::replace(&mut seen[to], true) {
                waiting.push(to);
            }
        }
    }
    seen
}
