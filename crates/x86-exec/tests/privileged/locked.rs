//! Locked instructions do what the same instructions without LOCK do, wherever their operands lie.

use crate::machine::{CODE, Caught, DATA, Machine, STACK};
use x86_decode::{Op, decode};
use x86_exec::Exit;
use x86_state::{Cr0, RFlags, gpr};
use x86_types::{CodeSize, GuestPhysAddr};

/// Every encoding that takes LOCK, with the operand at [rsi], from opcodes of one byte and of two, with and without an
/// operand-size prefix and REX.W: the bytes behind LOCK.
fn lockable() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for escape in [&[][..], &[0x0f]] {
        for opcode in 0..=0xff {
            for reg in 0..8 {
                for size in [&[][..], &[0x66], &[0x48]] {
                    // An immediate stands behind, where there is one.
                    let body = [size, escape, &[opcode, 0x06 | reg << 3, 5, 0, 0, 0]].concat();
                    let Ok(insn) = decode(CodeSize::Bits64, &[&[0xf0][..], &body].concat()) else { continue };
                    found.push(body[..usize::from(insn.len) - 1].to_vec());
                }
            }
        }
    }
    found.dedup();
    found
}

fn machine(code: &[u8], seed: u64) -> Machine {
    let mut m = Machine::long(&[code, &[0xf4]].concat());
    let gpr = &mut m.vcpu.cpu.gpr;
    let mut value = seed;
    for register in gpr.iter_mut().filter(|register| **register == 0) {
        value = value.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        *register = value >> (seed % 3 * 20);
    }
    // Bit offsets stay close by.
    if decode(CodeSize::Bits64, code).is_ok_and(|i| matches!(i.op, Op::Bts | Op::Btr | Op::Btc)) {
        gpr.iter_mut().filter(|register| **register != STACK).for_each(|register| *register &= 0xff);
    }
    gpr[gpr::RSI] = DATA + 0x100;
    // What CMPXCHG compares with is there now and then.
    let there = if seed & 1 == 0 { gpr[gpr::RAX] } else { value };
    let more = if seed & 2 == 0 { gpr[gpr::RDX] } else { seed };
    m.ram.write(GuestPhysAddr(DATA), &[0x5a; 0x200]);
    m.ram.write_u64(GuestPhysAddr(DATA + 0x100), there);
    m.ram.write_u64(GuestPhysAddr(DATA + 0x108), more);
    let carry = RFlags::from_bits_retain(seed >> 2 & 1);
    m.set_flags(carry);
    m
}

#[test]
fn results_and_flags_are_those_without_lock() {
    let all = lockable();
    let ops = |bytes: &Vec<u8>| decode(CodeSize::Bits64, bytes).map(|insn| insn.op);
    for op in [Op::Adc, Op::Sbb, Op::Neg, Op::Not, Op::Xadd, Op::Btc, Op::Cmpxchg, Op::Cmpxchg16b, Op::Xchg] {
        assert!(all.iter().any(|bytes| ops(bytes) == Ok(op)), "{op:?}");
    }
    for body in &all {
        for seed in 0..4 {
            let mut plain = machine(body, seed);
            let mut locked = machine(&[&[0xf0][..], body].concat(), seed);
            plain.run_to_halt();
            locked.run_to_halt();
            let (a, b) = (&plain.vcpu.cpu, &locked.vcpu.cpu);
            assert_eq!((a.gpr, a.rflags()), (b.gpr, b.rflags()), "{body:02x?}, {seed}");
            let memory = |m: &Machine| (0..0x200).step_by(8).map(|n| m.read(DATA + n)).collect::<Vec<_>>();
            assert!(memory(&plain) == memory(&locked), "{body:02x?}, {seed}");
        }
    }
}

/// Read-modify-writes of more than one byte at [rsi]: add, inc, not, xchg, xadd, cmpxchg, bts, btc, neg, cmpxchg8b.
const WIDE: &[&[u8]] = &[
    &[0xf0, 0x48, 0x01, 0x06],
    &[0xf0, 0xff, 0x06],
    &[0xf0, 0xf7, 0x16],
    &[0x48, 0x87, 0x06],
    &[0xf0, 0x0f, 0xc1, 0x06],
    &[0xf0, 0x48, 0x0f, 0xb1, 0x0e],
    &[0xf0, 0x0f, 0xba, 0x2e, 3],
    &[0xf0, 0x0f, 0xba, 0x3e, 3],
    &[0xf0, 0xf7, 0x1e],
    &[0xf0, 0x0f, 0xc7, 0x0e],
];

