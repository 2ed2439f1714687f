//! The run loop: blocks, and between them interrupts, traps and exits.

use super::blocks::{Block, Found, MAX_BLOCK};
use super::compiled::LEAST_BUDGET;
use super::links::Context;
use super::{Vcpu, attention};
use crate::Flow;
use std::rc::Rc;
use x86_decode::{DecodeError, InsnFlags, Instruction, Op, decode};
use x86_exceptions::{Event, Outcome, raise};
use x86_paging::AccessKind;
use x86_state::{Activity, Cr0, Dr6, Dr7, RFlags, Shadow};
use x86_types::{CodeSize, Exception, GuestPhysAddr, LinearAddr, PAGE_SIZE, Seg};

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

/// Bytes of code read at once.
const PORTION: usize = 64;

/// What happened, for `--stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Statistics {
    pub blocks_run: u64,
    pub walks: u64,
    pub mmio: u64,
    pub port_io: u64,
    pub exceptions: [u64; 32],
    pub interrupts: u64,
    pub halts: u64,
    /// Instructions retired in compiled code
    pub compiled: u64,
    /// Times compiled code was entered from the run loop
    pub entries: u64,
    /// Times it came back, by [`Leave`](super::compiled::Leave)
    pub leaves: [u64; 4],
    /// Times it came back for code that is compiled, but that it did not find
    pub shown: u64,
}

impl Vcpu {
    /// Runs until `limit` instructions have retired since power-on, or something else ends it.
    pub fn run(&mut self, limit: u64) -> Exit {
        loop {
            if self.attention != 0
                && let Some(exit) = self.attend()
            {
                return exit;
            }
            if self.retired >= limit {
                return Exit::Budget;
            }
            let single = attention::SINGLE_STEP | attention::SHADOW | attention::BREAKPOINTS;
            let budget = if self.attention & single != 0 { 1 } else { limit - self.retired };
            self.run_block(budget);
        }
    }

    /// Instructions decoded into blocks, and blocks dropped since their bytes were written.
    pub fn code_statistics(&self) -> (u64, u64) {
        (self.blocks.decoded, self.blocks.invalidated)
    }

    #[inline(always)]
    fn run_block(&mut self, budget: u64) {
        let block = match self.fetch_block() {
            Ok(block) => block,
            Err(exception) => {
                self.retired += 1;
                self.deliver(Event::Exception(exception));
                return;
            }
        };
        if self.compiled.is_some()
            && !std::mem::take(&mut self.interpret_next)
            && self.try_compiled(&block, budget)
        {
            return;
        }
        // SPEC: intel-sdm-vol3 :: 19.3.1.1 Instruction-Breakpoint Exception Condition -> RF holds off breakpoints for one instruction and is clear after it
        self.cpu.system_flags.remove(RFlags::RF);
        let start = self.cpu.rip;
        self.statistics.blocks_run += 1;
        self.history[self.history_at] = start;
        self.history_at = (self.history_at + 1) % self.history.len();
        self.stop = false;
        let take = block.slots.len().min(budget as usize);
        let shadow = self.cpu.shadow;
        self.stepping = self.cpu.system_flags.contains(RFlags::TF);
        let mask = if self.cpu.code_size == CodeSize::Bits64 { u64::MAX } else { 0xffff_ffff };
        let before = self.retired;
        for slot in &block.slots[..take] {
            self.cpu.rip = self.cpu.rip.wrapping_add(u64::from(slot.insn.len)) & mask;
            let flow = (slot.handler)(self, &slot.insn);
            if flow.is_err() {
                self.instruction_faulted(u64::from(slot.insn.len));
                return;
            }
            self.retired += 1;
            if flow != Ok(Flow::Next) || self.stop {
                break;
            }
        }
        if let Some(targets) = &block.targets
            && self.retired - before == block.slots.len() as u64
        {
            targets.note(self.cpu.rip.wrapping_sub(start) as i64);
        }
        self.block = block;
        // A shadow lasts for one instruction, unless that instruction casts a new one.
        if shadow != Shadow::None && self.cpu.shadow == shadow {
            self.cpu.shadow = Shadow::None;
            self.flags_changed();
        }
        if self.stepping && self.cpu.shadow != Shadow::MovSs {
            self.debug_trap |= Dr6::BS.bits();
            self.attention |= attention::DEBUG_TRAP;
        }
    }

