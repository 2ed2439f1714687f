//! Page faults of instructions.

use crate::machine::{CODE, Caught, DATA, Machine};
use x86_state::{Cr4, RFlags, gpr};
use x86_types::GuestPhysAddr;

/// `mov rax, [rbx]`, `mov [rbx], rax`, `add [rbx], rax`, `jmp rbx`
const LOAD: &[u8] = &[0x48, 0x8b, 0x03, 0xf4];
const STORE: &[u8] = &[0x48, 0x89, 0x03, 0xf4];
const ADD: &[u8] = &[0x48, 0x01, 0x03, 0xf4];
const JUMP: &[u8] = &[0xff, 0xe3];

/// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> P, W/R, U/S, RSVD and I/D of the error code
#[test]
fn error_codes() {
    const NX: u64 = 1 << 63;
    // user, code, entry of the page, error code
    let cases: &[(bool, &[u8], u64, u32)] = &[
        (false, LOAD, 0, 0),
        (false, STORE, 0, 2),
        (false, ADD, 0, 2),
        (false, STORE, DATA | 1, 3),
        (false, ADD, DATA | 1, 3),
        (false, LOAD, DATA | 3 | 1 << 51, 9),
        (false, JUMP, DATA | 3 | NX, 0x11),
        (false, JUMP, 0, 0x10),
        (true, LOAD, 0, 4),
        (true, LOAD, DATA | 3, 5),
        (true, STORE, DATA | 5, 7),
        (true, STORE, DATA | 3, 7),
        (true, ADD, DATA | 5, 7),
        (true, JUMP, DATA | 7 | NX, 0x15),
    ];
    for &(user, code, entry, error) in cases {
        let mut m = if user { Machine::user(code) } else { Machine::long(code) };
        m.set_pte(DATA, entry);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA + 0x18;
        let rip = if code == JUMP { DATA + 0x18 } else { CODE };
        assert_eq!(m.caught(), Caught { vector: 14, error, rip }, "{user} {code:x?} {entry:#x}");
        assert_eq!(m.vcpu.cpu.cr2, DATA + 0x18);
    }
}

#[test]
fn supervisor_protections() {
    // EFLAGS.AC, code, error code of a fault
    let cases: &[(Cr4, bool, &[u8], Option<u32>)] = &[
        (Cr4::SMEP, false, JUMP, Some(0x11)),
        (Cr4::SMEP, false, LOAD, None),
        (Cr4::SMAP, false, LOAD, Some(1)),
        (Cr4::SMAP, false, STORE, Some(3)),
        (Cr4::SMAP, true, LOAD, None),
        (Cr4::SMAP, true, STORE, None),
        (Cr4::SMAP, false, JUMP, None),
    ];
    for &(feature, ac, code, error) in cases {
        let mut m = Machine::long(code);
        m.ram.write(GuestPhysAddr(DATA), &[0xf4]);
        m.set_pte(DATA, DATA | 7);
        m.vcpu.cpu.cr4 |= feature;
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.set_flags(if ac { RFlags::AC } else { RFlags::empty() });
        match error {
            Some(error) => {
                let caught = m.caught();
                assert_eq!((caught.vector, caught.error), (14, error), "{feature:?} {code:x?}");
            }
            None => m.run_to_halt(),
        }
    }
}

#[test]
fn stac_and_clac_open_and_close() {
    // stac; mov rax, [rbx]; clac; mov rax, [rbx]
    let mut m = Machine::long(&[0x0f, 1, 0xcb, 0x48, 0x8b, 3, 0x0f, 1, 0xca, 0x48, 0x8b, 3, 0xf4]);
    m.set_pte(DATA, DATA | 7);
    m.vcpu.cpu.cr4 |= Cr4::SMAP;
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.state_changed();
    assert_eq!(m.caught(), Caught { vector: 14, error: 1, rip: CODE + 9 });
}

