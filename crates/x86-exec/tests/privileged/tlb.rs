//! What invalidates translations, and what leaves them: global pages, PCIDs, INVLPG and INVPCID.
//!
//! Tables that have changed without an invalidation show which one took place. Global pages are expected to be kept where
//! the manual lets a processor keep them; those of a PCID need not be.

use crate::machine::{CODE, Caught, DATA, Machine, PML4};
use x86_state::{Cr4, gpr};
use x86_types::GuestPhysAddr;

/// Two frames with 1 and 2 in them.
const ONE: u64 = DATA;
const TWO: u64 = DATA + 0x1000;
/// The entry of the page at `DATA`.
const ENTRY: u64 = 0x10_3000 + (DATA >> 9);
/// A second set of tables, whose page at `DATA` is `TWO`.
const PML4_B: u64 = 0x10_8000;
/// A descriptor of INVPCID
const DESCRIPTOR: u64 = 0x8000;
const NO_FLUSH: u64 = 1 << 63;

/// RBX is the page, RCX its entry, which RDX redirects to `TWO`.
fn remapping(code: &[u8], global: bool) -> Machine {
    let mut m = Machine::long(code);
    let flags = 3 | if global { 0x100 } else { 0 };
    m.ram.write_u64(GuestPhysAddr(ONE), 1);
    m.ram.write_u64(GuestPhysAddr(TWO), 2);
    m.set_pte(DATA, ONE | flags);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.cpu.gpr[gpr::RCX] = ENTRY;
    m.vcpu.cpu.gpr[gpr::RDX] = TWO | flags;
    m
}

/// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> MOV to CR3 leaves global pages, a change of CR4.PGE drops them too
#[test]
fn global_pages_outlive_cr3_and_not_cr4_pge() {
    // mov rax, [rbx]; mov [rcx], rdx; mov rdi, cr3; mov cr3, rdi; mov rsi, [rbx]
    let first = [0x48, 0x8b, 3, 0x48, 0x89, 0x11, 0x0f, 0x20, 0xdf, 0x0f, 0x22, 0xdf, 0x48, 0x8b, 0x33];
    // mov rdi, cr4; btr rdi, 7; mov cr4, rdi; mov rbp, [rbx]; hlt
    let off = [0x0f, 0x20, 0xe7, 0x48, 0x0f, 0xba, 0xf7, 7, 0x0f, 0x22, 0xe7, 0x48, 0x8b, 0x2b, 0xf4];
    for (global, after_cr3) in [(true, 1), (false, 2)] {
        let mut m = remapping(&[&first[..], &off].concat(), global);
        m.run_to_halt();
        let gpr = &m.vcpu.cpu.gpr;
        assert_eq!((gpr[gpr::RAX], gpr[gpr::RSI], gpr[gpr::RBP]), (1, after_cr3, 2), "global {global}");
    }
    // Off and on in between: the same.
    // mov rdi, cr4; btr rdi, 7; mov cr4, rdi; bts rdi, 7; mov cr4, rdi; mov rbp, [rbx]; hlt
    let toggle = [
        0x0f, 0x20, 0xe7, 0x48, 0x0f, 0xba, 0xf7, 7, 0x0f, 0x22, 0xe7, 0x48, 0x0f, 0xba, 0xef, 7, 0x0f, 0x22,
        0xe7, 0x48, 0x8b, 0x2b, 0xf4,
    ];
    let mut m = remapping(&[&first[..], &toggle].concat(), true);
    m.run_to_halt();
    assert_eq!((m.vcpu.cpu.gpr[gpr::RSI], m.vcpu.cpu.gpr[gpr::RBP]), (1, 2));
    // Without CR4.PGE the entry's bit means nothing.
    let mut m = remapping(&[&first[..], &[0xf4]].concat(), true);
    m.vcpu.cpu.cr4.remove(Cr4::PGE);
    m.vcpu.state_changed();
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RSI], 2);
}

/// SPEC: intel-sdm-vol2 :: INVPCID—Invalidate Process-Context Identifier -> type 0 one address, 1 one PCID, both without global pages; 2 all with global pages, 3 all without
#[test]
fn invpcid_by_type() {
    // mov rax, [rbx]; mov [rcx], rdx; invpcid rdi, [rbp]; mov rsi, [rbx]; hlt
    let code = [0x48, 0x8b, 3, 0x48, 0x89, 0x11, 0x66, 0x0f, 0x38, 0x82, 0x7d, 0, 0x48, 0x8b, 0x33, 0xf4];
    // Type, descriptor's address, global, what is read afterwards
    let cases = [
        (0, DATA, false, 2),
        (0, DATA + 0x1000, false, 1),
        (1, 0, false, 2),
        (1, 0, true, 1),
        (2, 0, false, 2),
        (2, 0, true, 2),
        (3, 0, false, 2),
        (3, 0, true, 1),
    ];
    for (kind, address, global, value) in cases {
        let mut m = remapping(&code, global);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR), 0);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR + 8), address);
        m.vcpu.cpu.gpr[gpr::RDI] = kind;
        m.vcpu.cpu.gpr[gpr::RBP] = DESCRIPTOR;
        m.run_to_halt();
        let gpr = &m.vcpu.cpu.gpr;
        assert_eq!((gpr[gpr::RAX], gpr[gpr::RSI]), (1, value), "type {kind}, {address:x}, global {global}");
    }
}

