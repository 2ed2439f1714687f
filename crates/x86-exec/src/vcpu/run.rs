//! The run loop: blocks, and between them interrupts, traps and exits.

use super::block_links::Context;
use super::block_store::{BlockId, Found};
use super::compiled::LEAST_BUDGET;
use super::{Raised, Vcpu, attention};
use crate::{Flow, VcpuBus};
use x86_decode::Op;
use x86_exceptions::{Event, Outcome, SoftwareKind, raise};
use x86_state::{Activity, Cr0, DEBUGCTL_BTF, Dr6, Dr7, RFlags, Shadow};
use x86_types::{CodeSize, Exception, LinearAddr, Seg};

/// Why [`Vcpu::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As many instructions as were asked for have retired
    Budget,
    /// HLT with nothing pending
    Halted,
    /// A triple fault
    Shutdown,
    /// The bus wants the machine's attention
    Bus,
}

/// Counts of events, for `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Blocks that the interpreter executed
    pub blocks_run: u64,
    /// Page walks
    pub walks: u64,
    /// Accesses to memory-mapped registers
    pub mmio: u64,
    /// Accesses to I/O ports
    pub port_io: u64,
    /// Exceptions delivered, by vector
    pub exceptions: [u64; 32],
    /// External interrupts delivered
    pub interrupts: u64,
    /// Times HLT stopped the processor
    pub halts: u64,
    /// Instructions retired in compiled code
    pub compiled: u64,
    /// Times compiled code was entered from the run loop
    pub entries: u64,
    /// Times it came back, by [`ExitReason`](super::compiled::ExitReason)
    pub exits: [u64; 4],
    /// Times it came back for code that is compiled, but that it did not find
    pub shown: u64,
}

impl std::ops::AddAssign for Statistics {
    fn add_assign(&mut self, other: Self) {
        let Self {
            blocks_run,
            walks,
            mmio,
            port_io,
            exceptions,
            interrupts,
            halts,
            compiled,
            entries,
            exits,
            shown,
        } = other;
        self.blocks_run += blocks_run;
        self.walks += walks;
        self.mmio += mmio;
        self.port_io += port_io;
        self.exceptions.iter_mut().zip(exceptions).for_each(|(sum, n)| *sum += n);
        self.interrupts += interrupts;
        self.halts += halts;
        self.compiled += compiled;
        self.entries += entries;
        self.exits.iter_mut().zip(exits).for_each(|(sum, n)| *sum += n);
        self.shown += shown;
    }
}

/// A processor with a bus. It lets go of the bus when it goes out of scope, also by a panic.
struct Attached<'a>(&'a mut Vcpu);

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.0.bus.detach();
    }
}

impl Vcpu {
    /// Runs until `limit` instructions have retired since power-on, or something else ends it.
    ///
    /// What the bus asks for is noticed at once; what changed on it between two runs has to be announced by
    /// [`Vcpu::poll_bus`].
    #[allow(unsafe_code)]
    pub fn run(&mut self, bus: &mut dyn VcpuBus, limit: u64) -> Exit {
        let attached = Attached(self);
        // SAFETY: `bus` is borrowed until this function ends, however it does; before that `attached` lets go of it.
        unsafe { attached.0.bus.attach(bus) };
        attached.0.follow_map();
        attached.0.collect_compiled();
        attached.0.run_attached(limit)
    }

    fn run_attached(&mut self, limit: u64) -> Exit {
        loop {
            if self.run_state.attention != 0
                && let Some(exit) = self.attend()
            {
                return exit;
            }
            if self.run_state.retired >= limit {
                return Exit::Budget;
            }
            let single = attention::SINGLE_STEP | attention::SHADOW | attention::BREAKPOINTS;
            let budget =
                if self.run_state.attention & single != 0 { 1 } else { limit - self.run_state.retired };
            self.run_block(budget);
        }
    }