    /// Runs the block's compiled form, if it has one; or counts, and offers it for translation. Gives whether any
    /// instruction was executed.
    fn try_compiled(&mut self, block: &Rc<Block>, budget: u64) -> bool {
        let mut found = block.compiled.get();
        // Where compiled code missed what is there, its way has to be shown to it again.
        let missed = std::mem::take(&mut self.missed) && found.slot != 0;
        if missed || (found.key, found.epoch) != (self.shared.code_key, self.code_epoch) {
            self.statistics.shown += u64::from(missed);
            found = self.find_compiled(block, false);
        }
        if found.slot == 0 {
            let runs = block.runs.get().wrapping_add(1);
            block.runs.set(runs);
            if runs >= block.next_hot.get() && self.shared.code_key != 0 {
                block.next_hot.set(runs.saturating_add(block.period(self.hot)));
                self.find_compiled(block, true);
            }
            return false;
        }
        if budget < LEAST_BUDGET {
            return false;
        }
        self.cpu.system_flags.remove(RFlags::RF);
        self.history[self.history_at] = self.cpu.rip;
        self.history_at = (self.history_at + 1) % self.history.len();
        self.run_compiled(found.slot, budget)
    }

    /// Looks for the compiled form of a block; has it made where it is `hot`.
    #[cold]
    fn find_compiled(&mut self, block: &Rc<Block>, hot: bool) -> Found {
        let mut slot = None;
        if self.shared.code_key != 0
            // Translators know of code only what the TLB tells, which may have forgotten a block that was linked.
            && self.peek_code(self.cpu.rip).is_some()
            && let Some(mut code) = self.compiled.take()
        {
            slot = if hot { code.hot(self) } else { code.find(self) };
            self.compiled = Some(code);
            self.drop_units();
        }
        let found = Found { slot: slot.unwrap_or(0), key: self.shared.code_key, epoch: self.code_epoch };
        block.compiled.set(found);
        found
    }

    #[cold]
    fn instruction_faulted(&mut self, len: u64) {
        let exception = self.pending.take().unwrap_or(Exception::InvalidOpcode);
        // A fault counts as an instruction: time passes for a guest whose handlers do nothing but fault.
        self.retired += 1;
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
        self.bus.set_ferr(self.retired, asserted);
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
        self.debug_trap = 0;
        self.stepping = false;
        if raise(self, event) == Outcome::TripleFault {
            self.cpu.activity = Activity::Shutdown;
            self.attention |= attention::EXIT;
        }
        self.mode_switched();
        self.attention |= attention::INTERRUPT;
    }

    /// What is due between blocks, by priority.
    ///
    /// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> traps on the previous instruction, then NMI, then maskable interrupts, then breakpoints on the next instruction
    #[cold]
    fn attend(&mut self) -> Option<Exit> {
        if self.cpu.activity == Activity::Shutdown {
            return Some(Exit::Shutdown);
        }
        if self.bus.wants_exit() {
            self.attention |= attention::EXIT;
            return Some(Exit::Bus);
        }
        self.attention &= !attention::EXIT;
        // What MOV SS hit waits for the instruction behind it.
        if self.attention & attention::DEBUG_TRAP != 0 && self.cpu.shadow != Shadow::MovSs {
            self.attention &= !attention::DEBUG_TRAP;
            let dr6 = std::mem::take(&mut self.debug_trap);
            if dr6 != 0 {
                self.deliver(Event::Exception(Exception::Debug { dr6, fault: false }));
                return None;
            }
        }
        if self.attention & attention::INTERRUPT != 0 && self.cpu.shadow == Shadow::None {
            self.take_interrupt();
        }
        if self.cpu.activity == Activity::Halted {
            self.attention |= attention::EXIT;
            return Some(Exit::Halted);
        }
        // SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> an instruction breakpoint behind MOV SS or POP SS is suppressed
        if self.attention & attention::BREAKPOINTS != 0 && self.cpu.shadow != Shadow::MovSs {
            self.check_code_breakpoints();
        }
        None
    }

    fn take_interrupt(&mut self) {
        if !self.cpu.nmi_blocked && self.bus.take_nmi() {
            self.cpu.activity = Activity::Running;
            self.deliver(Event::Nmi);
            return;
        }
        if !self.bus.interrupt_pending() {
            self.attention &= !attention::INTERRUPT;
            return;
        }
        if self.cpu.system_flags.contains(RFlags::IF)
            && let Some(vector) = self.bus.acknowledge(self.retired)
        {
            self.cpu.activity = Activity::Running;
            self.deliver(Event::External(vector));
        }
    }

