//! 64-bit frames: IRETQ to each target, alignment, faults on the way to a handler, NMIs.

use crate::machine::{CODE, CS16, CS32, CS64, Caught, DS, HANDLERS, IDT, IST1, Machine, OWN, RSP0, STACK};
use crate::machine::{TASK, USER_CS32, USER_CS64, USER_DS};
use x86_exec::Exit;
use x86_state::{CpuMode, RFlags, gpr};
use x86_types::{GuestPhysAddr, Seg};

/// `push r8; push 10000h; push r10; push r9; push rbx; iretq`
const IRETQ: &[u8] = &[0x41, 0x50, 0x68, 0, 0, 1, 0, 0x41, 0x52, 0x41, 0x51, 0x53, 0x48, 0xcf];
const IRETQ_AT: u64 = CODE + 12;

fn iretq(ss: u16, flags: u64, cs: u16, rip: u64) -> Machine {
    let mut m = Machine::long(IRETQ);
    m.set_descriptor(OWN, 0x00ef_9b00_0000_ffff);
    let gpr = &mut m.vcpu.cpu.gpr;
    (gpr[8], gpr[10], gpr[9], gpr[gpr::RBX]) = (ss.into(), flags, cs.into(), rip);
    m
}

/// SPEC: intel-sdm-vol3 :: 7.14.3 IRET in IA-32e Mode -> RSP and SS are popped always; a null SS is allowed to 64-bit code below CPL 3
#[test]
fn iretq_to_each_target() {
    use CpuMode::{Compatibility, Long64};
    for (ss, cs, mode, cpl) in [
        (DS, CS64, Long64, 0),
        (0, CS64, Long64, 0),
        (DS, CS32, Compatibility, 0),
        (DS, CS16, Compatibility, 0),
        (USER_DS, USER_CS64, Long64, 3),
        (USER_DS, USER_CS32, Compatibility, 3),
    ] {
        let mut m = iretq(ss, 0x202, cs, 0x6000);
        assert_eq!(m.step(6), Exit::Budget);
        let cpu = &m.vcpu.cpu;
        assert_eq!((cpu.rip, cpu.gpr[gpr::RSP], cpu.cpl), (0x6000, STACK, cpl), "{cs:x}");
        assert_eq!((cpu.segment(Seg::Cs).selector.0, cpu.segment(Seg::Ss).selector.0), (cs, ss));
        assert_eq!((cpu.mode(), cpu.rflags()), (mode, RFlags::FIXED | RFlags::IF));
        if cpl == 3 {
            assert_eq!(cpu.segment(Seg::Ds).selector.0, 0, "inner data segments become null");
        }
    }
}

/// SPEC: intel-sdm-vol2 :: IRET/IRETD/IRETQ—Interrupt Return -> #GP of null and wrong selectors, of a target that is not canonical or beyond the limit, and of NT in IA-32e mode
#[test]
fn iretq_that_faults() {
    for (ss, flags, cs, rip, error) in [
        (DS, 2, 0, 0x6000, 0),
        (DS, 2, 3, 0x6000, 0),
        (DS, 2, DS, 0x6000, DS),
        (DS, 2, TASK, 0x6000, TASK),
        (DS, 2, 0x100, 0x6000, 0x100),
        (DS, 2, OWN, 0x6000, OWN),
        (DS, 2, CS64, 1 << 47, 0),
        (DS, 2, CS16, 0x1_0000, 0),
        (0, 2, USER_CS64, 0x6000, 0),
        (3, 2, USER_CS64, 0x6000, 0),
        (0, 2, USER_CS32, 0x6000, 0),
        (0, 2, CS32, 0x6000, 0),
        (USER_DS, 2, CS64, 0x6000, USER_DS & !3),
        (CS64, 2, CS64, 0x6000, CS64),
        // DPL 0 with RPL 3
        (USER_DS, 2, CS64 | 3, 0x6000, CS64),
    ] {
        let mut m = iretq(ss, flags, cs, rip);
        let caught = m.caught();
        let want = Caught { vector: 13, error: error.into(), rip: IRETQ_AT };
        assert_eq!(caught, want, "{cs:x}:{rip:x}, {ss:x}");
    }
    let mut m = iretq(DS, 2, CS64, 0x6000);
    m.set_flags(RFlags::NT);
    assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: IRETQ_AT });
}

