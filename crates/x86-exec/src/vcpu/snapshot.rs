//! What of a processor is saved. Everything else is derived from it, from RAM, or describes this run alone.

use super::{Vcpu, attention};
use snapshot::{Bytes, Codec};
use std::rc::Rc;
use x86_state::Cpu;

/// A processor's state, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedVcpu {
    cpu: Cpu,
    retired: u64,
    debug_trap: u64,
}

impl Vcpu {
    /// Version of the layout of [`Vcpu::save`].
    pub const SAVED_VERSION: u16 = Cpu::SAVED_VERSION;

    /// Appends the state. The processor stands between two instructions.
    pub fn save(&self, out: &mut Bytes) {
        let Self {
            cpu,
            retired,
            debug_trap,
            // Derived from `cpu`
            seg_base: _,
            seg_checks: _,
            linear_mask: _,
            stack_width: _,
            mmu: _,
            paging: _,
            code_end: _,
            attention: _,
            // Empty, or decoded and compiled anew
            tlb: _,
            block: _,
            blocks: _,
            compiled: _,
            shared: _,
            jumps: _,
            jumps_for: _,
            hot: _,
            steps: _,
            code_epoch: _,
            interpret_next: _,
            missed: _,
            // Of an instruction or a call of `run` that is over
            stop: _,
            event: _,
            stepping: _,
            replay: _,
            limit: _,
            // The machine's
            memory: _,
            map_generation: _,
            bus: _,
            // About this run
            statistics: _,
            history: _,
            history_at: _,
        } = self;
        cpu.save(out);
        retired.put(out);
        debug_trap.put(out);
    }

    /// Reads what [`Vcpu::save`] wrote, for this processor's model. Returns `None` when the bytes are no such state.
    pub fn decode_saved(&self, mut bytes: &[u8]) -> Option<SavedVcpu> {
        let cpu = Cpu::restored(self.cpu.model, &mut bytes)?;
        let (retired, debug_trap) = Codec::get(&mut bytes)?;
        bytes.is_empty().then_some(SavedVcpu { cpu, retired, debug_trap })
    }

    /// Puts the processor into a saved state. Memory is restored by the machine, before or after.
    pub fn restore(&mut self, saved: SavedVcpu) {
        let SavedVcpu { cpu, retired, debug_trap } = saved;
        self.cpu = cpu;
        self.retired = retired;
        self.debug_trap = debug_trap;
        self.replay.clear();
        self.history = [0; 16];
        self.block = Rc::default();
        self.invalidate_all_code();
        self.follow_map();
        self.state_changed();
        if self.debug_trap != 0 {
            self.attention |= attention::DEBUG_TRAP;
        }
        self.poll_bus();
    }
}
