use super::*;
use crate::SoftwareKind;
use Exception::{GeneralProtection as Gp, InvalidTss as Ts, SegmentNotPresent as Np, StackFault as Ss};
use x86_state::{CpuMode, Dr6, Dr7};

const INT: fn(u8) -> Event =
    |vector| Event::Software { vector, kind: SoftwareKind::IntN, instruction: 0x4000 };
const IF: u64 = 0x200;

#[test]
fn real_mode_pushes_three_words_and_clears_if() {
    for event in [Event::External(0x20), INT(0x20)] {
        let mut machine = Machine::real();
        machine.cpu.idtr.limit = 0x3ff;
        machine.put(0x80, Width::B4, 0x1111_2222);
        assert_eq!(machine.deliver(event), Ok(()));
        assert_eq!(machine.frame(Width::B2, 3), [0x100, 0x800, 0x203]);
        assert_eq!((machine.cpu.rip, machine.cpu.segment(Seg::Cs).base), (0x2222, 0x11110));
        assert_eq!(machine.cpu.rflags().bits(), 3);
    }
}

#[test]
fn real_mode_limits() {
    let mut machine = Machine::real();
    machine.cpu.idtr.limit = 0x82;
    assert_eq!(machine.deliver(INT(0x20)), Err(Exception::GP0));
    assert_eq!(machine.deliver(INT(0x1f)), Ok(()));
    // A word at FFFFH would straddle the end of the segment; SP = 0 wraps.
    for (sp, result) in [(1, Err(Exception::SS0)), (3, Err(Exception::SS0)), (0, Ok(())), (2, Ok(()))] {
        let mut machine = Machine::real();
        machine.cpu.gpr[gpr::RSP] = sp;
        assert_eq!(machine.deliver(INT(0)), result, "sp {sp}");
    }
}

/// A gate and its effect at level 3 in protected mode.
#[test]
fn protected_gates_are_checked() {
    let user_gate = |kind, selector| gate(kind, 3, selector, HANDLER, 0);
    let absent = gate(INTERRUPT, 3, CODE0, HANDLER, 0) & !(0x80 << 40);
    let hardware = Event::External(0x1e);
    // The vector is 1EH: F2H in error codes.
    for (raw, event, expected) in [
        (user_gate(INTERRUPT, CODE0), INT(0x1e), Ok(())),
        (user_gate(TRAP, CODE0), INT(0x1e), Ok(())),
        (user_gate(INTERRUPT, CONFORMING), INT(0x1e), Ok(())),
        (user_gate(INTERRUPT, CODE3), INT(0x1e), Ok(())),
        (gate(INTERRUPT, 0, CODE0, HANDLER, 0), INT(0x1e), Err(Gp(0xf2))),
        (gate(INTERRUPT, 0, CODE0, HANDLER, 0), hardware, Ok(())),
        (absent, INT(0x1e), Err(Np(0xf2))),
        (absent, hardware, Err(Np(0xf3))),
        (user_gate(CALL, CODE0), INT(0x1e), Err(Gp(0xf2))),
        (user_gate(2, CODE0), hardware, Err(Gp(0xf3))),
        (user_gate(INTERRUPT, 0), hardware, Err(Gp(1))),
        (user_gate(INTERRUPT, 0), INT(0x1e), Err(Gp(0))),
        (user_gate(INTERRUPT, DATA0), hardware, Err(Gp(DATA0 | 1))),
        (user_gate(INTERRUPT, DATA0), INT(0x1e), Err(Gp(DATA0))),
        (user_gate(INTERRUPT, 0x200), hardware, Err(Gp(0x201))),
        (user_gate(INTERRUPT, 0x0c), hardware, Err(Gp(0x0d))),
        (user_gate(INTERRUPT, ABSENT_CODE), hardware, Err(Np(ABSENT_CODE | 1))),
        (user_gate(INTERRUPT, SHORT_CODE), hardware, Err(Gp(1))),
        (user_gate(INTERRUPT, SHORT_CODE), INT(0x1e), Err(Gp(0))),
    ] {
        let mut machine = Machine::user();
        machine.set_idt(0x1e, raw);
        assert_eq!(machine.deliver(event), expected, "{raw:#x} {event:?}");
    }
    // Beyond the IDT's limit
    let mut machine = Machine::user();
    assert_eq!(machine.deliver(Event::External(0x20)), Err(Gp(0x103)));
    assert_eq!(machine.deliver(INT(0x20)), Err(Gp(0x102)));
    // A handler less privileged than what it interrupts
    let mut machine = Machine::protected();
    machine.set_idt(0x1e, user_gate(INTERRUPT, CODE3));
    assert_eq!(machine.deliver(hardware), Err(Gp(CODE3 & !3 | 1)));
}

