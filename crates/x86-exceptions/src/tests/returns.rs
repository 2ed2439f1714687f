use super::*;
use crate::{iret, segments::far_ret};
use Exception::{GeneralProtection as Gp, SegmentNotPresent as Np, StackFault as Ss};
use x86_state::{CpuMode, SegAttr};

#[test]
fn real_mode_returns_with_either_operand_size() {
    for (width, image, flags) in [(Width::B2, 0x3ed7, 0x3ed7), (Width::B4, 0xffff_ffff, 0x0025_7fd7)] {
        let mut machine = Machine::real();
        machine.cpu.nmi_blocked = true;
        machine.push_words(width, &[image, 0xaaaa_1234, 0x5678]);
        assert_eq!(
            attempt(&mut machine, |m| {
                m.cpu.nmi_blocked = false;
                iret(m, width)
            }),
            Ok(())
        );
        assert_eq!((machine.selectors()[1], machine.cpu.rip), (0x1234, 0x5678));
        assert_eq!(machine.cpu.rflags().bits(), flags, "{width:?}");
        assert_eq!(machine.cpu.gpr[gpr::RSP], 0x1000);
    }
    let mut machine = Machine::real();
    machine.push_words(Width::B4, &[2, 0, 0x1_0000]);
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B4)), Err(Gp(0)));
}

#[test]
fn virtual_8086_mode_returns_with_iopl_3_only_and_keeps_iopl() {
    let mut machine = Machine::virtual_8086();
    machine.push_words(Width::B4, &[0x0000_0001, 0x1234, 0x5678]);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert_eq!((machine.cpu.mode(), machine.cpu.cpl), (CpuMode::Virtual8086, 3));
    assert_eq!(machine.cpu.rflags().bits(), 0x2_3003);
    let mut machine = Machine::virtual_8086();
    machine.cpu.set_rflags(RFlags::FIXED | RFlags::VM);
    machine.cpu.nmi_blocked = true;
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B2)), Err(Gp(0)));
}

#[test]
fn nmis_are_let_in_again() {
    let mut machine = Machine::protected();
    machine.cpu.nmi_blocked = true;
    machine.push_words(Width::B4, &[2, u64::from(CODE0), HANDLER]);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert!(!machine.cpu.nmi_blocked);
}

#[test]
fn which_flags_a_return_may_write() {
    const ALL: u64 = 0xffff_ffff & !(1 << 17) & !(1 << 14);
    // (user, iopl, operand size, flags after)
    for (user, iopl, width, flags) in [
        (false, 0, Width::B4, 0x003d_3fd7),
        (false, 0, Width::B2, 0x3fd7),
        (true, 0, Width::B4, 0x0025_0dd7),
        (true, 3, Width::B4, 0x0025_3fd7),
        (true, 3, Width::B2, 0x3fd7),
        (true, 2, Width::B2, 0x2dd7),
    ] {
        let mut machine = if user { Machine::user() } else { Machine::protected() };
        machine.cpu.set_rflags(RFlags::from_bits_retain(2 | iopl << 12));
        let cs = u64::from(machine.selectors()[1]);
        machine.push_words(width, &[ALL, cs, HANDLER]);
        assert_eq!(iret(&mut machine, width), Ok(()));
        assert_eq!(machine.cpu.rflags().bits(), flags, "{user} {iopl} {width:?}");
    }
}

