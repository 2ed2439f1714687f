//! What of a processor is saved. Everything else is derived from it, from RAM, or describes this run alone.

use super::block_store::BlockId;
use super::{History, RunState, Vcpu, attention};
use snapshot::{Bytes, Codec};
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
            run_state:
                RunState { retired, debug_trap, limit: _, attention: _, stop: _, event: _, stepping: _ },
            // Derived from `cpu`, or filled, decoded and compiled anew
            mem: _,
            code: _,
            // The machine's
            bus: _,
            // About this run
            statistics: _,
            history: _,
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
        self.run_state.retired = retired;
        self.run_state.debug_trap = debug_trap;
        self.code.replay.clear();
        self.history = History::default();
        self.code.blocks.last = BlockId::NONE;
        self.invalidate_all_code();
        self.follow_map();
        self.state_changed();
        if self.run_state.debug_trap != 0 {
            self.run_state.attention |= attention::DEBUG_TRAP;
        }
        self.poll_bus();
    }
}
