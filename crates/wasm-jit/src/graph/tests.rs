//! Graphs without code.

use super::*;
use crate::domain::Recorder;
use crate::flags::EntryFlags;
use std::collections::BTreeSet;
use x86_exec::vcpu::compiled::{CodeMode, FloatMode, Segments};
use x86_types::{CodeSize, Width};

/// Returns a region whose node `n` begins at distance `n` and has these edges.
fn region(edges: &[&[usize]]) -> Region {
    let (code_size, stack_width) = (CodeSize::Bits64, Width::B8);
    let mode = CodeMode {
        code_size,
        stack_width,
        bank: 2,
        sse: true,
        avx: true,
        float: FloatMode::Free,
        segments: Segments::Flat,
    };
    let node = |(n, edges): (usize, &&[usize])| {
        let at = n as i64;
        let block = Recorder::new(mode, at, EntryFlags::Any).finish(Terminator::Jump(0));
        Node {
            at,
            end: at + 1,
            block: Box::new(block),
            edges: edges.iter().map(|&to| Edge::Block(to)).collect(),
        }
    };
    let nodes = edges.iter().enumerate().map(node).collect();
    Region { mode, nodes, helpers: Vec::new(), page_offset: 0 }
}

fn prepared(edges: &[&[usize]]) -> Region {
    let mut region = region(edges);
    prepare(&mut region);
    region
}

fn dispatchers(region: &Region) -> Vec<&Node> {
    region.nodes.iter().filter(|node| node.block.term == Terminator::Dispatch).collect()
}

/// Follows dispatchers from `next`, as emitted code does. Returns whether they lead to `to`.
fn arrives(region: &Region, mut next: usize, to: usize) -> bool {
    for _ in 0..region.nodes.len() {
        let node = &region.nodes[next];
        if node.block.term != Terminator::Dispatch {
            return next == to;
        }
        let Some(edge) = node.edges.iter().find(|edge| edge.block() == Some(to)) else { return false };
        next = edge.next().unwrap();
    }
    false
}

/// Checks that edges have the same targets as before, and that every back edge goes to a dominator of its source.
fn check(edges: &[&[usize]]) {
    let region = prepared(edges);
    let idom = dominators(&region.nodes);
    let shape = shape(&region.nodes);
    let mut reached = BTreeSet::from([0]);
    for (n, node) in region.nodes.iter().enumerate() {
        for &edge in &node.edges {
            let next = edge.next().unwrap();
            assert!(next > n || dominates(&idom, next, n), "{edges:?}: {n} to {next}\n{region}");
            if node.block.term == Terminator::Dispatch {
                assert!(shape.is_merge[next] && shape.children[n].contains(&next), "{edges:?}\n{region}");
                continue;
            }
            let to = edge.block().unwrap();
            assert!(arrives(&region, next, to), "{edges:?}: {n} to {to}\n{region}");
            reached.insert(to);
        }
        if node.block.term != Terminator::Dispatch {
            let goals: Vec<i64> = node.edges.iter().map(|&edge| region.goal(edge)).collect();
            let wanted: Vec<i64> = edges[node.at as usize].iter().map(|&to| to as i64).collect();
            assert_eq!(goals, wanted, "{edges:?}: {n}\n{region}");
        }
    }
    assert_eq!(reached.len(), region.blocks());
}

#[test]
fn what_is_reducible_stays_as_it_is() {
    // Nested loops, a loop with two back edges, branches that meet; already in order.
    let graphs: [&[&[usize]]; 3] = [
        &[&[1], &[2], &[2, 3], &[1, 4], &[]],
        &[&[1, 3], &[2], &[1, 0], &[4], &[3, 5], &[]],
        &[&[2, 1], &[3], &[3], &[4, 0], &[3]],
    ];
    for edges in graphs {
        check(edges);
        let region = prepared(edges);
        assert!(dispatchers(&region).is_empty());
        assert!(shape(&region.nodes).choices.is_empty());
    }
}

#[test]
fn a_way_into_the_middle_of_a_loop_leads_through_a_dispatcher() {
    // 1 and 2 are a loop, entered at either.
    let edges: &[&[usize]] = &[&[1, 2], &[2], &[1, 3], &[]];
    check(edges);
    let region = prepared(edges);
    assert_eq!(dispatchers(&region).len(), 1);
    let through = region.nodes.iter().flat_map(|node| &node.edges);
    let through = through.filter(|edge| matches!(edge, Edge::Dispatched { .. })).count();
    // Both entries and the back edge; the edge from the first to the second is direct.
    assert_eq!(through, 3);
}

#[test]
fn a_loop_within_with_one_entry_goes_back_by_itself() {
    // 1 and 2 are a loop, entered at either; 2 goes back to itself as well.
    let edges: &[&[usize]] = &[&[1, 2], &[2], &[2, 3], &[1, 4], &[]];
    check(edges);
    let region = prepared(edges);
    assert_eq!(dispatchers(&region).len(), 1);
    let itself = region.nodes.iter().find(|node| node.at == 2).unwrap();
    assert!(matches!(itself.edges[0], Edge::Block(_)));
}

#[test]
fn loops_with_several_entries_lie_in_one_another() {
    // 1 and 4 are the entries of the outer loop; of it 2 and 3, entered at either, are one.
    let edges: &[&[usize]] = &[&[1, 4], &[2, 3], &[3], &[2, 4], &[1, 5], &[]];
    check(edges);
    assert_eq!(dispatchers(&prepared(edges)).len(), 2);
    // 2 is an entry of both: one dispatcher leads on to the other.
    let edges: &[&[usize]] = &[&[1, 2], &[3], &[3, 1], &[2]];
    check(edges);
    let region = prepared(edges);
    let on = dispatchers(&region)
        .iter()
        .flat_map(|node| &node.edges)
        .filter(|edge| edge.next() != edge.block())
        .count();
    assert_eq!((dispatchers(&region).len(), on), (2, 1));
}

#[test]
fn everything_may_lead_everywhere() {
    for count in 2..9 {
        let all: Vec<usize> = (0..count).collect();
        check(&vec![&all[..]; count]);
    }
}

#[test]
fn random_graphs_become_reducible_and_lose_nothing() {
    let mut state = 0x6a09_e667_f3bc_c908_u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as usize % n
    };
    let mut most = 0;
    for _ in 0..6000 {
        let count = 1 + below(24);
        let edges: Vec<Vec<usize>> =
            (0..count).map(|_| (0..below(4)).map(|_| below(count)).collect()).collect();
        let edges: Vec<&[usize]> = edges.iter().map(Vec::as_slice).collect();
        check(&edges);
        most = dispatchers(&prepared(&edges)).len().max(most);
    }
    assert!(most > 3, "{most} dispatchers");
}
