//! Breakpoints, single steps, and the debug registers.

use crate::machine::{CODE, CS64, Caught, DATA, DS, HANDLERS, Machine, STACK};
use x86_exec::Exit;
use x86_state::{Cr4, RFlags, gpr};
use x86_types::GuestPhysAddr;

const BS: u64 = 1 << 14;
const BD: u64 = 1 << 13;
/// Conditions and lengths of DR7 for breakpoint 0
const WRITES: u64 = 1 << 16;
const PORTS: u64 = 2 << 16;
const READS_AND_WRITES: u64 = 3 << 16;
const LEN2: u64 = 1 << 18;
const LEN8: u64 = 2 << 18;
const LEN4: u64 = 3 << 18;
/// G0 and the bit that is always set
const ENABLE0: u64 = 0x402;

fn with_breakpoint(code: &[u8], at: u64, dr7: u64) -> Machine {
    let mut m = Machine::long(code);
    m.vcpu.cpu.dr[0] = at;
    m.vcpu.cpu.dr[7] = dr7;
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.state_changed();
    m
}

/// Data breakpoints by kind of access, length and overlap; they trap behind the instruction.
///
/// SPEC: intel-sdm-vol3 :: 19.2.5 Breakpoint Field Recognition -> LEN bytes from DRn down to a multiple of LEN; any byte of the access in them hits
#[test]
fn data_breakpoints() {
    // mov [rbx], rax; mov rax, [rbx]; mov [rbx], al; lock xadd [rbx], eax; push rax; movdqu xmm0, [rbx]; each with hlt
    let store: &[u8] = &[0x48, 0x89, 3, 0xf4];
    let load: &[u8] = &[0x48, 0x8b, 3, 0xf4];
    let byte: &[u8] = &[0x88, 3, 0xf4];
    let exchange: &[u8] = &[0xf0, 0x0f, 0xc1, 3, 0xf4];
    let push: &[u8] = &[0x50, 0xf4];
    let vector: &[u8] = &[0xf3, 0x0f, 0x6f, 3, 0xf4];
    let cases = [
        (store, DATA, WRITES, true),
        (store, DATA + 7, WRITES, true),
        (store, DATA + 8, WRITES, false),
        (store, DATA + 8, WRITES | LEN8, false),
        (store, DATA - 8, READS_AND_WRITES | LEN8, false),
        (load, DATA, WRITES, false),
        (load, DATA, READS_AND_WRITES, true),
        (load, DATA + 3, READS_AND_WRITES | LEN2, true),
        (load, DATA + 9, READS_AND_WRITES | LEN4, false),
        (byte, DATA + 3, READS_AND_WRITES | LEN4, true),
        (byte, DATA + 1, READS_AND_WRITES, false),
        (byte, DATA + 7, WRITES | LEN8, true),
        (exchange, DATA, WRITES | LEN4, true),
        (push, STACK - 8, WRITES | LEN8, true),
        (push, STACK, WRITES | LEN8, false),
        (vector, DATA + 15, READS_AND_WRITES, true),
        (vector, DATA + 16, READS_AND_WRITES, false),
    ];
    for (code, at, kind, hit) in cases {
        let mut m = with_breakpoint(code, at, ENABLE0 | kind);
        m.vcpu.cpu.cr4 |= Cr4::OSFXSR;
        m.vcpu.state_changed();
        if hit {
            let rip = CODE + code.len() as u64 - 1;
            assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip }, "{code:x?} {at:x} {kind:x}");
            assert_eq!(m.vcpu.cpu.dr[6] & (BS | BD | 0xf), 1);
        } else {
            m.run_to_halt();
        }
    }
}

/// A disabled breakpoint, or one that code is to fetch, does not stop data.
#[test]
fn what_is_no_data_breakpoint() {
    for dr7 in [0x400 | READS_AND_WRITES, ENABLE0, ENABLE0 | PORTS] {
        let mut m = with_breakpoint(&[0x48, 0x8b, 3, 0xf4], DATA, dr7);
        m.vcpu.cpu.cr4 |= Cr4::DE;
        m.vcpu.state_changed();
        m.run_to_halt();
    }
}

