use super::*;
use crate::segments::{far_call, far_jump, far_ret};
use Exception::{GeneralProtection as Gp, InvalidTss as Ts, SegmentNotPresent as Np, StackFault as Ss};
use x86_state::CpuMode;

fn jump(machine: &mut Machine, selector: u16, offset: u64) -> Result<(), Exception> {
    attempt(machine, |m| far_jump(m, Selector(selector), offset, Width::B4))
}

fn call(machine: &mut Machine, selector: u16, offset: u64) -> Result<(), Exception> {
    attempt(machine, |m| far_call(m, Selector(selector), offset, Width::B4))
}

#[test]
fn direct_transfers_check_the_code_segment() {
    for (user, selector, offset, expected) in [
        (false, CODE0, HANDLER, Ok(CODE0)),
        (false, CODE16, HANDLER, Ok(CODE16)),
        (true, CODE3, HANDLER, Ok(CODE3)),
        (true, CODE3 & !3, HANDLER, Ok(CODE3)),
        (true, CONFORMING, HANDLER, Ok(CONFORMING | 3)),
        (false, CONFORMING | 3, HANDLER, Ok(CONFORMING)),
        (true, CODE0, HANDLER, Err(Gp(CODE0))),
        (false, CODE3, HANDLER, Err(Gp(CODE3 & !3))),
        (false, CODE0 | 3, HANDLER, Err(Gp(CODE0))),
        (false, 0, HANDLER, Err(Gp(0))),
        (false, 0x200, HANDLER, Err(Gp(0x200))),
        (false, DATA0, HANDLER, Err(Gp(DATA0))),
        (false, LDT_SELECTOR, HANDLER, Err(Gp(LDT_SELECTOR))),
        (false, ABSENT_CODE, HANDLER, Err(Np(ABSENT_CODE))),
        (false, SHORT_CODE, 0xff, Ok(SHORT_CODE)),
        (false, SHORT_CODE, 0x100, Err(Gp(0))),
    ] {
        let new = || if user { Machine::user() } else { Machine::protected() };
        let (mut jumped, mut called) = (new(), new());
        let cs = u64::from(jumped.selectors()[1]);
        let result = jump(&mut jumped, selector, offset).map(|()| jumped.selectors()[1]);
        assert_eq!(result, expected, "jump {selector:#x}");
        let result = call(&mut called, selector, offset).map(|()| called.selectors()[1]);
        assert_eq!(result, expected, "call {selector:#x}");
        if result.is_ok() {
            assert_eq!((jumped.cpu.rip, jumped.cpu.gpr[gpr::RSP]), (offset, STACK));
            assert_eq!((called.cpu.rip, called.frame(Width::B4, 2)), (offset, vec![0x4321, cs]));
        }
    }
}

#[test]
fn a_descriptor_is_marked_accessed_when_it_is_used() {
    let mut machine = Machine::protected();
    machine.set_gdt(CODE16, segment(0xffff, 0x9a));
    assert_eq!(jump(&mut machine, CODE16, 0), Ok(()));
    assert_eq!(machine.get(GDT + u64::from(CODE16), Width::B8), segment(0xffff, 0x9b));
    assert_eq!(machine.cpu.code_size, x86_types::CodeSize::Bits16);
}

#[test]
fn far_calls_push_by_operand_size_and_check_room() {
    let mut machine = Machine::protected();
    assert_eq!(far_call(&mut machine, Selector(CODE0), 0xaaaa_1234, Width::B2), Ok(()));
    assert_eq!((machine.cpu.rip, machine.frame(Width::B2, 2)), (0x1234, vec![0x4321, 8]));
    let mut machine = Machine::protected();
    machine.use_segment(Seg::Ss, DATA16);
    machine.cpu.gpr[gpr::RSP] = 0xaaaa_0002;
    assert_eq!(call(&mut machine, CODE0, 0), Err(Exception::SS0));
}

#[test]
fn long_mode_switches_code_size_and_checks_canonical_offsets() {
    for (cs, selector, offset, expected) in [
        (CODE64, CODE0, HANDLER, Ok(CpuMode::Compatibility)),
        (CODE0, CODE64, HANDLER, Ok(CpuMode::Long64)),
        (CODE64, CODE64, 0xffff_8000_0000_0000, Ok(CpuMode::Long64)),
        (CODE64, CODE64, 0x8000_0000_0000, Err(Gp(0))),
        (CODE64, CODE0, 0x1_0000_0000, Err(Gp(0))),
        (CODE64, CODE_L_AND_D, 0, Err(Gp(CODE_L_AND_D))),
        (CODE64, TSS_B_SELECTOR, 0, Err(Gp(TSS_B_SELECTOR))),
    ] {
        let mut machine = Machine::long();
        machine.run_in(cs, DATA0);
        let result = attempt(&mut machine, |m| far_jump(m, Selector(selector), offset, Width::B8));
        assert_eq!(result.map(|()| machine.cpu.mode()), expected, "{selector:#x} {offset:#x}");
    }
}

