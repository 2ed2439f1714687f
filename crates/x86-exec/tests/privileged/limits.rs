//! Code and data at the limits of their segments.

use crate::machine::{CODE, CS32, Caught, DATA, Machine, OWN, USER_CS32};
use x86_state::{Activity, SegAttr, Segment, Selector, gpr};
use x86_types::{GuestPhysAddr, Seg};

fn set_segment(m: &mut Machine, seg: Seg, limit: u32, attr: u16) {
    let old = *m.vcpu.cpu.segment(seg);
    let attr = SegAttr::from_bits_retain(attr);
    m.vcpu.cpu.seg[seg as usize] = Segment { limit, attr, ..old };
    m.vcpu.state_changed();
}

/// 32-bit code whose last byte is at `limit`.
fn code_limit(m: &mut Machine, limit: u64) {
    set_segment(m, Seg::Cs, limit as u32, 0x409b);
}

/// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> a byte of an instruction beyond the limit is #GP(0), before the instruction
#[test]
fn code_runs_up_to_its_limit_and_no_further() {
    // nop; nop; mov eax, 1; hlt, the limit, EIP of the #GP (none: HLT is reached)
    let code = [0x90, 0x90, 0xb8, 1, 0, 0, 0, 0xf4];
    for (last, eip) in [(7, None), (6, Some(7)), (5, Some(2)), (2, Some(2)), (1, Some(2)), (0, Some(1))] {
        let mut m = Machine::protected(&code);
        code_limit(&mut m, CODE + last);
        match eip {
            None => m.run_to_halt(),
            Some(eip) => {
                let (vector, [error, at]) = m.delivered(4);
                assert_eq!((vector, error, at), (13, 0, CODE + eip), "limit {last}");
                assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], u64::from(eip == 7));
            }
        }
    }
}

/// Code that ran under one limit is looked at again under another.
#[test]
fn the_limit_counts_for_code_that_ran_before() {
    // nop; nop; mov eax, 1; hlt
    for (last, eip) in [(1, 2), (4, 2), (6, 7)] {
        let mut m = Machine::protected(&[0x90, 0x90, 0xb8, 1, 0, 0, 0, 0xf4]);
        m.run_to_halt();
        m.vcpu.cpu.rip = CODE;
        m.vcpu.cpu.gpr[gpr::RAX] = 0;
        m.vcpu.cpu.activity = Activity::Running;
        code_limit(&mut m, CODE + last);
        let (vector, [error, at]) = m.delivered(4);
        assert_eq!((vector, error, at), (13, 0, CODE + eip), "limit {last}");
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], u64::from(eip == 7));
    }
    // By a far jump, with nothing invalidated in between: 1100h: inc eax; inc eax; hlt.
    // call 1100h; jmp 60h:1100h
    let mut m = Machine::protected(&[0xe8, 0xfb, 0, 0, 0, 0xea, 0, 0x11, 0, 0, 0x60, 0]);
    m.set_descriptor(OWN, 0x0040_9b00_0000_1100);
    m.ram.write(GuestPhysAddr(0x1100), &[0x40, 0x40, 0xc3]);
    let (vector, [error, eip, cs]) = m.delivered(4);
    assert_eq!((vector, error, eip, cs), (13, 0, 0x1101, OWN.into()));
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 3);
}

/// SPEC: intel-sdm-vol2 :: JMP—Jump -> a target beyond the limit is #GP(0) of the jump itself; so it is of CALL, Jcc, LOOP and RET
#[test]
fn near_branches_stop_at_the_limit() {
    // jmp 1100h; call 1100h; jz 1100h; push 1100h + ret; jmp ebx; loop +7fh
    let cases: &[(&[u8], u64)] = &[
        (&[0xe9, 0xfb, 0, 0, 0], 0),
        (&[0xe8, 0xfb, 0, 0, 0], 0),
        (&[0x0f, 0x84, 0xfa, 0, 0, 0], 0),
        (&[0x68, 0, 0x11, 0, 0, 0xc3], 5),
        (&[0xff, 0xe3], 0),
        (&[0xe2, 0x7f], 0),
    ];
    for &(code, at) in cases {
        let mut m = Machine::protected(code);
        m.ram.write(GuestPhysAddr(0x1100), &[0xf4]);
        m.ram.write(GuestPhysAddr(CODE + 0x81), &[0xf4]);
        code_limit(&mut m, CODE + 0x40);
        m.vcpu.cpu.gpr[gpr::RBX] = 0x1100;
        m.vcpu.cpu.gpr[gpr::RCX] = 5;
        m.set_flags(x86_state::RFlags::ZF);
        let sp = m.vcpu.cpu.gpr[gpr::RSP] - if at == 5 { 4 } else { 0 };
        let (vector, [error, eip]) = m.delivered(4);
        assert_eq!((vector, error, eip), (13, 0, CODE + at), "{code:x?}");
        assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], sp - 16, "nothing was pushed or popped");
        assert_eq!(m.vcpu.cpu.gpr[gpr::RCX], 5);
        // One byte more, and it is reached.
        let mut m = Machine::protected(code);
        m.ram.write(GuestPhysAddr(0x1100), &[0xf4]);
        m.ram.write(GuestPhysAddr(CODE + 0x81), &[0xf4]);
        code_limit(&mut m, 0x1100);
        m.vcpu.cpu.gpr[gpr::RBX] = 0x1100;
        m.vcpu.cpu.gpr[gpr::RCX] = 5;
        m.set_flags(x86_state::RFlags::ZF);
        m.run_to_halt();
    }
}

