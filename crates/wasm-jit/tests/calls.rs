//! Calls within regions: what is known of the flags before a call says nothing of those behind it.

mod support;

use support::asm::{Asm, read_flags, set_flags};
use support::machine::Start;
use support::pair::{MOST, Pair};
use support::random::Random;
use wasm_jit::Settings;
use x86_types::CodeSize;

/// Hot enough for the called code and the return to have been seen.
const SETTINGS: Settings = Settings { hot: 4, warm: 2, ..Settings::AT_ONCE };

/// A loop of calls of functions that call each other, and readers of flags behind every return.
fn program(random: &mut Random) -> Vec<u8> {
    let mut asm = Asm::default();
    let functions: Vec<_> = (0..3).map(|_| asm.label()).collect();
    let top = asm.mark();
    for _ in 0..1 + random.below(3) {
        set_flags(&mut asm, random);
        asm.call(functions[random.below(3)]);
        (0..1 + random.below(3)).for_each(|_| read_flags(&mut asm, random));
    }
    // sub ebp, 1; jnz top; int3
    asm.hex("83ed01").jcc(5, top).hex("cc");
    for (n, &function) in functions.iter().enumerate() {
        asm.bind(function);
        for _ in 0..random.below(3) {
            set_flags(&mut asm, random);
        }
        if n + 1 < functions.len() && random.below(2) == 0 {
            asm.call(functions[n + 1]);
            (0..random.below(3)).for_each(|_| read_flags(&mut asm, random));
        }
        if random.below(3) == 0 {
            let over = asm.label();
            asm.jcc(random.below(16) as u8, over);
            set_flags(&mut asm, random);
            // One of two returns.
            asm.hex("c3").bind(over);
        }
        asm.hex("c3");
    }
    asm.finish()
}

fn calls(size: CodeSize, count: usize, seed: u64) {
    let mut random = Random(seed);
    let mut pair = Pair::with(size, SETTINGS);
    let mut compiled = 0;
    for n in 0..count {
        let code = program(&mut random);
        let mut start = Start { rip: 0x10_0000 + 0x100 * n as u64, rflags: 0x202, code, ..Start::default() };
        start.gpr = core::array::from_fn(|r| if r < 8 { random.next() >> 32 } else { 0 });
        (start.gpr[4], start.gpr[5]) = (0x18_1000, 20);
        compiled += u64::from(pair.compare(&format!("calls {n}"), &start, MOST) > 0);
    }
    pair.same_memory();
    assert!(compiled > count as u64 * 9 / 10, "{compiled} of {count} were compiled");
}

#[test]
fn flags_behind_calls_agree_in_64_bit_mode() {
    calls(CodeSize::Bits64, 60, 0x6a09_e667_f3bc_c908);
}

#[test]
fn flags_behind_calls_agree_in_32_bit_code() {
    calls(CodeSize::Bits32, 60, 0xbb67_ae85_84ca_a73b);
}

/// The least of it: a comparison, a call of code that leaves other flags, and a branch behind the return.
#[test]
fn a_comparison_before_a_call_is_not_that_behind_it() {
    let mut asm = Asm::default();
    let (function, over) = (asm.label(), asm.label());
    // 1: cmp eax, eax; call f; jnz over; add edx, 1; over: sub ebp, 1; jnz 1b; int3; f: add ebx, 1; ret
    let top = asm.mark();
    asm.hex("39c0").call(function).jcc(5, over).hex("83c201").bind(over);
    asm.hex("83ed01").jcc(5, top).hex("cc").bind(function).hex("83c301 c3");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 50);
    let mut pair = Pair::with(CodeSize::Bits64, SETTINGS);
    assert!(pair.compare("compare and call", &start, MOST) > 0);
    assert_eq!(pair.plain.vcpu.cpu.gpr[2], 0, "EBX never became 0");
}

/// Returns the instructions that are translated of a loop with four calls of one long function. The function is hot first.
fn translated(shared: u32) -> u64 {
    let mut asm = Asm::default();
    let function = asm.label();
    let top = asm.mark();
    (0..4).for_each(|_| {
        asm.call(function);
    });
    // sub ebp, 1; jnz top; int3; and in the function add eax, ecx; ret
    asm.hex("83ed01").jcc(5, top).hex("cc").bind(function);
    (0..40).for_each(|_| {
        asm.hex("01c8");
    });
    asm.hex("c3");
    let mut start = Start { rip: 0x10_0000, rflags: 0x202, code: asm.finish(), ..Start::default() };
    (start.gpr[4], start.gpr[5]) = (0x18_1000, 40);
    let mut pair = Pair::with(CodeSize::Bits64, Settings { hot: 8, shared, ..SETTINGS });
    assert!(pair.compare("a long function", &start, MOST) > 0);
    pair.compiled.counts().instructions
}

#[test]
fn regions_have_no_copies_of_long_functions_that_are_translated_already() {
    let (jumps, copies) = (translated(24), translated(u32::MAX));
    assert!(jumps + 40 <= copies, "{jumps}, {copies}");
}
