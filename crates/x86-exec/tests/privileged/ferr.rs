//! x87 exceptions in MS-DOS compatibility mode: FERR#, IGNNE#, and the wait for an interrupt.

use crate::machine::{CODE, DATA, HANDLERS, Machine};
use x86_exec::Exit;
use x86_state::{Cr0, RFlags, gpr};
use x86_types::GuestPhysAddr;

/// `fldcw [ebx]` (zero divide unmasked); `fld1`; `fldz`; `fdivp`
const DIVIDE: &[u8] = &[0xd9, 0x2b, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9];
const WAITING: u64 = CODE + DIVIDE.len() as u64;
const IRQ13: u8 = 0x75;

/// A division by zero, then this code and a HLT, with CR0.NE = 0 and interrupts enabled.
fn divided(code: &[u8]) -> Machine {
    let mut m = Machine::protected(&[DIVIDE, code, &[0xf4]].concat());
    m.vcpu.cpu.cr0.remove(Cr0::NE);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.ram.write_u32(GuestPhysAddr(DATA), 0x37b);
    m.set_flags(RFlags::IF);
    m
}

/// The handler of `vector` is this code.
fn handle(m: &mut Machine, vector: u8, code: &[u8]) {
    m.ram.write(GuestPhysAddr(HANDLERS + 16 * u64::from(vector)), code);
}

/// SPEC: intel-sdm-vol1 :: D.2.1.1 Basic Rules: When FERR# Is Generated -> the processor freezes before the next waiting instruction; an interrupt ends that, and the instruction starts over after it
#[test]
fn a_waiting_instruction_waits_for_the_interrupt() {
    // fwait; fld1; pxor mm0, mm1; emms; fldcw [ebx]
    for waiting in [&[0x9b][..], &[0xd9, 0xe8], &[0x0f, 0xef, 0xc1], &[0x0f, 0x77], &[0xd9, 0x2b]] {
        let mut m = divided(waiting);
        // fnstsw ax; fnclex; iretd
        handle(&mut m, IRQ13, &[0xdf, 0xe0, 0xdb, 0xe2, 0xcf]);
        assert_eq!(m.step(100), Exit::Halted);
        assert_eq!((m.vcpu.cpu.rip, m.lines.ferr.get()), (WAITING, true), "{waiting:x?}");
        // It stays frozen after another interrupt has been delivered.
        handle(&mut m, 0x50, &[0x41, 0xcf]); // inc ecx; iretd
        m.lines.irq.set(Some(0x50));
        m.vcpu.poll_bus();
        assert_eq!(m.step(100), Exit::Halted);
        assert_eq!((m.vcpu.cpu.rip, m.vcpu.cpu.gpr[gpr::RCX], m.lines.ferr.get()), (WAITING, 1, true));
        m.lines.irq.set(Some(IRQ13));
        m.vcpu.poll_bus();
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.rip, WAITING + waiting.len() as u64 + 1);
        // ES, ZE and B were there for the handler.
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX] & 0x80ff, 0x8084);
        assert!(!m.lines.ferr.get());
    }
}

/// SPEC: intel-sdm-vol1 :: 8.7 Handling x87 FPU Exceptions in Software -> with CR0.NE = 0 IGNNE# has exceptions ignored; with CR0.NE = 1 there is #MF and no FERR#
#[test]
fn ignored_or_raised() {
    // fwait; fld1; fwait
    let code = [0x9b, 0xd9, 0xe8, 0x9b];
    let mut m = divided(&code);
    m.lines.ignne.set(true);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.rip, WAITING + 5);
    assert!(!m.lines.ferr.get());
    let mut m = divided(&code);
    m.vcpu.cpu.cr0.insert(Cr0::NE);
    let (vector, [eip]) = m.delivered(4);
    assert_eq!((vector, eip, m.lines.ferr.get()), (16, WAITING, false));
    // Nothing waits for instructions that do not look: fnstsw ax; fninit; fwait
    let mut m = divided(&[0xdf, 0xe0, 0xdb, 0xe3, 0x9b]);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX] & 0x80ff, 0x8084);
    assert!(!m.lines.ferr.get());
}

/// Each instruction that takes the exception away releases FERR#.
#[test]
fn what_clears_the_exception_releases_ferr() {
    // fnclex; fninit; fnstenv [ebx+64]; fnsave [ebx+64]; fxrstor [ebx+512]
    for clears in [
        &[0xdb, 0xe2][..],
        &[0xdb, 0xe3],
        &[0xd9, 0x73, 0x40],
        &[0xdd, 0x73, 0x40],
        &[0x0f, 0xae, 0x8b, 0, 2, 0, 0],
    ] {
        let mut m = divided(&[0x9b]);
        m.vcpu.cpu.cr4 |= x86_state::Cr4::OSFXSR;
        m.vcpu.state_changed();
        m.ram.write_u32(GuestPhysAddr(DATA + 512), 0x37f);
        m.ram.write_u32(GuestPhysAddr(DATA + 512 + 24), 0x1f80);
        handle(&mut m, 2, &[clears, &[0xcf]].concat());
        assert_eq!(m.step(100), Exit::Halted);
        assert!(m.lines.ferr.get());
        // An NMI ends the wait as well, with interrupts disabled too.
        m.vcpu.cpu.system_flags.remove(RFlags::IF);
        m.lines.nmi.set(true);
        m.vcpu.poll_bus();
        m.run_to_halt();
        assert_eq!((m.vcpu.cpu.rip, m.lines.ferr.get()), (WAITING + 2, false), "{clears:x?}");
    }
}
