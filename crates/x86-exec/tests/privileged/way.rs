//! From real mode through every other mode and back, and the orders of steps that fail.

use crate::machine::{CODE, CS64, Caught, DATA, Machine, OWN, PML4};
use x86_exec::Exit;
use x86_state::{CpuMode, Cr0, Cr4, Efer, SegAttr, Selector, gpr};
use x86_types::{GuestPhysAddr, Seg};

/// Limit and base of the GDT, for LGDT in real mode.
const GDT_POINTER: u64 = 0x2000;
/// A PDPT and a page directory of PAE paging: 2-MiB pages at 0 and at 2 MiB, both of frame 0.
const PAE_PDPT: u64 = 0x10_4000;
const PAE_PD: u64 = 0x10_5000;

/// Real mode, protected mode, the same with PAE paging, compatibility mode, 64-bit mode, and the same way back.
///
/// SPEC: intel-sdm-vol3 :: 11.9.1 Switching to Protected Mode -> LGDT, set PE, far jump
/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> paging off, PAE, CR3, LME, paging on; the code segment's L then decides
/// SPEC: intel-sdm-vol3 :: 11.8.5.4 Switching Out of IA-32e Mode Operation -> from compatibility mode clear PG, then LME
/// SPEC: intel-sdm-vol3 :: 11.9.2 Switching Back to Real-Address Mode -> 64-KiB segments, clear PE, far jump
#[rustfmt::skip]
const WAY: &[u8] = &[
    // .code16
    0xfa, // cli
    0x66, 0x0f, 0x01, 0x16, 0x00, 0x20, // lgdtd [0x2000]
    0x0f, 0x20, 0xc0, // mov eax, cr0
    0x0c, 0x01, // or al, 1
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0x66, 0xea, 0x17, 0x10, 0x00, 0x00, 0x30, 0x00, // jmp 30h:pm
    // .code32
    // pm:
    0xb8, 0x10, 0x00, 0x00, 0x00, // mov eax, 0x10
    0x8e, 0xd8, // mov ds, eax
    0x8e, 0xc0, // mov es, eax
    0x8e, 0xd0, // mov ss, eax
    0xbc, 0x00, 0x00, 0x01, 0x00, // mov esp, 0x10000
    0xb8, 0x20, 0x00, 0x00, 0x00, // mov eax, 0x20
    0x0f, 0x22, 0xe0, // mov cr4, eax
    0xb8, 0x00, 0x40, 0x10, 0x00, // mov eax, 0x104000
    0x0f, 0x22, 0xd8, // mov cr3, eax
    0xb8, 0x33, 0x00, 0x01, 0x80, // mov eax, 0x80010033
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0x8b, 0x1d, 0x00, 0x00, 0x20, 0x00, // mov ebx, dword ptr [0x200000]
    0xb8, 0x33, 0x00, 0x01, 0x00, // mov eax, 0x10033
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0xb8, 0x00, 0x00, 0x10, 0x00, // mov eax, 0x100000
    0x0f, 0x22, 0xd8, // mov cr3, eax
    0xb9, 0x80, 0x00, 0x00, 0xc0, // mov ecx, 0xc0000080
    0x0f, 0x32, // rdmsr
    0x0d, 0x00, 0x01, 0x00, 0x00, // or eax, 0x100
    0x0f, 0x30, // wrmsr
    0xb8, 0x33, 0x00, 0x01, 0x80, // mov eax, 0x80010033
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0x0f, 0x32, // rdmsr
    0x89, 0xc6, // mov esi, eax
    0xea, 0x76, 0x10, 0x00, 0x00, 0x08, 0x00, // jmp 08h:lm
    // .code64
    // lm:
    0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, // mov rax, 0x1122334455667788
    0x48, 0x89, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, // mov [0x20000], rax
    0x6a, 0x30, // push 0x30
    0x68, 0x91, 0x10, 0x00, 0x00, // push offset compat
    0x48, 0xcb, // retfq
    // .code32
    // compat:
    0xb8, 0x33, 0x00, 0x01, 0x00, // mov eax, 0x10033
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0x0f, 0x32, // rdmsr
    0x89, 0xc7, // mov edi, eax
    0x31, 0xc0, // xor eax, eax
    0x0f, 0x30, // wrmsr
    0x0f, 0x22, 0xe0, // mov cr4, eax
    0xea, 0xab, 0x10, 0x00, 0x00, 0x48, 0x00, // jmp 48h:pm16
    // .code16
    // pm16:
    0xb8, 0x50, 0x00, // mov ax, 0x50
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xc0, // mov es, ax
    0x8e, 0xd0, // mov ss, ax
    0x66, 0xb8, 0x32, 0x00, 0x00, 0x00, // mov eax, 0x32
    0x0f, 0x22, 0xc0, // mov cr0, eax
    0xea, 0xc2, 0x10, 0x00, 0x00, // jmp 0:rm
    // rm:
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xd0, // mov ss, ax
    0xbc, 0x00, 0x80, // mov sp, 0x8000
    0xb8, 0x00, 0x20, // mov ax, 0x2000
    0x8e, 0xc0, // mov es, ax
    0x26, 0xc7, 0x06, 0x10, 0x00, 0xef, 0xbe, // mov word ptr es:[0x10], 0xbeef
    0xcd, 0x21, // int 0x21
];

