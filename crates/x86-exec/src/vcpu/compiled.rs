//! The processor as compiled code sees it: what they share, and what compiled code calls when its fast ways end.
//!
//! Compiled code is handed the address of the [`Vcpu`] and reads and writes at the offsets of [`layout`]. Registers and
//! flags are whole whenever it calls or returns; what it cannot do it leaves to the interpreter, before the instruction.

mod f80;
mod helper_calls;
mod helper_table;
mod jump_cache;
pub mod layout;
mod memory;
mod statistics;

pub use super::replay::REPLAY_LEN;
pub use helper_calls::{HELPER_RETIRED_SHIFT, helper_result};
pub(super) use jump_cache::JumpCache;
pub use jump_cache::{JUMP_CACHE_LEN, JUMP_HASH_SHIFT, JumpEntry};
pub use memory::access;
pub use statistics::TranslationCounts;

use super::Vcpu;
use super::arith::arith;
use crate::FlagDef;
pub(super) use helper_table::HelperTable;
use x86_decode::{Instruction, decode};
use x86_float::{Env, Flags};
use x86_paging::{AccessKind, Tlb};
use x86_state::{ArithFlags, Cr0, Cr4, Xcr0};
use x86_types::{CodeSize, LinearAddr, PAGE_SIZE, RamAddr, Seg, Width};

/// Host address of what compiled code calls address 0. A module's memory begins with this machine's own in wasm, where
/// both are one; a native host lays it over the process, from the second page on, since a null base cannot be told from
/// none.
pub const COMPILED_BASE: u64 = if cfg!(target_family = "wasm") { 0 } else { 0x1000 };

/// Why compiled code came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum ExitReason {
    /// No compiled code is known for where RIP is now
    Miss = 0,
    /// Too few instructions are left to be run by compiled code
    Budget = 1,
    /// The instruction at RIP has to be interpreted; the state is as before it
    Interpret = 2,
    /// The run loop has something to look at
    Attention = 3,
}

/// What lies beside the architectural state for compiled code.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Shared {
    /// How `flags_*` are to be read: see [`FlagsKind`]
    pub flags_kind: u64,
    /// Left operand, or `ArithFlags::aux`
    pub flags_a: u64,
    /// Right operand
    pub flags_b: u64,
    /// Result, or `ArithFlags::result`
    pub flags_result: u64,
    /// CF, where the kind says so
    pub flags_carry: u64,
    /// An [`ExitReason`]
    pub leave: u64,
    /// Compiled address of the TLB
    pub tlb: u64,
    /// Compiled address of the bank of the TLB that the present mode looks into
    pub bank: u64,
    /// Compiled address of the table of entries
    pub entries: u64,
    /// Compiled address of the table of jumps
    pub jumps: u64,
    /// What makes of RIP the key of its jump: see [`JumpEntry`]
    pub jump_key: u64,
    /// [`CodeMode::key`] of the code that may run now; 0 where it can only be interpreted
    pub code_key: u32,
    /// Times that compiled code went on to other compiled code, where it was made to count
    pub chained: u64,
    /// A copy of what was loaded from two pages or from a device
    pub scratch: u128,
}

/// How status flags follow from what compiled code left: bits 1:0 the width, bits 4:2 the operation, bit 8 whether CF
/// is given apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagsKind(pub u64);

impl FlagsKind {
    /// `flags_result` and `flags_a` are those of [`ArithFlags`]
    pub const CANONICAL: FlagsKind = FlagsKind(0);
    /// CF is in `flags_carry`, whatever else says
    pub const CARRY: u64 = 1 << 8;

    /// The kind of a definition that needs no more than operands and result.
    pub fn of<V>(def: &FlagDef<V>) -> Option<FlagsKind> {
        let (op, w) = match *def {
            FlagDef::Add { w, .. } => (1, w),
            FlagDef::Sub { w, .. } => (2, w),
            FlagDef::Logic { w, .. } => (3, w),
            FlagDef::Inc { w, .. } => (4, w),
            FlagDef::Dec { w, .. } => (5, w),
            _ => return None,
        };
        Some(FlagsKind(op << 2 | w as u64))
    }