#[test]
fn an_outer_return_loads_the_stack_and_drops_inner_data() {
    for far in [false, true] {
        let mut machine = Machine::protected();
        machine.use_segment(Seg::Ds, DATA0);
        machine.cpu.seg[Seg::Ds as usize].base = 0x40_0000;
        machine.use_segment(Seg::Es, DATA3);
        machine.use_segment(Seg::Fs, CONFORMING);
        machine.cpu.seg[Seg::Gs as usize] = Segment { base: 0x1234, ..Segment::default() };
        let result = if far {
            let words = [u64::from(DATA3), 0x7000, 0xaaaa, u64::from(CODE3), HANDLER];
            machine.push_words(Width::B4, &words);
            far_ret(&mut machine, Width::B4, 4)
        } else {
            let words = [u64::from(DATA3), 0x7004, 0x202, u64::from(CODE3), HANDLER];
            machine.push_words(Width::B4, &words);
            iret(&mut machine, Width::B4)
        };
        assert_eq!(result, Ok(()));
        assert_eq!((machine.cpu.cpl, machine.cpu.rip), (3, HANDLER));
        assert_eq!(machine.cpu.gpr[gpr::RSP], 0x7004);
        assert_eq!(machine.selectors(), [DATA3, CODE3, DATA3, 0, CONFORMING, 0]);
        assert_eq!(machine.cpu.segment(Seg::Gs).base, 0x1234);
        assert_eq!(machine.cpu.segment(Seg::Ds).base, 0x40_0000, "it keeps its hidden base");
        assert!(!machine.cpu.segment(Seg::Ds).attr.contains(SegAttr::P));
    }
}

#[test]
fn a_return_to_a_16_bit_stack_keeps_the_upper_half_of_esp() {
    let mut machine = Machine::protected();
    machine.cpu.gpr[gpr::RSP] = 0x1_9000;
    machine.push_words(Width::B4, &[u64::from(DATA16_3), 0xbbbb_7000, 2, u64::from(CODE3), HANDLER]);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert_eq!(machine.cpu.gpr[gpr::RSP], 0x1_7000);
}

#[test]
fn bad_return_selectors() {
    // (CS, EIP, SS, what is raised), from level 0
    for (cs, eip, ss, expected) in [
        (0, 0, 0, Gp(0)),
        (3, 0, 0, Gp(0)),
        (0x200, 0, 0, Gp(0x200)),
        (0x0c, 0, 0, Gp(0x0c)),
        (DATA0, 0, 0, Gp(DATA0)),
        (CODE3 & !3, 0, 0, Gp(CODE3 & !3)),
        (CODE0 | 3, 0, 0, Gp(CODE0)),
        (ABSENT_CODE, 0, 0, Np(ABSENT_CODE)),
        (SHORT_CODE, 0x100, 0, Gp(0)),
        (CODE3, 0, 0, Gp(0)),
        (CODE3, 0, 3, Gp(0)),
        (CODE3, 0, DATA0, Gp(DATA0)),
        (CODE3, 0, DATA3 & !3, Gp(DATA3 & !3)),
        (CODE3, 0, CODE3, Gp(CODE3 & !3)),
        (CODE3, 0, 0x203, Gp(0x200)),
    ] {
        let mut machine = Machine::protected();
        machine.push_words(Width::B4, &[u64::from(ss), 0x7000, 2, u64::from(cs), eip]);
        let result = attempt(&mut machine, |m| iret(m, Width::B4));
        assert_eq!(result, Err(expected), "iret {cs:#x} {ss:#x}");
        let mut machine = Machine::protected();
        machine.push_words(Width::B4, &[u64::from(ss), 0x7000, u64::from(cs), eip]);
        let result = attempt(&mut machine, |m| far_ret(m, Width::B4, 0));
        assert_eq!(result, Err(expected), "ret {cs:#x} {ss:#x}");
    }
    // Inwards
    let mut machine = Machine::user();
    machine.push_words(Width::B4, &[2, u64::from(CODE0), 0]);
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B4)), Err(Gp(CODE0)));
    // An absent stack
    let mut machine = Machine::protected();
    machine.set_gdt(DATA3, segment(0xfffff, 0xc073));
    machine.push_words(Width::B4, &[u64::from(DATA3), 0, 2, u64::from(CODE3), 0]);
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B4)), Err(Ss(DATA3 & !3)));
}

