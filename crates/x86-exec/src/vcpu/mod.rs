//! One virtual processor: its state, its TLB, its decoded code, and the run loop that executes by [`crate::exec`].

mod activity;
mod arith;
mod block_links;
mod block_store;
mod block_table;
mod blocks;
mod bus_slot;
mod churn;
mod code_events;
mod code_usage;
pub mod compiled;
mod domain;
mod fetch;
mod memory;
mod repeat;
mod replay;
mod run;
mod segmentation;
mod snapshot;
mod system_context;
mod target_profile;
mod x87;

use crate::Flow;
use crate::bus::{Pending, VcpuBus};
use block_store::Slot;
use blocks::BlockCache;
use bus_slot::BusSlot;
use compiled::{CompiledCode, HelperTable, JumpCache, MODE_BITS, Shared};
use guest_memory::GuestMemory;
use replay::Replay;
use std::rc::Rc;
use x86_paging::{AccessKind, BANKS, MmuIndex, PagingMode, Tlb};
use x86_state::{Cpu, Cr0, RFlags, Shadow, cpuid::CpuModel};
use x86_types::{CodeSize, Exception, Seg, Width};

pub use self::snapshot::SavedVcpu;
pub use code_events::CodeEvent;
pub use code_usage::CodeUsage;
pub use run::{Exit, Statistics};

/// The exception that stopped an instruction. It lies on the heap, so that results which may carry it fit into registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised(Box<Exception>);

const _: () = assert!(size_of::<Result<u64, Raised>>() <= 16 && size_of::<Result<Flow, Raised>>() <= 16);

impl From<Exception> for Raised {
    #[cold]
    fn from(exception: Exception) -> Self {
        Raised(Box::new(exception))
    }
}

impl From<Raised> for Exception {
    #[cold]
    fn from(raised: Raised) -> Self {
        *raised.0
    }
}

/// What the bus has for a processor after an access.
pub(crate) struct BusNews {
    /// Bits of [`attention`]
    pub(crate) attention: u32,
    /// Whether the run loop has to look before the next instruction
    pub(crate) stops: bool,
}

/// Why the run loop must look up before the next block. Zero while code just runs.
pub(crate) mod attention {
    /// An interrupt may be pending
    pub(crate) const INTERRUPT: u32 = 1;
    /// An interrupt shadow lasts for one instruction
    pub(crate) const SHADOW: u32 = 1 << 1;
    /// RFLAGS.TF: one instruction at a time
    pub(crate) const SINGLE_STEP: u32 = 1 << 2;
    /// DR7 enables a breakpoint
    pub(crate) const BREAKPOINTS: u32 = 1 << 3;
    /// The bus has something for the host, or the processor is halted or shut down
    pub(crate) const EXIT: u32 = 1 << 4;
    /// A #DB trap is due after the current instruction
    pub(crate) const DEBUG_TRAP: u32 = 1 << 5;
}

/// A virtual processor.
pub struct Vcpu {
    /// Architectural state
    pub cpu: Cpu,
    mem: MemorySide,
    code: CodeSide,
    run_state: RunState,
    bus: BusSlot,
    /// Counts for `--stats`
    pub statistics: Statistics,
    history: History,
}

/// How memory is reached: guest memory, and what derives from it, from segments and from control registers.
struct MemorySide {
    guest: Rc<GuestMemory>,
    /// [`GuestMemory::generation`] that translations and `paging` were made under
    map_generation: u64,
    tlb: Box<Tlb>,
    paging: PagingMode,
    /// The bank of the TLB that the present mode looks into
    mmu: MmuIndex,
    /// Bases by segment register; 0 for ES, CS, SS and DS in 64-bit mode
    seg_base: [u64; 6],
    /// Bit per segment register: accesses need a limit, rights or alignment check
    seg_checks: u32,
    /// One past the last offset that compiled code may load from, and store to, without asking, by segment register. What
    /// outside 64-bit mode is no plain range of offsets has none
    seg_ends: [[u64; 6]; 2],
    /// Cuts linear addresses: all ones in 64-bit mode, else 32 bits
    linear_mask: u64,
    stack_width: Width,
    /// One past the last offset of code in CS; no limit in 64-bit mode
    code_end: u64,
    /// The same for compiled code, of which 16-bit code does not leave the first 64 KiB
    compiled_end: u64,
}

