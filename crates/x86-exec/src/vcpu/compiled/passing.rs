//! Executing what compiled code leaves to the interpreter in passing.

use super::super::blocks::Slot;
use super::super::{Trap, Vcpu, attention};
use super::Leave;
use std::rc::Rc;
use x86_state::{Activity, RFlags, Shadow};
use x86_types::CodeSize;

/// How instructions that compiled code had executed went: 0 where all were, and it is to go on behind them. Else RIP says
/// where to go on, `leave` why it cannot be here, and `done` how many instructions there were.
pub const fn stepped(leave: Leave, done: u64) -> u64 {
    (leave as u64 + 1) | done << STEPPED_DONE
}

/// Where in what a step gives the number of instructions is; below it is the [`Leave`] and one more.
pub const STEPPED_DONE: u32 = 8;

impl Vcpu {
    /// Executes instructions for compiled code. RIP has been moved behind them, registers and flags within their
    /// [`Reach`](crate::Reach) are stored; `left` is the budget before them. Gives what [`stepped`] makes, or 0.
    pub fn compiled_step(&mut self, number: u64, left: u64) -> u64 {
        let Some(steps) = self.steps.get_mut(number) else { return stepped(Leave::Interpret, 0) };
        steps.count += 1;
        let (slots, len, flags) = (Rc::clone(&steps.slots), steps.len, steps.flags);
        if flags {
            self.settle_flags();
        }
        let mask = if self.cpu.code_size == CodeSize::Bits64 { u64::MAX } else { 0xffff_ffff };
        self.cpu.rip = self.cpu.rip.wrapping_sub(len) & mask;
        let mut done = 0;
        let leave = slots.iter().find_map(|slot| {
            let leave = self.step(slot, mask, left.saturating_sub(done));
            done += u64::from(leave != Some(Leave::Interpret));
            leave
        });
        if flags {
            let flags = self.cpu.arith;
            (self.shared.flags_result, self.shared.flags_a) = (flags.result, flags.aux);
        }
        leave.map_or(0, |leave| stepped(leave, done))
    }

    /// One of them. Gives why compiled code cannot go on behind it, if it cannot: it takes effect unless it has to be
    /// interpreted.
    #[inline(always)]
    fn step(&mut self, slot: &Slot, mask: u64, left: u64) -> Option<Leave> {
        self.retired = self.limit.saturating_sub(left);
        self.stop = false;
        let (at, mode, flushes) = (self.cpu.rip, self.shared.code_key, self.tlb.flushes());
        let next = at.wrapping_add(u64::from(slot.insn.len)) & mask;
        self.cpu.rip = next;
        match (slot.handler)(self, &slot.insn) {
            Ok(_) if self.stop || !self.is_quiet(left) => Some(Leave::Attention),
            // It may end a block for the interpreter, but nothing came of it that compiled code would have to know.
            Ok(_)
                if self.cpu.rip == next && self.shared.code_key == mode && self.tlb.flushes() == flushes =>
            {
                None
            }
            // Where RIP says, in the mode that is now, by whatever is compiled there.
            Ok(_) => {
                self.choose_jumps();
                Some(Leave::Miss)
            }
            Err(Trap(())) => {
                self.pending = None;
                self.cpu.rip = at;
                Some(Leave::Interpret)
            }
        }
    }

    /// Whether the run loop would find nothing to do before the next instruction. The shadow of STI is for interrupts that
    /// wait: where none does, none can come before the instruction behind it is over, if that is within the budget, of
    /// which `left` was there before this one.
    fn is_quiet(&mut self, left: u64) -> bool {
        if self.cpu.activity != Activity::Running || self.cpu.system_flags.contains(RFlags::RF) {
            return false;
        }
        if self.attention == 0 {
            return true;
        }
        let known = attention::INTERRUPT | attention::SHADOW;
        let last = left <= 1 && self.cpu.shadow != Shadow::None;
        if self.attention & !known != 0
            || self.cpu.shadow == Shadow::MovSs
            || last
            || self.bus.interrupt_pending()
        {
            return false;
        }
        self.cpu.shadow = Shadow::None;
        self.attention = 0;
        true
    }
}
