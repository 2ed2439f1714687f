//! Helper calls: the interpreter executes single instructions for compiled code.

use super::super::{Vcpu, attention};
use super::{CodeMode, ExitReason};
use std::rc::Rc;
use x86_state::{Activity, RFlags, Shadow};
use x86_types::{CodeSize, Seg};

/// Returns the result of a helper call: 0 if all instructions were executed and compiled code continues behind them. Else RIP
/// is where execution continues, `leave` the reason of the exit, and `done` the number of instructions executed.
pub const fn helper_result(leave: ExitReason, done: u64) -> u64 {
    (leave as u64 + 1) | done << HELPER_RETIRED_SHIFT
}

/// Bit position of the instruction count in the result of a helper call. The bits below are the [`ExitReason`] plus 1.
pub const HELPER_RETIRED_SHIFT: u32 = 8;

/// What must be unchanged for compiled code to continue behind a helper call.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Context {
    /// [`CodeMode::key`]
    mode: u32,
    /// Age of the TLB
    flushes: u32,
    /// Base and end of CS
    code: (u64, u64),
}

impl Vcpu {
    #[inline(always)]
    fn code_context(&self) -> Context {
        Context {
            mode: self.code.shared.code_key,
            flushes: self.mem.tlb.flushes(),
            code: (self.mem.seg_base[Seg::Cs as usize], self.mem.compiled_end),
        }
    }

    /// Executes instructions for compiled code. RIP has been moved behind them, registers and flags within their
    /// [`RegisterEffects`](crate::RegisterEffects) are stored; `left` is the budget before them. Gives what [`helper_result`] makes, or 0.
    pub fn compiled_helper_call(&mut self, number: u64, left: u64) -> u64 {
        let Some(steps) = self.code.helpers.get_mut(number) else {
            return helper_result(ExitReason::Interpret, 0);
        };
        steps.count += 1;
        let (slots, len, flags, plain) = (Rc::clone(&steps.slots), steps.len, steps.flags, steps.plain);
        if flags {
            self.materialize_flags();
        }
        let mask = if self.cpu.code_size == CodeSize::Bits64 { u64::MAX } else { 0xffff_ffff };
        self.run_state.stop = false;
        let mut at = self.cpu.rip.wrapping_sub(len) & mask;
        let known = if plain { Context::default() } else { self.code_context() };
        let before = self.run_state.limit.saturating_sub(left);
        let (mut done, mut leave) = (0, None);
        for slot in slots.iter() {
            self.run_state.retired = before + done;
            let next = at.wrapping_add(u64::from(slot.insn.len)) & mask;
            self.cpu.rip = next;
            if (slot.handler)(self, &slot.insn).is_err() {
                self.cpu.rip = at;
                leave = Some(ExitReason::Interpret);
                break;
            }
            done += 1;
            at = next;
            // A plain one leaves all as it was found behind the first, unless it touches the bus, which asks to stop.
            if done == 1 || !plain || self.run_state.stop {
                if self.run_state.stop || !self.is_quiet(left.saturating_sub(done - 1)) {
                    leave = Some(ExitReason::Attention);
                    break;
                }
                // It may end a block for the interpreter, but nothing came of it that compiled code would have to know.
                let same = plain || (self.cpu.rip == next && self.code_context() == known);
                if !same {
                    // Where RIP says, in the mode that is now, by whatever is compiled there.
                    self.select_jump_key();
                    let leads = CodeMode::leads_to(known.mode, self.code.shared.code_key);
                    leave = Some(if leads { ExitReason::Miss } else { ExitReason::Attention });
                    break;
                }
            }
        }
        if flags {
            let flags = self.cpu.arith;
            (self.code.shared.flags_result, self.code.shared.flags_a) = (flags.result, flags.aux);
        }
        leave.map_or(0, |leave| helper_result(leave, done))
    }

    /// Whether the run loop would find nothing to do before the next instruction. The shadow of STI is for interrupts that
    /// wait: where none does, none can come before the instruction behind it is over, if that is within the budget, of
    /// which `left` was there before this one.
    #[inline(always)]
    fn is_quiet(&mut self, left: u64) -> bool {
        if self.cpu.activity != Activity::Running || self.cpu.system_flags.contains(RFlags::RF) {
            return false;
        }
        self.run_state.attention == 0 || self.is_quiet_by_attention(left)
    }

    #[inline(never)]
    fn is_quiet_by_attention(&mut self, left: u64) -> bool {
        let known = attention::INTERRUPT | attention::SHADOW;
        let last = left <= 1 && self.cpu.shadow != Shadow::None;
        if self.run_state.attention & !known != 0 || self.cpu.shadow == Shadow::MovSs || last {
            return false;
        }
        let pending = self.bus_mut().pending();
        if self.is_due(pending) {
            return false;
        }
        self.cpu.shadow = Shadow::None;
        self.run_state.attention = if pending.any() { attention::INTERRUPT } else { 0 };
        true
    }
}