impl MemorySide {
    fn new(guest: Rc<GuestMemory>, paging: PagingMode) -> Self {
        MemorySide {
            map_generation: guest.generation(),
            guest,
            tlb: Box::new(Tlb::new()),
            paging,
            mmu: MmuIndex::Kernel,
            seg_base: [0; 6],
            seg_checks: 0,
            seg_ends: [[0; 6]; 2],
            linear_mask: 0,
            stack_width: Width::B2,
            code_end: 0,
            compiled_end: 0,
        }
    }
}

/// Decoded and compiled code.
struct CodeSide {
    blocks: BlockCache,
    /// Room for a block that is being decoded
    decoded: Vec<Slot>,
    /// Translated code, if there is a translator; absent while it runs
    compiled: Option<Box<dyn CompiledCode>>,
    shared: Shared,
    jumps: JumpCache,
    /// What the keys of jumps in [`Shared`] were made for last, and these keys, by bank of the TLB
    jump_keys: [((u32, u32, u32), u64); BANKS],
    /// [`CompiledCode::hot_threshold`]
    hot: u32,
    /// Instructions executed for compiled code
    helpers: HelperTable,
    /// Changes whenever all compiled code is dropped: what was found before has to be looked for anew. Not 0
    epoch: u32,
    /// The next block is for the interpreter, whatever is compiled
    interpret_next: bool,
    /// Compiled code came back since it did not find where to go on
    missed: bool,
    /// Device accesses of compiled code that the interpreter may come to again
    replay: Replay,
}

impl CodeSide {
    fn new() -> Self {
        CodeSide {
            blocks: BlockCache::new(),
            decoded: Vec::new(),
            compiled: None,
            shared: Shared::default(),
            jumps: JumpCache::default(),
            jump_keys: Default::default(),
            hot: u32::MAX,
            helpers: HelperTable::default(),
            epoch: 1,
            interpret_next: false,
            missed: false,
            replay: Replay::default(),
        }
    }

    /// What a compiled form that is looked for now is good for, as a number: the mode, and until all is looked for anew.
    #[inline(always)]
    fn stamp(&self) -> u32 {
        self.epoch << MODE_BITS | self.shared.code_key
    }
}

/// Where the run loop stands.
#[derive(Default)]
struct RunState {
    /// Instructions retired; while compiled code runs, before it was entered
    retired: u64,
    /// Instructions retired at which compiled code has to come back
    limit: u64,
    /// Bits of [`attention`]
    attention: u32,
    /// Set to leave the block after the instruction that runs
    stop: bool,
    /// Set with `stop` where the run loop has something to do: not where only code was written
    event: bool,
    /// Whether the block that runs ends in a single-step trap
    stepping: bool,
    /// Bits for DR6 of a data breakpoint or single step that traps after the instruction
    debug_trap: u64,
}

/// The last targets of far and near jumps that left a block, for crash reports.
#[derive(Default)]
struct History {
    places: [u64; 16],
    next: usize,
}

impl History {
    #[inline(always)]
    fn note(&mut self, rip: u64) {
        self.places[self.next] = rip;
        self.next = (self.next + 1) % self.places.len();
    }
}

impl Vcpu {
    /// A processor after RESET#.
    pub fn new(model: CpuModel, memory: Rc<GuestMemory>) -> Self {
        let cpu = Cpu::new(model);
        let paging = PagingMode::of(&cpu);
        let mut vcpu = Vcpu {
            cpu,
            mem: MemorySide::new(memory, paging),
            code: CodeSide::new(),
            run_state: RunState::default(),
            bus: BusSlot::default(),
            statistics: Statistics::default(),
            history: History::default(),
        };
        vcpu.state_changed();
        vcpu
    }

