//! SYSENTER and SYSEXIT, the finer points of SYSCALL and SYSRET, the time-stamp counter, and the bases of FS and GS.

use crate::machine::{
    CODE, CS32, CS64, Caught, DATA, DS, Machine, OWN, RSP0, STACK, USER_CS32, USER_CS64, USER_DS,
};
use x86_exec::Exit;
use x86_state::{Cr4, Efer, RFlags, gpr};
use x86_types::{CodeSize, GuestPhysAddr, Seg};

const ENTRY: u64 = 0x5000;
const ENTRY_STACK: u64 = 0x7000;

fn entry(m: &mut Machine, high: u64) {
    let msr = &mut m.vcpu.cpu.msr;
    msr.sysenter_cs = CS64.into();
    msr.sysenter_eip = high | ENTRY;
    msr.sysenter_esp = high | ENTRY_STACK;
    m.ram.write(GuestPhysAddr(ENTRY), &[0xf4]);
}

/// Selector, attributes and limit of CS, then of SS.
fn code_and_stack(m: &Machine) -> [(u16, u16, u32); 2] {
    [Seg::Cs, Seg::Ss].map(|seg| {
        let s = m.vcpu.cpu.segment(seg);
        (s.selector.0, s.attr.bits(), s.limit)
    })
}

/// SPEC: intel-sdm-vol2 :: SYSENTER—Fast System Call -> in IA-32e mode to 64-bit code with all of RIP and RSP, else to 32-bit code; flat segments; IF cleared, other flags kept
#[test]
fn sysenter_to_level_0() {
    // sysenter, from 64-bit, compatibility and protected mode
    let sysenter = [0x0f, 0x34];
    let flags = RFlags::IF | RFlags::DF | RFlags::CF;
    for (kind, attr) in [(0, 0xa09b), (1, 0xa09b), (2, 0xc09b)] {
        let mut m = if kind == 2 { Machine::protected_user(&sysenter) } else { Machine::user(&sysenter) };
        if kind == 1 {
            m.vcpu.cpu.seg[Seg::Cs as usize].attr = x86_state::SegAttr::from_bits_retain(0xc0fb);
        }
        // Legacy mode uses the lower halves.
        entry(&mut m, if kind == 2 { 1 << 40 } else { 0 });
        m.set_flags(flags);
        m.run_to_halt();
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.rip, cpu.gpr[gpr::RSP], cpu.cpl), (ENTRY + 1, ENTRY_STACK, 0));
        assert_eq!(code_and_stack(&m), [(CS64, attr, u32::MAX), (DS, 0xc093, u32::MAX)], "{kind}");
        assert_eq!(cpu.rflags(), RFlags::FIXED | RFlags::DF | RFlags::CF);
        assert_eq!(cpu.code_size, if kind == 2 { CodeSize::Bits32 } else { CodeSize::Bits64 });
    }
}

/// SPEC: intel-sdm-vol2 :: SYSEXIT—Fast Return from Fast System Call -> SYSENTER_CS + 16 with EDX and ECX, or + 32 with RDX and RCX; SS is 8 further; RPL and CPL 3
#[test]
fn sysexit_to_level_3() {
    let (short, long): (&[u8], &[u8]) = (&[0x0f, 0x35], &[0x48, 0x0f, 0x35]);
    for (code, protected, cs, attr) in [
        (short, true, USER_CS32, 0xc0fb),
        (short, false, USER_CS32, 0xc0fb),
        (long, false, USER_CS64, 0xa0fb),
    ] {
        let mut m = if protected { Machine::protected(code) } else { Machine::long(code) };
        entry(&mut m, 0);
        if !protected {
            m.set_pte(0x6000, 0x6000 | 7);
        }
        // ud2
        m.ram.write(GuestPhysAddr(0x6000), &[0x0f, 0x0b]);
        let high = if code == short { 0xdead << 32 } else { 0 };
        m.vcpu.cpu.gpr[gpr::RDX] = high | 0x6000;
        m.vcpu.cpu.gpr[gpr::RCX] = high | 0x9000;
        assert_eq!(m.step(1), Exit::Budget);
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.rip, cpu.gpr[gpr::RSP], cpu.cpl), (0x6000, 0x9000, 3));
        assert_eq!(code_and_stack(&m), [(cs, attr, u32::MAX), (cs + 8, 0xc0f3, u32::MAX)]);
        if !protected {
            let caught = m.caught();
            assert_eq!((caught.vector, caught.rip, m.read(RSP0 - 32)), (6, 0x6000, cs.into()));
        }
    }
}