/// IP does not wrap: past FFFFh comes a fault, while the target of a 16-bit branch is cut to 16 bits.
#[test]
fn sixteen_bit_code_at_the_end_of_its_segment() {
    let mut m = Machine::real(&[]);
    m.ram.write(GuestPhysAddr(0xfffe), &[0x90, 0x90, 0xf4]);
    m.vcpu.cpu.rip = 0xfffe;
    m.vcpu.cpu.gpr[gpr::RSP] = 0x8000;
    let (vector, [ip]) = m.delivered(2);
    assert_eq!((vector, ip), (13, 0), "10000h, of which 16 bits are saved");
    // mov ax, imm16 across the end
    let mut m = Machine::real(&[]);
    m.ram.write(GuestPhysAddr(0xfffe), &[0xb8, 1, 0, 0xf4]);
    m.vcpu.cpu.rip = 0xfffe;
    m.vcpu.cpu.gpr[gpr::RSP] = 0x8000;
    let (vector, [ip]) = m.delivered(2);
    assert_eq!((vector, ip), (13, 0xfffe));
    // jmp +2 at FFFCh: 0 comes after FFFFh. The table there begins with F4h for once.
    let mut m = Machine::real(&[]);
    m.ram.write(GuestPhysAddr(0xfffc), &[0xeb, 2]);
    m.ram.write(GuestPhysAddr(0), &[0xf4]);
    m.vcpu.cpu.rip = 0xfffc;
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.rip, 1);
}