    /// The flags in their lazy form.
    pub fn flags(self, a: u64, b: u64, result: u64, carry: u64) -> ArithFlags {
        let w = Width::ALL[(self.0 & 3) as usize];
        let carried = self.0 & Self::CARRY != 0;
        let mut old = ArithFlags::default();
        old.set_cf(carried && carry & 1 != 0);
        let mut flags = match self.0 >> 2 & 7 {
            1 => arith(old, FlagDef::Add { w, a, b, result }),
            2 => arith(old, FlagDef::Sub { w, a, b, result }),
            3 => arith(old, FlagDef::Logic { w, result }),
            4 => arith(old, FlagDef::Inc { w, result }),
            5 => arith(old, FlagDef::Dec { w, result }),
            _ => ArithFlags { result, aux: a },
        };
        if carried {
            flags.set_cf(carry & 1 != 0);
        }
        flags
    }
}

/// What is fixed while code is translated, and part of its identity. Bits as in [`CodeMode::key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeMode {
    /// Default sizes of the code
    pub code_size: CodeSize,
    /// Width of the stack pointer
    pub stack_width: Width,
    /// Which bank of the TLB is looked into
    pub bank: u8,
    /// SSE instructions neither fault nor trap for reasons of CR0 and CR4
    pub sse: bool,
    /// AVX instructions likewise, for reasons of CR0, CR4 and XCR0
    pub avx: bool,
    /// How floating-point operations round. Code without such operations stands for all
    pub float: FloatMode,
    /// What is known of the segments
    pub segments: Segments,
}

/// What code may take for granted of the segment registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segments {
    /// Bases of ES, CS, SS and DS are 0, and no access through them but writes to CS fails: 64-bit mode and flat 32-bit code
    Flat = 0,
    /// Nothing: bases and limits are looked at
    Checked = 1,
    /// The same, in real-address or virtual-8086 mode: selectors are paragraphs
    Real = 2,
}

/// Bits of a [`CodeMode::key`].
pub(super) const MODE_BITS: u32 = 14;

/// What rounding may do unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloatMode {
    /// Nothing: rounding is not to nearest
    Other = 0,
    /// Rounding is to nearest, but PE would be seen: results have to be exact
    Exact = 1,
    /// Rounding is to nearest, and PE, which is masked, is set already
    Free = 2,
    /// As `Free`, and IE and OE are masked and set, too: results may be infinities and NaNs
    Sticky = 3,
}

impl FloatMode {
    fn of(env: &Env) -> FloatMode {
        let saturated = Flags::IE | Flags::OE | Flags::PE;
        match (env.rounds_to_nearest(), env.rounds_as_host()) {
            (true, true) if env.sticky.contains(saturated) && env.masks.contains(saturated) => {
                FloatMode::Sticky
            }
            (true, true) => FloatMode::Free,
            (true, false) => FloatMode::Exact,
            _ => FloatMode::Other,
        }
    }
}

/// Where in a key the code size is.
const SIZE_SHIFT: u32 = 1;
/// Where what is known of segments is.
const SEGMENTS_SHIFT: u32 = 12;

impl CodeMode {
    /// A number of `MODE_BITS` bits that tells modes apart; not 0.
    pub const fn key(self) -> u32 {
        1 | (self.code_size as u32) << SIZE_SHIFT
            | (self.stack_width as u32) << 3
            | (self.bank as u32) << 5
            | (self.sse as u32) << 7
            | (self.float as u32) << 8
            | (self.avx as u32) << 11
            | (self.segments as u32) << SEGMENTS_SHIFT
    }

    /// Returns whether code of the mode with the key `from` may go on by RIP in the mode with the key `to`. Flat code takes
    /// RIP for a linear address; code with segments takes the sum of RIP and the base of CS, cut to 32 bits.
    const fn leads_to(from: u32, to: u32) -> bool {
        const FLAT: u32 = Segments::Flat as u32;
        if from >> SEGMENTS_SHIFT & 3 == FLAT {
            to >> SEGMENTS_SHIFT & 3 == FLAT
        } else {
            to >> SIZE_SHIFT & 3 != CodeSize::Bits64 as u32
        }
    }

