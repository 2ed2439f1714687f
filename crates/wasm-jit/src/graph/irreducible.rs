//! Loops with several entries, each of which gets a dispatcher for its head.
//!
//! Where a loop has one entry, all that goes around it passes there. Where it has several, none of its nodes is passed by
//! all. So a node is added, which stands for no code: what comes into the loop from outside goes there first, and so does
//! what goes back to an entry. On the way it is decided where the dispatcher goes on. It dominates the loop, since no
//! other way leads in; and no node is dominated by less than before, since every entry could be reached from outside
//! already without passing any other node of the loop.

use super::{dominates, successors};
use crate::block::Terminator;
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use crate::region::{Edge, Node, Region};

/// The first node that an edge goes back to from a node it does not dominate.
pub(super) fn find_side_entry(nodes: &[Node], idom: &[usize]) -> Option<usize> {
    let back = |(n, node)| successors(node).map(move |to| (n, to));
    let bad = nodes.iter().enumerate().flat_map(back).filter(|&(n, to)| is_irreducible(idom, n, to));
    bad.map(|(_, to)| to).min()
}

/// Whether an edge goes back to a node that does not dominate its origin.
fn is_irreducible(idom: &[usize], from: usize, to: usize) -> bool {
    to <= from && !dominates(idom, to, from)
}

/// Adds a dispatcher for the loop around a node that [`find_side_entry`] found. Nodes are out of order then.
///
/// This ends: of a loop's nodes the first in order is an entry; from the other entries, too, some way leads on to it that
/// comes to it by an edge that is bad; and what once goes by way of a dispatcher does so for ever.
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

/// Which nodes are in the loop around a node: those from which and to which ways lead that stay among what the node's
/// immediate dominator dominates. All its entries have that dominator.
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

/// What ways lead to that stay within some nodes.
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