    /// RESET#: the processor starts over, memory stays.
    pub fn reset(&mut self) {
        self.cpu = Cpu::new(self.cpu.model);
        self.code.replay.clear();
        self.run_state.debug_trap = 0;
        self.state_changed();
    }

    /// Instructions retired since power-on.
    pub fn retired(&self) -> u64 {
        self.run_state.retired
    }

    /// The bus of the present run.
    #[inline(always)]
    pub(crate) fn bus_mut(&mut self) -> &mut dyn VcpuBus {
        self.bus.get()
    }

    /// Guest memory.
    pub fn memory(&self) -> &Rc<GuestMemory> {
        &self.mem.guest
    }

    /// The last block addresses that ran, oldest first.
    pub fn last_branches(&self) -> Vec<u64> {
        let History { places, next } = &self.history;
        places[*next..].iter().chain(&places[..*next]).copied().collect()
    }

    /// Rebuilds everything derived, after state was changed from outside or by a rare instruction: drops the TLB too.
    pub fn state_changed(&mut self) {
        self.mem.tlb.flush_all();
        self.controls_changed();
        self.run_state.attention |= attention::INTERRUPT;
    }

    /// Rebuilds what derives from control registers, EFER and all below, other than the TLB's content.
    pub(crate) fn controls_changed(&mut self) {
        self.mem.paging = PagingMode::of(&self.cpu);
        self.mode_switched();
    }

    /// Rebuilds what derives from the mode of the code, segments, CPL and RFLAGS.
    pub(crate) fn mode_switched(&mut self) {
        self.cpu.update_code_size();
        self.segments_changed();
        self.flags_changed();
    }

    /// Rebuilds what derives from segment registers and CPL.
    pub(crate) fn segments_changed(&mut self) {
        let long64 = self.cpu.code_size == CodeSize::Bits64;
        if long64 && self.mem.linear_mask == u64::MAX {
            return self.bases_changed();
        }
        self.mem.linear_mask = if long64 { u64::MAX } else { 0xffff_ffff };
        self.mem.stack_width = if long64 {
            Width::B8
        } else if self.cpu.segment(Seg::Ss).attr.contains(x86_state::SegAttr::DB) {
            Width::B4
        } else {
            Width::B2
        };
        let limit = u64::from(self.cpu.segment(Seg::Cs).limit);
        self.mem.code_end = if long64 { u64::MAX } else { limit + 1 };
        self.mem.compiled_end = match self.cpu.code_size {
            CodeSize::Bits16 => self.mem.code_end.min(1 << 16),
            _ => self.mem.code_end,
        };
        let real = !long64 && self.cpu.mode().is_real_like();
        let mut checks = 0;
        for seg in Seg::ALL {
            let segment = self.cpu.segment(seg);
            let n = seg as usize;
            self.mem.seg_base[n] = if long64 && seg as u8 <= Seg::Ds as u8 { 0 } else { segment.base };
            let is_free = long64 || segmentation::is_unrestricted(seg, segment);
            checks |= u32::from(!is_free) << n;
            let end = |write| if is_free { u64::MAX } else { segmentation::plain_end(segment, real, write) };
            let ends = [end(false), end(true)];
            [self.mem.seg_ends[0][n], self.mem.seg_ends[1][n]] = ends;
        }
        self.mem.seg_checks = checks;
        self.privilege_changed();
    }

    /// Rebuilds what derives from segment registers and CPL where code is that of 64 bits, as it was before.
    ///
    /// SPEC: intel-sdm-vol1 :: 3.4.2.1 Segment Registers in 64-Bit Mode -> CS, DS, ES and SS have base 0 and no limit; FS and GS have bases alone
    fn bases_changed(&mut self) {
        for seg in [Seg::Fs, Seg::Gs] {
            self.mem.seg_base[seg as usize] = self.cpu.segment(seg).base;
        }
        self.mem.seg_checks = 0;
        self.privilege_changed();
    }