/// Several at once. Those of before are gone, unlike BS.
///
/// SPEC: intel-sdm-vol3 :: 19.2.3 Debug Status Register (DR6) -> B3 to B0 tell of this exception, the other bits stay until software clears them
#[test]
fn hits_add_up_in_dr6() {
    // mov [rbx], rax; hlt
    let mut m = with_breakpoint(&[0x48, 0x89, 3, 0xf4], DATA, ENABLE0 | WRITES | 0x20 | WRITES << 8);
    m.vcpu.cpu.dr[2] = DATA + 4;
    m.vcpu.cpu.dr[6] |= 8;
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught().vector, 1);
    assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, BS | 4 | 1);
    // mov [rbx], rax; hlt
    let mut m = with_breakpoint(&[0x48, 0x89, 3, 0xf4], DATA, ENABLE0 | WRITES);
    m.vcpu.cpu.dr[6] |= BS | BD | 8;
    assert_eq!(m.caught().vector, 1);
    assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, BS | BD | 1);
}

/// SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> with CR4.DE, R/W = 10b stops at IN and OUT, behind the instruction
#[test]
fn port_breakpoints() {
    // out dx, al; in al, 71h; outsb; insb; in eax, dx; each with hlt
    let (out, in_, outs, ins): (&[u8], &[u8], &[u8], &[u8]) =
        (&[0xee, 0xf4], &[0xe4, 0x71, 0xf4], &[0x6e, 0xf4], &[0x6c, 0xf4]);
    let wide: &[u8] = &[0xed, 0xf4];
    for (code, port, kind, de, hit) in [
        (out, 0x80, PORTS, true, true),
        (out, 0x81, PORTS, true, false),
        (out, 0x80, PORTS, false, false),
        (out, 0x81, PORTS | LEN2, true, true),
        (in_, 0x71, PORTS, true, true),
        (outs, 0x80, PORTS, true, true),
        (ins, 0x80, PORTS, true, true),
        (wide, 0x83, PORTS, true, true),
        (wide, 0x84, PORTS | LEN4, true, false),
        (out, 0x80, READS_AND_WRITES, true, false),
    ] {
        let mut m = with_breakpoint(code, port, ENABLE0 | kind);
        m.vcpu.cpu.cr4.set(Cr4::DE, de);
        m.vcpu.cpu.gpr[gpr::RDX] = 0x80;
        m.vcpu.cpu.gpr[gpr::RSI] = DATA;
        m.vcpu.cpu.gpr[gpr::RDI] = DATA;
        m.vcpu.state_changed();
        if hit {
            let rip = CODE + code.len() as u64 - 1;
            assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip }, "{code:x?} {port:x} {kind:x}");
            assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, 1);
        } else {
            m.run_to_halt();
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 19.2.4 Debug Control Register (DR7) -> GD makes any MOV of a debug register #DB with BD before it happens, and is clear in the handler
#[test]
fn general_detect() {
    // mov dr7, rax; mov rax, dr6
    for code in [[0x0f, 0x23, 0xf8, 0xf4], [0x0f, 0x21, 0xf0, 0xf4]] {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.dr[7] = 0x2400;
        m.vcpu.cpu.gpr[gpr::RAX] = 0x1234;
        m.vcpu.state_changed();
        assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE });
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.dr[6] & 0xe00f, cpu.dr[7], cpu.gpr[gpr::RAX]), (BD, 0x400, 0x1234));
    }
}

