//! SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, and MSRs.

use crate::machine::{CODE, CS64, Caught, Machine, USER_CS64};
use x86_state::gpr;

#[test]
fn unknown_msrs_are_general_protection() {
    // rdmsr; wrmsr
    for code in [[0x0f, 0x32], [0x0f, 0x30]] {
        let mut m = Machine::long(&code);
        m.vcpu.cpu.gpr[gpr::RCX] = 0x7fff_0000;
        assert_eq!(m.caught(), Caught { vector: 13, error: 0, rip: CODE });
    }
}

#[test]
fn privileged_instructions_need_cpl_0() {
    // hlt; rdmsr; wrmsr; mov cr0, rax; mov rax, cr0; lgdt [rbx]; invlpg [rbx]; wbinvd; swapgs; clts; cli
    let codes: &[&[u8]] = &[
        &[0xf4],
        &[0x0f, 0x32],
        &[0x0f, 0x30],
        &[0x0f, 0x22, 0xc0],
        &[0x0f, 0x20, 0xc0],
        &[0x0f, 1, 0x13],
        &[0x0f, 1, 0x3b],
        &[0x0f, 9],
        &[0x0f, 1, 0xf8],
        &[0x0f, 6],
        &[0xfa],
        &[0xec],
    ];
    for code in codes {
        assert_eq!(Machine::user(code).caught(), Caught { vector: 13, error: 0, rip: CODE }, "{code:x?}");
    }
}

/// WRMSR of `value` to `msr`, by the processor itself.
fn wrmsr(code: &mut Vec<u8>, msr: u32, value: u64) {
    // mov ecx, msr; mov eax, low; mov edx, high; wrmsr
    code.push(0xb9);
    code.extend(msr.to_le_bytes());
    code.push(0xb8);
    code.extend((value as u32).to_le_bytes());
    code.push(0xba);
    code.extend(((value >> 32) as u32).to_le_bytes());
    code.extend([0x0f, 0x30]);
}

#[test]
fn syscall_and_sysret() {
    let mut code = Vec::new();
    wrmsr(&mut code, 0xc000_0081, 0x18 << 48 | 8 << 32);
    wrmsr(&mut code, 0xc000_0082, CODE + 0x100);
    wrmsr(&mut code, 0xc000_0084, 0x200);
    let at = CODE + code.len() as u64;
    // syscall
    code.extend([0x0f, 0x05]);
    code.resize(0x100, 0x90);
    code.push(0xf4);
    let mut m = Machine::long(&code);
    m.set_flags(x86_state::RFlags::IF);
    m.run_to_halt();
    let cpu = &m.vcpu.cpu;
    assert_eq!((cpu.rip, cpu.gpr[gpr::RCX]), (CODE + 0x101, at + 2));
    assert_eq!(cpu.gpr[gpr::R11] & 0x200, 0x200);
    assert!(!cpu.system_flags.contains(x86_state::RFlags::IF));
    assert_eq!((cpu.seg[1].selector.0, cpu.seg[2].selector.0), (CS64, CS64 + 8));

    let mut code = Vec::new();
    wrmsr(&mut code, 0xc000_0081, 0x18 << 48 | 8 << 32);
    // mov rcx, rbx; sysretq
    code.extend([0x48, 0x89, 0xd9, 0x48, 0x0f, 0x07]);
    let at = CODE + code.len() as u64 - 3;
    for (rcx, canonical) in [(CODE + 0x800, true), (1 << 47, false)] {
        let mut m = Machine::long(&code);
        m.set_pte(CODE, CODE | 7);
        m.ram.write(x86_types::GuestPhysAddr(CODE + 0x800), &[0x0f, 0x0b]);
        m.vcpu.cpu.gpr[gpr::RBX] = rcx;
        m.vcpu.cpu.gpr[gpr::R11] = 2;
        let caught = m.caught();
        if canonical {
            assert_eq!(caught, Caught { vector: 6, error: 0, rip: CODE + 0x800 });
            assert_eq!(m.read(crate::machine::RSP0 - 32), u64::from(USER_CS64));
        } else {
            assert_eq!(caught, Caught { vector: 13, error: 0, rip: at });
        }
    }
}

#[test]
fn gs_bases_swap() {
    let mut code = Vec::new();
    wrmsr(&mut code, 0xc000_0101, 0x1111);
    wrmsr(&mut code, 0xc000_0102, 0x2222);
    // swapgs; hlt
    code.extend([0x0f, 1, 0xf8, 0xf4]);
    let mut m = Machine::long(&code);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.seg[5].base, 0x2222);
    let mut code = Vec::new();
    wrmsr(&mut code, 0xc000_0100, 1 << 56);
    assert_eq!(Machine::long(&code).caught().vector, 13, "a base that is not canonical");
}

/// SPEC: intel-sdm-vol1 :: 19.5.2 I/O Permission Bit Map -> above IOPL a port's bit must be 0
#[test]
fn the_io_map_opens_ports() {
    // in al, dx; ud2
    for (port, vector) in [(0x10, 6), (0x11, 13)] {
        let mut m = Machine::user(&[0xec, 0x0f, 0x0b]);
        m.ram.write_u64(x86_types::GuestPhysAddr(crate::machine::TSS + 0x68), !(1 << 0x10));
        m.vcpu.cpu.tr.limit = 0x6f;
        m.vcpu.cpu.gpr[gpr::RDX] = port;
        assert_eq!(m.caught().vector, vector, "{port:#x}");
    }
}
