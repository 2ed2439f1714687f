use super::*;
use crate::{
    DeliveryFailure, iret,
    segments::{far_call, far_jump},
};
use Exception::{GeneralProtection as Gp, InvalidTss as Ts, SegmentNotPresent as Np, StackFault as Ss};
use x86_state::CpuMode;

const BUSY: u64 = 2 << 40;
const STACK_B: u64 = 0xc000;

/// Fills the second TSS with a task at level 0.
fn machine() -> Machine {
    let mut machine = Machine::protected();
    for (offset, value) in [
        (0x1c, 0xdead_b000),
        (0x20, HANDLER),
        (0x24, 0x202),
        (0x28, 0xa0),
        (0x38, STACK_B),
        (0x44, 0xa7),
        (0x48, u64::from(DATA3)),
        (0x4c, u64::from(CODE0)),
        (0x50, u64::from(DATA0)),
        (0x54, u64::from(DATA0)),
        (0x60, u64::from(LDT_SELECTOR)),
    ] {
        machine.put(TSS_B + offset, Width::B4, value);
    }
    machine.cpu.gpr[0] = 0x1111_1111;
    machine
}

fn busy(machine: &Machine, selector: u16) -> bool {
    machine.get(GDT + u64::from(selector), Width::B8) & BUSY != 0
}

#[test]
fn a_jump_saves_one_task_and_loads_the_other() {
    let mut machine = machine();
    machine.cpu.cr0 |= Cr0::PG;
    machine.cpu.dr[7] = 0x7ff;
    assert_eq!(far_jump(&mut machine, Selector(TSS_B_SELECTOR), 0, Width::B4), Ok(()));
    let saved = [(0x20, 0x4321), (0x24, 0x203), (0x28, 0x1111_1111), (0x38, STACK), (0x4c, CODE0.into())];
    for (offset, value) in saved {
        assert_eq!(machine.get(TSS + offset, Width::B4), value, "{offset:#x}");
    }
    let cpu = &machine.cpu;
    assert_eq!((cpu.rip, cpu.gpr[0], cpu.gpr[gpr::RDI], cpu.gpr[gpr::RSP]), (HANDLER, 0xa0, 0xa7, STACK_B));
    assert_eq!((cpu.cr3, cpu.ldtr.base, cpu.tr.selector.0), (0xdead_b000, LDT, TSS_B_SELECTOR));
    assert_eq!(machine.selectors(), [DATA3, CODE0, DATA0, DATA0, 0, 0]);
    assert!(cpu.cr0.contains(Cr0::TS) && !cpu.rflags().contains(RFlags::NT));
    assert_eq!(cpu.dr[7], 0x6aa);
    assert_eq!((busy(&machine, TSS_SELECTOR), busy(&machine, TSS_B_SELECTOR)), (false, true));
}

#[test]
fn a_call_nests_and_iret_returns() {
    for through_gate in [false, true] {
        let mut machine = machine();
        machine.set_gdt(GATE, gate(TASK, 0, TSS_B_SELECTOR, 0, 0));
        let selector = if through_gate { GATE } else { TSS_B_SELECTOR };
        assert_eq!(far_call(&mut machine, Selector(selector), 0, Width::B4), Ok(()));
        assert!(machine.cpu.rflags().contains(RFlags::NT));
        assert_eq!(machine.get(TSS_B, Width::B2), u64::from(TSS_SELECTOR));
        assert_eq!((busy(&machine, TSS_SELECTOR), busy(&machine, TSS_B_SELECTOR)), (true, true));

        assert_eq!(iret(&mut machine, Width::B4), Ok(()));
        assert_eq!((machine.cpu.rip, machine.cpu.gpr[0]), (0x4321, 0x1111_1111));
        assert_eq!(machine.cpu.rflags().bits(), 0x203);
        assert_eq!(machine.get(TSS_B + 0x24, Width::B4) & RFlags::NT.bits(), 0);
        assert_eq!((busy(&machine, TSS_SELECTOR), busy(&machine, TSS_B_SELECTOR)), (true, false));
    }
}

#[test]
fn a_16_bit_task() {
    let mut machine = machine();
    machine.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x2b, 0x81));
    let words = [
        (0x0e, HANDLER),
        (0x10, 2),
        (0x12, 0xa0),
        (0x1a, STACK_B),
        (0x22, DATA3.into()),
        (0x24, CODE16.into()),
        (0x26, DATA16.into()),
        (0x28, DATA0.into()),
        (0x2a, 0),
    ];
    for (offset, word) in words {
        machine.put(TSS_B + offset, Width::B2, word);
    }
    assert_eq!(far_call(&mut machine, Selector(TSS_B_SELECTOR), 0, Width::B4), Ok(()));
    assert_eq!(machine.selectors(), [DATA3, CODE16, DATA16, DATA0, 0, 0]);
    assert_eq!((machine.cpu.rip, machine.cpu.gpr[gpr::RSP]), (HANDLER, STACK_B));
    machine.cpu.gpr[0] = 0x5555;
    assert_eq!(iret(&mut machine, Width::B2), Ok(()));
    assert_eq!(machine.get(TSS_B + 0x12, Width::B2), 0x5555);
    assert_eq!((machine.cpu.rip, machine.selectors()[1]), (0x4321, CODE0));
}