/// SPEC: intel-sdm-vol3 :: 5.8 Accessed and Dirty Flags -> A by any access, D by a write only
#[test]
fn accessed_and_dirty() {
    for (code, bits) in [(LOAD, 0x20), (STORE, 0x60), (ADD, 0x60)] {
        let mut m = Machine::long(code);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.run_to_halt();
        assert_eq!(m.pte(DATA) & 0x60, bits, "{code:x?}");
    }
    // A load before the store: D still comes.
    let mut m = Machine::long(&[0x48, 0x8b, 3, 0x48, 0x89, 3, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.run_to_halt();
    assert_eq!(m.pte(DATA) & 0x60, 0x60);
}

#[test]
fn a_fault_on_the_second_page_leaves_everything() {
    for (code, error) in [(LOAD, 0), (STORE, 2), (ADD, 2)] {
        let mut m = Machine::long(code);
        m.ram.write_u64(GuestPhysAddr(DATA + 0xff8), 0x1122_3344_5566_7788);
        m.set_pte(DATA + 0x1000, 0);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA + 0xffc;
        m.vcpu.cpu.gpr[gpr::RAX] = 0xaaaa;
        let flags = m.vcpu.cpu.rflags();
        assert_eq!(m.caught(), Caught { vector: 14, error, rip: CODE }, "{code:x?}");
        assert_eq!(m.vcpu.cpu.cr2, DATA + 0x1000);
        assert_eq!(m.read(DATA + 0xff8), 0x1122_3344_5566_7788);
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0xaaaa);
        assert_eq!(m.vcpu.cpu.rflags(), flags);
    }
}

#[test]
fn invlpg_and_cr3_bring_the_new_mapping() {
    // mov rax, [rbx]; mov [rcx], rdx; invlpg [rbx]; mov rsi, [rbx]; hlt
    let invlpg = [0x48, 0x8b, 3, 0x48, 0x89, 0x11, 0x0f, 1, 0x3b, 0x48, 0x8b, 0x33, 0xf4];
    // mov rax, [rbx]; mov [rcx], rdx; mov rdi, cr3; mov cr3, rdi; mov rsi, [rbx]; hlt
    let cr3 = [0x48, 0x8b, 3, 0x48, 0x89, 0x11, 0x0f, 0x20, 0xdf, 0x0f, 0x22, 0xdf, 0x48, 0x8b, 0x33, 0xf4];
    // The first entry of the table; a global page needs INVLPG.
    for (code, global) in [(&invlpg[..], 0), (&invlpg[..], 0x100), (&cr3[..], 0)] {
        let mut m = Machine::long(code);
        m.set_pte(DATA, DATA | 3 | global);
        m.ram.write_u64(GuestPhysAddr(DATA), 1);
        m.ram.write_u64(GuestPhysAddr(DATA + 0x1000), 2);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA;
        m.vcpu.cpu.gpr[gpr::RCX] = 0x10_3000 + (DATA >> 9);
        m.vcpu.cpu.gpr[gpr::RDX] = (DATA + 0x1000) | 3;
        m.run_to_halt();
        assert_eq!((m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.gpr[gpr::RSI]), (1, 2));
    }
}

/// A page directory of 32-bit paging.
const PD32: u64 = 0x10_6000;
const PT32: u64 = 0x10_7000;

/// Protected mode with 32-bit paging: 4 MiB at 0 by a table, 4 MiB at 40_0000h by one large page.
fn paged_32(code: &[u8], user: bool, large: u32) -> Machine {
    let mut m = if user { Machine::protected_user(code) } else { Machine::protected(code) };
    m.ram.write_u32(GuestPhysAddr(PD32), PT32 as u32 | 7);
    m.ram.write_u32(GuestPhysAddr(PD32 + 4), large);
    for n in 0..1024 {
        m.ram.write_u32(GuestPhysAddr(PT32 + 4 * n), (n << 12 | 7) as u32);
    }
    m.vcpu.cpu.cr3 = PD32;
    m.vcpu.cpu.cr0 |= x86_state::Cr0::PG;
    m.vcpu.cpu.cr4 |= Cr4::PSE;
    m.vcpu.state_changed();
    m
}

/// SPEC: intel-sdm-vol3 :: 5.3 32-Bit Paging -> with CR4.PSE a PDE's PS bit maps 4 MiB, with address bits 39:32 in its bits 20:13 and bit 21 reserved
/// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> the error codes of 32-bit paging: no I/D without SMEP or NX
#[test]
fn paging_of_32_bit_code() {
    // mov eax, [ebx]; hlt and mov [ebx], eax; hlt
    let (load, store): (&[u8], &[u8]) = (&[0x8b, 3, 0xf4], &[0x89, 3, 0xf4]);
    let linear = 0x40_0000 + DATA;
    // Snippet, user, PDE, PSE, error code
    for (code, user, entry, pse, error) in [
        (load, false, 0x83, true, None),
        (store, false, 0x83, true, None),
        (load, false, 0, true, Some(0)),
        (store, false, 0x82, true, Some(2)),
        (store, true, 0x83, true, Some(7)),
        (load, true, 0x83, true, Some(5)),
        (store, true, 0x85, true, Some(7)),
        (store, false, 0x81, true, Some(3)),
        (load, false, 0x83 | 1 << 21, true, Some(9)),
        // Without PSE the bit means nothing: the entry names a table.
        (load, false, PT32 as u32 | 0x83, false, None),
    ] {
        let mut m = paged_32(code, user, entry);
        m.vcpu.cpu.cr4.set(Cr4::PSE, pse);
        m.ram.write_u32(GuestPhysAddr(DATA), 0x1234_5678);
        m.vcpu.cpu.gpr[gpr::RBX] = linear;
        m.vcpu.state_changed();
        match error {
            Some(error) => {
                let (vector, [code, eip]) = m.delivered(4);
                assert_eq!((vector, code, eip), (14, error, CODE), "{entry:x}");
                assert_eq!(m.vcpu.cpu.cr2, linear);
            }
            None => {
                m.run_to_halt();
                let entry = m.ram.read_u32(GuestPhysAddr(PD32 + 4));
                assert_eq!(entry & 0x20, 0x20);
                assert!(code == store || m.vcpu.cpu.gpr[gpr::RAX] == 0x1234_5678);
                assert_eq!(entry & 0x40 != 0, code == store && pse, "D of a large page by stores alone");
            }
        }
    }
    // A fetch from a page that is not there: I/D is clear.
    let mut m = paged_32(&[0xff, 0xe3], false, 0);
    m.vcpu.cpu.gpr[gpr::RBX] = linear;
    let (vector, [code, eip]) = m.delivered(4);
    assert_eq!((vector, code, eip), (14, 0, linear));
}

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 17: CR0.AM, EFLAGS.AC and CPL 3 together check alignment; the error code is 0
#[test]
fn alignment_is_checked_at_level_3() {
    // mov rax, [rbx]; ud2 and mov ax, [rbx]; ud2
    let (eight, two): (&[u8], &[u8]) = (&[0x48, 0x8b, 3, 0x0f, 0x0b], &[0x66, 0x8b, 3, 0x0f, 0x0b]);
    for (code, user, am, ac, by, checked) in [
        (eight, true, true, true, 4, true),
        (eight, true, true, true, 8, false),
        (two, true, true, true, 2, false),
        (two, true, true, true, 1, true),
        (eight, true, true, false, 4, false),
        (eight, true, false, true, 4, false),
        (eight, false, true, true, 4, false),
    ] {
        let mut m = if user { Machine::user(code) } else { Machine::long(code) };
        m.vcpu.cpu.cr0.set(x86_state::Cr0::AM, am);
        m.vcpu.cpu.gpr[gpr::RBX] = DATA + by;
        m.set_flags(if ac { RFlags::AC } else { RFlags::empty() });
        let caught = m.caught();
        let want = if checked { (17, CODE) } else { (6, CODE + 3) };
        assert_eq!((caught.vector, caught.rip, caught.error), (want.0, want.1, 0), "{by} {user} {am} {ac}");
    }
}