/// SPEC: intel-sdm-vol2 :: INVPCID—Invalidate Process-Context Identifier -> a type above 3, reserved bits, a non-canonical address with type 0, a PCID without CR4.PCIDE: #GP(0)
#[test]
fn invpcid_refuses() {
    // invpcid rdi, [rbp]; hlt
    let code = [0x66, 0x0f, 0x38, 0x82, 0x7d, 0, 0xf4];
    let cases = [
        (4, 0, 0, false, false),
        (1 << 32, 0, 0, false, false),
        (2, 1 << 12, 0, false, false),
        (0, 0, 1 << 56, false, false),
        (1, 0, 1 << 56, false, true),
        (0, 5, 0, false, false),
        (1, 5, 0, false, false),
        (0, 5, 0, true, true),
        (1, 0xfff, 0, true, true),
    ];
    for (kind, low, address, pcide, works) in cases {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.cr4.set(Cr4::PCIDE, pcide);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR), low);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR + 8), address);
        m.vcpu.cpu.gpr[gpr::RDI] = kind;
        m.vcpu.cpu.gpr[gpr::RBP] = DESCRIPTOR;
        m.vcpu.state_changed();
        if works {
            m.run_to_halt();
        } else {
            let want = Caught { vector: 13, error: 0, rip: CODE };
            assert_eq!(m.caught(), want, "type {kind:#x}, {low:#x}, {address:#x}");
        }
    }
    let mut m = Machine::user(&code);
    m.vcpu.cpu.gpr[gpr::RBP] = DATA;
    assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
}

/// Two sets of tables that differ in one page.
fn two_spaces(code: &[u8]) -> Machine {
    let mut m = remapping(code, false);
    for (at, value) in [(0, 0x10_9007), (0x1000, 0x10_a007), (0x2000, 0x10_b007)] {
        m.ram.write_u64(GuestPhysAddr(PML4_B + at), value);
    }
    for n in 0..512 {
        m.ram.write_u64(GuestPhysAddr(0x10_b000 + 8 * n), n << 12 | 3);
    }
    m.ram.write_u64(GuestPhysAddr(0x10_b000 + (DATA >> 9)), TWO | 3);
    m.vcpu.cpu.cr4 |= Cr4::PCIDE;
    m.vcpu.state_changed();
    m
}

/// Each PCID has its translations; bit 63 of the source decides whether those of the PCID that is loaded are kept.
///
/// SPEC: intel-sdm-vol3 :: 5.10.4.1 Operations that Invalidate TLBs and Paging-Structure Caches -> MOV to CR3 with bit 63 clear drops the loaded PCID's translations, with bit 63 set none; the bit is not stored
#[test]
fn pcids_and_bit_63() {
    // mov cr3, r8; mov rax, [rbx]; mov cr3, r9; mov rsi, [rbx]; mov [rcx], rdx; mov cr3, r10; mov rbp, [rbx]; hlt
    let code = [
        0x41, 0x0f, 0x22, 0xd8, 0x48, 0x8b, 3, 0x41, 0x0f, 0x22, 0xd9, 0x48, 0x8b, 0x33, 0x48, 0x89, 0x11,
        0x41, 0x0f, 0x22, 0xda, 0x48, 0x8b, 0x2b, 0xf4,
    ];
    // The entry changes under the second PCID: the first must see it only if its translations are dropped.
    for (again, seen) in [(NO_FLUSH, &[1, 2][..]), (0, &[2])] {
        let mut m = two_spaces(&code);
        m.vcpu.cpu.gpr[8] = PML4 | 1;
        m.vcpu.cpu.gpr[9] = PML4_B | 2 | NO_FLUSH;
        m.vcpu.cpu.gpr[10] = PML4 | 1 | again;
        m.run_to_halt();
        let gpr = &m.vcpu.cpu.gpr;
        assert_eq!((gpr[gpr::RAX], gpr[gpr::RSI]), (1, 2), "{again:#x}");
        assert!(seen.contains(&gpr[gpr::RBP]), "{again:#x}: {}", gpr[gpr::RBP]);
        assert_eq!(m.vcpu.cpu.cr3, PML4 | 1);
    }
}

