//! The instructions that compiled code has the processor execute in passing, those together that follow each other.
//! Compiled code knows them by number, and whatever it was compiled with stays in it: a number stands for others only
//! when no unit of code uses it any longer.

use super::super::Vcpu;
use super::super::block_store::Slot;
use crate::RegisterEffects;
use std::collections::HashMap;
use std::rc::Rc;
use x86_decode::Instruction;

/// Instructions that are executed at one call.
pub(super) struct Helper {
    pub(super) slots: Rc<[Slot]>,
    /// Bytes of them
    pub(super) len: u64,
    /// Whether the status flags matter to them
    pub(super) flags: bool,
    /// Whether all go on at the next instruction, in the same mode and with the same translations, unless they fault
    pub(super) plain: bool,
    /// Times they were executed
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

/// Those there are, each once.
#[derive(Default)]
pub(in super::super) struct HelperTable {
    list: Vec<Helper>,
    numbers: HashMap<Box<[Instruction]>, u32>,
    free: Vec<u32>,
}

impl HelperTable {
    /// How many there are.
    pub(in super::super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Those with a number.
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
    /// The number under which compiled code may ask for instructions to be executed, until it is released as often as it
    /// was taken.
    pub fn acquire_helper(&mut self, insns: &[Instruction]) -> u32 {
        self.code.helpers.acquire(insns)
    }

    /// The instructions that compiled code had executed most, and how often. Those that nothing uses now do not count.
    pub fn most_called_helpers(&self, count: usize) -> Vec<(Vec<Instruction>, u64)> {
        let used = self.code.helpers.list.iter().filter(|helper| helper.uses > 0);
        let mut helpers: Vec<_> = used.map(|helper| (helper.insns(), helper.count)).collect();
        helpers.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        helpers.truncate(count);
        helpers
    }

    /// A unit of code that used this number is gone, or is not entered any more.
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
    fn numbers_are_kept_while_they_are_used_and_come_back() {
        let mut helpers = HelperTable::default();
        assert_eq!([1, 2, 1].map(|n| helpers.acquire(&[insn(n)])), [0, 1, 0]);
        helpers.release(0);
        assert_eq!(helpers.acquire(&[insn(3)]), 2, "the first is still in use");
        helpers.release(0);
        assert_eq!(helpers.acquire(&[insn(4)]), 0);
        assert_eq!(helpers.get_mut(0).unwrap().insns(), [insn(4)]);
        assert_eq!(helpers.acquire(&[insn(1)]), 3);
        assert_eq!((helpers.len(), helpers.list.len()), (4, 4));
        // What was never taken, or was released already.
        (0..2).for_each(|_| helpers.release(1));
        helpers.release(99);
        assert_eq!(helpers.free, [1]);
    }
}
