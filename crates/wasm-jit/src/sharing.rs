//! Accesses of a block that share a look into the TLB: those at constant distances from one another, as a function's
//! registers on the stack, or the members of a structure.
//!
//! The first of them looks the whole range up. What it finds holds for the rest of the block: translations end only by
//! instructions that end blocks. Where the range is not in one page that the TLB has, each access goes its slow way.

use crate::block::{Action, Block};
use crate::value::{Node, Op2, Value};
use std::collections::HashMap;
use x86_types::Width;

/// Bytes of a range at most. The longer it is, the more often it lies in two pages.
const MOST: i64 = 128;

/// How an access finds its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Where the range begins as compiled code addresses it, or 0: a local, counted from the first of them
    pub(crate) local: u32,
    /// Distance of the access from the start of the range, in bytes
    pub(crate) at: u64,
    /// The first access of a range looks it up: bytes of the range
    pub(crate) look: Option<u32>,
}

/// What addresses have in common that differ by a constant, and whether they are written to.
type Key = (Option<Value>, bool, bool);

struct Range {
    from: i64,
    to: i64,
    /// Numbers of effects, each with its distance
    members: Vec<(usize, i64)>,
}

/// An access: what its address has in common with others, its distance from there, bytes.
fn access(block: &Block, action: Action) -> Option<(Key, i64, i64)> {
    let (linear, bytes, write) = match action {
        Action::Load { access, for_write, .. } => (access.linear, access.w.bytes(), for_write),
        Action::Store { access, again: false, .. } => (access.linear, access.w.bytes(), true),
        Action::LoadVector { linear, .. } => (linear, 16, false),
        Action::StoreVector { linear, .. } => (linear, 16, true),
        _ => return None,
    };
    let values = &block.values;
    let (sum, cut) = match values.node(linear) {
        Node::Two(Op2::And, sum, mask) if values.constant(mask) == Some(Width::B4.mask()) => (sum, true),
        _ => (linear, false),
    };
    let (base, at) = match values.node(sum) {
        Node::Imm(at) => (None, at),
        Node::Two(Op2::Add, base, at) => match values.constant(at) {
            Some(at) => (Some(base), at),
            None => (Some(sum), 0),
        },
        _ => (Some(sum), 0),
    };
    Some(((base, cut, write), at as i64, bytes.into()))
}

/// By effect, how it shares; and how many locals that takes.
pub(crate) fn shares(block: &Block) -> (Vec<Option<Share>>, u32) {
    let mut ranges: Vec<Range> = Vec::new();
    let mut open: HashMap<Key, usize> = HashMap::new();
    for (n, effect) in block.effects.iter().enumerate() {
        let Some((key, at, bytes)) = access(block, effect.action) else { continue };
        let end = at.wrapping_add(bytes);
        if let Some(range) = open.get(&key).and_then(|&range| ranges.get_mut(range)) {
            let (from, to) = (range.from.min(at), range.to.max(end));
            if to.checked_sub(from).is_some_and(|len| len <= MOST) {
                (range.from, range.to) = (from, to);
                range.members.push((n, at));
                continue;
            }
        }
        open.insert(key, ranges.len());
        ranges.push(Range { from: at, to: end, members: vec![(n, at)] });
    }
    let mut shares = vec![None; block.effects.len()];
    let mut local = 0;
    for range in ranges.iter().filter(|range| range.members.len() > 1) {
        for (k, &(n, at)) in range.members.iter().enumerate() {
            let look = (k == 0).then_some((range.to - range.from) as u32);
            shares[n] = Some(Share { local, at: (at - range.from) as u64, look });
        }
        local += 1;
    }
    // What stores back goes where it was loaded from.
    let mut loaded = None;
    for (n, effect) in block.effects.iter().enumerate() {
        match effect.action {
            Action::Load { for_write: true, .. } => loaded = shares[n],
            Action::Store { again: true, .. } => {
                shares[n] = loaded.map(|share: Share| Share { look: None, ..share });
            }
            _ => {}
        }
    }
    (shares, local)
}