    /// The bits of [`CodeMode::float`] in a key; all of them are those of no mode
    pub const FLOAT: u32 = 7 << 8;

    /// The keys that differ from this one in [`CodeMode::float`] alone, and this one.
    pub fn floats(key: u32) -> [u32; 4] {
        let of = |float: FloatMode| key & !Self::FLOAT | (float as u32) << 8;
        [FloatMode::Other, FloatMode::Exact, FloatMode::Free, FloatMode::Sticky].map(of)
    }

    /// Returns the code size of the modes with a key.
    pub const fn code_size_of(key: u32) -> CodeSize {
        match key >> SIZE_SHIFT & 3 {
            0 => CodeSize::Bits16,
            1 => CodeSize::Bits32,
            _ => CodeSize::Bits64,
        }
    }
}

/// Keeps translated code and runs it.
pub trait CompiledCode {
    /// Runs of a block by the interpreter before it is [`CompiledCode::hot`].
    fn hot_threshold(&self) -> u32;

    /// Slot of the compiled form of the code at RIP, if there is one. Slots are not 0.
    fn find(&mut self, vcpu: &mut Vcpu) -> Option<u32>;

    /// The same, for code that ran often: it may be translated now. What changes by that is announced by
    /// [`Vcpu::compiled_at`] or [`Vcpu::compiled_changed`].
    fn hot(&mut self, vcpu: &mut Vcpu) -> Option<u32>;

    /// Takes in what was compiled meanwhile, and announces it by [`Vcpu::compiled_at`].
    fn collect(&mut self, vcpu: &mut Vcpu);

    /// Runs what is in `slot`, at most `budget` instructions. Gives what is left of the budget.
    fn run(&mut self, vcpu: &mut Vcpu, slot: u32, budget: u64) -> u64;

    /// These units of code, by the numbers under which they were announced, do not stand for their bytes any more. If they
    /// could be called, [`Vcpu::invalidate_jumps`] is called with their slots.
    fn invalidate(&mut self, vcpu: &mut Vcpu, units: &[u32]);

    /// Returns counts for `--stats`.
    fn statistics(&self) -> TranslationCounts;

    /// To reach the implementation.
    fn as_any_mut(&mut self) -> &mut dyn std::any::Any;
}

/// The least budget with which compiled code is entered.
pub(super) const LEAST_BUDGET: u64 = 64;

impl Vcpu {
    /// Attaches translated code.
    pub fn set_compiled(&mut self, code: Box<dyn CompiledCode>) {
        self.code.hot = code.hot_threshold().max(1);
        self.code.compiled = Some(code);
    }

    /// What is attached, to ask or change.
    pub fn compiled_mut(&mut self) -> Option<&mut (dyn CompiledCode + 'static)> {
        self.code.compiled.as_deref_mut()
    }

    /// Where compiled code finds the TLB, and the table of entries, which the translator keeps.
    pub fn share(&mut self, entries: u64) {
        self.code.shared.tlb = (self.mem.tlb.base_address() as u64).wrapping_sub(COMPILED_BASE);
        self.code.shared.entries = entries.wrapping_sub(COMPILED_BASE);
        self.code.shared.jumps = self.code.jumps.address();
        self.select_bank();
    }

    /// Tells compiled code which bank of the TLB the present mode looks into.
    pub(super) fn select_bank(&mut self) {
        let offset = self.mem.mmu as u64 * Tlb::BANK_BYTES as u64;
        self.code.shared.bank = self.code.shared.tlb.wrapping_add(offset);
    }

    /// What compiled code shares with the processor.
    pub fn shared(&mut self) -> &mut Shared {
        &mut self.code.shared
    }

    /// Times that compiled code went on to other compiled code; 0 where it was not made to count.
    pub fn chained(&self) -> u64 {
        self.code.shared.chained
    }

