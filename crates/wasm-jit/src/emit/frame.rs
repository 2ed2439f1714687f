//! The frame of a region's function: which registers and flags are locals, and how they are loaded and stored.

use super::{BASE, Emitter, FIXED, FLAG_A, FLAG_B, FLAG_CARRY, FLAG_KIND, FLAG_RESULT, mem_arg};
use crate::layout;
use crate::region::Region;
use crate::value::vector::Kind;
use crate::value::{Entry, Node};
use wasm_encoder::ValType;
use x86_exec::RegisterEffects;

/// Assignment of locals.
pub(super) struct Frame {
    pub(super) gpr: [Option<u32>; 16],
    pub(super) written: u16,
    /// Halves of vector registers
    pub(super) vectors: [Option<u32>; 32],
    pub(super) vectors_written: u32,
    pub(super) flags: bool,
    /// First local for values, by kind
    pub(super) values: [u32; 4],
}

/// Where the flags are stored between regions.
const FLAG_PLACES: [(u32, u64); 5] = [
    (FLAG_KIND, layout::FLAGS_KIND),
    (FLAG_A, layout::FLAGS_A),
    (FLAG_B, layout::FLAGS_B),
    (FLAG_RESULT, layout::FLAGS_RESULT),
    (FLAG_CARRY, layout::FLAGS_CARRY),
];

impl Frame {
    /// Collects the registers that the region uses. Registers that only helper calls access stay in memory. Locals are
    /// numbered by [`Frame::lay_out`].
    pub(super) fn of(region: &Region) -> Frame {
        let (mut used, mut written, mut flags) = (0_u16, 0_u16, false);
        let (mut vectors_used, mut vectors_written) = (0_u32, 0_u32);
        for node in &region.nodes {
            let block = &node.block;
            for (_, value) in block.values.iter() {
                match value {
                    Node::Entry(Entry::Gpr(r)) => used |= 1 << r,
                    Node::Entry(Entry::Vector(r)) => vectors_used |= 1 << r,
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
                for (r, v) in state.vectors.iter().enumerate() {
                    vectors_written |= u32::from(v.is_some()) << r;
                }
                flags |= state.flags.version != 0;
            }
        }
        Frame {
            gpr: core::array::from_fn(|r| ((used | written) >> r & 1 != 0).then_some(0)),
            written,
            vectors: core::array::from_fn(|r| ((vectors_used | vectors_written) >> r & 1 != 0).then_some(0)),
            vectors_written,
            flags,
            values: [0; 4],
        }
    }

    /// Numbers the locals of registers and values, behind the fixed locals and by kind. `values` is the number of values of
    /// each kind.
    pub(super) fn lay_out(&mut self, values: &[u32; 4]) -> [(u32, ValType); 4] {
        let mut next = FIXED;
        Kind::ALL.map(|kind| {
            let start = if kind == Kind::I64 { BASE } else { next };
            let registers: &mut [_] = match kind {
                Kind::I64 => &mut self.gpr,
                Kind::V128 => &mut self.vectors,
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
    pub(super) fn load_state(&mut self) {
        self.load_written(RegisterEffects::ALL);
    }

    pub(super) fn store_state(&mut self) {
        self.store_read(RegisterEffects::ALL);
    }

    /// Loads the registers that an instruction with these effects may have written.
    pub(super) fn load_written(&mut self, effects: RegisterEffects) {
        for (r, local) in self.frame.gpr.into_iter().enumerate() {
            if let (Some(local), true) = (local, effects.writes >> r & 1 != 0) {
                self.vcpu().i64_load(mem_arg(layout::gpr(r as u8), 3)).local_set(local);
            }
        }
        for (r, local) in self.frame.vectors.into_iter().enumerate() {
            if let (Some(local), true) = (local, effects.vectors) {
                self.vcpu().v128_load(mem_arg(layout::vector(r as u8), 4)).local_set(local);
            }
        }
        if self.frame.flags && effects.flags {
            for (local, offset) in FLAG_PLACES {
                self.vcpu().i64_load(mem_arg(offset, 3)).local_set(local);
            }
        }
    }

    /// Stores the registers that an instruction with these effects may read.
    pub(super) fn store_read(&mut self, effects: RegisterEffects) {
        for (r, local) in self.frame.gpr.into_iter().enumerate() {
            if let (Some(local), true) = (local, self.frame.written & effects.reads & 1 << r != 0) {
                self.vcpu().local_get(local).i64_store(mem_arg(layout::gpr(r as u8), 3));
            }
        }
        for (r, local) in self.frame.vectors.into_iter().enumerate() {
            if let (Some(local), true) = (local, effects.vectors && self.frame.vectors_written >> r & 1 != 0)
            {
                self.vcpu().local_get(local).v128_store(mem_arg(layout::vector(r as u8), 4));
            }
        }
        if self.frame.flags && effects.flags {
            for (local, offset) in FLAG_PLACES {
                self.vcpu().local_get(local).i64_store(mem_arg(offset, 3));
            }
        }
    }
}