    /// Tells the processor that the bus changed while it was not running (a deadline, input).
    pub fn poll_bus(&mut self) {
        self.attention |= attention::INTERRUPT | attention::EXIT;
    }

    /// SPEC: intel-sdm-vol3 :: 19.2.5 Breakpoint Field Recognition -> instruction breakpoints fault before the instruction, unless RF is set
    fn check_code_breakpoints(&mut self) {
        let dr7 = Dr7::from_bits_retain(self.cpu.dr[7]);
        let linear = self.linear_rip();
        let hits = (0..4)
            .filter(|&n| dr7.enabled(n) && dr7.condition(n) == 0 && self.cpu.dr[n as usize] == linear.0);
        let dr6 = hits.fold(0, |bits, n| bits | 1 << n);
        if dr6 != 0 && !self.cpu.system_flags.contains(RFlags::RF) {
            self.deliver(Event::Exception(Exception::Debug { dr6, fault: true }));
        }
    }

    fn linear_rip(&self) -> LinearAddr {
        LinearAddr(self.cpu.rip.wrapping_add(self.seg_base[Seg::Cs as usize]) & self.linear_mask)
    }

    #[inline(always)]
    fn fetch_block(&mut self) -> Result<Rc<Block>, Exception> {
        let linear = self.linear_rip();
        let size = self.cpu.code_size;
        let context = Context::new(self.tlb.flushes(), self.mmu as u8, size as u8);
        if let Some(block) = self.block.links.find(linear, context)
            && self.inside_limit(&block)
        {
            return Ok(block);
        }
        if let Some((_, phys)) = self.tlb.lookup_exec(self.mmu, linear, 1)
            && let Some(block) = self.blocks.find(phys, size)
            && self.inside_limit(&block)
        {
            if !self.block.returns {
                self.block.links.keep(linear, context, &block);
            }
            return Ok(block);
        }
        self.decode_block(linear)
    }

    /// Whether all of a block at RIP lies within the limit of CS. It may have been decoded under another.
    ///
    /// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> the limit of CS holds for every byte of an instruction
    #[inline(always)]
    fn inside_limit(&self, block: &Block) -> bool {
        self.cpu.rip.wrapping_add(u64::from(block.len)) <= self.code_end
    }

    /// The instruction that runs is stepped if TF is set behind it, whatever it was before.
    pub(crate) fn step_by_new_flags(&mut self) {
        self.stepping = self.cpu.system_flags.contains(RFlags::TF);
    }

    #[cold]
    #[inline(never)]
    fn decode_block(&mut self, linear: LinearAddr) -> Result<Rc<Block>, Exception> {
        let size = self.cpu.code_size;
        let limit = u64::from(self.cpu.segment(Seg::Cs).limit);
        if size != CodeSize::Bits64 && self.cpu.rip > limit {
            return Err(Exception::GP0);
        }
        if size == CodeSize::Bits64 && !linear.is_canonical(self.cpu.linear_bits()) {
            return Err(Exception::GP0);
        }
        let at = self.physical(linear, self.explicit(AccessKind::Execute))?;
        if let Some(block) = self.blocks.find(at, size)
            && self.inside_limit(&block)
        {
            return Ok(block);
        }
        let room = (PAGE_SIZE - linear.page_offset()) as usize;
        // Most blocks are short: bytes are read a few at a time.
        let mut bytes = [0u8; PORTION];
        let mut read = 0;
        let inside = if size == CodeSize::Bits64 { usize::MAX } else { (limit - self.cpu.rip) as usize + 1 };
        let mut block = Block::default();
        let (mut start, mut from) = (0, 0);
        while block.slots.len() < MAX_BLOCK && from < room {
            if read < room.min(from + 15) {
                // What was not decoded moves to the front.
                start = from;
                read = room.min(from + PORTION);
                self.read_code(at.wrapping_add(from as u64), &mut bytes[..read - from]);
            }
            let end = read.min(from + 15);
            match decode(size, &bytes[from - start..end - start]).map(|insn| self.as_on_model(insn)) {
                Ok(insn) if !crate::system::has_feature(self, &insn) => {
                    if from != 0 {
                        break;
                    }
                    return Err(Exception::InvalidOpcode);
                }
                Ok(insn) if from + usize::from(insn.len) <= inside => {
                    from += usize::from(insn.len);
                    let last = insn.flags.contains(InsnFlags::ENDS_BLOCK);
                    block.push(insn);
                    if last {
                        break;
                    }
                }
                // What is wrong with a later instruction shows when it is reached.
                _ if from != 0 => break,
                Ok(_) => return Err(Exception::GP0),
                Err(DecodeError::TooLong) => return Err(Exception::GP0),
                Err(DecodeError::Undefined) => return Err(Exception::InvalidOpcode),
                Err(DecodeError::NeedMore) => {
                    return self.decode_across(linear, at, &bytes[..room.min(15)], inside);
                }
            }
        }
        if self.compiled.is_some() {
            block.observe(self.hot, self.blocks.doublings(at, block.len, self.retired));
        }
        block.slots.shrink_to_fit();
        let block = Rc::new(block);
        if self.blocks.keep(at, size, Rc::clone(&block)) {
            self.tlb.revoke_write(at.page());
        }
        Ok(block)
    }

