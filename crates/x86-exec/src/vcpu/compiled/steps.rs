//! Instructions that compiled code has the processor execute in passing. Compiled code knows them by number, and whatever
//! it was compiled with stays in it: a number is another instruction's only when no unit of code uses it any longer.

use super::super::Vcpu;
use super::super::blocks::Slot;
use crate::{Reach, handler};
use std::collections::HashMap;
use x86_decode::Instruction;

struct Step {
    slot: Slot,
    /// Whether the status flags matter to it
    flags: bool,
    uses: u32,
}

/// The instructions there are, each once.
#[derive(Default)]
pub(in super::super) struct Steps {
    list: Vec<Step>,
    numbers: HashMap<Instruction, u32>,
    free: Vec<u32>,
}

impl Steps {
    /// How many there are.
    pub(in super::super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The instruction with a number, and whether the status flags matter to it.
    #[inline]
    pub(super) fn get(&self, number: u64) -> Option<(Slot, bool)> {
        self.list.get(number as usize).map(|step| (step.slot, step.flags))
    }

    fn take(&mut self, insn: &Instruction) -> u32 {
        if let Some(&number) = self.numbers.get(insn) {
            if let Some(step) = self.list.get_mut(number as usize) {
                step.uses += 1;
            }
            return number;
        }
        let slot = Slot { handler: handler::<Vcpu>(insn), insn: *insn };
        let step = Step { slot, flags: Reach::of(insn).flags, uses: 1 };
        let number = self.free.pop().unwrap_or(self.list.len() as u32);
        match self.list.get_mut(number as usize) {
            Some(place) => *place = step,
            None => self.list.push(step),
        }
        self.numbers.insert(*insn, number);
        number
    }

    fn release(&mut self, number: u32) {
        let Some(step) = self.list.get_mut(number as usize).filter(|step| step.uses > 0) else { return };
        step.uses -= 1;
        if step.uses == 0 {
            self.numbers.remove(&step.slot.insn);
            self.free.push(number);
        }
    }
}

impl Vcpu {
    /// The number under which compiled code may ask for an instruction to be executed, until it is released as often as it
    /// was taken.
    pub fn take_step(&mut self, insn: &Instruction) -> u32 {
        self.steps.take(insn)
    }

    /// A unit of code that used this number is gone, or is not entered any more.
    pub fn release_step(&mut self, number: u32) {
        self.steps.release(number);
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
        let mut steps = Steps::default();
        assert_eq!([1, 2, 1].map(|n| steps.take(&insn(n))), [0, 1, 0]);
        steps.release(0);
        assert_eq!(steps.take(&insn(3)), 2, "the first is still in use");
        steps.release(0);
        assert_eq!(steps.take(&insn(4)), 0);
        assert_eq!(steps.get(0).unwrap().0.insn, insn(4));
        assert_eq!(steps.take(&insn(1)), 3);
        assert_eq!((steps.len(), steps.list.len()), (4, 4));
        // What was never taken, or was released already.
        (0..2).for_each(|_| steps.release(1));
        steps.release(99);
        assert_eq!(steps.free, [1]);
    }
}