/// SPEC: intel-sdm-vol2 :: SYSENTER—Fast System Call -> #GP(0) with a null SYSENTER_CS and in real mode
/// SPEC: intel-sdm-vol2 :: SYSEXIT—Fast Return from Fast System Call -> #GP(0) so too, above CPL 0, and for non-canonical targets
#[test]
fn fast_calls_that_fault() {
    let (enter, exit, exit64): (&[u8], &[u8], &[u8]) = (&[0x0f, 0x34], &[0x0f, 0x35], &[0x48, 0x0f, 0x35]);
    // Snippet, user, SYSENTER_CS, RDX, RCX
    for (code, user, cs, rdx, rcx) in [
        (enter, true, 0, 0, 0),
        (enter, true, 3, 0, 0),
        (exit, false, 0, 0, 0),
        (exit, true, 8, 0, 0),
        (exit64, false, 8, 1 << 47, 0),
        (exit64, false, 8, 0, 1 << 47),
    ] {
        let mut m = if user { Machine::user(code) } else { Machine::long(code) };
        m.vcpu.cpu.msr.sysenter_cs = cs;
        m.vcpu.cpu.gpr[gpr::RDX] = rdx;
        m.vcpu.cpu.gpr[gpr::RCX] = rcx;
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE }, "{code:x?} {cs} {rdx:x} {rcx:x}");
    }
    for code in [enter, exit] {
        let mut m = Machine::real(code);
        entry(&mut m, 0);
        let (vector, [ip]) = m.delivered(2);
        assert_eq!((vector, ip), (13, CODE));
    }
}

/// SPEC: intel-sdm-vol2 :: SYSCALL—Fast System Call -> #UD outside 64-bit mode and without EFER.SCE; R11 holds RFLAGS; CS.RPL is 0, SS is STAR[47:32] + 8 as it is
#[test]
fn syscall_in_detail() {
    let mut m = Machine::compat(&[0x0f, 0x05]);
    assert_eq!(m.caught().vector, 6);
    let mut m = Machine::user(&[0x0f, 0x05]);
    m.vcpu.cpu.efer.remove(Efer::SCE);
    assert_eq!(m.caught(), Caught { vector: 6, error: 0, rip: CODE });

    let mut m = Machine::user(&[0x0f, 0x05]);
    let msr = &mut m.vcpu.cpu.msr;
    msr.star = u64::from(CS64 | 3) << 32;
    msr.lstar = ENTRY;
    msr.sfmask = (RFlags::IF | RFlags::DF).bits();
    m.ram.write(GuestPhysAddr(ENTRY), &[0xf4]);
    m.set_flags(RFlags::IF | RFlags::DF | RFlags::CF | RFlags::AC);
    let flags = m.vcpu.cpu.rflags();
    m.run_to_halt();
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.gpr[gpr::RCX], cpu.gpr[gpr::R11]), (CODE + 2, flags.bits()));
    assert_eq!(cpu.rflags(), RFlags::FIXED | RFlags::CF | RFlags::AC);
    assert_eq!(cpu.gpr[gpr::RSP], STACK, "the stack is the caller's");
    assert_eq!(code_and_stack(&m), [(CS64, 0xa09b, u32::MAX), (DS | 3, 0xc093, u32::MAX)]);
}