/// SPEC: intel-sdm-vol2 :: LOCK—Assert LOCK# Signal Prefix -> the integrity of the lock is not affected by the alignment of the operand
/// SPEC: intel-sdm-vol3 :: 5.7 Page-Fault Exceptions -> a write that either page refuses is #PF, with the address in that page, and nothing is written
#[test]
fn operands_in_two_pages_change_whole_or_not_at_all() {
    let at = DATA + 0xffe;
    for &code in WIDE {
        let code = &[code, &[0xf4]].concat()[..];
        let value = 0x8877_6655_4433_2211;
        let machine = |rsi| {
            let mut m = Machine::long(code);
            m.vcpu.cpu.gpr[gpr::RSI] = rsi;
            m.vcpu.cpu.gpr[gpr::RAX] = value;
            m.ram.write_u64(GuestPhysAddr(rsi), value);
            m
        };
        let (mut whole, mut split) = (machine(DATA + 0x100), machine(at));
        whole.run_to_halt();
        split.run_to_halt();
        assert_eq!(split.read(at), whole.read(DATA + 0x100), "{code:x?}");
        let state = |m: &Machine| (m.vcpu.cpu.gpr[gpr::RAX], m.vcpu.cpu.rflags());
        assert_eq!(state(&split), state(&whole), "{code:x?}");
        // Not present, or read-only with CR0.WP; the first page or the second
        for (page, address) in [(DATA, at), (DATA + 0x1000, DATA + 0x1000)] {
            for (rights, error) in [(2, 2), (1, 3)] {
                let mut m = machine(at);
                m.set_pte(page, page | rights);
                assert_eq!(m.caught(), Caught { vector: 14, error, rip: CODE }, "{code:x?} {page:x}");
                assert_eq!((m.vcpu.cpu.cr2, m.read(at)), (address, value), "{code:x?} {page:x}");
                assert_eq!(m.vcpu.cpu.gpr[gpr::RAX], value);
            }
        }
    }
}

/// SPEC: intel-sdm-vol3 :: 7.15 Exception and Interrupt Reference -> interrupt 17: at CPL 3 with CR0.AM and EFLAGS.AC a misaligned operand is #AC with error code 0; a quadword has to be aligned to 8
/// SPEC: intel-sdm-vol3 :: 7.9 Prioritization of Concurrent Events -> faults of decoding come before those of executing
#[test]
fn misaligned_operands_of_programs_that_ask_for_a_check() {
    for &code in WIDE {
        for (am, ac) in [(true, true), (true, false), (false, true)] {
            let mut m = Machine::user(code);
            m.vcpu.cpu.cr0.set(Cr0::AM, am);
            m.vcpu.cpu.gpr[gpr::RSI] = DATA + 2;
            m.set_flags(if ac { RFlags::AC } else { RFlags::empty() });
            if am && ac {
                assert_eq!(m.caught(), Caught { vector: 17, error: 0, rip: CODE }, "{code:x?}");
            } else {
                assert_eq!(m.step(1), Exit::Budget);
                assert_eq!(m.vcpu.cpu.rip, CODE + code.len() as u64, "{code:x?}");
            }
        }
    }
    // cmpxchg8b [rsi] is a quadword; a #UD comes first, and so does an address that is not canonical: lock cmp; lock add
    for (code, rsi, vector) in [
        (&[0xf0, 0x0f, 0xc7, 0x0e][..], DATA + 4, 17),
        (&[0xf0, 0x39, 0x06], DATA + 2, 6),
        (&[0xf0, 0x01, 0x06], (1 << 60) + 2, 13),
    ] {
        let mut m = Machine::user(code);
        m.vcpu.cpu.cr0 |= Cr0::AM;
        m.vcpu.cpu.gpr[gpr::RSI] = rsi;
        m.set_flags(RFlags::AC);
        assert_eq!(m.caught(), Caught { vector, error: 0, rip: CODE }, "{code:x?}");
    }
}
