//! Helper calls of compiled code: sequences of instructions that the interpreter executes at one call. Compiled code holds
//! their numbers as constants, so a number is reused only when no compiled code refers to it.

use super::super::Vcpu;
use super::super::block_store::Slot;
use crate::RegisterEffects;
use std::collections::HashMap;
use std::rc::Rc;
use x86_decode::Instruction;

/// The instructions of one helper call.
pub(super) struct Helper {
    pub(super) slots: Rc<[Slot]>,
    /// Length of the instructions in bytes
    pub(super) len: u64,
    /// Whether an instruction reads or writes status flags
    pub(super) flags: bool,
    /// Whether, without a fault, control continues behind the instructions, with mode and address translations unchanged
    pub(super) plain: bool,
    /// Number of calls
    pub(super) count: u64,
    uses: u32,
}

impl Helper {
    fn new(insns: &[Instruction]) -> Helper {
        Helper {
            slots: insns.iter().map(|insn| Slot::new(*insn)).collect(),
            len: insns.iter().map(|insn| u64::from(insn.len)).sum(),
            flags: insns.iter().any(|insn| RegisterEffects::of(insn).flags),
            plain: insns.iter().all(crate::x87::is_plain),
            count: 0,
            uses: 1,
        }
    }

    fn insns(&self) -> Vec<Instruction> {
        self.slots.iter().map(|slot| slot.insn).collect()
    }
}

/// All helper calls in use, without duplicates, with reference counts.
#[derive(Default)]
pub(in super::super) struct HelperTable {
    list: Vec<Helper>,
    numbers: HashMap<Box<[Instruction]>, u32>,
    free: Vec<u32>,
}

impl HelperTable {
    /// Returns the number of helper calls in use.
    pub(in super::super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns the helper call with this number.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Helper> {
        self.list.get_mut(number as usize)
    }

    fn acquire(&mut self, insns: &[Instruction]) -> u32 {
        if let Some(&number) = self.numbers.get(insns) {
            if let Some(helper) = self.list.get_mut(number as usize) {
                helper.uses += 1;
            }
            return number;
        }
        let helper = Helper::new(insns);
        let number = self.free.pop().unwrap_or(self.list.len() as u32);
        match self.list.get_mut(number as usize) {
            Some(place) => *place = helper,
            None => self.list.push(helper),
        }
        self.numbers.insert(insns.into(), number);
        number
    }

    fn release(&mut self, number: u32) {
        let Some(helper) = self.list.get_mut(number as usize).filter(|helper| helper.uses > 0) else {
            return;
        };
        helper.uses -= 1;
        if helper.uses == 0 {
            self.numbers.remove(helper.insns().as_slice());
            self.free.push(number);
        }
    }
}

impl Vcpu {
    /// Returns the number by which compiled code calls the interpreter for these instructions. It is valid until it is
    /// released as often as it was acquired.
    pub fn acquire_helper(&mut self, insns: &[Instruction]) -> u32 {
        self.code.helpers.acquire(insns)
    }

    /// Returns the `count` most frequent helper calls in use, with the number of calls.
    pub fn most_called_helpers(&self, count: usize) -> Vec<(Vec<Instruction>, u64)> {
        let used = self.code.helpers.list.iter().filter(|helper| helper.uses > 0);
        let mut helpers: Vec<_> = used.map(|helper| (helper.insns(), helper.count)).collect();
        helpers.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        helpers.truncate(count);
        helpers
    }

    /// Releases a number that compiled code acquired, once that code is dropped or no longer entered.
    pub fn release_helper(&mut self, number: u32) {
        self.code.helpers.release(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x86_decode::decode;
    use x86_types::CodeSize;

    /// fadd dword [rax+at]
    fn insn(at: u8) -> Instruction {
        decode(CodeSize::Bits64, &[0xd8, 0x40, at]).unwrap()
    }

    #[test]
    fn a_number_is_reused_only_after_its_last_release() {
        let mut helpers = HelperTable::default();
        assert_eq!([1, 2, 1].map(|n| helpers.acquire(&[insn(n)])), [0, 1, 0]);
        helpers.release(0);
        assert_eq!(helpers.acquire(&[insn(3)]), 2, "the first is still in use");
        helpers.release(0);
        assert_eq!(helpers.acquire(&[insn(4)]), 0);
        assert_eq!(helpers.get_mut(0).unwrap().insns(), [insn(4)]);
        assert_eq!(helpers.acquire(&[insn(1)]), 3);
        assert_eq!((helpers.len(), helpers.list.len()), (4, 4));
        // Releasing a free or unknown number does nothing.
        (0..2).for_each(|_| helpers.release(1));
        helpers.release(99);
        assert_eq!(helpers.free, [1]);
    }
}