    /// The mode that code at RIP would be translated for; `None` where it can only be interpreted: accesses are checked for
    /// alignment.
    pub fn code_mode(&self) -> Option<CodeMode> {
        let real = self.cpu.code_size != CodeSize::Bits64 && self.cpu.mode().is_real_like();
        (!self.alignment_checked()).then(|| CodeMode {
            code_size: self.cpu.code_size,
            stack_width: self.mem.stack_width,
            bank: self.mem.mmu as u8,
            sse: !self.cpu.cr0.intersects(Cr0::EM | Cr0::TS) && self.cpu.cr4.contains(Cr4::OSFXSR),
            avx: !real
                && !self.cpu.cr0.contains(Cr0::TS)
                && self.cpu.cr4.contains(Cr4::OSXSAVE)
                && self.cpu.xcr0.contains(Xcr0::SSE | Xcr0::AVX),
            float: FloatMode::of(&Env::from_mxcsr(self.cpu.mxcsr.bits())),
            segments: match (self.is_flat(), real) {
                (_, true) => Segments::Real,
                (true, _) => Segments::Flat,
                (false, _) => Segments::Checked,
            },
        })
    }

    /// Whether offsets in ES, CS, SS and DS are linear addresses, and no limit is less than all of them.
    fn is_flat(&self) -> bool {
        let checked =
            self.mem.seg_checks & !(1 << Seg::Cs as u32 | 1 << Seg::Fs as u32 | 1 << Seg::Gs as u32);
        let based = |seg| self.mem.seg_base[seg as usize] != 0;
        match self.cpu.code_size {
            CodeSize::Bits64 => true,
            CodeSize::Bits32 => {
                checked == 0
                    && self.mem.code_end > u64::from(u32::MAX)
                    && ![Seg::Es, Seg::Cs, Seg::Ss, Seg::Ds].into_iter().any(based)
            }
            CodeSize::Bits16 => false,
        }
    }

    /// Where the code at `rip` lies in memory, and its compiled address, if its page is in the TLB. Nothing is walked:
    /// translating code leaves no trace in the guest.
    pub fn code_location(&self, rip: u64) -> Option<(RamAddr, u64)> {
        self.place_of(self.linear_code(rip))
    }

    fn place_of(&self, linear: LinearAddr) -> Option<(RamAddr, u64)> {
        let (addend, at) = self.mem.tlb.lookup_exec(self.mem.mmu, linear, 1)?;
        Some((at, addend.wrapping_add(linear.0)))
    }

    /// The instruction at `rip`, as [`Vcpu::run`] would execute it; `None` where that is not sure.
    pub fn instruction_at(&self, rip: u64) -> Option<Instruction> {
        let mut bytes = [0; 15];
        let (at, _) = self.code_location(rip)?;
        let here = (PAGE_SIZE - at.page_offset()).min(15) as usize;
        self.mem.guest.ram_read(at, &mut bytes[..here]);
        if let Ok(insn) = decode(self.cpu.code_size, &bytes[..here]) {
            return self.usable(insn);
        }
        let (next, _) = self.code_location(rip.wrapping_add(here as u64))?;
        self.mem.guest.ram_read(next, &mut bytes[here..]);
        decode(self.cpu.code_size, &bytes).ok().and_then(|insn| self.usable(insn))
    }

    fn usable(&self, insn: Instruction) -> Option<Instruction> {
        let insn = self.as_on_model(insn);
        crate::features::has_feature(self, &insn).then_some(insn)
    }

    /// How often the interpreter ran the block at `at`; a part of it, where code there was compiled and rewritten before.
    pub fn runs_at(&self, at: RamAddr) -> u32 {
        self.code.blocks.runs(at, self.cpu.code_size)
    }

    /// Where the block at `at` was seen to go on mostly, as distances from it; empty where its code tells.
    pub fn targets_at(&self, at: RamAddr) -> Vec<i64> {
        self.code.blocks.targets(at, self.cpu.code_size)
    }

    /// The blocks that the interpreter ran most while there was a translator: where they lie in memory, code size and runs.
    pub fn hottest_interpreted(&self, count: usize) -> Vec<(RamAddr, CodeSize, u32)> {
        self.code.blocks.hottest(count)
    }