/// SPEC: intel-sdm-vol2 :: SYSRET—Return From Fast System Call -> to 64-bit or, without REX.W, to compatibility mode; RFLAGS = R11 & 3C7FD7h | 2; #GP(0) above CPL 0
#[test]
fn sysret_in_detail() {
    let (short, long): (&[u8], &[u8]) = (&[0x0f, 0x07], &[0x48, 0x0f, 0x07]);
    for (code, cs, attr, rip) in
        [(short, USER_CS32, 0xc0fb, 0x6000), (long, USER_CS64, 0xa0fb, 0x7fff_0000_6000_u64)]
    {
        let mut m = Machine::long(code);
        m.vcpu.cpu.msr.star = 0x1b << 48;
        m.vcpu.cpu.gpr[gpr::RCX] = 0x7fff_0000_6000;
        m.vcpu.cpu.gpr[gpr::R11] = !RFlags::TF.bits();
        assert_eq!(m.step(1), Exit::Budget);
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.rip, cpu.cpl), (rip, 3));
        assert_eq!(cpu.rflags().bits(), 0x3c_7ed7);
        assert_eq!(code_and_stack(&m), [(cs, attr, u32::MAX), (USER_DS, 0xc0f3, u32::MAX)]);
        assert_eq!(cpu.gpr[gpr::RSP], STACK);
        let mut m = Machine::user(code);
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
    }
    let mut m = Machine::compat(short);
    assert_eq!(m.caught().vector, 6);
}

/// SPEC: intel-sdm-vol2 :: RDTSCP—Read Time-Stamp Counter and Processor ID -> EDX:EAX the counter, ECX = TSC_AUX, upper halves cleared; with CR4.TSD #GP(0) above CPL 0
#[test]
fn rdtscp_and_who_may_read() {
    let (rdtsc, rdtscp): (&[u8], &[u8]) = (&[0x0f, 0x31, 0x0f, 0x0b], &[0x0f, 1, 0xf9, 0x0f, 0x0b]);
    for (code, user, tsd, works) in [
        (rdtscp, false, false, true),
        (rdtscp, false, true, true),
        (rdtscp, true, false, true),
        (rdtscp, true, true, false),
        (rdtsc, true, true, false),
        (rdtsc, true, false, true),
        (rdtsc, false, true, true),
    ] {
        let mut m = if user { Machine::user(code) } else { Machine::long(code) };
        m.vcpu.cpu.msr.tsc_aux = 0xdead_beef;
        m.vcpu.cpu.msr.tsc_adjust = 0x1234_5678_0000_0000;
        m.vcpu.cpu.cr4.set(Cr4::TSD, tsd);
        for r in [gpr::RAX, gpr::RCX, gpr::RDX] {
            m.vcpu.cpu.gpr[r] = u64::MAX;
        }
        let caught = m.caught();
        if works {
            assert_eq!((caught.vector, caught.rip), (6, CODE + code.len() as u64 - 2));
            let gpr = &m.vcpu.cpu.gpr;
            assert_eq!((gpr[gpr::RDX], gpr[gpr::RAX] >> 32), (0x1234_5678, 0));
            assert_eq!(gpr[gpr::RCX], if code == rdtscp { 0xdead_beef } else { u64::MAX });
        } else {
            assert_eq!(caught, Caught { vector: 13, error: 0, rip: CODE });
            assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], u64::MAX);
        }
    }
    // rdpid rax
    let mut m = Machine::user(&[0xf3, 0x0f, 0xc7, 0xf8, 0x0f, 0x0b]);
    m.vcpu.cpu.msr.tsc_aux = 0xdead_beef;
    m.vcpu.cpu.cr4 |= Cr4::TSD;
    assert_eq!(m.caught().vector, 6);
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0xdead_beef);
}