    /// Instructions decoded into blocks, and blocks dropped since their bytes were written.
    pub fn code_statistics(&self) -> (u64, u64) {
        (self.code.blocks.decoded, self.code.blocks.invalidated)
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn run_block(&mut self, budget: u64) {
        let block = match self.fetch_block() {
            Ok(block) => block,
            Err(exception) => {
                self.run_state.retired += 1;
                self.deliver(Event::Exception(exception));
                return;
            }
        };
        if self.code.compiled.is_some()
            && !std::mem::take(&mut self.code.interpret_next)
            && self.try_compiled(block, budget)
        {
            return;
        }
        // SPEC: intel-sdm-vol3 :: 19.3.1.1 Instruction-Breakpoint Exception Condition -> RF holds off breakpoints for one instruction and is clear after it
        self.cpu.system_flags.remove(RFlags::RF);
        self.code.blocks.store.fetch_behind(block);
        let start = self.cpu.rip;
        self.statistics.blocks_run += 1;
        self.history.note(start);
        self.run_state.stop = false;
        let (slots, count) = self.code.blocks.store.code(block);
        let take = count.min(budget as usize);
        let shadow = self.cpu.shadow;
        self.run_state.stepping = self.cpu.system_flags.contains(RFlags::TF);
        let mask = if self.cpu.code_size == CodeSize::Bits64 { u64::MAX } else { 0xffff_ffff };
        let before = self.run_state.retired;
        for n in 0..take {
            // SAFETY: these are the block's instructions, and stay so until another block is decoded, which no instruction
            // does while it is executed.
            let slot = unsafe { slots.add(n).as_ref() };
            self.cpu.rip = self.cpu.rip.wrapping_add(u64::from(slot.insn.len)) & mask;
            let flow = match (slot.handler)(self, &slot.insn) {
                Ok(flow) => flow,
                Err(raised) => return self.instruction_faulted(raised, u64::from(slot.insn.len)),
            };
            self.run_state.retired += 1;
            if flow != Flow::Next || self.run_state.stop {
                break;
            }
        }
        if let Some(targets) = self.code.blocks.store.targets(block)
            && self.run_state.retired - before == count as u64
        {
            targets.note(self.cpu.rip.wrapping_sub(start) as i64);
        }
        self.code.blocks.last = block;
        // A shadow lasts for one instruction, unless that instruction casts a new one.
        if shadow != Shadow::None && self.cpu.shadow == shadow {
            self.cpu.shadow = Shadow::None;
            self.flags_changed();
        }
        if self.run_state.stepping && self.cpu.shadow != Shadow::MovSs && self.step_ends(start) {
            self.run_state.debug_trap |= Dr6::BS.bits();
            self.run_state.attention |= attention::DEBUG_TRAP;
        }
    }

    /// Returns whether the single step of the instruction that was at `start` traps: with BTF only behind a branch that is
    /// taken.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.4.3 Single-Stepping on Branches -> with IA32_DEBUGCTL.BTF and TF the trap comes only behind instructions that cause a branch
    fn step_ends(&self, start: u64) -> bool {
        if self.cpu.msr.debugctl & DEBUGCTL_BTF == 0 {
            return true;
        }
        let Some(slot) = self.code.blocks.store.slots(self.code.blocks.last).first() else { return true };
        match slot.insn.op {
            Op::Jcc | Op::Jcxz | Op::Loop | Op::Loope | Op::Loopne => {
                self.cpu.rip != start.wrapping_add(u64::from(slot.insn.len))
            }
            Op::Jmp | Op::JmpFar | Op::Call | Op::CallFar | Op::Ret | Op::RetFar | Op::Iret => true,
            Op::Syscall | Op::Sysret | Op::Sysenter | Op::Sysexit => true,
            _ => false,
        }
    }

    /// Runs the block's compiled form, if it has one; or counts, and offers it for translation. Gives whether any
    /// instruction was executed.
    fn try_compiled(&mut self, id: BlockId, budget: u64) -> bool {
        let mut found = self.code.blocks.store.block(id).compiled;
        // Where compiled code missed what is there, its way has to be shown to it again.
        let missed = std::mem::take(&mut self.code.missed) && found.slot != 0;
        if missed || found.stamp != self.code.stamp() {
            self.statistics.shown += u64::from(missed);
            found = self.find_compiled(id, false);
        }
        if found.slot == 0 {
            let block = self.code.blocks.store.block_mut(id);
            block.runs = block.runs.wrapping_add(1);
            if block.runs >= block.next_hot && self.code.shared.code_key != 0 {
                block.next_hot = block.runs.saturating_add(block.period(self.code.hot));
                self.find_compiled(id, true);
            }
            return false;
        }
        if budget < LEAST_BUDGET {
            return false;
        }
        self.cpu.system_flags.remove(RFlags::RF);
        self.history.note(self.cpu.rip);
        self.run_compiled(found.slot, budget)
    }

    /// Interprets up to the last instruction whose device accesses compiled code has made. What these accesses made due
    /// comes behind it.
    #[cold]
    pub(super) fn execute_again(&mut self) {
        while self.code.replay.reaches(self.run_state.retired)
            && self.run_state.retired < self.run_state.limit
        {
            self.code.interpret_next = true;
            self.run_block(self.run_state.limit - self.run_state.retired);
        }
    }

    /// Looks for the compiled form of a block; has it made where it is `hot`.
    #[cold]
    fn find_compiled(&mut self, id: BlockId, hot: bool) -> Found {
        let mut slot = None;
        if self.code.shared.code_key != 0
            // Translators know of code only what the TLB tells, which may have forgotten a block that was linked.
            && self.peek_code(self.cpu.rip).is_some()
            && let Some(mut code) = self.code.compiled.take()
        {
            slot = if hot { code.hot(self) } else { code.find(self) };
            self.code.compiled = Some(code);
            self.drop_units();
        }
        let found = Found { slot: slot.unwrap_or(0), stamp: self.code.stamp() };
        self.code.blocks.store.block_mut(id).compiled = found;
        found
    }

    #[cold]
    fn instruction_faulted(&mut self, raised: Raised, len: u64) {
        let exception = Exception::from(raised);
        // A fault counts as an instruction: time passes for a guest whose handlers do nothing but fault.
        self.run_state.retired += 1;
        if !exception.is_trap() {
            self.cpu.rip = self.cpu.rip.wrapping_sub(len) & self.linear_mask_of_rip();
        }
        if self.cpu.shadow != Shadow::None {
            self.cpu.shadow = Shadow::None;
            self.flags_changed();
        }
        if exception == Exception::X87FloatingPoint && !self.cpu.cr0.contains(Cr0::NE) {
            self.freeze();
            return;
        }
        self.deliver(Event::Exception(exception));
    }

    /// An unmasked x87 exception waits, and no #MF is to tell of it: FERR# does, and the processor waits for an interrupt
    /// before the instruction, which starts over afterwards.
    ///
    /// SPEC: intel-sdm-vol1 :: D.2.1.1 Basic Rules: When FERR# Is Generated -> with CR0.NE = 0 and IGNNE# inactive the processor freezes just before the next waiting instruction, until an interrupt arrives
    #[cold]
    fn freeze(&mut self) {
        self.drive_ferr(true);
        self.cpu.activity = Activity::Halted;
        self.poll_bus();
    }

    /// Drives FERR#.
    #[cold]
    pub(crate) fn drive_ferr(&mut self, asserted: bool) {
        let now = self.run_state.retired;
        self.bus_mut().set_ferr(now, asserted);
        self.bus_touched();
    }

    fn linear_mask_of_rip(&self) -> u64 {
        if self.cpu.code_size == CodeSize::Bits64 { u64::MAX } else { 0xffff_ffff }
    }

    /// Delivers an event; a triple fault shuts the processor down.
    pub(crate) fn deliver(&mut self, event: Event) {
        match event {
            Event::Exception(e) => {
                self.statistics.exceptions[usize::from(e.vector() & 31)] += 1;
                tracing::trace!(target: "exceptions", rip = self.cpu.rip, ?e, "exception");
            }
            _ => self.statistics.interrupts += 1,
        }
        // SPEC: intel-sdm-vol3 :: 7.12.1.3 Flag Usage By Exception- or Interrupt-Handler Procedure -> TF is cleared, so that the response to INT n is not stepped either
        self.run_state.stepping = false;
        self.run_state.debug_trap = self.traps_behind(event);
        if raise(self, event) == Outcome::TripleFault {
            self.cpu.activity = Activity::Shutdown;
            self.run_state.attention |= attention::EXIT;
        }
        self.mode_switched();
        self.run_state.attention |= attention::INTERRUPT;
    }

    /// Returns what of the pending debug traps is still due behind the delivery of an event. Only MOV SS and POP SS leave a
    /// trap pending for the next instruction, which may be a software interrupt.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> data breakpoints of a load of SS trap behind the next instruction: behind INT n that is in its handler, and INT1 reports them itself
    fn traps_behind(&mut self, event: Event) -> u64 {
        let hits = self.run_state.debug_trap & (Dr6::B0 | Dr6::B1 | Dr6::B2 | Dr6::B3).bits();
        match event {
            Event::Software { kind: SoftwareKind::Int1, .. } => {
                self.cpu.dr[6] |= hits;
                0
            }
            Event::Software { .. } => hits,
            _ => 0,
        }
    }

    /// What is due between blocks, by priority.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> traps on the previous instruction, then NMI, then maskable interrupts, then breakpoints on the next instruction
    #[cold]
    fn attend(&mut self) -> Option<Exit> {
        if self.cpu.activity == Activity::Shutdown {
            return Some(Exit::Shutdown);
        }
        if self.bus_mut().wants_exit() {
            self.run_state.attention |= attention::EXIT;
            return Some(Exit::Bus);
        }
        self.run_state.attention &= !attention::EXIT;
        // What MOV SS hit waits for the instruction behind it.
        if self.run_state.attention & attention::DEBUG_TRAP != 0 && self.cpu.shadow != Shadow::MovSs {
            self.run_state.attention &= !attention::DEBUG_TRAP;
            let mut dr6 = std::mem::take(&mut self.run_state.debug_trap);
            if dr6 != 0 {
                dr6 |= self.code_breakpoints();
                self.deliver(Event::Exception(Exception::Debug { dr6, fault: false }));
                return None;
            }
        }
        if self.run_state.attention & attention::INTERRUPT != 0 && self.cpu.shadow == Shadow::None {
            self.take_interrupt();
        }
        if matches!(self.cpu.activity, Activity::Halted | Activity::WaitForSipi) {
            self.run_state.attention |= attention::EXIT;
            return Some(Exit::Halted);
        }
        // SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> an instruction breakpoint behind MOV SS or POP SS is suppressed
        if self.run_state.attention & attention::BREAKPOINTS != 0 && self.cpu.shadow != Shadow::MovSs {
            self.check_code_breakpoints();
        }
        None
    }

    fn take_interrupt(&mut self) {
        let pending = self.bus_mut().pending();
        if pending.start && self.take_start() {
            return;
        }
        if self.cpu.activity == Activity::WaitForSipi {
            return;
        }
        if pending.nmi && !self.cpu.nmi_blocked && self.bus_mut().take_nmi() {
            self.cpu.activity = Activity::Running;
            self.deliver(Event::Nmi);
            return;
        }
        if !pending.any() {
            self.run_state.attention &= !attention::INTERRUPT;
            return;
        }
        if self.cpu.system_flags.contains(RFlags::IF)
            && let now = self.run_state.retired
            && let Some(vector) = self.bus_mut().acknowledge(now)
        {
            self.cpu.activity = Activity::Running;
            self.deliver(Event::External(vector));
        }
    }

    /// Tells the processor that the bus changed while it was not running (a deadline, input).
    pub fn poll_bus(&mut self) {
        self.run_state.attention |= attention::INTERRUPT | attention::EXIT;
    }

    /// SPEC: intel-sdm-vol3 :: 19.2.5 Breakpoint Field Recognition -> instruction breakpoints fault before the instruction, unless RF is set
    fn check_code_breakpoints(&mut self) {
        let dr6 = self.code_breakpoints();
        if dr6 != 0 {
            self.deliver(Event::Exception(Exception::Debug { dr6, fault: true }));
        }
    }

    /// Returns the bits of DR6 for the instruction breakpoints at RIP. A trap that is taken there reports them too, and
    /// its handler returns with RF set if the instruction is to run.
    ///
    /// SPEC: intel-sdm-vol3 :: 19.2.3 Debug Status Register (DR6) -> B0 to B3 are set where their condition was met when a debug exception was generated
    fn code_breakpoints(&self) -> u64 {
        if self.cpu.system_flags.contains(RFlags::RF) {
            return 0;
        }
        let dr7 = Dr7::from_bits_retain(self.cpu.dr[7]);
        let linear = self.linear_rip();
        let hits = (0..4)
            .filter(|&n| dr7.enabled(n) && dr7.condition(n) == 0 && self.cpu.dr[n as usize] == linear.0);
        hits.fold(0, |bits, n| bits | 1 << n)
    }

    #[inline(always)]
    pub(super) fn linear_rip(&self) -> LinearAddr {
        self.linear_code(self.cpu.rip)
    }

    /// The linear address of an offset in CS.
    #[inline(always)]
    pub(super) fn linear_code(&self, rip: u64) -> LinearAddr {
        LinearAddr(rip.wrapping_add(self.mem.seg_base[Seg::Cs as usize]) & self.mem.linear_mask)
    }

    #[inline(always)]
    fn fetch_block(&mut self) -> Result<BlockId, Exception> {
        let linear = self.linear_rip();
        let size = self.cpu.code_size;
        let context = Context::new(self.mem.tlb.flushes(), self.mem.mmu as u8, size as u8);
        if let Some(block) = self.code.blocks.behind_last(linear, context)
            && self.inside_limit(block)
        {
            return Ok(block);
        }
        if let Some((_, phys)) = self.mem.tlb.lookup_exec(self.mem.mmu, linear, 1)
            && let Some(block) = self.code.blocks.find(phys, size)
            && self.inside_limit(block)
        {
            self.code.blocks.store.keep_link(self.code.blocks.last, linear, context, block);
            return Ok(block);
        }
        self.decode_block(linear)
    }

    /// Whether all of a block at RIP lies within the limit of CS. It may have been decoded under another.
    ///
    /// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> the limit of CS holds for every byte of an instruction
    #[inline(always)]
    pub(super) fn inside_limit(&self, block: BlockId) -> bool {
        let len = self.code.blocks.store.block(block).len;
        self.cpu.rip.wrapping_add(u64::from(len)) <= self.mem.code_end
    }

    /// The instruction that runs is stepped if TF is set behind it, whatever it was before.
    pub(crate) fn step_by_new_flags(&mut self) {
        self.run_state.stepping = self.cpu.system_flags.contains(RFlags::TF);
    }
}