/// SPEC: intel-sdm-vol3 :: 19.2.2 Debug Registers DR4 and DR5 -> with CR4.DE #UD, else DR6 and DR7
/// SPEC: intel-sdm-vol3 :: 19.2.6 Debug Registers and Intel 64 Processors -> the upper halves of DR6 and DR7 must be 0: #GP(0)
#[test]
fn debug_registers_by_mov() {
    // mov dr4, rax; mov dr5, rax; mov dr6, rax; mov dr7, rax
    let mov = |n: u8| [0x0f, 0x23, 0xc0 | n << 3, 0xf4];
    for (n, de, value, caught) in [
        (4, true, 0, Some(6)),
        (5, true, 0x400, Some(6)),
        (4, false, 0xf, None),
        (5, false, 0x401, None),
        (6, false, 1 << 32, Some(13)),
        (7, false, 1 << 32, Some(13)),
        (4, false, 1 << 63, Some(13)),
    ] {
        let mut m = Machine::long(&mov(n));
        m.vcpu.cpu.cr4.set(Cr4::DE, de);
        m.vcpu.cpu.gpr[gpr::RAX] = value;
        m.vcpu.state_changed();
        match caught {
            Some(vector) => assert_eq!(m.caught(), Caught { vector, error: 0, rip: CODE }, "DR{n}"),
            None => {
                m.run_to_halt();
                let register = m.vcpu.cpu.dr[usize::from(n | 2)];
                assert_eq!(register & 0xffff, if n == 4 { 0x0fff } else { value });
            }
        }
    }
    for n in [0, 7] {
        let mut m = Machine::user(&mov(n));
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
    }
}

/// RF in the image that IRET loads lets the instruction at its target pass; faults save it as 1, for that purpose.
///
/// SPEC: intel-sdm-vol3 :: 19.3.1.1 Instruction-Breakpoint Exception Condition -> IRET with RF set ignores the breakpoint of the next instruction
#[test]
fn iret_with_rf_passes_a_breakpoint() {
    // push 10h; push 10000h; push rbx; push 8; push 1100h; iretq, to: nop; hlt
    let code = [0x6a, 0x10, 0x68, 0, 0, 1, 0, 0x53, 0x6a, 8, 0x68, 0, 0x11, 0, 0, 0x48, 0xcf];
    for (flags, hit) in [(0x2, true), (0x1_0002, false)] {
        let mut m = with_breakpoint(&code, 0x1100, ENABLE0);
        m.ram.write(GuestPhysAddr(0x1100), &[0x90, 0xf4]);
        m.vcpu.cpu.gpr[gpr::RBX] = flags;
        if hit {
            assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: 0x1100 });
            assert_eq!(
                m.read(m.vcpu.cpu.gpr[gpr::RSP] + 16) & RFlags::RF.bits(),
                0,
                "a breakpoint saves RF as it is"
            );
        } else {
            m.run_to_halt();
            assert_eq!(m.vcpu.cpu.rip, 0x1102);
        }
    }
    // ud2: a fault
    let mut m = Machine::long(&[0x0f, 0x0b]);
    assert_eq!(m.caught().vector, 6);
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 16) & RFlags::RF.bits(), RFlags::RF.bits());
    // int3: a trap
    let mut m = Machine::long(&[0xcc]);
    assert_eq!(m.caught().vector, 3);
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 16) & RFlags::RF.bits(), 0);
}

/// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> an instruction breakpoint comes before the fault of fetching or executing the instruction
#[test]
fn a_breakpoint_comes_before_the_instructions_own_fault() {
    // ud2
    let mut m = with_breakpoint(&[0x0f, 0x0b], CODE, ENABLE0);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE });
    // At a page that is not there.
    let mut m = with_breakpoint(&[0x0f, 0x0b], CODE, ENABLE0);
    m.set_pte(CODE, 0);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE });
}

