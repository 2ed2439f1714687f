use super::*;
use crate::segments::{lar, lldt, load_segment, lsl, ltr, read_descriptor, verr, verw};
use Exception::{GeneralProtection as Gp, SegmentNotPresent as Np, StackFault as Ss};

fn load(machine: &mut Machine, seg: Seg, selector: u16) -> Result<(), Exception> {
    attempt(machine, |m| load_segment(m, seg, Selector(selector)))
}

#[test]
fn data_and_stack_segments() {
    for (user, seg, selector, expected) in [
        (false, Seg::Ds, DATA0, Ok(())),
        (false, Seg::Ds, DATA3, Ok(())),
        (false, Seg::Ds, CODE0, Ok(())),
        (false, Seg::Ds, 3, Ok(())),
        (true, Seg::Es, CONFORMING | 3, Ok(())),
        (true, Seg::Es, DATA0, Err(Gp(DATA0))),
        (false, Seg::Es, DATA0 | 3, Err(Gp(DATA0))),
        (false, Seg::Fs, TSS_B_SELECTOR, Err(Gp(TSS_B_SELECTOR))),
        (false, Seg::Fs, 0x200, Err(Gp(0x200))),
        (false, Seg::Gs, 0x14, Err(Gp(0x14))),
        (false, Seg::Gs, ABSENT_DATA, Err(Np(ABSENT_DATA))),
        (false, Seg::Cs, CODE0, Err(Exception::InvalidOpcode)),
        (false, Seg::Ss, DATA0, Ok(())),
        (false, Seg::Ss, 0, Err(Gp(0))),
        (false, Seg::Ss, DATA3, Err(Gp(DATA3 & !3))),
        (false, Seg::Ss, READ_ONLY, Err(Gp(READ_ONLY))),
        (false, Seg::Ss, CODE0, Err(Gp(CODE0))),
        (false, Seg::Ss, ABSENT_DATA, Err(Ss(ABSENT_DATA))),
        (true, Seg::Ss, DATA3, Ok(())),
        (true, Seg::Ss, DATA3 & !3, Err(Gp(DATA3 & !3))),
    ] {
        let mut machine = if user { Machine::user() } else { Machine::protected() };
        assert_eq!(load(&mut machine, seg, selector), expected, "{user} {seg:?} {selector:#x}");
        if expected.is_ok() {
            assert_eq!(machine.cpu.segment(seg).selector.0, selector);
        }
    }
    // Execute-only code cannot be read.
    let mut machine = Machine::protected();
    machine.set_gdt(CODE16, segment(0xffff, 0x99));
    assert_eq!(load(&mut machine, Seg::Ds, CODE16), Err(Gp(CODE16)));
}

#[test]
fn null_stack_segments_exist_in_64_bit_mode_below_level_3() {
    for (user, selector, expected) in
        [(false, 0, Ok(())), (false, 1, Err(Gp(0))), (true, 0, Err(Gp(0))), (true, 3, Err(Gp(0)))]
    {
        let mut machine = if user { Machine::long_user() } else { Machine::long() };
        assert_eq!(load(&mut machine, Seg::Ss, selector), expected, "{user} {selector}");
    }
}

#[test]
fn real_like_modes_shift_the_selector() {
    let mut machine = Machine::real();
    machine.cpu.seg[Seg::Ds as usize].limit = 0xffff_ffff;
    assert_eq!(load(&mut machine, Seg::Ds, 0x1234), Ok(()));
    let ds = machine.cpu.segment(Seg::Ds);
    assert_eq!((ds.base, ds.limit), (0x12340, 0xffff_ffff), "a limit survives into real mode");
    let mut machine = Machine::virtual_8086();
    assert_eq!(load(&mut machine, Seg::Ss, 0x1234), Ok(()));
    assert_eq!(machine.cpu.segment(Seg::Ss).base, 0x12340);
}

#[test]
fn descriptors_come_from_the_gdt_or_the_ldt() {
    let mut machine = Machine::protected();
    assert_eq!(lldt(&mut machine, Selector(LDT_SELECTOR)), Ok(()));
    machine.put(LDT + 8, Width::B8, segment(0xfff, 0x92));
    assert_eq!(read_descriptor(&mut machine, Selector(0x0c)), Ok(RawDescriptor(segment(0xfff, 0x92))));
    assert_eq!(load(&mut machine, Seg::Ds, 0x0c), Ok(()));
    assert_eq!(machine.get(LDT + 8, Width::B8), segment(0xfff, 0x93), "accessed");
    assert_eq!(read_descriptor(&mut machine, Selector(0x104)), Err(Gp(0x104)));
    assert_eq!(read_descriptor(&mut machine, Selector(GDT_LIMIT + 1)), Err(Gp(GDT_LIMIT + 1)));
    assert_eq!(read_descriptor(&mut machine, Selector(0)), Err(Gp(0)));
}

