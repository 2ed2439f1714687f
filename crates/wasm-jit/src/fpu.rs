//! The x87 unit as a block leaves it.
//!
//! Its home is the processor's own state: a block reads there what it needs and writes there what it changed, at its end or
//! where it is left. In between values are values. Where TOP is at the entry is not known: registers are counted from there.

use crate::value::Value;
use x86_types::Seg;

/// Where bits of the status word are in the upper half of what [`x86_exec::F80Function::apply`] gives.
pub(crate) const STATUS: u64 = 16;
/// Exception flags
pub(crate) const EXCEPTIONS: u64 = 0x3f;
/// Bits of the status word: exception summary, C1
pub(crate) const ES: u64 = 1 << 7;
pub(crate) const C1: u64 = 1 << 9;
/// C3, C2 and C0
pub(crate) const C320: u64 = 1 << 14 | 1 << 10 | 1 << 8;
/// Where TOP is
pub(crate) const TOP: u64 = 11;

/// What changed since the block was entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fpu {
    /// TOP less TOP at the entry, modulo 8
    pub(crate) top: u8,
    /// Registers that were written, by number less TOP at the entry. Of the upper half 16 bits count
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
    /// What it left as tags of all registers
    pub(crate) tags: Option<u8>,
}

impl Fpu {
    pub(crate) fn values(&self) -> impl Iterator<Item = Value> + '_ {
        let registers = self.registers.iter().chain(&self.mmx).copied();
        let words = [self.raised, self.c1, self.conditions, self.control, self.operand.map(|(v, _)| v)];
        registers.chain(words).flatten()
    }

    /// Whether nothing changed.
    pub(crate) fn is_same(&self) -> bool {
        *self == Fpu::default()
    }

    /// Whether x87 instructions were recorded that depend on TOP.
    pub(crate) fn is_stack(&self) -> bool {
        self.top != 0 || self.filled | self.emptied != 0 || self.registers.iter().any(Option::is_some)
    }

    /// Whether MMX instructions were.
    pub(crate) fn is_mmx(&self) -> bool {
        self.is_mmx || self.tags.is_some()
    }

    /// Whether the status word is another one.
    pub(crate) fn has_status(&self) -> bool {
        self.top != 0
            || self.raised.is_some()
            || self.c1.is_some()
            || self.conditions.is_some()
            || self.is_mmx
    }
}
