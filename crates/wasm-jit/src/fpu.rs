//! Changes of the x87 unit in a block.
//!
//! The unit's state is in memory, in the processor's structure. A block loads the registers that it reads and stores
//! those that it changed, at its end and at exits. TOP at the entry is a run-time value, so registers are numbered
//! relative to it.

use crate::value::Value;
use x86_types::Seg;

/// Position of the status word's bits in the upper half of the result of [`x86_exec::F80Function::apply`].
pub(crate) const STATUS: u64 = 16;
/// Exception flags
pub(crate) const EXCEPTIONS: u64 = 0x3f;
/// Bits of the status word: exception summary, C1
pub(crate) const ES: u64 = 1 << 7;
pub(crate) const C1: u64 = 1 << 9;
/// C3, C2 and C0
pub(crate) const C320: u64 = 1 << 14 | 1 << 10 | 1 << 8;
/// Position of TOP
pub(crate) const TOP: u64 = 11;

/// What changed since the block was entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fpu {
    /// TOP less TOP at the entry, modulo 8
    pub(crate) top: u8,
    /// Registers that were written, by number less TOP at the entry. The upper half holds sign and exponent in its low
    /// 16 bits
    pub(crate) registers: [Option<Value>; 8],
    /// Registers that came into use, and that became empty, by the same number
    pub(crate) filled: u8,
    pub(crate) emptied: u8,
    /// Exceptions that were raised, at [`STATUS`]
    pub(crate) raised: Option<Value>,
    /// C1, likewise
    pub(crate) c1: Option<Value>,
    /// C3, C2 and C0 at their places in the status word
    pub(crate) conditions: Option<Value>,
    /// The control word
    pub(crate) control: Option<Value>,
    /// Distance of the last numeric instruction from the region's entry
    pub(crate) instruction: Option<i64>,
    /// Offset of the last operand in memory, and its segment
    pub(crate) operand: Option<(Value, Seg)>,
    /// MMX registers that were written
    pub(crate) mmx: [Option<Value>; 8],
    /// An MMX instruction was executed: TOP is 0
    pub(crate) is_mmx: bool,
    /// The tags of all registers after MMX instructions
    pub(crate) tags: Option<u8>,
}

impl Fpu {
    pub(crate) fn values(&self) -> impl Iterator<Item = Value> + '_ {
        let registers = self.registers.iter().chain(&self.mmx).copied();
        let words = [self.raised, self.c1, self.conditions, self.control, self.operand.map(|(v, _)| v)];
        registers.chain(words).flatten()
    }

    /// Returns whether nothing changed.
    pub(crate) fn is_same(&self) -> bool {
        *self == Fpu::default()
    }

    /// Returns whether instructions were recorded that depend on TOP.
    pub(crate) fn is_stack(&self) -> bool {
        self.top != 0 || self.filled | self.emptied != 0 || self.registers.iter().any(Option::is_some)
    }

    /// Returns whether MMX instructions were recorded.
    pub(crate) fn is_mmx(&self) -> bool {
        self.is_mmx || self.tags.is_some()
    }

    /// Returns whether the status word changed.
    pub(crate) fn has_status(&self) -> bool {
        self.top != 0
            || self.raised.is_some()
            || self.c1.is_some()
            || self.conditions.is_some()
            || self.is_mmx
    }
}
