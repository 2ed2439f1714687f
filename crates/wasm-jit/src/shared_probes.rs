//! Accesses of a block that share one TLB probe: those at constant distances from one another, such as saved registers on the
//! stack or the members of a structure.
//!
//! The first access probes for the whole range. The result is valid to the end of the block, since only instructions that end
//! a block can invalidate translations. If the range is not within one page that the TLB holds, each access takes its slow
//! path.

use crate::block::{Action, Block};
use crate::value::{Node, Op2, Value};
use x86_types::Width;

/// Most bytes of a range. A longer range more often crosses a page boundary.
const MOST: i64 = 128;

/// How an access is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SharedProbe {
    /// Local, counted from the first of its kind, with the compiled address of the range's start, or 0 after a miss
    pub(crate) local: u32,
    /// Distance of the access from the start of the range, in bytes
    pub(crate) at: u64,
    /// Bytes of the range, in the access that probes for it: the first one
    pub(crate) look: Option<u32>,
}

/// The variable part of an address, whether it is 32 bits wide, and whether it is written.
type Key = (Option<Value>, bool, bool);

/// A range: accesses that are near each other.
struct Range {
    key: Key,
    from: i64,
    to: i64,
    members: u32,
    /// Local that holds its start, once assigned
    local: Option<u32>,
}

/// Returns the key of an access, and the distances of its start and end from the variable part. An access that fits no
/// range has its own probe.
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
    let at = at as i64;
    Some(((base, cut, write), at, at.checked_add(bytes.into())?))
}

/// Returns, by effect, how it shares a probe; and the number of locals used.
pub(crate) fn shared_probes(block: &Block) -> (Vec<Option<SharedProbe>>, u32) {
    let mut ranges: Vec<Range> = Vec::new();
    // By effect: its range, and its distance from the variable part.
    let mut places: Vec<Option<(usize, i64)>> = Vec::with_capacity(block.effects.len());
    for effect in &block.effects {
        places.push(access(block, effect.action).map(|(key, at, end)| (join(&mut ranges, key, at, end), at)));
    }
    let mut shares = vec![None; block.effects.len()];
    let mut local = 0;
    for (share, place) in shares.iter_mut().zip(places) {
        let Some((range, at)) = place.map(|(range, at)| (&mut ranges[range], at)) else { continue };
        if range.members < 2 {
            continue;
        }
        let look = range.local.is_none().then_some((range.to - range.from) as u32);
        let number = *range.local.get_or_insert_with(|| {
            local += 1;
            local - 1
        });
        *share = Some(SharedProbe { local: number, at: (at - range.from) as u64, look });
    }
    // A store of a read-modify-write uses the address of its load.
    let mut loaded = None;
    for (n, effect) in block.effects.iter().enumerate() {
        match effect.action {
            Action::Load { for_write: true, .. } => loaded = shares[n],
            Action::Store { again: true, .. } => {
                shares[n] = loaded.map(|share: SharedProbe| SharedProbe { look: None, ..share });
            }
            _ => {}
        }
    }
    (shares, local)
}

/// Puts an access into the last range with its key, or into a new one where that would become too long. Returns the range's
/// number.
fn join(ranges: &mut Vec<Range>, key: Key, at: i64, end: i64) -> usize {
    if let Some(n) = ranges.iter().rposition(|range| range.key == key) {
        let range = &mut ranges[n];
        let (from, to) = (range.from.min(at), range.to.max(end));
        if to.checked_sub(from).is_some_and(|len| len <= MOST) {
            (range.from, range.to) = (from, to);
            range.members += 1;
            return n;
        }
    }
    ranges.push(Range { key, from: at, to: end, members: 1, local: None });
    ranges.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Terminator;
    use crate::domain::Recorder;
    use crate::flags::EntryFlags;
    use x86_exec::vcpu::compiled::{CodeMode, FloatMode, Segments};
    use x86_types::CodeSize;

    fn shared(mut code: &[u8]) -> Vec<Option<SharedProbe>> {
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
        let mut recorder = Recorder::new(mode, 0, EntryFlags::Any);
        while !code.is_empty() {
            let insn = x86_decode::decode(code_size, code).unwrap();
            recorder.instruction(&insn).unwrap();
            code = &code[usize::from(insn.len)..];
        }
        shared_probes(&recorder.finish(Terminator::Jump(0))).0
    }

    #[test]
    fn every_access_lies_within_what_the_first_looks_up() {
        // mov rdx, [rax+16]; mov rsi, [rax]; mov edi, [rax+28]
        let shares = shared(&[0x48, 0x8b, 0x50, 0x10, 0x48, 0x8b, 0x30, 0x8b, 0x78, 0x1c]);
        let of = |at, look| Some(SharedProbe { local: 0, at, look });
        assert_eq!(shares, [of(16, Some(32)), of(0, None), of(28, None)]);
    }

    /// The distance of the end overflows: it must not wrap to a small one.
    #[test]
    fn the_largest_distances_are_not_shared() {
        // mov rcx, 0x7ffffffffffffffc; mov rdx, [rax+rcx]; mov rsi, [rax+rcx-8]
        let code = [
            0x48, 0xb9, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x48, 0x8b, 0x14, 0x08, 0x48, 0x8b,
            0x74, 0x08, 0xf8,
        ];
        assert_eq!(shared(&code), [None, None]);
    }
}