    /// What the encoding means on this model: without BMI1 and LZCNT their scans are the older ones with a prefix that
    /// means nothing.
    ///
    /// SPEC: intel-sdm-vol2 :: TZCNT—Count the Number of Trailing Zero Bits -> processors without it execute the encoding as BSF; LZCNT likewise as BSR
    pub(super) fn as_on_model(&self, mut insn: Instruction) -> Instruction {
        if matches!(insn.op, Op::Tzcnt | Op::Lzcnt) && !crate::system::has_feature(self, &insn) {
            insn.op = if insn.op == Op::Tzcnt { Op::Bsf } else { Op::Bsr };
        }
        insn
    }

    /// One instruction that lies in two pages: its bytes are read anew each time, since either page's mapping may change.
    fn decode_across(
        &mut self,
        linear: LinearAddr,
        at: GuestPhysAddr,
        here: &[u8],
        inside: usize,
    ) -> Result<Rc<Block>, Exception> {
        let next = LinearAddr(linear.0.wrapping_add(here.len() as u64) & self.linear_mask);
        let mut bytes = [0u8; 15];
        bytes[..here.len()].copy_from_slice(here);
        let mut second = None;
        if here.len() < inside {
            let at = self.physical(next, self.explicit(AccessKind::Execute))?;
            let rest = &mut bytes[here.len()..];
            self.read_code(at, rest);
            second = Some(at);
        }
        let size = self.cpu.code_size;
        if let Some(block) = self.blocks.across(at, size, &bytes)
            && self.inside_limit(&block)
        {
            return Ok(block);
        }
        let insn = match decode(self.cpu.code_size, &bytes).map(|insn| self.as_on_model(insn)) {
            Ok(insn) if !crate::system::has_feature(self, &insn) => return Err(Exception::InvalidOpcode),
            Ok(insn) if usize::from(insn.len) <= inside => insn,
            Err(DecodeError::Undefined) => return Err(Exception::InvalidOpcode),
            _ => return Err(Exception::GP0),
        };
        let mut block = Block::default();
        block.push(insn);
        if self.compiled.is_some() {
            let (first, len) = (here.len() as u32, u32::from(insn.len));
            let behind = second.map_or(0, |at| self.blocks.doublings(at, len - first.min(len), self.retired));
            block.observe(self.hot, self.blocks.doublings(at, first, self.retired).max(behind));
        }
        let block = Rc::new(block);
        self.blocks.keep_across(at, size, bytes, Rc::clone(&block));
        Ok(block)
    }

    /// Physical address of the code at `rip`, if it can be fetched; for reports.
    pub fn peek_code(&mut self, rip: u64) -> Option<GuestPhysAddr> {
        let linear = LinearAddr(rip.wrapping_add(self.seg_base[Seg::Cs as usize]) & self.linear_mask);
        let access = self.explicit(AccessKind::Execute);
        self.physical(linear, access).ok()
    }

    fn read_code(&mut self, at: GuestPhysAddr, bytes: &mut [u8]) {
        if self.ram.contains(at, 1) {
            self.ram.read(at, bytes);
        } else {
            bytes.fill(0xff);
        }
    }
}
