//! What has to be stored where a region is left: the registers whose locals may say something else than memory.

use crate::block::{State, Term};
use crate::region::{Edge, Region};
use x86_exec::Reach;

/// A set of registers, by bit, and whether the status flags are among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dirty {
    pub(super) gpr: u16,
    pub(super) xmm: u16,
    pub(super) flags: bool,
}

impl Dirty {
    fn or(self, other: Dirty) -> Dirty {
        Dirty { gpr: self.gpr | other.gpr, xmm: self.xmm | other.xmm, flags: self.flags | other.flags }
    }

    /// Behind instructions that leave this state.
    pub(super) fn behind(self, state: &State) -> Dirty {
        let written = |registers: &[Option<_>; 16]| {
            registers.iter().enumerate().fold(0, |all, (r, v)| all | u16::from(v.is_some()) << r)
        };
        self.or(Dirty { gpr: written(&state.gpr), xmm: written(&state.xmm), flags: state.flags.version != 0 })
    }

    /// What an instruction with this reach needs to find in memory.
    pub(super) fn within(self, reach: Reach) -> Dirty {
        Dirty {
            gpr: self.gpr & reach.reads,
            xmm: if reach.vectors { self.xmm } else { 0 },
            flags: self.flags && reach.flags,
        }
    }

    /// What it does not.
    pub(super) fn beyond(self, reach: Reach) -> Dirty {
        Dirty {
            gpr: self.gpr & !reach.reads,
            xmm: if reach.vectors { 0 } else { self.xmm },
            flags: self.flags && !reach.flags,
        }
    }
}

/// By node, what may be dirty where it begins. At the region's entry all has just been loaded.
pub(super) fn dirty(region: &Region) -> Vec<Dirty> {
    let mut entries = vec![Dirty::default(); region.nodes.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (n, node) in region.nodes.iter().enumerate() {
            let mut left = entries[n].behind(&node.block.state);
            if let Term::Step { index, .. } = node.block.term {
                left = left.beyond(region.reach(index));
            }
            for &edge in &node.edges {
                if let Edge::Block(to) = edge {
                    let entry = entries[to].or(left);
                    changed |= std::mem::replace(&mut entries[to], entry) != entry;
                }
            }
        }
    }
    entries
}
