//! Control registers, and the way into long mode and out of it.

use crate::machine::{CODE, CS32, Caught, DATA, Machine};
use x86_state::cpuid::Features;
use x86_state::{Cr0, Cr4, Efer, gpr};

/// `mov cr0, rax`, `mov cr4, rax`, `mov cr8, rax`, each before HLT.
const MOV_CR0: &[u8] = &[0x0f, 0x22, 0xc0, 0xf4];
const MOV_CR4: &[u8] = &[0x0f, 0x22, 0xe0, 0xf4];
const MOV_CR8: &[u8] = &[0x44, 0x0f, 0x22, 0xc0, 0xf4];

/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> impossible values are #GP(0) and change nothing
#[test]
fn impossible_control_values_are_general_protection() {
    let base = (Cr0::PE | Cr0::ET | Cr0::NE | Cr0::WP | Cr0::PG).bits();
    let cases: &[(&[u8], u64)] = &[
        (MOV_CR0, base & !Cr0::PE.bits()),
        (MOV_CR0, base & !Cr0::PG.bits()),
        (MOV_CR0, base | Cr0::NW.bits()),
        (MOV_CR0, base | 1 << 32),
        (MOV_CR4, Cr4::PGE.bits()),
        (MOV_CR4, Cr4::PAE.bits() | 1 << 31),
        (MOV_CR4, Cr4::PAE.bits() | 1 << 63),
        (MOV_CR4, (Cr4::PAE | Cr4::LA57).bits()),
        (MOV_CR8, 16),
    ];
    for &(code, value) in cases {
        let mut m = Machine::long(code);
        let (cr0, cr4) = (m.vcpu.cpu.cr0, m.vcpu.cpu.cr4);
        m.vcpu.cpu.gpr[gpr::RAX] = value;
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE }, "{code:x?} {value:#x}");
        assert_eq!((m.vcpu.cpu.cr0, m.vcpu.cpu.cr4, m.lines.cr8.get()), (cr0, cr4, 0));
    }
}

#[test]
fn pcide_needs_pcid_zero() {
    for (cr3_low, ok) in [(0, true), (1, false)] {
        let mut m = Machine::long(MOV_CR4);
        m.vcpu.cpu.cr3 |= cr3_low;
        m.vcpu.state_changed();
        m.vcpu.cpu.gpr[gpr::RAX] = (Cr4::PAE | Cr4::PCIDE).bits();
        if ok {
            m.run_to_halt();
            assert!(m.vcpu.cpu.cr4.contains(Cr4::PCIDE));
        } else {
            assert_eq!(m.caught().vector, 13);
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> EFER.LME cannot change while paging is on; LMA is read-only
#[test]
fn lme_is_locked_while_paging() {
    // mov ecx, C0000080h; wrmsr; hlt
    let code = [0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x30, 0xf4];
    let mut m = Machine::long(&code);
    m.vcpu.cpu.gpr[gpr::RAX] = 0;
    assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE + 5 });
    assert!(m.vcpu.cpu.efer.contains(Efer::LME | Efer::LMA));
    let mut m = Machine::long(&code);
    m.vcpu.cpu.gpr[gpr::RAX] = Efer::LME.bits();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.efer, Efer::LME | Efer::LMA);
}

#[test]
fn cr8_holds_four_bits() {
    // mov cr8, rax; mov rbx, cr8; hlt
    let mut m = Machine::long(&[0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RAX] = 9;
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.gpr[gpr::RBX], m.lines.cr8.get()), (9, 9));
}

#[test]
fn lmsw_sets_pe_and_never_clears_it() {
    // lmsw ax; hlt
    let mut m = Machine::long(&[0x0f, 0x01, 0xf0, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RAX] = Cr0::TS.bits();
    m.run_to_halt();
    assert!(m.vcpu.cpu.cr0.contains(Cr0::PE | Cr0::TS | Cr0::PG));
    let mut m = Machine::real(&[0x0f, 0x01, 0xf0, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RAX] = 1;
    m.run_to_halt();
    assert!(m.vcpu.cpu.cr0.contains(Cr0::PE));
}

#[test]
fn xsetbv_refuses_impossible_sets() {
    // xsetbv; hlt
    let (sse, avx) = (Features::empty(), Features::AVX);
    for (value, features, ok) in [
        (1, sse, true),
        (3, sse, true),
        (7, sse, false),
        (7, avx, true),
        (0, avx, false),
        (2, avx, false),
        (5, avx, false),
        (1 << 8 | 1, avx, false),
    ] {
        let mut m = Machine::long(&[0x0f, 0x01, 0xd1, 0xf4]);
        m.vcpu.cpu.model.features -= Features::AVX;
        m.vcpu.cpu.model.features |= features;
        m.vcpu.cpu.cr4 |= Cr4::OSXSAVE;
        m.vcpu.cpu.gpr[gpr::RAX] = value;
        m.vcpu.state_changed();
        if ok {
            m.run_to_halt();
            assert_eq!(m.vcpu.cpu.xcr0.bits(), value, "{value}");
        } else {
            assert_eq!(m.caught().vector, 13, "{value:#x}");
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> from compatibility mode clearing PG leaves long mode
#[test]
fn long_mode_is_left_through_compatibility_mode() {
    // jmp far [rbx]; to: mov cr0, eax; hlt
    let mut m = Machine::long(&[0xff, 0x2b, 0x0f, 0x22, 0xc0, 0xf4]);
    m.ram.write_u64(x86_types::GuestPhysAddr(DATA), (u64::from(CS32) << 32) | (CODE + 2));
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.cpu.gpr[gpr::RAX] = (Cr0::PE | Cr0::ET).bits();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.rip, CODE + 6);
    assert!(!m.vcpu.cpu.efer.contains(Efer::LMA) && m.vcpu.cpu.efer.contains(Efer::LME));
    assert!(!m.vcpu.cpu.cr0.contains(Cr0::PG));
}