    /// Announces bytes that a unit of compiled code stands for, within one page. Writes to them are reported.
    pub fn watch_code(&mut self, unit: u32, at: RamAddr, len: u64) {
        if self.code.blocks.keep_unit(unit, at, len) {
            self.mem.tlb.revoke_write(at.page());
        }
    }

    /// The bytes of `unit` in the page at `page` are not watched any longer.
    pub fn unwatch_code(&mut self, unit: u32, page: RamAddr) {
        self.code.blocks.forget_unit(unit, page);
    }

    /// All compiled code was dropped, or every use of it has to be looked up: what was found or not found before means
    /// nothing any more.
    pub fn compiled_changed(&mut self) {
        self.code.epoch += 1;
        if self.code.epoch >> (u32::BITS - MODE_BITS) != 0 {
            // Numbers begin anew: nothing may be left of those before.
            self.code.epoch = 1;
            self.code.blocks.compiled_anywhere();
            self.code.jumps.clear();
            self.code.jump_keys = Default::default();
        }
    }

    /// Compiled code that begins at `at` was made or dropped, for a mode with this key: it is looked for anew. No other
    /// block is concerned. Most blocks of a large program have no compiled form and run seldom: they would be looked for
    /// nearly each time that they run, if anything that is compiled concerned them.
    pub fn compiled_at(&mut self, at: RamAddr, mode: u32) {
        self.code.blocks.compiled_at(at, CodeMode::code_size_of(mode));
    }

    /// What was compiled meanwhile can be found from now on.
    pub(super) fn collect_compiled(&mut self) {
        if let Some(mut code) = self.code.compiled.take() {
            code.collect(self);
            self.code.compiled = Some(code);
            self.drop_units();
        }
    }

    /// Runs compiled code. Gives whether any instruction was executed.
    pub(super) fn run_compiled(&mut self, slot: u32, budget: u64) -> bool {
        let Some(mut code) = self.code.compiled.take() else { return false };
        self.select_jump_key();
        let flags = self.cpu.arith;
        let shared = &mut self.code.shared;
        shared.flags_kind = FlagsKind::CANONICAL.0;
        (shared.flags_result, shared.flags_a) = (flags.result, flags.aux);
        self.run_state.limit = self.run_state.retired + budget;
        let left = code.run(self, slot, budget).min(budget);
        self.materialize_flags();
        self.run_state.retired = self.run_state.limit - left;
        let done = budget - left;
        self.statistics.compiled += done;
        self.statistics.entries += 1;
        self.statistics.exits[(self.code.shared.leave & 3) as usize] += 1;
        self.code.interpret_next = self.code.shared.leave == ExitReason::Interpret as u64;
        self.code.missed = self.code.shared.leave == ExitReason::Miss as u64;
        self.code.compiled = Some(code);
        self.drop_units();
        let came_to = self.run_state.retired;
        if self.code.replay.reaches(came_to) {
            self.execute_again();
        }
        done != 0 || self.run_state.retired != came_to
    }

    /// The status flags out of what compiled code left.
    pub fn materialize_flags(&mut self) {
        let s = &mut self.code.shared;
        let flags = FlagsKind(s.flags_kind).flags(s.flags_a, s.flags_b, s.flags_result, s.flags_carry);
        s.flags_kind = FlagsKind::CANONICAL.0;
        (s.flags_result, s.flags_a) = (flags.result, flags.aux);
        self.cpu.arith = flags;
    }

    /// Tells the translator which of its units were written to.
    pub(super) fn drop_units(&mut self) {
        if self.code.blocks.dropped_units.is_empty() {
            return;
        }
        if let Some(mut code) = self.code.compiled.take() {
            let units = std::mem::take(&mut self.code.blocks.dropped_units);
            code.invalidate(self, &units);
            self.code.compiled = Some(code);
        }
    }

    /// Compiled address of the code at a linear address for compiled code that goes there; 0 where the interpreter has to
    /// fetch it.
    pub fn compiled_code_address(&mut self, linear: u64) -> u64 {
        let linear = LinearAddr(linear & self.mem.linear_mask);
        match self.plain(linear, 1, AccessKind::Execute) {
            Some(_) => self.place_of(linear).map_or(0, |(_, place)| place),
            None => 0,
        }
    }
}