fn traveller() -> Machine {
    let m = Machine::real(WAY);
    m.ram.write(GuestPhysAddr(GDT_POINTER), &[0xff, 0]);
    m.ram.write_u32(GuestPhysAddr(GDT_POINTER + 2), crate::machine::GDT as u32);
    m.ram.write_u64(GuestPhysAddr(PAE_PDPT), PAE_PD | 1);
    m.ram.write_u64(GuestPhysAddr(PAE_PD), 0x83);
    m.ram.write_u64(GuestPhysAddr(PAE_PD + 8), 0x83);
    m
}

#[test]
fn through_every_mode_and_back() {
    let mut m = traveller();
    let mut way = vec![m.vcpu.cpu.mode()];
    while m.step(1) == Exit::Budget {
        let mode = m.vcpu.cpu.mode();
        if way.last() != Some(&mode) {
            way.push(mode);
        }
        assert!(m.vcpu.retired() < 200);
    }
    use CpuMode::*;
    assert_eq!(way, [Real, Protected, Compatibility, Long64, Compatibility, Protected, Real]);
    check_arrival(&m);
    // The same without a stop at each instruction.
    let mut m = traveller();
    assert_eq!(m.step(10_000), Exit::Halted);
    check_arrival(&m);
}

fn check_arrival(m: &Machine) {
    let cpu = &m.vcpu.cpu;
    assert_eq!(
        cpu.gpr[gpr::RBX] as u32,
        0x3000_0000,
        "the first entry of the interrupt table, by PAE paging"
    );
    assert_eq!(cpu.gpr[gpr::RSI] as u32, (Efer::LME | Efer::LMA).bits() as u32, "paging sets LMA");
    assert_eq!(m.read(DATA), 0x1122_3344_5566_7788, "a 64-bit store");
    assert_eq!(cpu.gpr[gpr::RDI] as u32, Efer::LME.bits() as u32, "clearing PG clears LMA");
    assert_eq!((cpu.efer, cpu.cr4, cpu.cr0), (Efer::empty(), Cr4::empty(), Cr0::ET | Cr0::NE | Cr0::MP));
    assert_eq!(m.read(DATA + 0x10) as u16, 0xbeef);
    // INT 21h through the table at 0: IP, CS, FLAGS
    assert_eq!((cpu.segment(Seg::Cs).selector.0, cpu.rip), (0x3000, 0x211));
    assert_eq!(cpu.gpr[gpr::RSP] as u16, 0x7ffa);
    let at = CODE + WAY.len() as u64;
    assert_eq!(m.read(0x7ffa) & 0xffff_ffff, at);
}