/// INVPCID reaches the translations of a PCID that is not in force; INVLPG those of the one that is.
#[test]
fn another_pcid_is_invalidated() {
    // mov cr3, r8; mov rax, [rbx]; mov cr3, r9; mov [rcx], rdx; invpcid rdi, [rbp]; mov cr3, r10; mov rsi, [rbx]; hlt
    let code = [
        0x41, 0x0f, 0x22, 0xd8, 0x48, 0x8b, 3, 0x41, 0x0f, 0x22, 0xd9, 0x48, 0x89, 0x11, 0x66, 0x0f, 0x38,
        0x82, 0x7d, 0, 0x41, 0x0f, 0x22, 0xda, 0x48, 0x8b, 0x33, 0xf4,
    ];
    for (kind, pcid) in [(0, 1), (1, 1), (2, 0), (3, 0)] {
        let mut m = two_spaces(&code);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR), pcid);
        m.ram.write_u64(GuestPhysAddr(DESCRIPTOR + 8), DATA);
        m.vcpu.cpu.gpr[8] = PML4 | 1;
        m.vcpu.cpu.gpr[9] = PML4_B | 2;
        m.vcpu.cpu.gpr[10] = PML4 | 1 | NO_FLUSH;
        m.vcpu.cpu.gpr[gpr::RDI] = kind;
        m.vcpu.cpu.gpr[gpr::RBP] = DESCRIPTOR;
        m.run_to_halt();
        let gpr = &m.vcpu.cpu.gpr;
        assert_eq!((gpr[gpr::RAX], gpr[gpr::RSI]), (1, 2), "type {kind}, PCID {pcid}");
    }
}

/// SPEC: intel-sdm-vol2 :: MOV—Move to/from Control Registers -> bit 63 and other bits beyond the physical address are #GP(0) in CR3; with CR4.PCIDE bit 63 is not
#[test]
fn reserved_bits_of_cr3() {
    // mov cr3, rax; hlt
    for (value, pcide, works) in [
        (PML4 | NO_FLUSH, true, true),
        (PML4 | NO_FLUSH, false, false),
        (PML4 | 1 << 62, true, false),
        (PML4 | 1 << 52, false, false),
        (PML4 | 0x18, false, true),
    ] {
        let mut m = Machine::long(&[0x0f, 0x22, 0xd8, 0xf4]);
        m.vcpu.cpu.cr4.set(Cr4::PCIDE, pcide);
        m.vcpu.cpu.gpr[gpr::RAX] = value;
        m.vcpu.state_changed();
        if works {
            m.run_to_halt();
            assert_eq!(m.vcpu.cpu.cr3, value & !NO_FLUSH);
        } else {
            assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE }, "{value:#x}");
        }
    }
}

/// SPEC: intel-sdm-vol2 :: INVLPG—Invalidate TLB Entries -> a non-canonical address does nothing; no page fault
#[test]
fn invlpg_has_no_faults_of_paging() {
    // invlpg [rbx]; hlt
    for address in [1 << 47, DATA] {
        let mut m = Machine::long(&[0x0f, 1, 0x3b, 0xf4]);
        m.set_pte(DATA, 0);
        m.vcpu.cpu.gpr[gpr::RBX] = address;
        m.run_to_halt();
    }
}

/// Permissions that were widened or narrowed count after INVLPG: present, writable, executable, user.
#[test]
fn invlpg_brings_new_rights() {
    // mov [rbx], rax; mov [rcx], rdx; invlpg [rbx]; mov [rbx], rax; hlt
    let code = [0x48, 0x89, 3, 0x48, 0x89, 0x11, 0x0f, 1, 0x3b, 0x48, 0x89, 3, 0xf4];
    for (entry, error) in [(ONE | 1, Some(3)), (0, Some(2)), (TWO | 3, None)] {
        let mut m = remapping(&code, false);
        m.vcpu.cpu.gpr[gpr::RDX] = entry;
        match error {
            Some(error) => assert_eq!(m.caught(), Caught { vector: 14, error, rip: CODE + 9 }),
            None => m.run_to_halt(),
        }
    }
}

#[test]
fn protections_change_at_once() {
    // CR0.WP: mov [rbx], rax; mov rdi, cr0; bts rdi, 16; mov cr0, rdi; mov [rbx], rax; hlt
    let code =
        [0x48, 0x89, 3, 0x0f, 0x20, 0xc7, 0x48, 0x0f, 0xba, 0xef, 16, 0x0f, 0x22, 0xc7, 0x48, 0x89, 3, 0xf4];
    let mut m = Machine::long(&code);
    m.set_pte(DATA, DATA | 1);
    m.vcpu.cpu.cr0.remove(x86_state::Cr0::WP);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    m.vcpu.state_changed();
    assert_eq!(m.caught(), Caught { vector: 14, error: 3, rip: CODE + 14 });
    // CR4.SMAP: mov rax, [rbx]; mov rdi, cr4; bts rdi, 21; mov cr4, rdi; mov rax, [rbx]; hlt
    let code =
        [0x48, 0x8b, 3, 0x0f, 0x20, 0xe7, 0x48, 0x0f, 0xba, 0xef, 21, 0x0f, 0x22, 0xe7, 0x48, 0x8b, 3, 0xf4];
    let mut m = Machine::long(&code);
    m.set_pte(DATA, DATA | 7);
    m.vcpu.cpu.gpr[gpr::RBX] = DATA;
    assert_eq!(m.caught(), Caught { vector: 14, error: 1, rip: CODE + 14 });
}
