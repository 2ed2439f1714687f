//! The hash table by which equal expressions become one value.

use super::Node;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// Numbers of nodes by hash, with open addressing. Keys are read from the list itself; a map that holds a copy of each
/// node would take most of the time of recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// A node's number plus 1, or 0 for a free slot. The length is a power of two
    slots: Vec<u32>,
}

/// Initial number of slots.
const FEWEST: usize = 64;

/// The result of a lookup.
pub(super) enum Place {
    /// Its number
    Known(u32),
    /// The slot to insert it at
    Free(usize),
}

fn hash(node: &Node) -> usize {
    let mut hasher = FxHasher::default();
    node.hash(&mut hasher);
    hasher.finish() as usize
}

impl Index {
    /// Looks up a node; `node_at` returns nodes of the list. Grows the table so that the node can be inserted.
    pub(super) fn lookup(&mut self, node: &Node, len: usize, node_at: impl Fn(u32) -> Option<Node>) -> Place {
        if 2 * (len + 1) > self.slots.len() {
            self.slots = vec![0; (4 * (len + 1)).next_power_of_two().max(FEWEST)];
            for n in 0..len as u32 {
                if let Some(Place::Free(slot)) = node_at(n).map(|node| self.probe(&node, &node_at)) {
                    self.slots[slot] = n + 1;
                }
            }
        }
        self.probe(node, &node_at)
    }

    fn probe(&self, node: &Node, node_at: impl Fn(u32) -> Option<Node>) -> Place {
        let mask = self.slots.len() - 1;
        let mut slot = hash(node) & mask;
        loop {
            match self.slots[slot] {
                0 => return Place::Free(slot),
                n if node_at(n - 1).as_ref() == Some(node) => return Place::Known(n - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// Inserts node number `n` at the slot that a lookup returned.
    pub(super) fn keep(&mut self, slot: usize, n: u32) {
        self.slots[slot] = n + 1;
    }

    /// Removes all entries.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
    }

    /// Drops the table after the list was truncated; the next lookup rebuilds it.
    pub(super) fn drop_table(&mut self) {
        self.slots.clear();
    }
}