/// Single steps over what clears or sets TF.
///
/// SPEC: intel-sdm-vol3 :: 19.3.1.4 Single-Step Exception Condition -> the handler runs with TF clear; INT n clears TF, so that its handler is not stepped
#[test]
fn single_step_over_interrupts() {
    // int 50h; hlt
    let mut m = Machine::long(&[0xcd, 0x50, 0xf4]);
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught(), Caught { vector: 0x50, error: 0, rip: CODE + 2 });
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 16) & RFlags::TF.bits(), RFlags::TF.bits());
    // A fault is no step: ud2
    let mut m = Machine::long(&[0x0f, 0x0b]);
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught().vector, 6);
    assert_eq!(m.vcpu.cpu.dr[6] & BS, 0);
    // A trap comes before an interrupt that waits: nop; hlt
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.set_flags(RFlags::TF);
    assert_eq!(m.step(0), Exit::Budget);
    m.ram.write(GuestPhysAddr(HANDLERS + 0x10), &[0x90, 0xf4]);
    m.set_flags(RFlags::IF);
    m.vcpu.cpu.shadow = x86_state::Shadow::Sti;
    m.vcpu.state_changed();
    m.lines.irq.set(Some(0x40));
    m.vcpu.poll_bus();
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.lines.irq.get(), Some(0x40), "the handler runs with IF clear");
}

/// The stepped instruction behind IRET with TF in the image is the one it returns to.
#[test]
fn single_step_by_iret() {
    // push 10h; push 10000h; push rbx; push 8; push 1100h; iretq, to: nop; nop
    let code = [0x6a, 0x10, 0x68, 0, 0, 1, 0, 0x53, 0x6a, 8, 0x68, 0, 0x11, 0, 0, 0x48, 0xcf];
    let mut m = Machine::long(&code);
    m.ram.write(GuestPhysAddr(0x1100), &[0x90, 0x90, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x102;
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: 0x1101 });
}

/// SYSCALL and SYSRET look at TF as it is when they are done, so that FMASK keeps the kernel's entry from being stepped and
/// the step of a SYSCALL comes behind its SYSRET.
#[test]
fn single_step_over_syscall() {
    // syscall; nop
    let prepare = |mask| {
        let mut m = Machine::user(&[0x0f, 0x05, 0x90, 0x90]);
        let msr = &mut m.vcpu.cpu.msr;
        msr.star = 0x1b << 48 | u64::from(CS64) << 32;
        msr.lstar = 0x5000;
        msr.sfmask = mask;
        // nop; sysretq
        m.ram.write(GuestPhysAddr(0x5000), &[0x90, 0x48, 0x0f, 0x07]);
        m.set_flags(RFlags::TF);
        m
    };
    let mut m = prepare(RFlags::TF.bits());
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 2 });
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 8), crate::machine::USER_CS64.into());
    // Not masked: at the entry, before its first instruction.
    let mut m = prepare(0);
    let caught = m.caught();
    assert_eq!((caught.vector, caught.rip), (1, 0x5000));
}

/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> an instruction breakpoint on the instruction behind MOV SS or POP SS is suppressed; the shadow of STI suppresses none
#[test]
fn no_instruction_breakpoint_behind_a_load_of_ss() {
    // mov ss, ebx; nop; nop; hlt and push ebx; pop ss; nop; nop; hlt and sti; nop; nop; hlt
    for (code, behind, hit) in [
        (&[0x8e, 0xd3, 0x90, 0x90, 0xf4][..], CODE + 2, false),
        (&[0x8e, 0xd3, 0x90, 0x90, 0xf4], CODE + 3, true),
        (&[0x53, 0x17, 0x90, 0x90, 0xf4], CODE + 2, false),
        (&[0x53, 0x17, 0x90, 0x90, 0xf4], CODE + 3, true),
        (&[0xfb, 0x90, 0x90, 0xf4], CODE + 1, true),
    ] {
        let mut m = Machine::protected(code);
        m.vcpu.cpu.dr[0] = behind;
        m.vcpu.cpu.dr[7] = ENABLE0;
        m.vcpu.cpu.gpr[gpr::RBX] = crate::machine::DS.into();
        m.vcpu.state_changed();
        if hit {
            let (vector, [eip]) = m.delivered(4);
            assert_eq!((vector, eip), (1, behind), "{code:x?}");
        } else {
            m.run_to_halt();
        }
    }
}