/// SPEC: intel-sdm-vol3 :: 7.14.2 64-Bit Mode Stack Frame -> the frame is aligned to 16 bytes, the pushed RSP is as it was
#[test]
fn frames_are_aligned() {
    // ud2, and an access that is not canonical, with its error code
    for (code, pushed) in [(&[0x0f, 0x0b, 0x90][..], 40), (&[0x48, 0x8b, 3], 48)] {
        for by in 0..16 {
            let mut m = Machine::long(code);
            m.vcpu.cpu.gpr[gpr::RSP] = STACK - by;
            m.vcpu.cpu.gpr[gpr::RBX] = 1 << 47;
            assert_eq!(m.caught().rip, CODE);
            let top = (STACK - by) & !15;
            assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], top - pushed);
            assert_eq!(m.read(top - 16), STACK - by);
            assert_eq!(m.read(top - 8), DS.into());
        }
    }
    // From CPL 3, and by IST, the same; stacks of the TSS that are not aligned are so then. SS becomes null.
    let mut m = Machine::user(&[0x0f, 0x0b]);
    m.ram.write_u64(GuestPhysAddr(crate::machine::TSS + 4), RSP0 - 3);
    assert_eq!(m.caught().vector, 6);
    assert_eq!(m.vcpu.cpu.gpr[gpr::RSP], RSP0 - 16 - 40);
    assert_eq!(m.vcpu.cpu.segment(Seg::Ss).selector.0, 0);
}

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 8: which pairs are handled one after the other, and which are a double fault
#[test]
fn faults_on_the_way_to_a_handler() {
    let absent = |m: &mut Machine, vector: u64| {
        m.ram.write_u64(GuestPhysAddr(IDT + 16 * vector), 0x8 << 16 | 0x0e00 << 32)
    };
    // #UD with its gate not present: #NP(6 * 8 + IDT + EXT)
    let mut m = Machine::long(&[0x0f, 0x0b]);
    absent(&mut m, 6);
    assert_eq!(m.caught(), Caught { vector: 11, error: 6 << 3 | 3, rip: CODE });
    // #GP, then #NP: contributory both
    let mut m = Machine::long(&[0x48, 0x8b, 3]);
    m.vcpu.cpu.gpr[gpr::RBX] = 1 << 47;
    absent(&mut m, 13);
    assert_eq!(m.caught(), Caught { vector: 8, error: 0, rip: CODE });
    // #PF, then #NP
    let mut m = Machine::long(&[0x48, 0x8b, 3]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x1000_0000;
    absent(&mut m, 14);
    assert_eq!(m.caught(), Caught { vector: 8, error: 0, rip: CODE });
    assert_eq!(m.vcpu.cpu.cr2, 0x1000_0000);
    // #GP, then #PF: one after the other, that of the stack. The frame of the first is never finished.
    let mut m = Machine::user(&[0xf4]);
    m.set_pte(RSP0 - 0x1000, 0);
    m.set_gate(14, 0, 1);
    assert_eq!(m.caught(), Caught { vector: 14, error: 2, rip: CODE });
    assert_eq!(m.vcpu.cpu.cr2, RSP0 - 8);
    // #PF, then #PF by its stack: #DF on another stack
    let mut m = Machine::user(&[0x48, 0x8b, 3]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x1000_0000;
    m.set_pte(RSP0 - 0x1000, 0);
    m.set_gate(8, 0, 1);
    assert_eq!(m.caught(), Caught { vector: 8, error: 0, rip: CODE });
    assert_eq!((m.vcpu.cpu.cr2, m.vcpu.cpu.gpr[gpr::RSP]), (RSP0 - 8, IST1 - 48));
    // And without that other stack the processor shuts down.
    let mut m = Machine::user(&[0x48, 0x8b, 3]);
    m.vcpu.cpu.gpr[gpr::RBX] = 0x1000_0000;
    m.set_pte(RSP0 - 0x1000, 0);
    assert_eq!(m.step(10), Exit::Shutdown);
}

/// A software interrupt whose delivery faults has not happened: the fault names INT itself, without EXT.
#[test]
fn faults_of_a_software_interrupt() {
    // int 50h
    let mut m = Machine::long(&[0xcd, 0x50]);
    m.ram.write_u64(GuestPhysAddr(IDT + 16 * 0x50), 0x8 << 16 | 0x0e00 << 32);
    assert_eq!(m.caught(), Caught { vector: 11, error: 0x50 << 3 | 2, rip: CODE });
    let mut m = Machine::user(&[0xcd, 0x50]);
    m.set_gate(0x50, 3, 0);
    m.set_pte(RSP0 - 0x1000, 0);
    m.set_gate(14, 0, 1);
    assert_eq!(m.caught(), Caught { vector: 14, error: 2, rip: CODE });
}

/// SPEC: intel-sdm-vol3 :: 7.7 Nonmaskable Interrupt (NMI) -> IF does not hold it back; it goes before maskable interrupts, and wakes from HLT
#[test]
fn nmis() {
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.lines.nmi.set(true);
    assert_eq!(m.caught(), Caught { vector: 2, error: 0, rip: CODE });
    // hlt with IF clear: an interrupt does not wake, an NMI does
    let mut m = Machine::long(&[0xf4, 0x90]);
    m.run_to_halt();
    m.lines.irq.set(Some(0x40));
    m.vcpu.poll_bus();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.rip, CODE + 1);
    m.lines.nmi.set(true);
    m.vcpu.poll_bus();
    assert_eq!(m.caught(), Caught { vector: 2, error: 0, rip: CODE + 1 });
    // Both at once: the NMI's handler sees the interrupt come when it opens IF. sti; nop; nop
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.ram.write(GuestPhysAddr(HANDLERS + 0x20), &[0xfb, 0x90, 0x90]);
    m.set_flags(RFlags::IF);
    m.lines.nmi.set(true);
    m.lines.irq.set(Some(0x40));
    assert_eq!(m.caught(), Caught { vector: 0x40, error: 0, rip: HANDLERS + 0x22 });
    assert!(m.vcpu.cpu.nmi_blocked);
    // IRET ends the blocking even where it faults.
    let mut m = Machine::long(&[0x90]);
    m.ram.write(GuestPhysAddr(HANDLERS + 0x20), &[0x6a, 0, 0x6a, 0, 0x6a, 0, 0x48, 0xcf]);
    m.lines.nmi.set(true);
    assert_eq!(m.caught().vector, 13);
    assert!(!m.vcpu.cpu.nmi_blocked);
}
