//! Interrupts, exceptions, shadows and debug traps.

use crate::machine::{CODE, Caught, DATA, ICR, IST1, Machine, RSP0, STACK};
use x86_exec::Exit;
use x86_state::{RFlags, gpr};
use x86_types::GuestPhysAddr;

const BS: u64 = 1 << 14;

#[test]
fn sti_shadow_lasts_one_instruction() {
    // sti; nop; nop; hlt
    let mut m = Machine::long(&[0xfb, 0x90, 0x90, 0xf4]);
    m.lines.irq.set(Some(0x40));
    assert_eq!(m.caught(), Caught { vector: 0x40, error: 0, rip: CODE + 2 });
}

#[test]
fn mov_ss_shadow_lasts_one_instruction() {
    // mov ss, ax; nop; nop; hlt
    let mut m = Machine::long(&[0x8e, 0xd0, 0x90, 0x90, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RAX] = 0x10;
    m.set_flags(RFlags::IF);
    assert_eq!(m.step(1), Exit::Budget);
    m.lines.irq.set(Some(0x40));
    m.vcpu.poll_bus();
    assert_eq!(m.caught(), Caught { vector: 0x40, error: 0, rip: CODE + 3 });
}

#[test]
fn popf_and_iret_open_at_once() {
    // push 202h; popfq; nop; hlt
    let mut m = Machine::long(&[0x68, 2, 2, 0, 0, 0x9d, 0x90, 0xf4]);
    m.lines.irq.set(Some(0x41));
    assert_eq!(m.caught(), Caught { vector: 0x41, error: 0, rip: CODE + 6 });
}

#[test]
fn hlt_wakes_behind_itself() {
    // sti; hlt
    let mut m = Machine::long(&[0xfb, 0xf4, 0x90]);
    m.run_to_halt();
    m.lines.irq.set(Some(0x42));
    m.vcpu.poll_bus();
    assert_eq!(m.caught(), Caught { vector: 0x42, error: 0, rip: CODE + 2 });
}

/// SPEC: intel-sdm-vol3 :: 7.7.1 Handling Multiple NMIs -> a second NMI waits for IRET
#[test]
fn nmi_is_blocked_until_iret() {
    let mut m = Machine::long(&[0x90, 0x90, 0x90, 0xf4]);
    // nop; iretq
    m.ram.write(GuestPhysAddr(crate::machine::HANDLERS + 32), &[0x90, 0x48, 0xcf]);
    m.lines.nmi.set(true);
    assert_eq!(m.step(1), Exit::Budget);
    m.lines.nmi.set(true);
    m.vcpu.poll_bus();
    assert_eq!(m.vcpu.cpu.rip, crate::machine::HANDLERS + 33);
    assert!(m.vcpu.cpu.nmi_blocked && m.lines.nmi.get());
    m.step(1);
    m.step(1);
    assert!(!m.lines.nmi.get(), "taken after IRET");
}

#[test]
fn stacks_of_handlers() {
    // ud2: IST1 at CPL 0, RSP0 at CPL 3, else the same stack
    for (user, ist, top) in [(false, 0, STACK), (false, 1, IST1), (true, 0, RSP0), (true, 1, IST1)] {
        let mut m = if user { Machine::user(&[0x0f, 0x0b]) } else { Machine::long(&[0x0f, 0x0b]) };
        m.set_gate(6, 0, ist);
        assert_eq!(m.caught(), Caught { vector: 6, error: 0, rip: CODE });
        assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], top - 40);
        assert_eq!(m.read(top - 16), STACK);
        assert_eq!(m.vcpu.cpu.cpl, 0);
    }
}

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> a contributory exception in the delivery of another is #DF; one in that of #DF shuts down
#[test]
fn double_and_triple_faults() {
    let mut m = Machine::long(&[0x0f, 0xb9, 0xc0, 0xf7, 0xf1]);
    // div ecx by 0, with #DE's gate not present: #NP is contributory
    m.vcpu.cpu.rip = CODE + 3;
    m.ram.write_u64(GuestPhysAddr(crate::machine::IDT), 0);
    assert_eq!(m.caught(), Caught { vector: 8, error: 0, rip: CODE + 3 });
    let mut m = Machine::long(&[0x0f, 0x0b]);
    m.vcpu.cpu.idtr.limit = 0;
    assert_eq!(m.step(10), Exit::Shutdown);
}

#[test]
fn software_interrupts_check_the_gate() {
    // int 50h, int3
    for (code, vector, dpl, want) in [
        (&[0xcd, 0x50][..], 0x50, 3, Caught { vector: 0x50, error: 0, rip: CODE + 2 }),
        (&[0xcd, 0x50], 0x50, 0, Caught { vector: 13, error: 0x50 << 3 | 2, rip: CODE }),
        (&[0xcc], 3, 3, Caught { vector: 3, error: 0, rip: CODE + 1 }),
        (&[0xcc], 3, 0, Caught { vector: 13, error: 3 << 3 | 2, rip: CODE }),
        (&[0xf1], 1, 0, Caught { vector: 1, error: 0, rip: CODE + 1 }),
    ] {
        let mut m = Machine::user(code);
        m.set_gate(vector, dpl, 0);
        assert_eq!(m.caught(), want);
    }
}

