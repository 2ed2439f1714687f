//! Where a value is found that is in the list already.

use super::Node;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

/// Numbers of nodes by hash, with open addressing: they are found in the list itself. (A map would hold each a second time,
/// and would be most of what recording takes.)
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// A node's number and one more, or 0; as many as a power of two
    slots: Vec<u32>,
}

/// Slots at first.
const FEWEST: usize = 64;

/// What was found of a node.
pub(super) enum Place {
    /// Its number
    Known(u32),
    /// The slot that it would have
    Free(usize),
}

fn hash(node: &Node) -> usize {
    let mut hasher = FxHasher::default();
    node.hash(&mut hasher);
    hasher.finish() as usize
}

impl Index {
    /// Looks for a node; `node_at` gives those of the list. There is room for one more then.
    pub(super) fn look(&mut self, node: &Node, len: usize, node_at: impl Fn(u32) -> Option<Node>) -> Place {
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

    /// Node number `n` is what was looked for and has this slot.
    pub(super) fn keep(&mut self, slot: usize, n: u32) {
        self.slots[slot] = n + 1;
    }

    /// The list is empty.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
    }

    /// The list became shorter: those that are left are entered anew when one is looked for.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
    }
}