#[test]
fn to_virtual_8086_mode() {
    let words = [0x666, 0x555, 0x444, 0x111, 0x900, 0x1_1000, 0x2_3202, 0x800, 0x100];
    let mut machine = Machine::protected();
    machine.push_words(Width::B4, &words);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert_eq!((machine.cpu.mode(), machine.cpu.cpl), (CpuMode::Virtual8086, 3));
    assert_eq!(machine.selectors(), [0x111, 0x800, 0x900, 0x444, 0x555, 0x666]);
    assert_eq!((machine.cpu.rip, machine.cpu.gpr[gpr::RSP]), (0x100, 0x1_1000));
    assert_eq!(machine.cpu.segment(Seg::Cs).base, 0x8000);
    assert_eq!(machine.cpu.rflags().bits(), 0x2_3202);
    // With EIP beyond 64 KiB
    let mut machine = Machine::protected();
    machine.push_words(Width::B4, &words[..8]);
    machine.push_words(Width::B4, &[0x1_0000]);
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B4)), Err(Gp(0)));
    // At level 3 the VM flag of the image does not count.
    let mut machine = Machine::user();
    machine.push_words(Width::B4, &[0x2_0002, u64::from(CODE3), HANDLER]);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert_eq!(machine.cpu.mode(), CpuMode::Protected);
}

#[test]
fn iretq_and_its_targets() {
    const HIGH: u64 = 0xffff_8000_0000_1000;
    const HOLE: u64 = 0x8000_0000_0000;
    // (CS, RIP, SS, result: level, mode, RSP)
    let rsp = 0x1_2345_7000;
    for (cs, rip, ss, expected) in [
        (CODE64, HIGH, DATA0, Ok((0, CpuMode::Long64, rsp))),
        (CODE64, HIGH, 0, Ok((0, CpuMode::Long64, rsp))),
        (CODE64_3, HANDLER, DATA3, Ok((3, CpuMode::Long64, rsp))),
        (CODE64_3, HANDLER, 3, Err(Gp(0))),
        (CODE64_3, HANDLER, 0, Err(Gp(0))),
        (CODE64, HANDLER, 1, Err(Gp(0))),
        (CODE64, HOLE, 0, Err(Gp(0))),
        (CODE_L_AND_D, HANDLER, 0, Err(Gp(CODE_L_AND_D))),
        (CODE3, HANDLER, DATA3, Ok((3, CpuMode::Compatibility, rsp & 0xffff_ffff))),
        (CODE3, HANDLER, 3, Err(Gp(0))),
        (CODE0, HANDLER, 0, Err(Gp(0))),
        (CODE0, HANDLER, DATA0, Ok((0, CpuMode::Compatibility, rsp & 0xffff_ffff))),
        (CODE3, 0x1_0000_0000, DATA3, Err(Gp(0))),
        (CODE64_3, HANDLER, DATA0, Err(Gp(DATA0))),
    ] {
        let mut machine = Machine::long();
        machine.push_words(Width::B8, &[u64::from(ss), rsp, 2, u64::from(cs), rip]);
        let result = attempt(&mut machine, |m| iret(m, Width::B8));
        let got = result.map(|()| (machine.cpu.cpl, machine.cpu.mode(), machine.cpu.gpr[gpr::RSP]));
        assert_eq!(got, expected, "{cs:#x} {rip:#x} {ss:#x}");
        if result.is_ok() {
            assert_eq!((machine.selectors()[1], machine.selectors()[2], machine.cpu.rip), (cs, ss, rip));
        }
    }
    // NT has no meaning but #GP.
    let mut machine = Machine::long();
    machine.add_flags(RFlags::NT);
    assert_eq!(attempt(&mut machine, |m| iret(m, Width::B8)), Err(Gp(0)));
    // The stack must be canonical.
    let mut machine = Machine::long();
    machine.cpu.gpr[gpr::RSP] = HOLE - 8;
    let result = attempt(&mut machine, |m| far_ret(m, Width::B8, 0));
    assert!(matches!(result, Err(Exception::PageFault { .. })), "{result:?}");
    machine.cpu.gpr[gpr::RSP] = HOLE - 4;
    assert_eq!(attempt(&mut machine, |m| far_ret(m, Width::B8, 0)), Err(Ss(0)));
}

#[test]
fn compatibility_mode_returns_to_64_bit_code() {
    let mut machine = Machine::long();
    machine.run_in(CODE0, DATA0);
    machine.push_words(Width::B4, &[2, u64::from(CODE64), HANDLER]);
    assert_eq!(iret(&mut machine, Width::B4), Ok(()));
    assert_eq!((machine.cpu.mode(), machine.cpu.gpr[gpr::RSP]), (CpuMode::Long64, STACK));
}
