//! Which registers and flags a region's function keeps in locals, and how they come there and back.

use super::blocks::Scope;
use super::dirty::Dirty;
use super::{BASE, Emitter, FIXED, FLAG_A, FLAG_B, FLAG_CARRY, FLAG_KIND, FLAG_RESULT, VCPU, place};
use crate::block::{Base, State};
use crate::layout;
use crate::plan::flag_values;
use crate::region::Region;
use crate::value::vector::Kind;
use crate::value::{Entry, Node};
use wasm_encoder::ValType;
use x86_exec::Reach;

/// Which locals hold what.
pub(super) struct Frame {
    pub(super) gpr: [Option<u32>; 16],
    pub(super) xmm: [Option<u32>; 16],
    pub(super) flags: bool,
    /// The first local for values, by kind
    pub(super) values: [u32; 4],
}

/// Where the flags lie between regions.
const FLAG_PLACES: [(u32, u64); 5] = [
    (FLAG_KIND, layout::FLAGS_KIND),
    (FLAG_A, layout::FLAGS_A),
    (FLAG_B, layout::FLAGS_B),
    (FLAG_RESULT, layout::FLAGS_RESULT),
    (FLAG_CARRY, layout::FLAGS_CARRY),
];

impl Frame {
    /// What the region uses; what only its steps reach stays in memory. Locals are not numbered yet.
    pub(super) fn of(region: &Region) -> Frame {
        let (mut used, mut written, mut flags) = (0_u16, 0_u16, false);
        let (mut xmm_used, mut xmm_written) = (0_u16, 0_u16);
        for node in &region.nodes {
            let block = &node.block;
            for (_, value) in block.values.iter() {
                match value {
                    Node::Entry(Entry::Gpr(r)) => used |= 1 << r,
                    Node::Entry(Entry::Xmm(r)) => xmm_used |= 1 << r,
                    Node::Entry(entry) => {
                        use Entry::{AnyAux, AnyCarry, AnyResult, FlagA, FlagB, FlagCarry, FlagResult};
                        flags |= matches!(
                            entry,
                            AnyAux | AnyCarry | AnyResult | FlagA | FlagB | FlagCarry | FlagResult
                        );
                    }
                    _ => {}
                }
            }
            let exits = block.exits.iter().map(|exit| &exit.state);
            for state in exits.chain([&block.state]) {
                for (r, v) in state.gpr.iter().enumerate() {
                    written |= u16::from(v.is_some()) << r;
                }
                for (r, v) in state.xmm.iter().enumerate() {
                    xmm_written |= u16::from(v.is_some()) << r;
                }
                flags |= state.flags.version != 0;
            }
        }
        let of = |mask: u16| core::array::from_fn(|r| (mask >> r & 1 != 0).then_some(0));
        Frame {
            gpr: of(used | written),
            xmm: of(xmm_used | xmm_written),
            flags,
            values: [0; 4],
        }
    }

    /// Gives registers and values their places, behind the fixed locals and by kind. `values` are needed of each kind.
    pub(super) fn lay_out(&mut self, values: &[u32; 4]) -> [(u32, ValType); 4] {
        let mut next = FIXED;
        Kind::ALL.map(|kind| {
            let start = if kind == Kind::I64 { BASE } else { next };
            let registers: &mut [_] = match kind {
                Kind::I64 => &mut self.gpr,
                Kind::V128 => &mut self.xmm,
                Kind::F32 | Kind::F64 => &mut [],
            };
            for local in registers.iter_mut().flatten() {
                *local = next;
                next += 1;
            }
            self.values[kind as usize] = next;
            next += values[kind as usize];
            (next - start, kind.val_type())
        })
    }
}

impl Emitter<'_> {
    /// Loads what an instruction with this reach may have written.
    pub(super) fn load_registers(&mut self, reach: Reach) {
        for (r, local) in self.frame.gpr.into_iter().enumerate() {
            if let (Some(local), true) = (local, reach.writes >> r & 1 != 0) {
                self.out.local_get(VCPU).i64_load(place(layout::gpr(r as u8), 3)).local_set(local);
            }
        }
        for (r, local) in self.frame.xmm.into_iter().enumerate() {
            if let (Some(local), true) = (local, reach.vectors) {
                self.out.local_get(VCPU).v128_load(place(layout::xmm(r as u8), 4)).local_set(local);
            }
        }
        if self.frame.flags && reach.flags {
            for (local, offset) in FLAG_PLACES {
                self.out.local_get(VCPU).i64_load(place(offset, 3)).local_set(local);
            }
        }
    }

    /// Stores registers out of their locals.
    pub(super) fn store_registers(&mut self, dirty: Dirty) {
        for (r, local) in self.frame.gpr.into_iter().enumerate() {
            if let (Some(local), true) = (local, dirty.gpr >> r & 1 != 0) {
                self.out.local_get(VCPU).local_get(local).i64_store(place(layout::gpr(r as u8), 3));
            }
        }
        for (r, local) in self.frame.xmm.into_iter().enumerate() {
            if let (Some(local), true) = (local, dirty.xmm >> r & 1 != 0) {
                self.out.local_get(VCPU).local_get(local).v128_store(place(layout::xmm(r as u8), 4));
            }
        }
        if self.frame.flags && dirty.flags {
            for (local, offset) in FLAG_PLACES {
                self.out.local_get(VCPU).local_get(local).i64_store(place(offset, 3));
            }
        }
    }

    /// Stores a state within a block: what the block has made straight from its values, and what was dirty before.
    pub(super) fn store_state(&mut self, scope: &Scope<'_>, state: &State, dirty: Dirty) {
        let mut rest = dirty;
        for (r, v) in state.gpr.iter().enumerate() {
            if let &Some(v) = v {
                rest.gpr &= !(1 << r);
                self.out.local_get(VCPU);
                self.value(scope, v);
                self.out.i64_store(place(layout::gpr(r as u8), 3));
            }
        }
        for (r, x) in state.xmm.iter().enumerate() {
            if let &Some(x) = x {
                rest.xmm &= !(1 << r);
                self.out.local_get(VCPU);
                self.value(scope, x);
                self.out.v128_store(place(layout::xmm(r as u8), 4));
            }
        }
        let flags = &state.flags;
        if flags.version != 0 {
            // What a new definition is not made of means nothing; of the old one all but CF is kept.
            rest.flags &= matches!(flags.base, Base::Entry);
            self.store_registers(rest);
            for (v, (_, offset)) in flag_values(flags).into_iter().zip(&FLAG_PLACES[1..]) {
                if let Some(v) = v {
                    self.out.local_get(VCPU);
                    self.value(scope, v);
                    self.out.i64_store(place(*offset, 3));
                }
            }
            self.out.local_get(VCPU);
            self.flags_kind(flags);
            self.out.i64_store(place(layout::FLAGS_KIND, 3));
        } else {
            self.store_registers(rest);
        }
    }
}