/// A watch of two bytes by breakpoint 1 alone, with the fields of the disabled breakpoint 3 set.
#[test]
fn a_breakpoint_other_than_the_first() {
    // mov [rbx], al; hlt
    for (at, hit) in [(0x102, true), (0x103, true), (0x104, false), (0x101, false)] {
        let mut m = Machine::long(&[0x88, 3, 0xf4]);
        m.vcpu.cpu.dr[1] = DATA + 0x102;
        m.vcpu.cpu.dr[7] = 0xd070_0408;
        m.vcpu.cpu.gpr[gpr::RBX] = DATA + at;
        m.vcpu.state_changed();
        if hit {
            assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 2 }, "{at:x}");
            assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, 2);
        } else {
            m.run_to_halt();
        }
    }
}

/// A data breakpoint of a load of SS and a software interrupt behind it: INT n and INT3 enter their handlers, where the trap
/// comes before the first instruction; INT1 reports the breakpoint itself.
///
/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> the trap waits for the instruction behind the load
#[test]
fn a_breakpoint_of_a_load_of_ss_outlives_a_software_interrupt() {
    for (interrupt, vector) in [(&[0xcd, 0x40][..], 0x40), (&[0xcc], 3), (&[0xcd, 1], 1), (&[0xf1], 1)] {
        // mov ss, [rbx]; the interrupt
        let mut m = with_breakpoint(&[&[0x8e, 0x13], interrupt].concat(), DATA, ENABLE0 | READS_AND_WRITES);
        m.ram.write_u64(GuestPhysAddr(DATA), DS.into());
        let caught = m.caught();
        assert_eq!((caught.vector, m.vcpu.cpu.dr[6] & 0xe00f), (1, 1), "{interrupt:x?}");
        let behind = CODE + 2 + interrupt.len() as u64;
        if interrupt == [0xf1] {
            assert_eq!(caught.rip, behind);
        } else {
            assert_eq!(caught.rip, HANDLERS + 16 * vector);
            let interrupted = m.read(m.vcpu.cpu.gpr[gpr::RSP] + 24);
            assert_eq!(m.read(interrupted), behind, "the interrupt's own frame lies above");
        }
    }
}

/// A single step that ends at an instruction breakpoint: one #DB reports both. The breakpoint alone comes where the handler
/// returns without RF.
///
/// SPEC: intel-sdm-vol3 :: 19.2.3 Debug Status Register (DR6) -> B0 to B3 tell which conditions were met when the exception was generated
#[test]
fn a_single_step_onto_an_instruction_breakpoint() {
    // nop; nop; hlt
    let mut m = with_breakpoint(&[0x90, 0x90, 0xf4], CODE + 1, ENABLE0);
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, BS | 1);
    // Step over the same instruction with RF set: it is no breakpoint then.
    let mut m = with_breakpoint(&[0x90, 0x90, 0xf4], CODE, ENABLE0);
    m.set_flags(RFlags::TF | RFlags::RF);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, BS);
}

/// SPEC: intel-sdm-vol3 :: 19.4.3 Single-Stepping on Branches -> with BTF the step goes on to the next branch that is taken, and the handler runs without BTF
#[test]
fn single_step_to_the_next_branch() {
    // nop; jz +0, not taken; nop; jmp +1; hlt; hlt
    let mut m = Machine::long(&[0x90, 0x74, 0, 0x90, 0xeb, 1, 0xf4, 0xf4]);
    m.vcpu.cpu.msr.debugctl = 3;
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 7 });
    assert_eq!((m.vcpu.cpu.dr[6] & 0xe00f, m.vcpu.cpu.msr.debugctl), (BS, 0));
}
