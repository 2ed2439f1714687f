//! Frequent system instructions with little work, such as CLI and STI. They are inlined if the privilege level allows them and
//! no event is pending. Else they are helper calls.

use super::{Emitter, LEFT, LINEAR, SLOT, mem_arg};
use crate::layout;
use x86_decode::{Instruction, Op};
use x86_state::RFlags;
use x86_types::CodeSize;

/// An inlined instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InlineOp {
    Cli,
    Sti,
    Swapgs,
}

impl Emitter<'_> {
    /// Returns the inlined instruction of a helper call, if it is one.
    pub(super) fn inline_op(&self, helper: u32) -> Option<InlineOp> {
        let [Instruction { op, .. }] = self.region.helpers.get(helper as usize)?.as_slice() else {
            return None;
        };
        match op {
            Op::Cli => Some(InlineOp::Cli),
            Op::Sti => Some(InlineOp::Sti),
            Op::Swapgs if self.region.mode.code_size == CodeSize::Bits64 => Some(InlineOp::Swapgs),
            _ => None,
        }
    }

    /// Pushes whether the processor has to execute it.
    ///
    /// SPEC: intel-sdm-vol2 :: SWAPGS—Swap GS Base Register -> #GP(0) above CPL 0
    /// SPEC: intel-sdm-vol2 :: STI—Set Interrupt Flag -> IF is set, and interrupts stay inhibited for one instruction: where none is pending, that has no effect if the instruction is within the budget
    pub(super) fn needs_helper(&mut self, quick: InlineOp) {
        self.vcpu().i32_load8_u(mem_arg(layout::CPL, 0));
        if quick != InlineOp::Swapgs {
            self.vcpu().i32_load(mem_arg(layout::ATTENTION, 2)).i32_or();
        }
        if quick == InlineOp::Sti {
            self.out().local_get(LEFT).i64_const(2).i64_lt_s().i32_or();
        }
    }

    /// Does it.
    ///
    /// SPEC: intel-sdm-vol2 :: CLI—Clear Interrupt Flag -> IF is cleared where CPL is not above IOPL; no other flag is touched
    pub(super) fn emit_inline(&mut self, quick: InlineOp) {
        let flags = mem_arg(layout::SYSTEM_FLAGS, 3);
        let bit = RFlags::IF.bits() as i64;
        match quick {
            InlineOp::Cli => {
                self.vcpu();
                self.vcpu().i64_load(flags).i64_const(!bit).i64_and().i64_store(flags);
            }
            InlineOp::Sti => {
                self.vcpu();
                self.vcpu().i64_load(flags).i64_const(bit).i64_or().i64_store(flags);
            }
            InlineOp::Swapgs => {
                let (base, other) = (mem_arg(layout::GS_BASE, 3), mem_arg(layout::KERNEL_GS_BASE, 3));
                self.vcpu().i64_load(base).local_set(SLOT);
                self.vcpu().i64_load(other).local_set(LINEAR);
                for derived in [base, mem_arg(layout::SEG_BASE + 8 * layout::GS, 3)] {
                    self.vcpu().local_get(LINEAR).i64_store(derived);
                }
                self.vcpu().local_get(SLOT).i64_store(other);
            }
        }
    }
}
