//! INIT and start-up messages.

use crate::machine::{Caught, Machine};
use x86_exec::{Exit, Pending};
use x86_state::{Activity, CpuMode};
use x86_types::{GuestPhysAddr, Seg};

const START: Pending = Pending { interrupt: false, nmi: false, start: true };

/// A processor in long mode that was given an INIT.
fn after_init() -> Machine {
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.vcpu.cpu.x87.control = 0x27f;
    m.vcpu.cpu.vector[3].lo = 42;
    m.vcpu.cpu.msr.lstar = 0x1234;
    m.lines.init.set(true);
    assert_eq!(m.step(10), Exit::Halted);
    m
}

/// SPEC: intel-sdm-vol3 :: 11.1.1 Processor State After Reset -> INIT leaves x87, SSE and MSRs, and starts the rest over
#[test]
fn init_starts_over_and_keeps_what_the_table_says() {
    let m = after_init();
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.activity, cpu.mode()), (Activity::WaitForSipi, CpuMode::Real));
    assert_eq!((cpu.rip, cpu.cr3, cpu.efer.bits()), (0xfff0, 0, 0));
    assert_eq!((cpu.x87.control, cpu.vector[3].lo, cpu.msr.lstar), (0x27f, 42, 0x1234));
    assert!(!m.lines.init.get());
}

/// SPEC: intel-sdm-vol3 :: 10.4.4 MP Initialization Example -> vector VV starts at 000VV000H in real mode
#[test]
fn a_start_up_message_starts_a_processor_that_waits() {
    let mut m = after_init();
    // mov ax, cs; hlt
    m.ram.write(GuestPhysAddr(0x9_a000), &[0x8c, 0xc8, 0xf4]);
    m.lines.startup.set(Some(0x9a));
    m.vcpu.poll_bus();
    assert_eq!(m.step(10), Exit::Halted);
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.activity, cpu.gpr[0], cpu.rip), (Activity::Halted, 0x9a00, 3));
    assert_eq!(cpu.segment(Seg::Cs).base, 0x9_a000);
}

#[test]
fn a_processor_that_runs_ignores_start_up_messages() {
    let mut m = Machine::long(&[0x90, 0xf4]);
    m.lines.startup.set(Some(0x9a));
    assert_eq!(m.step(10), Exit::Halted);
    assert_eq!((m.vcpu.cpu.mode(), m.lines.startup.get()), (CpuMode::Long64, None));
}

#[test]
fn a_processor_that_waits_to_be_started_answers_to_nothing_else() {
    let mut m = after_init();
    m.lines.nmi.set(true);
    m.lines.irq.set(Some(0x40));
    m.vcpu.poll_bus();
    assert_eq!(m.step(10), Exit::Halted);
    assert_eq!(m.vcpu.cpu.activity, Activity::WaitForSipi);
    assert!(m.lines.nmi.get() && m.lines.irq.get().is_some(), "both still wait");
    let all = Pending { interrupt: true, nmi: true, start: false };
    assert!(!m.vcpu.is_woken_by(all) && m.vcpu.is_woken_by(START));
}

#[test]
fn what_wakes_a_halted_processor() {
    let mut m = Machine::long(&[0xf4]);
    m.run_to_halt();
    let interrupt = Pending { interrupt: true, ..Pending::default() };
    let nmi = Pending { nmi: true, ..Pending::default() };
    let woken =
        |m: &Machine| [interrupt, nmi, START, Pending::default()].map(|what| m.vcpu.is_woken_by(what));
    assert_eq!(woken(&m), [false, true, true, false]);
    m.set_flags(x86_state::RFlags::IF);
    assert_eq!(woken(&m), [true, true, true, false]);
    m.vcpu.cpu.nmi_blocked = true;
    assert_eq!(woken(&m), [true, false, true, false]);
    m.lines.nmi.set(true);
    m.lines.irq.set(Some(0x41));
    m.vcpu.poll_bus();
    assert!(matches!(m.caught(), Caught { vector: 0x41, .. }), "the NMI waits for IRET");
}