#[test]
fn loads_of_ldtr_and_tr_are_checked() {
    type Load = fn(&mut Machine, Selector) -> Result<(), Exception>;
    let (ldt, tr): (Load, Load) = (lldt, ltr);
    for (name, operation, selector, expected) in [
        ("lldt", ldt, LDT_SELECTOR, Ok(())),
        ("lldt", ldt, 0, Ok(())),
        ("lldt", ldt, 0x0c, Err(Gp(0x0c))),
        ("lldt", ldt, 0x200, Err(Gp(0x200))),
        ("lldt", ldt, TSS_B_SELECTOR, Err(Gp(TSS_B_SELECTOR))),
        ("ltr", tr, TSS_B_SELECTOR, Ok(())),
        ("ltr", tr, 0, Err(Gp(0))),
        ("ltr", tr, 0x0c, Err(Gp(0x0c))),
        ("ltr busy", tr, TSS_SELECTOR, Err(Gp(TSS_SELECTOR))),
        ("ltr", tr, DATA0, Err(Gp(DATA0))),
    ] {
        for (mut machine, long) in [(Machine::protected(), false), (Machine::long(), true)] {
            let result = attempt(&mut machine, |m| operation(m, Selector(selector)));
            assert_eq!(result, expected, "{name} {selector:#x} {long}");
        }
    }
    for (mut machine, expected) in [
        (Machine::user(), Exception::GP0),
        (Machine::real(), Exception::InvalidOpcode),
        (Machine::virtual_8086(), Exception::InvalidOpcode),
    ] {
        assert_eq!(lldt(&mut machine, Selector(LDT_SELECTOR)), Err(expected));
        assert_eq!(ltr(&mut machine, Selector(TSS_B_SELECTOR)), Err(expected));
    }
    let mut machine = Machine::protected();
    machine.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x67, 0x09));
    machine.set_gdt(LDT_SELECTOR, system(LDT, 0xff, 0x02));
    assert_eq!(ltr(&mut machine, Selector(TSS_B_SELECTOR)), Err(Np(TSS_B_SELECTOR)));
    assert_eq!(lldt(&mut machine, Selector(LDT_SELECTOR)), Err(Np(LDT_SELECTOR)));
}

#[test]
fn system_descriptors_of_long_mode_have_a_second_half() {
    let mut machine = Machine::long();
    machine.set_gdt(TSS_B_SELECTOR + 8, 0xffff_8000);
    assert_eq!(ltr(&mut machine, Selector(TSS_B_SELECTOR)), Ok(()));
    assert_eq!(machine.cpu.tr.base, 0xffff_8000_0000_0000 | TSS_B);
    assert_eq!(machine.cpu.tr.attr.kind(), 11);
    assert_eq!(machine.get(GDT + u64::from(TSS_B_SELECTOR), Width::B8), system(TSS_B, 0x67, 0x8b));
    for (high, limit, expected) in [
        (0x8000, GDT_LIMIT, Gp(LDT_SELECTOR)),
        (1 << 40, GDT_LIMIT, Gp(LDT_SELECTOR)),
        (0, LDT_SELECTOR + 7, Gp(LDT_SELECTOR)),
    ] {
        let mut machine = Machine::long();
        machine.set_gdt(LDT_SELECTOR + 8, high);
        machine.cpu.gdtr.limit = limit;
        assert_eq!(lldt(&mut machine, Selector(LDT_SELECTOR)), Err(expected), "{high:#x}");
    }
    // A 16-bit TSS does not exist there.
    let mut machine = Machine::long();
    machine.set_gdt(TSS_B_SELECTOR, system(TSS_B, 0x67, 0x81));
    assert_eq!(ltr(&mut machine, Selector(TSS_B_SELECTOR)), Err(Gp(TSS_B_SELECTOR)));
}

#[test]
fn questions_about_selectors() {
    // (user, selector, VERR, VERW, LAR, LSL)
    for (user, selector, read, written, rights, limit) in [
        (false, DATA0, true, true, Some(0x00c0_9300), Some(0xffff_ffff)),
        (true, DATA0, false, false, None, None),
        (true, DATA3, true, true, Some(0x00c0_f300), Some(0xffff_ffff)),
        (true, CONFORMING, true, false, Some(0x00c0_9f00), Some(0xffff_ffff)),
        (false, READ_ONLY, true, false, Some(0x00c0_9100), Some(0xffff_ffff)),
        (false, SHORT_CODE, true, false, Some(0x0040_9b00), Some(0xff)),
        (false, DATA0 | 3, false, false, None, None),
        (false, TSS_SELECTOR, false, false, Some(0x8b00), Some(0x67)),
        (false, LDT_SELECTOR, false, false, Some(0x8200), Some(0xff)),
        (false, GATE, false, false, Some(0xec00), None),
        (false, 0, false, false, None, None),
        (false, 0x200, false, false, None, None),
    ] {
        let mut machine = if user { Machine::user() } else { Machine::protected() };
        machine.set_gdt(GATE, gate(CALL, 3, CODE0, 0, 0));
        let selector = Selector(selector);
        assert_eq!(verr(&mut machine, selector), Ok(read), "verr {selector:x?}");
        assert_eq!(verw(&mut machine, selector), Ok(written), "verw {selector:x?}");
        assert_eq!(lar(&mut machine, selector), Ok(rights), "lar {selector:x?}");
        assert_eq!(lsl(&mut machine, selector), Ok(limit), "lsl {selector:x?}");
    }
    assert_eq!(lar(&mut Machine::real(), Selector(8)), Err(Exception::InvalidOpcode));
    // Gates and TSSs of 16 bits are unknown to long mode.
    let mut machine = Machine::long();
    for kind in [1, 3, 4, 5, 6, 14] {
        machine.set_gdt(GATE, gate(kind, 3, CODE0, 0, 0));
        assert_eq!(lar(&mut machine, Selector(GATE)), Ok(None), "type {kind}");
        assert_eq!(lsl(&mut machine, Selector(GATE)), Ok(None), "type {kind}");
    }
}
