//! The region's graph: order, dominators, loops.
//!
//! A graph is reducible if every edge that goes back goes to a node that dominates its origin; only such graphs can be
//! written with WebAssembly's blocks and loops alone. (N. Ramsey, Beyond Relooper, 2022.) Others become reducible by
//! [`irreducible`].

mod irreducible;
#[cfg(test)]
mod tests;

use crate::block::Terminator;
use crate::region::{Edge, Node, Region};

/// Control-flow shape of a region. Nodes are in reverse postorder: an edge to a lower or equal number is a back edge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Nodes that `n` immediately dominates, in order
    pub(crate) children: Vec<Vec<usize>>,
    /// Whether it is the target of back edges
    pub(crate) is_loop: Vec<bool>,
    /// Whether two or more edges lead forward to it, or a dispatcher's
    pub(crate) is_merge: Vec<bool>,
    /// Targets of dispatchers; the selector is an index into this list
    pub(crate) choices: Vec<usize>,
}

/// Orders the nodes in reverse postorder, removes unreachable ones, and adds dispatchers until the graph is reducible.
pub(crate) fn prepare(region: &mut Region) {
    loop {
        sort(&mut region.nodes);
        let idom = dominators(&region.nodes);
        let Some(to) = irreducible::find_side_entry(&region.nodes, &idom) else { return };
        irreducible::add_dispatcher(region, &idom, to);
    }
}

fn successors(node: &Node) -> impl Iterator<Item = usize> + '_ {
    node.edges.iter().filter_map(|edge| edge.next())
}

fn sort(nodes: &mut Vec<Node>) {
    let mut order = Vec::new();
    let mut seen = vec![false; nodes.len()];
    if let Some(first) = seen.first_mut() {
        *first = true;
    }
    let mut stack = vec![(0_usize, 0_usize)];
    while let Some(&(n, k)) = stack.last() {
        let next = nodes.get(n).and_then(|node| successors(node).nth(k));
        match next {
            Some(next) => {
                if let Some(top) = stack.last_mut() {
                    top.1 += 1;
                }
                if !std::mem::replace(&mut seen[next], true) {
                    stack.push((next, 0));
                }
            }
            None => {
                order.push(n);
                stack.pop();
            }
        }
    }
    order.reverse();
    let mut place = vec![usize::MAX; nodes.len()];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new;
    }
    let mut old: Vec<Option<Node>> = std::mem::take(nodes).into_iter().map(Some).collect();
    let mut sorted: Vec<Node> = order.iter().filter_map(|&n| old.get_mut(n)?.take()).collect();
    for node in &mut sorted {
        for edge in &mut node.edges {
            match edge {
                Edge::Block(n) => *n = place[*n],
                Edge::Dispatched { dispatcher, to } => (*dispatcher, *to) = (place[*dispatcher], place[*to]),
                Edge::Exit(_) => {}
            }
        }
    }
    *nodes = sorted;
}

/// Immediate dominators of nodes in reverse postorder. (K. Cooper, T. Harvey, K. Kennedy, 2001.)
fn dominators(nodes: &[Node]) -> Vec<usize> {
    let mut before = vec![Vec::new(); nodes.len()];
    for (n, node) in nodes.iter().enumerate() {
        for to in successors(node) {
            before[to].push(n);
        }
    }
    let unknown = usize::MAX;
    let mut idom = vec![unknown; nodes.len()];
    if let Some(first) = idom.first_mut() {
        *first = 0;
    }
    let mut changed = true;
    while changed {
        changed = false;
        for n in 1..nodes.len() {
            let mut new = unknown;
            for &p in &before[n] {
                if idom[p] == unknown {
                    continue;
                }
                if new == unknown {
                    new = p;
                    continue;
                }
                let mut other = p;
                while new != other {
                    if new > other { new = idom[new] } else { other = idom[other] }
                }
            }
            if idom[n] != new {
                idom[n] = new;
                changed = true;
            }
        }
    }
    idom
}

fn dominates(idom: &[usize], a: usize, b: usize) -> bool {
    let mut n = b;
    loop {
        if n == a {
            return true;
        }
        if n == 0 || idom[n] == usize::MAX {
            return false;
        }
        n = idom[n];
    }
}

/// Returns the shape of a prepared region.
pub(crate) fn shape(nodes: &[Node]) -> Shape {
    let idom = dominators(nodes);
    let mut shape = Shape {
        children: vec![Vec::new(); nodes.len()],
        is_loop: vec![false; nodes.len()],
        is_merge: vec![false; nodes.len()],
        choices: Vec::new(),
    };
    for (n, &dominator) in idom.iter().enumerate().skip(1) {
        if let Some(children) = shape.children.get_mut(dominator) {
            children.push(n);
        }
    }
    let mut forward = vec![0; nodes.len()];
    for (n, node) in nodes.iter().enumerate() {
        // `br_table` takes labels only, so its targets cannot be emitted inline.
        let weight = if node.block.term == Terminator::Dispatch { 2 } else { 1 };
        for to in successors(node) {
            if to <= n {
                shape.is_loop[to] = true;
            } else {
                forward[to] += weight;
            }
        }
    }
    for (n, count) in forward.into_iter().enumerate() {
        shape.is_merge[n] = count > 1;
    }
    let through = |edge: &Edge| if let Edge::Dispatched { to, .. } = *edge { Some(to) } else { None };
    shape.choices = nodes.iter().flat_map(|node| node.edges.iter().filter_map(through)).collect();
    shape.choices.sort_unstable();
    shape.choices.dedup();
    shape
}
