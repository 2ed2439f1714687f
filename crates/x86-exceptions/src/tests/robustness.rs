//! Damaged tables and wild registers: every operation ends, and those that fail change nothing.

use super::*;
use crate::segments::{far_call, far_jump, far_ret, lar, lldt, load_segment, lsl, ltr, verr, verw};
use crate::{SoftwareKind, iret, raise};

/// SplitMix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn damage(machine: &mut Machine, random: &mut Random) {
    for vector in 0..32 {
        let kind = [5, 6, 7, 14, 15, 12][random.below(6) as usize];
        let raw = gate(kind, random.below(4), random.next() as u16 & 0xff, random.next(), random.below(3));
        if machine.cpu.mode().is_long() {
            machine.set_idt64(vector, raw, 0);
        } else {
            machine.set_idt(vector, raw);
        }
    }
    for _ in 0..random.below(6) {
        let table = [GDT, IDT, TSS, TSS_B][random.below(4) as usize];
        let at = table + random.below(0x100);
        let byte = machine.get(at, Width::B1) ^ 1 << random.below(8);
        machine.put(at, Width::B1, byte);
    }
    if random.one_in(4) {
        machine.cpu.gpr[gpr::RSP] = random.next();
    }
    if random.one_in(4) {
        let at = machine.cpu.gpr[gpr::RSP] & 0xffff;
        for word in 0..8 {
            let value = [random.below(0x100), 0x2_0000, random.next()][random.below(3) as usize];
            machine.put(at + word * 4, Width::B4, value);
        }
    }
    if random.one_in(8) {
        machine.cpu.gdtr.base = random.next();
    }
    if random.one_in(8) {
        machine.add_flags(RFlags::NT);
    }
}

#[test]
fn nothing_panics_and_failures_change_nothing() {
    let mut random = Random(1);
    let mut succeeded = 0;
    for round in 0..400 {
        let modes: [fn() -> Machine; 6] = [
            Machine::real,
            Machine::protected,
            Machine::user,
            Machine::virtual_8086,
            Machine::long,
            Machine::long_user,
        ];
        let mut machine = modes[round % 6]();
        for _ in 0..50 {
            damage(&mut machine, &mut random);
            let selector = Selector(random.next() as u16 & if random.one_in(8) { 0xffff } else { 0xff });
            let width = [Width::B2, Width::B4, Width::B8][random.below(3) as usize];
            let (offset, operation) = (random.next() >> random.below(64), random.below(12));
            let result = attempt(&mut machine, |m| match operation {
                0 => far_jump(m, selector, offset, width),
                1 => far_call(m, selector, offset, width),
                2 => far_ret(m, width, offset as u16),
                3 | 4 => {
                    let blocked = m.cpu.nmi_blocked;
                    iret(m, width).inspect_err(|_| m.cpu.nmi_blocked = blocked)
                }
                5 => load_segment(m, Seg::ALL[offset as usize % 6], selector),
                6 => lldt(m, selector),
                7 => ltr(m, selector),
                8 => verr(m, selector).and(verw(m, selector)).map(drop),
                9 => lar(m, selector).and(lsl(m, selector)).map(drop),
                10 => {
                    raise(m, Event::External(offset as u8 & 0x1f));
                    Ok(())
                }
                _ => {
                    let (vector, instruction) = (offset as u8 & 0x1f, m.cpu.rip);
                    raise(m, Event::Software { vector, kind: SoftwareKind::IntN, instruction });
                    Ok(())
                }
            });
            succeeded += u32::from(result.is_ok());
        }
    }
    assert!(succeeded > 5000, "most of it should not fail at the first check: {succeeded}");
}