/// `mov cr0, eax`, `mov cr3, eax`, `mov cr4, eax`, each before HLT; the same bytes in every mode.
const MOV_CR0: &[u8] = &[0x0f, 0x22, 0xc0, 0xf4];
const MOV_CR3: &[u8] = &[0x0f, 0x22, 0xd8, 0xf4];
const MOV_CR4: &[u8] = &[0x0f, 0x22, 0xe0, 0xf4];

/// SPEC: intel-sdm-vol3 :: 11.8.5 Initializing IA-32e Mode -> PG with LME is #GP(0) without PAE, with CS.L set and with a 16-bit TSS
#[test]
fn long_mode_begins_only_in_the_right_order() {
    let paging = (Cr0::PE | Cr0::ET | Cr0::PG).bits();
    // PAE, CS.L, type of the TSS, whether it works
    let cases = [
        (true, false, 11, true),
        (false, false, 11, false),
        (true, true, 11, false),
        (true, false, 3, false),
    ];
    for (pae, long, tss, works) in cases {
        let mut m = Machine::protected(MOV_CR0);
        let cpu = &mut m.vcpu.cpu;
        cpu.efer = Efer::LME;
        cpu.cr3 = PML4;
        cpu.cr4.set(Cr4::PAE, pae);
        cpu.tr.attr = SegAttr::from_bits_retain(0x80 | tss);
        cpu.gpr[gpr::RAX] = paging;
        if long {
            // In legacy mode D alone counts: 16-bit code, in which the snippet is the same.
            cpu.seg[Seg::Cs as usize].attr = SegAttr::from_bits_retain(0xa09b);
        }
        m.vcpu.state_changed();
        if works {
            m.run_to_halt();
            assert_eq!(m.vcpu.cpu.efer, Efer::LME | Efer::LMA);
            assert_eq!(m.vcpu.cpu.mode(), CpuMode::Compatibility);
        } else {
            let (vector, [error, rip, ..]) = m.delivered::<4>(4);
            assert_eq!((vector, error, rip), (13, 0, CODE), "PAE {pae}, L {long}, TSS {tss}");
            assert_eq!(m.vcpu.cpu.efer, Efer::LME);
            assert!(!m.vcpu.cpu.cr0.contains(Cr0::PG));
        }
    }
}

/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> in IA-32e mode clearing PAE is #GP(0), and clearing PG too with CR4.PCIDE set or from 64-bit code
#[test]
fn long_mode_ends_only_in_the_right_order() {
    let no_paging = (Cr0::PE | Cr0::ET).bits();
    for (code, value, pcide) in [(MOV_CR4, Cr4::PGE.bits(), false), (MOV_CR0, no_paging, true)] {
        let mut m = Machine::compat(code);
        m.vcpu.cpu.cr4.set(Cr4::PCIDE, pcide);
        m.vcpu.cpu.gpr[gpr::RAX] = value;
        m.vcpu.state_changed();
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
        assert!(m.vcpu.cpu.cr0.contains(Cr0::PG) && m.vcpu.cpu.cr4.contains(Cr4::PAE));
        assert!(m.vcpu.cpu.efer.contains(Efer::LMA));
    }
    // The handler runs in 64-bit mode, so the interrupted CS shows the mode before.
    let mut m = Machine::long(MOV_CR0);
    m.vcpu.cpu.gpr[gpr::RAX] = no_paging;
    assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
    assert_eq!(m.read(m.vcpu.cpu.gpr[gpr::RSP] + 16), CS64.into());
}