/// SPEC: intel-sdm-vol3 :: 6.3 Limit Checking -> every byte of an access must be inside; #SS(0) through SS, #GP(0) else; expand-down segments begin behind their limit
/// SPEC: intel-sdm-vol3 :: 6.5 Privilege Levels -> rights by type: reading execute-only code and writing read-only data or code are #GP(0)
#[test]
fn data_at_its_limits() {
    const READ: &[u8] = &[0x8b, 3, 0xf4];
    const WRITE: &[u8] = &[0x89, 3, 0xf4];
    const STACK_READ: &[u8] = &[0x8b, 0x45, 0, 0xf4];
    const CODE_READ: &[u8] = &[0x2e, 0x8b, 3, 0xf4];
    const CODE_WRITE: &[u8] = &[0x2e, 0x89, 3, 0xf4];
    let last = DATA as u32 + 3;
    // Snippet, segment, limit, attributes, vector
    let cases = [
        (READ, Seg::Ds, last, 0x4093, None),
        (READ, Seg::Ds, last - 1, 0x4093, Some(13)),
        (WRITE, Seg::Ds, last, 0x4093, None),
        (WRITE, Seg::Ds, last - 3, 0x4093, Some(13)),
        (WRITE, Seg::Ds, u32::MAX, 0xc091, Some(13)),
        (READ, Seg::Ds, u32::MAX, 0xc091, None),
        (STACK_READ, Seg::Ss, last, 0x4093, None),
        (STACK_READ, Seg::Ss, last - 1, 0x4093, Some(12)),
        (READ, Seg::Ds, DATA as u32, 0x4097, Some(13)),
        (READ, Seg::Ds, DATA as u32 - 1, 0x4097, None),
        (READ, Seg::Ds, DATA as u32 - 1, 0x0097, Some(13)),
        (CODE_READ, Seg::Cs, u32::MAX, 0xc09b, None),
        (CODE_READ, Seg::Cs, u32::MAX, 0xc099, Some(13)),
        (CODE_WRITE, Seg::Cs, u32::MAX, 0xc09b, Some(13)),
    ];
    for (code, seg, limit, attr, vector) in cases {
        let mut m = Machine::protected(code);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.vcpu.cpu.gpr[gpr::RBP] = DATA;
        set_segment(&mut m, seg, limit, attr);
        match vector {
            None => m.run_to_halt(),
            Some(vector) => {
                let (taken, [error, eip]) = m.delivered(4);
                assert_eq!((taken, error, eip), (vector, 0, CODE), "{code:x?} {limit:x} {attr:x}");
            }
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 6.4.1 Null Segment Selector Checking -> loading null into DS is fine and using it is #GP(0), but in 64-bit mode; null in SS is #GP(0)
#[test]
fn null_segments() {
    // mov ds, eax; mov ecx, [ebx]; hlt
    let code = [0x8e, 0xd8, 0x8b, 0x0b, 0xf4];
    for selector in 0..4 {
        let mut m = Machine::protected(&code);
        m.vcpu.cpu.gpr[gpr::RAX] = selector;
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        let (vector, [error, eip]) = m.delivered(4);
        assert_eq!((vector, error, eip), (13, 0, CODE + 2));
    }
    let mut m = Machine::long(&code);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.run_to_halt();
    // mov ss, eax
    let mut m = Machine::protected(&[0x8e, 0xd0]);
    let (vector, [error, eip]) = m.delivered(4);
    assert_eq!((vector, error, eip), (13, 0, CODE));
}

/// SPEC: intel-sdm-vol2 :: MOV—Move -> loads of segment registers: type, DPL and presence; the error code names the selector
#[test]
fn segment_loads_are_checked() {
    const MOV_DS: &[u8] = &[0x8e, 0xd8, 0xf4];
    const MOV_SS: &[u8] = &[0x8e, 0xd0, 0xf4];
    // Snippet, user, descriptor, selector, vector
    let cases = [
        (MOV_DS, false, 0x00cf_9300_0000_ffff, OWN, None),
        (MOV_DS, false, 0x00cf_1300_0000_ffff, OWN, Some(11)),
        (MOV_SS, false, 0x00cf_1300_0000_ffff, OWN, Some(12)),
        (MOV_DS, false, 0x00cf_9900_0000_ffff, OWN, Some(13)),
        (MOV_DS, false, 0x00cf_9b00_0000_ffff, OWN, None),
        (MOV_SS, false, 0x00cf_9b00_0000_ffff, OWN, Some(13)),
        (MOV_SS, false, 0x00cf_9100_0000_ffff, OWN, Some(13)),
        (MOV_SS, false, 0x00cf_f300_0000_ffff, OWN, Some(13)),
        (MOV_SS, false, 0x00cf_f300_0000_ffff, OWN | 3, Some(13)),
        (MOV_DS, true, 0x00cf_9300_0000_ffff, OWN, Some(13)),
        (MOV_DS, true, 0x00cf_f300_0000_ffff, OWN | 3, None),
        (MOV_DS, true, 0x00cf_9f00_0000_ffff, OWN | 3, None),
        (MOV_DS, false, 0x0000_8900_0000_0067, OWN, Some(13)),
    ];
    for (code, user, descriptor, selector, vector) in cases {
        let mut m = if user { Machine::protected_user(code) } else { Machine::protected(code) };
        m.set_descriptor(OWN, descriptor);
        m.vcpu.cpu.gpr[gpr::RAX] = selector.into();
        match vector {
            None => {
                m.step(1);
                let loaded = m.vcpu.cpu.segment(Seg::Ds).selector;
                assert_eq!((m.vcpu.cpu.rip, loaded), (CODE + 2, Selector(selector)), "{descriptor:x}");
            }
            Some(vector) => {
                let (taken, [error, eip, cs]) = m.delivered(4);
                let cs_of = if user { USER_CS32 } else { CS32 };
                let want = (vector, u64::from(OWN), CODE, u64::from(cs_of));
                assert_eq!((taken, error, eip, cs), want, "{descriptor:x}");
            }
        }
    }
}

/// Non-canonical addresses, by way of the stack and else.
#[test]
fn canonical_limits_of_64_bit_code() {
    // mov rax, [rbx]; mov rax, [rbp]; push rax with RSP; jmp rbx
    let cases: &[(&[u8], u8)] = &[
        (&[0x48, 0x8b, 3], 13),
        (&[0x48, 0x8b, 0x45, 0], 12),
        (&[0x48, 0x8b, 4, 0x24], 12),
        (&[0xff, 0xe3], 13),
    ];
    for &(code, vector) in cases {
        let mut m = Machine::long(code);
        m.set_gate(vector.into(), 0, 1);
        for r in [gpr::RBX, gpr::RBP, gpr::RSP] {
            m.vcpu.cpu.gpr[r] = 1 << 47;
        }
        assert_eq!(m.caught(), Caught { vector, error: 0, rip: CODE }, "{code:x?}");
        assert_eq!(m.read(crate::machine::IST1 - 16), 1 << 47);
    }
    // Compatibility mode cuts linear addresses to 32 bits: mov eax, gs:[ebx]
    let mut m = Machine::compat(&[0x65, 0x8b, 3, 0xf4]);
    m.vcpu.cpu.seg[Seg::Gs as usize].base = 0xffff_f000;
    m.vcpu.cpu.gpr[gpr::RBX] = 0x1000 + DATA;
    m.ram.write_u64(GuestPhysAddr(DATA), 0x1234);
    m.vcpu.state_changed();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0x1234);
}