#[test]
fn single_step_traps_after_the_instruction() {
    // nop; nop
    let mut m = Machine::long(&[0x90, 0x90, 0xf4]);
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.vcpu.cpu.dr[6] & 0xe00f, BS);
    assert!(!m.vcpu.cpu.system_flags.contains(RFlags::TF));
    // popfq sets TF: the next instruction runs first. push 102h; popfq; nop; nop
    let mut m = Machine::long(&[0x68, 2, 1, 0, 0, 0x9d, 0x90, 0x90, 0xf4]);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 7 });
}

/// SPEC: intel-sdm-vol2 :: HLT—Halt -> a debug exception resumes execution
#[test]
fn single_step_wakes_from_hlt() {
    let mut m = Machine::long(&[0xf4, 0x90]);
    m.set_flags(RFlags::TF);
    // The handler ran up to its own HLT.
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.vcpu.cpu.rip, crate::machine::HANDLERS + 17);
}

/// Each iteration of a repeated string instruction is stepped.
#[test]
fn single_step_stops_each_iteration() {
    // rep stosb
    let mut m = Machine::long(&[0xf3, 0xaa, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RCX] = 8;
    m.vcpu.cpu.gpr[gpr::RDI] = DATA;
    m.set_flags(RFlags::TF);
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE });
    assert_eq!(m.vcpu.cpu.gpr[gpr::RCX], 7);
}

#[test]
fn breakpoints() {
    // mov [rbx], rax; mov rcx, [rbx]; nop; hlt; DR7 and DR0, then RIP of the #DB
    let code = [0x48, 0x89, 3, 0x48, 0x8b, 0x0b, 0x90, 0xf4];
    for (dr7, dr0, rip) in [
        (0x402, CODE + 6, CODE + 6),
        (0x402 | 0xd << 16, DATA, CODE + 3),
        (0x402 | 0xd << 16, DATA + 4, CODE + 3),
    ] {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.vcpu.cpu.dr[0] = dr0;
        m.vcpu.cpu.dr[7] = dr7;
        m.vcpu.state_changed();
        assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip }, "{dr7:#x}");
        assert_eq!(m.vcpu.cpu.dr[6] & 0xf, 1);
    }
}

/// SPEC: intel-sdm-vol3 :: 19.3.1.1 Instruction-Breakpoint Exception Condition -> RF holds off one breakpoint, then clears by itself
#[test]
fn rf_passes_one_breakpoint() {
    // nop; nop; hlt, a breakpoint on each nop
    let mut m = Machine::long(&[0x90, 0x90, 0xf4]);
    m.vcpu.cpu.system_flags.insert(RFlags::RF);
    m.vcpu.cpu.dr[0] = CODE;
    m.vcpu.cpu.dr[1] = CODE + 1;
    m.vcpu.cpu.dr[7] = 0x405;
    m.vcpu.state_changed();
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 1 });
    assert_eq!(m.vcpu.cpu.dr[6] & 0xf, 2);
    // Without breakpoints it clears just so.
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.vcpu.cpu.system_flags.insert(RFlags::RF);
    m.step(1);
    assert!(!m.vcpu.cpu.system_flags.contains(RFlags::RF));
}

/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> a data breakpoint of MOV SS waits for the next instruction
#[test]
fn a_breakpoint_of_mov_ss_is_late_not_lost() {
    // mov ss, [rbx]; nop; nop; hlt
    let mut m = Machine::long(&[0x8e, 0x13, 0x90, 0x90, 0xf4]);
    m.ram.write_u64(GuestPhysAddr(DATA), 0x10);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.cpu.dr[0] = DATA;
    m.vcpu.cpu.dr[7] = 0x402 | 7 << 16;
    m.vcpu.state_changed();
    assert_eq!(m.caught(), Caught { vector: 1, error: 0, rip: CODE + 3 });
}

/// An NMI that an instruction sends to its own processor is taken behind it, whatever RFLAGS.IF; behind a load of SS it waits
/// for one instruction more.
///
/// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> an NMI is recognized at the next instruction boundary
/// SPEC: intel-sdm-vol3 :: 7.8.3 Masking Exceptions and Interrupts When Switching Stacks -> NMIs are inhibited behind MOV SS
#[test]
fn an_nmi_comes_at_the_next_instruction_boundary() {
    // out 0b2h, al; wrmsr; mov [rbx], eax; each before NOPs
    for (code, len) in [
        (&[0xe6, 0xb2, 0x90, 0x90, 0xf4][..], 2),
        (&[0x0f, 0x30, 0x90, 0x90, 0xf4], 2),
        (&[0x89, 0x03, 0x90, 0x90, 0xf4], 2),
    ] {
        for flags in [RFlags::empty(), RFlags::IF] {
            let mut m = Machine::long(code);
            m.set_pte(DATA, ICR.page().0 | 3);
            m.vcpu.cpu.gpr[gpr::RBX] = DATA + ICR.page_offset();
            m.vcpu.cpu.gpr[gpr::RCX] = 0x83f;
            m.set_flags(flags);
            assert_eq!(m.caught(), Caught { vector: 2, error: 0, rip: CODE + len }, "{code:x?}");
        }
    }
    // mov ss, eax; nop; nop; hlt
    let mut m = Machine::long(&[0x8e, 0xd0, 0x90, 0x90, 0xf4]);
    m.step(1);
    m.lines.nmi.set(true);
    m.vcpu.poll_bus();
    assert_eq!(m.caught(), Caught { vector: 2, error: 0, rip: CODE + 3 });
}