/// SPEC: intel-sdm-vol3 :: 5.4.1 PDPTE Registers -> a present PDPTE with reserved bits makes MOV to CR0 or CR3 #GP(0), and the register keeps its value
#[test]
fn pae_paging_loads_its_pdptes_with_care() {
    let paged = Cr0::PE | Cr0::ET | Cr0::PG;
    // The second PDPTE, whether it can be loaded: not present, R/W set, beyond the physical address, PCD.
    for (entry, works) in [(0xffe, true), (3, false), (1 | 1 << 60, false), (PAE_PD | 0x11, true)] {
        for (code, value) in [(MOV_CR0, paged.bits()), (MOV_CR3, PAE_PDPT)] {
            let mut m = Machine::protected(code);
            m.ram.write_u64(GuestPhysAddr(PAE_PDPT), PAE_PD | 1);
            m.ram.write_u64(GuestPhysAddr(PAE_PDPT + 8), entry);
            m.ram.write_u64(GuestPhysAddr(PAE_PD), 0x83);
            let cpu = &mut m.vcpu.cpu;
            cpu.cr4 |= Cr4::PAE;
            cpu.cr3 = PAE_PDPT;
            if code == MOV_CR3 {
                cpu.cr0 = paged;
                cpu.cr3 = 0;
                cpu.pdpte = [PAE_PD | 1, 0, 0, 0];
            }
            let (cr0, cr3) = (cpu.cr0, cpu.cr3);
            cpu.gpr[gpr::RAX] = value;
            m.vcpu.state_changed();
            if works {
                m.run_to_halt();
                assert_eq!((m.vcpu.cpu.cr0, m.vcpu.cpu.cr3), (paged, PAE_PDPT));
            } else {
                let (vector, [error, rip]) = m.delivered(4);
                assert_eq!((vector, error, rip), (13, 0, CODE), "{entry:#x}");
                assert_eq!((m.vcpu.cpu.cr0, m.vcpu.cpu.cr3), (cr0, cr3));
            }
        }
    }
}

/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> in real mode PG without PE is #GP; through the interrupt table, without an error code
#[test]
fn paging_needs_protection() {
    let mut m = Machine::real(MOV_CR0);
    m.vcpu.cpu.gpr[gpr::RAX] = (Cr0::PG | Cr0::ET).bits();
    let (vector, [ip, cs]) = m.delivered(2);
    assert_eq!((vector, ip, cs), (13, CODE, 0));
}

/// SPEC: intel-sdm-vol3 :: 3.4.5 Segment Descriptors -> outside IA-32e mode L says nothing, in it L with D is #GP(selector)
#[test]
fn the_l_bit_counts_in_ia32e_mode_alone() {
    // jmp far [ebx]
    let code = [0xff, 0x2b];
    for (descriptor, error) in [(0x00ef_9b00_0000_ffff, Some(u32::from(OWN))), (0x00af_9b00_0000_ffff, None)]
    {
        let mut m = Machine::compat(&code);
        m.set_descriptor(OWN, descriptor);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.ram.write_u64(GuestPhysAddr(DATA), u64::from(OWN) << 32 | 0x1100);
        // mov rax, rcx: 64-bit code alone has REX
        m.ram.write(GuestPhysAddr(0x1100), &[0x48, 0x89, 0xc8, 0xf4]);
        m.vcpu.cpu.gpr[gpr::RCX] = 1 << 40;
        match error {
            Some(error) => assert_eq!(m.caught(), Caught { vector: 13, error, rip: CODE }),
            None => {
                m.run_to_halt();
                assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 1 << 40);
                assert_eq!(m.vcpu.cpu.segment(Seg::Cs).selector, Selector(OWN));
            }
        }
    }
    // L = 1, D = 0 in legacy mode: 16-bit code. 48h is DEC AX there.
    let mut m = Machine::protected(&code);
    m.set_descriptor(OWN, 0x00af_9b00_0000_ffff);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.cpu.gpr[gpr::RAX] = 0x1_0000;
    m.ram.write_u64(GuestPhysAddr(DATA), u64::from(OWN) << 32 | 0x1100);
    m.ram.write(GuestPhysAddr(0x1100), &[0x48, 0xf4]);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0x1_ffff);
}