#[test]
fn call_gates_are_checked() {
    let open = |selector, offset| gate(CALL, 3, selector, offset, 0);
    for (raw, gate_selector, expected) in [
        (open(CODE3, HANDLER), GATE, Ok(3)),
        (open(CONFORMING, HANDLER), GATE, Ok(3)),
        (open(CODE0, HANDLER), GATE | 3, Ok(0)),
        (gate(CALL, 2, CODE0, HANDLER, 0), GATE, Err(Gp(GATE))),
        (open(CODE0, HANDLER) & !(0x80 << 40), GATE, Err(Np(GATE))),
        (open(0, HANDLER), GATE, Err(Gp(0))),
        (open(0x200, HANDLER), GATE, Err(Gp(0x200))),
        (open(DATA0, HANDLER), GATE, Err(Gp(DATA0))),
        (open(ABSENT_CODE, HANDLER), GATE, Err(Np(ABSENT_CODE))),
        (open(SHORT_CODE, 0x100), GATE, Err(Gp(0))),
    ] {
        let mut machine = Machine::user();
        machine.set_gdt(GATE, raw);
        let result = call(&mut machine, gate_selector, 0).map(|()| machine.cpu.cpl);
        assert_eq!(result, expected, "{raw:#x}");
        // JMP may not change the level.
        let mut machine = Machine::user();
        machine.set_gdt(GATE, raw);
        let result = jump(&mut machine, gate_selector, 0).map(|()| machine.cpu.cpl);
        let inner =
            [CODE0, ABSENT_CODE, SHORT_CODE].into_iter().find(|&code| raw >> 16 & 0xffff == code.into());
        let about_target = !matches!(expected, Err(Gp(GATE) | Np(GATE)));
        let expected = inner.filter(|_| about_target).map_or(expected, |code| Err(Gp(code)));
        assert_eq!(result, expected, "{raw:#x}");
    }
}

#[test]
fn a_call_gate_to_an_inner_level_copies_parameters_and_back() {
    for (kind, width) in [(CALL, Width::B4), (4, Width::B2)] {
        let mut machine = Machine::user();
        machine.set_gdt(GATE, gate(kind, 3, CODE0, HANDLER, 2));
        machine.push_words(width, &[0x1111, 0x2222]);
        let esp = machine.cpu.gpr[gpr::RSP];
        assert_eq!(call(&mut machine, GATE, 0), Ok(()));
        let frame = [0x4321, u64::from(CODE3), 0x2222, 0x1111, esp, u64::from(DATA3)];
        assert_eq!(machine.frame(width, 6), frame);
        assert_eq!((machine.cpu.cpl, machine.cpu.rip), (0, HANDLER));
        let bytes = 2 * width.bytes() as u16;
        assert_eq!(far_ret(&mut machine, width, bytes), Ok(()));
        assert_eq!((machine.cpu.cpl, machine.cpu.rip, machine.cpu.gpr[gpr::RSP]), (3, 0x4321, STACK));
        assert_eq!(machine.selectors()[1..3], [CODE3, DATA3]);
    }
    for (ss, expected) in [(0, Ts(0)), (READ_ONLY, Ts(READ_ONLY)), (ABSENT_DATA, Ss(ABSENT_DATA))] {
        let mut machine = Machine::user();
        machine.set_gdt(GATE, gate(CALL, 3, CODE0, HANDLER, 0));
        machine.put(TSS + 8, Width::B4, u64::from(ss));
        assert_eq!(call(&mut machine, GATE, 0), Err(expected));
    }
}

#[test]
fn call_gates_of_long_mode() {
    let mut machine = Machine::long_user();
    machine.set_gdt(GATE, gate(CALL, 3, CODE64, HANDLER, 0));
    machine.set_gdt(GATE + 8, 0xffff_8000);
    assert_eq!(call(&mut machine, GATE, 0), Ok(()));
    let frame = [0x4321, u64::from(CODE64_3), STACK, u64::from(DATA3)];
    assert_eq!(machine.frame(Width::B8, 4), frame);
    assert_eq!((machine.cpu.rip, machine.cpu.cpl), (0xffff_8000_0000_0000 | HANDLER, 0));
    assert_eq!((machine.selectors()[2], machine.cpu.gpr[gpr::RSP]), (0, STACK0 - 32));
    assert_eq!(far_ret(&mut machine, Width::B8, 0), Ok(()));
    assert_eq!((machine.cpu.cpl, machine.cpu.rip, machine.cpu.gpr[gpr::RSP]), (3, 0x4321, STACK));

    for (low, high, expected) in [
        (gate(CALL, 3, CODE64, HANDLER, 0), 0x1f << 40, Gp(GATE)),
        (gate(CALL, 3, CODE64, HANDLER, 0), 0x8000, Gp(0)),
        (gate(CALL, 3, CODE0, HANDLER, 0), 0, Gp(CODE0)),
        (gate(4, 3, CODE64, HANDLER, 0), 0, Gp(GATE)),
        (gate(TASK, 3, TSS_B_SELECTOR, 0, 0), 0, Gp(GATE)),
    ] {
        let mut machine = Machine::long_user();
        machine.set_gdt(GATE, low);
        machine.set_gdt(GATE + 8, high);
        assert_eq!(call(&mut machine, GATE, 0), Err(expected), "{low:#x} {high:#x}");
    }
}