#[test]
fn which_software_interrupts_look_at_the_gates_dpl() {
    for (kind, expected) in [
        (SoftwareKind::IntN, Err(Gp(0x1a))),
        (SoftwareKind::Int3, Err(Gp(0x1a))),
        (SoftwareKind::Into, Err(Gp(0x1a))),
        (SoftwareKind::Int1, Ok(())),
    ] {
        let mut machine = Machine::user();
        machine.set_idt(3, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
        let event = Event::Software { vector: 3, kind, instruction: 0 };
        assert_eq!(machine.deliver(event), expected, "{kind:?}");
    }
    // INT1 counts as external in the error codes of its delivery.
    let event = Event::Software { vector: 1, kind: SoftwareKind::Int1, instruction: 0 };
    assert_eq!(Machine::user().deliver(event), Err(Gp(0x0b)));
}

#[test]
fn frames_and_flags_without_a_stack_switch() {
    let event = Event::External(0x1e);
    for (kind, width, flags) in
        [(INTERRUPT, Width::B4, 3), (TRAP, Width::B4, IF | 3), (6, Width::B2, 3), (7, Width::B2, IF | 3)]
    {
        let mut machine = Machine::protected();
        machine.add_flags(RFlags::TF | RFlags::NT);
        machine.set_idt(0x1e, gate(kind, 0, CODE0, 0xf_1234, 0));
        assert_eq!(machine.deliver(event), Ok(()));
        assert_eq!(machine.frame(width, 3), [0x4321, u64::from(CODE0), 0x4303]);
        let offset = if width == Width::B4 { 0xf_1234 } else { 0x1234 };
        assert_eq!((machine.cpu.rip, machine.cpu.rflags().bits()), (offset, flags), "gate {kind}");
        assert_eq!(machine.cpu.gpr[gpr::RSP], STACK - 3 * u64::from(width.bytes()));
    }
}

#[test]
fn a_change_of_level_takes_the_stack_from_the_tss() {
    let mut machine = Machine::user();
    machine.set_idt(13, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    assert_eq!(machine.deliver(Event::Exception(Gp(0x50))), Ok(()));
    let flags = 0x1_0203; // RF is set for a fault.
    let frame = [0x50, 0x4321, u64::from(CODE3), flags, STACK, u64::from(DATA3)];
    assert_eq!(machine.frame(Width::B4, 6), frame);
    assert_eq!((machine.cpu.cpl, machine.cpu.gpr[gpr::RSP]), (0, STACK0 - 24));
    assert_eq!((machine.selectors()[1], machine.selectors()[2]), (CODE0, DATA0));

    // Through a 16-bit gate and a 16-bit TSS
    let mut machine = Machine::user();
    machine.cpu.tr.attr = x86_state::SegAttr::from_bits_retain(0x83);
    machine.put(TSS + 2, Width::B4, STACK0 | u64::from(DATA0) << 16);
    machine.set_idt(13, gate(6, 0, CODE0, HANDLER, 0));
    assert_eq!(machine.deliver(Event::Exception(Gp(0x50))), Ok(()));
    let frame = [0x50, 0x4321, u64::from(CODE3), 0x203, STACK, u64::from(DATA3)];
    assert_eq!(machine.frame(Width::B2, 6), frame);
    assert_eq!(machine.cpu.gpr[gpr::RSP], STACK0 - 12);
}

#[test]
fn a_bad_inner_stack_is_reported_with_its_selector() {
    for (ss, esp, expected) in [
        (0, STACK0, Ts(1)),
        (0x200, STACK0, Ts(0x201)),
        (DATA3, STACK0, Ts(DATA3 & !3 | 1)),
        (DATA1 & !3, STACK0, Ts(DATA1 & !3 | 1)),
        (READ_ONLY, STACK0, Ts(READ_ONLY | 1)),
        (CODE0, STACK0, Ts(CODE0 | 1)),
        (ABSENT_DATA, STACK0, Ss(ABSENT_DATA | 1)),
        // 64 KiB and no room: ESP wraps below 0 in a segment with a limit, SP = 1 straddles.
        (DATA16, 1, Ss(DATA16 | 1)),
    ] {
        let mut machine = Machine::user();
        machine.set_idt(0x1e, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
        machine.put(TSS + 4, Width::B4, esp);
        machine.put(TSS + 8, Width::B4, u64::from(ss));
        assert_eq!(machine.deliver(Event::External(0x1e)), Err(expected), "ss {ss:#x}");
    }
    let mut machine = Machine::user();
    machine.set_idt(0x1e, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    machine.cpu.tr.limit = 8;
    assert_eq!(machine.deliver(Event::External(0x1e)), Err(Ts(TSS_SELECTOR | 1)));
}

#[test]
fn rf_is_saved_for_faults_but_not_for_breakpoints_and_traps() {
    const RF: u64 = 1 << 16;
    let debug = |dr6: Dr6, fault| Event::Exception(Exception::Debug { dr6: dr6.bits(), fault });
    for (event, old, saved) in [
        (Event::Exception(Exception::InvalidOpcode), RFlags::empty(), RF),
        (Event::Exception(Exception::Breakpoint), RFlags::empty(), 0),
        (debug(Dr6::B0, true), RFlags::empty(), 0),
        (debug(Dr6::BD, true), RFlags::empty(), RF),
        (debug(Dr6::BS, false), RFlags::empty(), 0),
        (Event::External(0x1e), RFlags::RF, RF),
        (Event::External(0x1e), RFlags::empty(), 0),
        (INT(0x1e), RFlags::RF, 0),
    ] {
        let mut machine = Machine::protected();
        machine.add_flags(old);
        machine.set_idt(event.vector(), gate(TRAP, 0, CODE0, HANDLER, 0));
        assert_eq!(machine.deliver(event), Ok(()));
        assert_eq!(machine.frame(Width::B4, 3)[2] & RF, saved, "{event:?}");
        assert!(!machine.cpu.rflags().contains(RFlags::RF));
    }
}

#[test]
fn exceptions_leave_their_traces_in_cr2_and_the_debug_registers() {
    let mut machine = Machine::protected();
    machine.set_idt(14, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    let code = PageFaultCode::W | PageFaultCode::U;
    let fault = Exception::PageFault { address: LinearAddr(0xdead_b000), code };
    assert_eq!(machine.deliver(Event::Exception(fault)), Ok(()));
    assert_eq!((machine.cpu.cr2, machine.frame(Width::B4, 1)[0]), (0xdead_b000, 6));

    let mut machine = Machine::protected();
    machine.set_idt(1, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    machine.cpu.dr[7] |= Dr7::GD.bits();
    let trap = Exception::Debug { dr6: Dr6::BS.bits(), fault: false };
    assert_eq!(machine.deliver(Event::Exception(trap)), Ok(()));
    assert_eq!(machine.cpu.dr[6..], [0xffff_4ff0, 0x400]);
}

#[test]
fn an_nmi_blocks_the_next() {
    let mut machine = Machine::protected();
    assert_eq!(machine.deliver(Event::Nmi), Err(Gp(0x13)));
    assert!(!machine.cpu.nmi_blocked);
    machine.set_idt(2, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
    assert_eq!(machine.deliver(Event::Nmi), Ok(()));
    assert!(machine.cpu.nmi_blocked);
}

#[test]
fn virtual_8086_mode_saves_and_clears_all_segments() {
    let mut machine = Machine::virtual_8086();
    machine.set_idt(0x1e, gate(INTERRUPT, 3, CODE0, HANDLER, 0));
    assert_eq!(machine.deliver(INT(0x1e)), Ok(()));
    let frame = [0x100, 0x800, 0x2_3202, 0x1000, 0x900, 0x111, 0x444, 0x555, 0x666];
    assert_eq!(machine.frame(Width::B4, 9), frame);
    assert_eq!((machine.cpu.mode(), machine.cpu.cpl), (CpuMode::Protected, 0));
    assert_eq!(machine.selectors(), [0, CODE0, DATA0, 0, 0, 0]);
    assert_eq!(machine.cpu.gpr[gpr::RSP], STACK0 - 36);
}

#[test]
fn virtual_8086_mode_is_checked_for_iopl_and_level_0() {
    let int3 = Event::Software { vector: 0x1e, kind: SoftwareKind::Int3, instruction: 0 };
    for (selector, iopl, event, expected) in [
        (CODE0, 0, INT(0x1e), Err(Gp(0))),
        (CODE0, 2, INT(0x1e), Err(Gp(0))),
        (CODE0, 0, int3, Ok(())),
        (CODE0, 0, Event::External(0x1e), Ok(())),
        (CONFORMING, 3, Event::External(0x1e), Err(Gp(CONFORMING | 1))),
        (CODE3, 3, INT(0x1e), Err(Gp(CODE3 & !3))),
    ] {
        let mut machine = Machine::virtual_8086();
        machine.cpu.set_rflags(RFlags::from_bits_retain(0x2_0002 | iopl << 12));
        machine.set_idt(0x1e, gate(INTERRUPT, 3, selector, HANDLER, 0));
        assert_eq!(machine.deliver(event), expected, "{selector:#x} {iopl} {event:?}");
    }
}

#[test]
fn long_mode_frames() {
    // (user, ist, stack pointer before, expected base of the frame)
    for (user, ist, rsp, top) in [
        (false, 0, STACK + 9, STACK),
        (true, 0, STACK, STACK0),
        (false, 1, STACK, STACK0 + 0x1000),
        (true, 1, STACK, STACK0 + 0x1000),
    ] {
        let mut machine = if user { Machine::long_user() } else { Machine::long() };
        machine.cpu.gpr[gpr::RSP] = rsp;
        let (cs, ss) = (machine.selectors()[1], machine.selectors()[2]);
        machine.set_idt64(13, gate(INTERRUPT, 0, CODE64, 0x89ab_cdef, ist), 0xffff_8000);
        assert_eq!(machine.deliver(Event::Exception(Gp(0x18))), Ok(()));
        assert_eq!(machine.cpu.gpr[gpr::RSP], top - 48);
        let frame = [0x18, 0x4321, u64::from(cs), 0x1_0203, rsp, u64::from(ss)];
        assert_eq!(machine.frame(Width::B8, 6), frame);
        assert_eq!((machine.cpu.rip, machine.cpu.cpl), (0xffff_8000_89ab_cdef, 0));
        // SS becomes null where the level changes, and only there.
        let expected = if user { 0 } else { DATA0 };
        assert_eq!(machine.selectors()[2], expected);
    }
}

#[test]
fn long_mode_gates_are_checked() {
    let good = gate(INTERRUPT, 3, CODE64, HANDLER, 0);
    let hardware = Event::External(0x1e);
    type Change = fn(&mut Machine);
    let nothing: Change = |_| {};
    for (raw, high, change, event, expected) in [
        (good, 0, nothing, INT(0x1e), Ok(())),
        (gate(TRAP, 0, CODE64, HANDLER, 0), 0, nothing, INT(0x1e), Err(Gp(0xf2))),
        (gate(TASK, 3, TSS_B_SELECTOR, 0, 0), 0, nothing, hardware, Err(Gp(0xf3))),
        (gate(6, 3, CODE64, HANDLER, 0), 0, nothing, hardware, Err(Gp(0xf3))),
        (good & !(0x80 << 40), 0, nothing, hardware, Err(Np(0xf3))),
        (gate(INTERRUPT, 3, CODE0, HANDLER, 0), 0, nothing, hardware, Err(Gp(CODE0 | 1))),
        (gate(INTERRUPT, 3, CODE_L_AND_D, HANDLER, 0), 0, nothing, hardware, Err(Gp(CODE_L_AND_D | 1))),
        (good, 0x8000, nothing, hardware, Err(Gp(1))),
        (good, 0, |m| m.cpu.tr.limit = 10, hardware, Err(Ts(TSS_SELECTOR | 1))),
        (good, 0, |m| m.put(TSS + 4, Width::B8, 0x8000_0000_1000), hardware, Err(Ss(1))),
        (good | 2 << 32, 0, |m| m.cpu.tr.limit = 0x32, hardware, Err(Ts(TSS_SELECTOR | 1))),
        (good, 0, |m| m.cpu.idtr.limit = 0x1ee, hardware, Err(Gp(0xf3))),
    ] {
        let mut machine = Machine::long_user();
        machine.set_idt64(0x1e, raw, high);
        change(&mut machine);
        assert_eq!(machine.deliver(event), expected, "{raw:#x} {high:#x}");
    }
}

#[test]
fn compatibility_mode_is_interrupted_into_64_bit_code() {
    let mut machine = Machine::long();
    machine.run_in(CODE3, DATA3);
    assert_eq!(machine.cpu.mode(), CpuMode::Compatibility);
    machine.set_idt64(0x1e, gate(INTERRUPT, 0, CODE64, HANDLER, 0), 0);
    assert_eq!(machine.deliver(Event::External(0x1e)), Ok(()));
    let frame = [0x4321, u64::from(CODE3), 0x203, STACK, u64::from(DATA3)];
    assert_eq!(machine.frame(Width::B8, 5), frame);
    assert_eq!(machine.cpu.mode(), CpuMode::Long64);
}

#[test]
fn a_page_fault_during_delivery_leaves_the_processor_alone() {
    for page in [GDT, IDT, TSS, STACK0 - 0x1000] {
        let mut machine = Machine::user();
        machine.set_idt(0x1e, gate(INTERRUPT, 0, CODE0, HANDLER, 0));
        machine.absent_page = Some(page);
        let result = machine.deliver(Event::External(0x1e));
        assert!(matches!(result, Err(Exception::PageFault { .. })), "{page:#x} {result:?}");
        machine.absent_page = None;
        assert_eq!(machine.deliver(Event::External(0x1e)), Ok(()));
    }
}