/// SPEC: intel-sdm-vol3 :: 3.4.4.1 Segment Loading Instructions in 64-Bit Mode -> FS and GS add their base even where ES, CS, SS and DS do not; the base comes by MSR, WRFSBASE or a descriptor's 32 bits
#[test]
fn fs_and_gs_bases_in_64_bit_code() {
    // wrfsbase rbx; mov rax, fs:[rbp]; rdfsbase rcx; hlt
    let code = [0xf3, 0x48, 0x0f, 0xae, 0xd3, 0x64, 0x48, 0x8b, 0x45, 0, 0xf3, 0x48, 0x0f, 0xae, 0xc1, 0xf4];
    // A base above the address: the sum wraps.
    for (base, offset) in [(DATA - 8, 8), (0xffff_8000_0000_0000, DATA + 0x8000_0000_0000)] {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
        m.ram.write_u64(GuestPhysAddr(DATA), 0xf5f5);
        m.vcpu.cpu.gpr[gpr::RBX] = base;
        m.vcpu.cpu.gpr[gpr::RBP] = offset;
        m.run_to_halt();
        assert_eq!((m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.gpr[gpr::RCX]), (0xf5f5, base));
    }
    for (base, fsgsbase, caught) in [(1 << 56, true, 13), (0, false, 6)] {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.cr4.set(Cr4::FSGSBASE, fsgsbase);
        m.vcpu.cpu.gpr[gpr::RBX] = base;
        assert_eq!(m.caught(), Caught { vector: caught, error: 0, rip: CODE });
    }
    // wrgsbase rbx; mov rax, gs:[rbp]; swapgs; mov rcx, gs:[rbp]; rdgsbase rdx; hlt
    let code = [
        0xf3, 0x48, 0x0f, 0xae, 0xdb, 0x65, 0x48, 0x8b, 0x45, 0, 0x0f, 1, 0xf8, 0x65, 0x48, 0x8b, 0x4d, 0,
        0xf3, 0x48, 0x0f, 0xae, 0xca, 0xf4,
    ];
    let mut m = Machine::long(&code);
    m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
    m.vcpu.cpu.msr.kernel_gs_base = DATA + 0x100;
    m.ram.write_u64(GuestPhysAddr(DATA + 8), 1);
    m.ram.write_u64(GuestPhysAddr(DATA + 0x108), 2);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.cpu.gpr[gpr::RBP] = 8;
    m.run_to_halt();
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.gpr[gpr::RAX], cpu.gpr[gpr::RCX], cpu.gpr[gpr::RDX]), (1, 2, DATA + 0x100));
    assert_eq!(cpu.msr.kernel_gs_base, DATA);
    // wrfsbase ebx; rdfsbase ecx; hlt: 32 bits, zero-extended
    let mut m = Machine::long(&[0xf3, 0x0f, 0xae, 0xd3, 0xf3, 0x0f, 0xae, 0xc1, 0xf4]);
    m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
    m.vcpu.cpu.gpr[gpr::RBX] = 0xdead_0000_8765_4321;
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.segment(Seg::Fs).base, m.vcpu.cpu.gpr[gpr::RCX]), (0x8765_4321, 0x8765_4321));
    // mov fs, ebx in 64-bit code: the descriptor's base. DS's base is ignored: mov ds, ebx; mov rax, [rbp]
    let mut m =
        Machine::long(&[0x8e, 0xe3, 0x8e, 0xdb, 0x64, 0x48, 0x8b, 0x45, 0, 0x48, 0x8b, 0x4d, 0, 0xf4]);
    m.set_descriptor(OWN, 0x00cf_9302_0100_ffff);
    m.ram.write_u64(GuestPhysAddr(DATA + 0x100), 3);
    m.ram.write_u64(GuestPhysAddr(0x8000), 4);
    m.vcpu.cpu.gpr[gpr::RBX] = OWN.into();
    m.vcpu.cpu.gpr[gpr::RBP] = 0;
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.gpr[gpr::RCX]), (3, m.read(0)));
    // At CPL 3 the bases may be written, SWAPGS not used.
    let mut m = Machine::user(&[0xf3, 0x48, 0x0f, 0xae, 0xd3, 0x0f, 1, 0xf8]);
    m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
    m.vcpu.cpu.gpr[gpr::RBX] = 0x1234;
    assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE + 5 });
    assert_eq!(m.vcpu.cpu.segment(Seg::Fs).base, 0x1234);
}

