//! Code that changes or straddles, repeated strings, and exact counts.

use crate::machine::{CODE, Caught, DATA, Machine};
use x86_exec::Exit;
use x86_state::{RFlags, gpr};
use x86_types::GuestPhysAddr;

#[test]
fn code_changed_ahead_in_its_own_block() {
    // mov byte [rip+1], 42h; mov eax, 1; hlt
    let mut m = Machine::long(&[0xc6, 0x05, 1, 0, 0, 0, 0x42, 0xb8, 1, 0, 0, 0, 0xf4]);
    m.run_to_halt();
    assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], 0x42);
}

#[test]
fn code_changed_through_another_address() {
    // mov byte [rbx], 42h; mov eax, 1; hlt, twice with different values
    let mut m = Machine::long(&[0x88, 0x0b, 0xb8, 1, 0, 0, 0, 0xf4]);
    m.set_pte(DATA, CODE | 3);
    for value in [0x42, 0x43] {
        m.vcpu.cpu.rip = CODE;
        m.vcpu.cpu.activity = x86_state::Activity::Running;
        m.vcpu.cpu.gpr[gpr::RBX] = DATA + 3;
        m.vcpu.cpu.gpr[gpr::RCX] = value;
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], value);
    }
}

#[test]
fn a_store_across_two_code_pages() {
    let end = CODE + 0x1000;
    // mov [rbx], rcx; then mov eax, imm32 whose immediate lies in both pages; hlt
    let mut m = Machine::long(&[]);
    m.ram.write(GuestPhysAddr(end - 6), &[0x48, 0x89, 0x0b, 0xb8, 1, 0, 0, 0, 0xf4]);
    for value in [0x1122_3344_u64, 0x5566_7788] {
        m.vcpu.cpu.rip = end - 6;
        m.vcpu.cpu.activity = x86_state::Activity::Running;
        m.vcpu.cpu.gpr[gpr::RBX] = end - 2;
        m.vcpu.cpu.gpr[gpr::RCX] = value | 0x9090_90f4 << 32;
        m.run_to_halt();
        assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], value);
    }
}

#[test]
fn an_instruction_straddles_into_nothing() {
    let end = CODE + 0x1000;
    let mut m = Machine::long(&[]);
    // nop; mov eax, imm32
    m.ram.write(GuestPhysAddr(end - 3), &[0x90, 0xb8, 1, 0, 0, 0, 0xf4]);
    m.set_pte(end, 0);
    m.vcpu.cpu.rip = end - 3;
    assert_eq!(m.caught(), Caught { vector: 14, error: 0x10, rip: end - 2 });
    assert_eq!(m.vcpu.cpu.cr2, end);
}

#[test]
fn rep_faults_at_the_iteration_reached() {
    // rep movsb, rep stosb; forwards into a missing page
    for code in [[0xf3, 0xa4, 0xf4], [0xf3, 0xaa, 0xf4]] {
        let mut m = Machine::long(&code);
        m.set_pte(DATA + 0x1000, 0);
        m.vcpu.cpu.gpr[gpr::RCX] = 100;
        m.vcpu.cpu.gpr[gpr::RSI] = 0x8000;
        m.vcpu.cpu.gpr[gpr::RDI] = DATA + 0xff0;
        assert_eq!(m.caught(), Caught { vector: 14, error: 2, rip: CODE });
        assert_eq!((m.vcpu.cpu.gpr[gpr::RCX], m.vcpu.cpu.gpr[gpr::RDI]), (84, DATA + 0x1000));
        assert_eq!(m.vcpu.cpu.cr2, DATA + 0x1000);
    }
}

#[test]
fn overlapping_rep_movsb() {
    // Up: the first byte spreads. Down: a plain move.
    for (down, from, to, want) in [
        (false, DATA, DATA + 1, 0x0101_0101_0101_0101_u64),
        (true, DATA + 6, DATA + 7, 0x0706_0504_0302_0101),
    ] {
        let mut m = Machine::long(&[0xf3, 0xa4, 0xf4]);
        m.ram.write_u64(GuestPhysAddr(DATA), 0x0807_0605_0403_0201);
        m.vcpu.cpu.gpr[gpr::RCX] = 7;
        m.vcpu.cpu.gpr[gpr::RSI] = from;
        m.vcpu.cpu.gpr[gpr::RDI] = to;
        m.set_flags(if down { RFlags::DF } else { RFlags::empty() });
        m.run_to_halt();
        assert_eq!(m.read(DATA), want, "{down}");
    }
}

#[test]
fn counts_are_exact() {
    let mut m = Machine::long(&[[0x90; 20].as_slice(), &[0xf4]].concat());
    for n in [1, 3, 5] {
        let rip = m.vcpu.cpu.rip;
        assert_eq!(m.step(n), Exit::Budget);
        assert_eq!(m.vcpu.cpu.rip, rip + n);
    }
    // rep lodsb with a huge count still returns
    let mut m = Machine::long(&[0xf3, 0xac, 0xf4]);
    m.vcpu.cpu.gpr[gpr::RCX] = u64::MAX;
    m.vcpu.cpu.gpr[gpr::RSI] = DATA;
    assert_eq!(m.step(3), Exit::Budget);
    assert_eq!(m.vcpu.cpu.rip, CODE);
}