#[test]
fn refusals_before_the_switch() {
    type Change = fn(&mut Machine);
    let changes: [(Change, Exception); 4] = [
        (|m| m.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x67, 0x8b)), Gp(TSS_B_SELECTOR)),
        (|m| m.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x67, 0x09)), Np(TSS_B_SELECTOR)),
        (|m| m.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x66, 0x89)), Ts(TSS_B_SELECTOR)),
        (|m| m.cpu.tr.limit = 0x66, Ts(TSS_SELECTOR)),
    ];
    for (change, expected) in changes {
        let mut machine = machine();
        change(&mut machine);
        let jump = |m: &mut Machine| far_jump(m, Selector(TSS_B_SELECTOR), 0, Width::B4);
        assert_eq!(attempt(&mut machine, jump), Err(expected));
    }
    let mut user = machine();
    user.run_in(CODE3, DATA3);
    let jump = |m: &mut Machine| far_jump(m, Selector(TSS_B_SELECTOR), 0, Width::B4);
    assert_eq!(attempt(&mut user, jump), Err(Gp(TSS_B_SELECTOR)));
    // IRET to a link that is no busy task
    for (link, expected) in [(TSS_B_SELECTOR, Ts(TSS_B_SELECTOR)), (0x0c, Ts(0x0c)), (0, Ts(0))] {
        let mut machine = machine();
        machine.add_flags(RFlags::NT);
        machine.put(TSS, Width::B2, u64::from(link));
        assert_eq!(attempt(&mut machine, |m| iret(m, Width::B4)), Err(expected));
    }
}

#[test]
fn a_bad_selector_faults_in_the_new_task() {
    for (offset, selector, vector, code) in [
        (0x60, DATA0, 10, DATA0),
        (0x4c, 0, 10, 0),
        (0x4c, DATA0, 10, DATA0),
        (0x4c, ABSENT_CODE, 11, ABSENT_CODE),
        (0x50, READ_ONLY, 10, READ_ONLY),
        (0x50, ABSENT_DATA, 12, ABSENT_DATA),
        (0x54, 0x200, 10, 0x200),
        (0x58, ABSENT_DATA, 11, ABSENT_DATA),
        (0x5c, TSS_SELECTOR, 10, TSS_SELECTOR),
    ] {
        let mut machine = machine();
        machine.put(TSS_B + offset, Width::B4, u64::from(selector));
        machine.set_idt(0x1e, gate(TASK, 0, TSS_B_SELECTOR, 0, 0));
        let failure = deliver(&mut machine, Event::External(0x1e)).expect_err("a bad selector");
        let expected = match vector {
            10 => Ts(code | 1),
            11 => Np(code | 1),
            _ => Ss(code | 1),
        };
        assert_eq!(failure, DeliveryFailure { exception: expected, switched: true }, "{offset:#x}");
        assert_eq!((machine.cpu.rip, machine.cpu.tr.selector.0), (HANDLER, TSS_B_SELECTOR));
    }
}

#[test]
fn an_instruction_that_switched_is_over_even_if_the_new_task_faults() {
    let mut machine = machine();
    machine.put(TSS_B + 0x54, Width::B4, 0x200);
    machine.set_idt(10, gate(INTERRUPT, 0, CODE0, 0x7777, 0));
    assert_eq!(far_jump(&mut machine, Selector(TSS_B_SELECTOR), 0, Width::B4), Ok(()));
    assert_eq!(machine.cpu.rip, 0x7777);
    assert_eq!(machine.frame(Width::B4, 2), [0x200, HANDLER]);
}

#[test]
fn a_task_gate_takes_the_error_code_to_the_new_stack() {
    let mut machine = machine();
    machine.set_idt(13, gate(TASK, 0, TSS_B_SELECTOR, 0, 0));
    assert_eq!(machine.deliver(Event::Exception(Gp(0x18))), Ok(()));
    assert_eq!((machine.cpu.gpr[gpr::RSP], machine.frame(Width::B4, 1)[0]), (STACK_B - 4, 0x18));
    assert_eq!(machine.get(TSS + 0x24, Width::B4), 0x1_0203, "RF is saved for a fault");
    for (selector, expected) in [(0x0c, Gp(0x0d)), (TSS_SELECTOR, Gp(TSS_SELECTOR | 1)), (0, Gp(1))] {
        let mut machine = machine.clone();
        machine.set_idt(13, gate(TASK, 0, selector, 0, 0));
        machine.set_gdt(TSS_SELECTOR, system(TSS, 0x67, 0x8b));
        assert_eq!(machine.deliver(Event::Exception(Gp(0x18))), Err(expected));
    }
}

#[test]
fn the_t_flag_traps_before_the_first_instruction() {
    let mut machine = machine();
    machine.put(TSS_B + 0x64, Width::B2, 1);
    machine.set_idt(1, gate(INTERRUPT, 0, CODE0, 0x7777, 0));
    assert_eq!(far_jump(&mut machine, Selector(TSS_B_SELECTOR), 0, Width::B4), Ok(()));
    assert_eq!((machine.cpu.rip, machine.frame(Width::B4, 1)[0]), (0x7777, HANDLER));
    assert_eq!(machine.cpu.dr[6], 0xffff_8ff0);
}

#[test]
fn a_task_may_be_virtual_8086() {
    let mut machine = machine();
    machine.put(TSS_B + 0x24, Width::B4, 0x2_0202);
    machine.put(TSS_B + 0x4c, Width::B4, 0x800);
    assert_eq!(far_jump(&mut machine, Selector(TSS_B_SELECTOR), 0, Width::B4), Ok(()));
    assert_eq!((machine.cpu.mode(), machine.cpu.cpl), (CpuMode::Virtual8086, 3));
    assert_eq!(machine.cpu.segment(Seg::Cs).base, 0x8000);
}