    /// Rebuilds what derives from CPL and RFLAGS.AC: which TLB bank is used, and whether alignment is checked.
    pub(crate) fn privilege_changed(&mut self) {
        self.mem.paging.set_ac(self.cpu.system_flags.contains(RFlags::AC));
        self.mem.mmu = self.mem.paging.mmu_index(self.explicit(AccessKind::Read));
        if self.alignment_checked() {
            self.mem.seg_checks |= 0x3f;
        }
        self.select_bank();
        self.code_mode_changed();
    }

    /// Rebuilds the identity of the mode that code is compiled for, after MXCSR or anything else it derives from changed.
    #[cold]
    pub(crate) fn code_mode_changed(&mut self) {
        self.code.shared.code_key = self.code_mode().map_or(0, compiled::CodeMode::key);
    }

    /// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> #AC needs CR0.AM, RFLAGS.AC and CPL 3
    pub(crate) fn alignment_checked(&self) -> bool {
        self.cpu.cpl == 3 && self.cpu.cr0.contains(Cr0::AM) && self.cpu.system_flags.contains(RFlags::AC)
    }

    /// Rebuilds what derives from RFLAGS and the interrupt shadow.
    pub(crate) fn flags_changed(&mut self) {
        let mut attention =
            self.run_state.attention & (attention::EXIT | attention::DEBUG_TRAP | attention::INTERRUPT);
        if self.cpu.system_flags.contains(RFlags::TF) {
            attention |= attention::SINGLE_STEP;
        }
        if self.cpu.shadow != Shadow::None {
            attention |= attention::SHADOW;
        }
        if self.cpu.dr[7] & x86_state::Dr7::ENABLES.bits() != 0 {
            attention |= attention::BREAKPOINTS;
        }
        self.run_state.attention = attention;
    }

    /// Asks to leave the block after this instruction.
    #[inline]
    pub(crate) fn stop_block(&mut self) {
        self.run_state.stop = true;
    }

    /// Looks at the bus after an access. Code goes on unless the access made an event pending, asked for an exit, or changed
    /// the memory map: then the block ends behind the instruction.
    pub(crate) fn bus_touched(&mut self) {
        let news = self.bus_news();
        self.run_state.attention |= news.attention;
        if news.stops {
            self.run_state.event = true;
            self.run_state.stop = true;
        }
        self.follow_map();
    }

    /// Returns what an access to the bus changed for this processor.
    pub(crate) fn bus_news(&mut self) -> BusNews {
        let mut attention = 0;
        let pending = self.bus_mut().pending();
        if pending.any() {
            attention |= attention::INTERRUPT;
        }
        let wants_exit = self.bus_mut().wants_exit();
        if wants_exit {
            attention |= attention::EXIT;
        }
        let remapped = self.mem.map_generation != self.mem.guest.generation();
        BusNews { attention, stops: wants_exit || remapped || self.is_due(pending) }
    }

    /// Returns whether an event that is pending may be taken at the next instruction boundary. A maskable interrupt waits
    /// for RFLAGS.IF, and the instruction that sets it looks again.
    pub(crate) fn is_due(&self, pending: Pending) -> bool {
        pending.nmi || pending.start || pending.interrupt && self.cpu.system_flags.contains(RFlags::IF)
    }

    /// Drops translations where addresses mean other memory than before. Decoded and compiled code is known by the bytes
    /// it was made of, wherever they lie, so that it stays.
    #[inline]
    pub(crate) fn follow_map(&mut self) {
        if self.mem.map_generation != self.mem.guest.generation() {
            self.mem.map_generation = self.mem.guest.generation();
            self.mem.tlb.flush_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A processor over a megabyte of RAM.
    pub(super) fn processor() -> Vcpu {
        Vcpu::new(CpuModel::MAX, Rc::new(GuestMemory::new(1 << 20).unwrap()))
    }
}