/// In 32-bit code FS and GS have base and limit of their descriptors, and the instructions above do not exist.
#[test]
fn fs_and_gs_in_32_bit_code() {
    // mov fs, ebx; mov eax, fs:[ebp]; mov edx, fs:[ebp+4]; hlt: 8 bytes from DATA
    let code = [0x8e, 0xe3, 0x64, 0x8b, 0x45, 0, 0x64, 0x8b, 0x55, 4, 0xf4];
    for (ebp, at, vector) in [(0, 0, None), (4, 6, Some(13)), (5, 2, Some(13))] {
        let mut m = Machine::protected(&code);
        m.set_descriptor(OWN, 0x0040_9302_0000_0007);
        m.ram.write_u64(GuestPhysAddr(DATA), 0x2222_2222_1111_1111);
        m.vcpu.cpu.gpr[gpr::RBX] = OWN.into();
        m.vcpu.cpu.gpr[gpr::RBP] = ebp;
        match vector {
            None => {
                m.run_to_halt();
                assert_eq!((m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.gpr[gpr::RDX]), (0x1111_1111, 0x2222_2222));
            }
            Some(vector) => {
                let (taken, [error, eip, cs]) = m.delivered(4);
                assert_eq!((taken, error, eip, cs), (vector, 0, CODE + at, CS32.into()));
            }
        }
    }
    // push ebx; pop gs; mov eax, gs:[8]; hlt
    let mut m = Machine::protected(&[0x53, 0x0f, 0xa9, 0x65, 0xa1, 8, 0, 0, 0, 0xf4]);
    m.set_descriptor(OWN, 0x00cf_93ff_fff8_ffff | 0xff << 56);
    m.ram.write_u64(GuestPhysAddr(0), 0x3333);
    m.vcpu.cpu.gpr[gpr::RBX] = OWN.into();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0x3333, "FFFFFFF8h + 8 wraps at 32 bits");
    // lfs ecx, [ebx]; mov eax, fs:[ecx]; hlt
    let mut m = Machine::protected(&[0x0f, 0xb4, 0x0b, 0x64, 0x8b, 1, 0xf4]);
    m.set_descriptor(OWN, 0x0040_9302_0000_0fff);
    m.ram.write_u64(GuestPhysAddr(0x8000), u64::from(OWN) << 32 | 0x20);
    m.ram.write_u64(GuestPhysAddr(DATA + 0x20), 0x4444);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x8000;
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.gpr[gpr::RCX]), (0x4444, 0x20));
    // rdfsbase eax; swapgs
    for code in [[0xf3, 0x0f, 0xae, 0xc0], [0x0f, 1, 0xf8, 0xf4]] {
        let mut m = Machine::protected(&code);
        m.vcpu.cpu.cr4 |= Cr4::FSGSBASE;
        let (vector, [eip]) = m.delivered(4);
        assert_eq!((vector, eip), (6, CODE));
    }
}

/// SPEC: intel-sdm-vol3 :: 2.5 Control Registers -> CR4.UMIP: SGDT, SIDT, SLDT, SMSW and STR are #GP(0) above CPL 0
#[test]
fn umip_hides_the_systems_registers() {
    // sgdt [rbx]; sidt [rbx]; sldt eax; str eax; smsw eax
    for code in [[0x0f, 1, 3], [0x0f, 1, 0x0b], [0x0f, 0, 0xc0], [0x0f, 0, 0xc8], [0x0f, 1, 0xe0]] {
        for (user, umip, vector) in [(true, true, 13), (true, false, 6), (false, true, 6)] {
            let code = [&code[..], &[0x0f, 0x0b]].concat();
            let mut m = if user { Machine::user(&code) } else { Machine::long(&code) };
            m.vcpu.cpu.cr4.set(Cr4::UMIP, umip);
            m.vcpu.cpu.gpr[gpr::RBX] = DATA;
            let caught = m.caught();
            let rip = if vector == 13 { CODE } else { CODE + 3 };
            assert_eq!((caught.vector, caught.rip), (vector, rip), "{code:x?} {user} {umip}");
        }
    }
}
