//! Locked instructions do what the same instructions without LOCK do.

use crate::machine::{DATA, Machine, STACK};
use x86_decode::{Op, decode};
use x86_state::gpr;
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
    let carry = x86_state::RFlags::from_bits_retain(seed >> 2 & 1);
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
