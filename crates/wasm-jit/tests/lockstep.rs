//! Compiled code beside the interpreter: the same start, the same code, the same state at the end.

mod support;

use support::machine::Start;
use support::pair::{MOST, Pair};
use support::random::Random;
use support::vectors::{Case, INTEGER, append_random, bytes, cases};
use x86_types::CodeSize;

/// One case in so many: each is a module that Cranelift compiles.
fn vectors(size: CodeSize, one_in: usize) {
    let cases: Vec<Case> = cases(if size == CodeSize::Bits64 { 64 } else { 32 }, &INTEGER);
    let mut pair = Pair::new(size);
    let (mut compiled, mut count) = (0, 0);
    for case in cases.iter().step_by(one_in) {
        compiled += u64::from(pair.compare(&case.id, &Start::of(case), MOST) > 0);
        count += 1;
    }
    pair.same_memory();
    println!("{size:?}: {compiled} of {count} cases were compiled");
    assert!(count > 300 && compiled * 100 > count * 60, "{compiled} of {count} cases were compiled");
}

#[test]
fn integer_vectors_agree_in_64_bit_mode() {
    vectors(CodeSize::Bits64, 9);
}

#[test]
fn integer_vectors_agree_in_32_bit_code() {
    vectors(CodeSize::Bits32, 9);
}

/// Snippets in a row, from registers of which most point into memory.
fn sequences(size: CodeSize, kinds: &[&str], count: usize, seed: u64) {
    let cases = cases(if size == CodeSize::Bits64 { 64 } else { 32 }, kinds);
    let mut random = Random(seed);
    let mut pair = Pair::new(size);
    let registers = if size == CodeSize::Bits64 { 16 } else { 8 };
    for n in 0..count {
        let mut start = Start { code: Vec::new(), ..Start::of(&cases[random.below(cases.len())]) };
        for (r, v) in start.gpr.iter_mut().enumerate().take(registers) {
            if r == 4 || random.below(8) != 0 {
                *v = 0x20_0000 + (random.next() >> 52);
            } else if random.below(2) == 0 {
                *v = random.next() >> 60;
            }
        }
        start.mem = vec![(0x20_0000 + 8 * n as u64 % 4096, random.next().to_le_bytes().to_vec())];
        let ids = append_random(&mut start.code, &cases, &mut random);
        pair.compare(&ids, &start, 1000);
    }
    pair.same_memory();
}

#[test]
fn random_sequences_agree_in_64_bit_mode() {
    sequences(CodeSize::Bits64, &INTEGER, 150, 0x9e37_79b9_7f4a_7c15);
}

#[test]
fn random_sequences_agree_in_32_bit_code() {
    sequences(CodeSize::Bits32, &INTEGER, 150, 0x1234_5678_9abc_def1);
}

/// What the processor executes in passing between instructions that set and read flags and registers it cannot reach.
#[test]
fn random_sequences_with_x87_agree() {
    let kinds = ["INTEL386", "CMOV", "FPU", "FPU287", "FPU387"];
    sequences(CodeSize::Bits64, &kinds, 150, 0x71c6_3a5d_90fe_4b28);
    sequences(CodeSize::Bits32, &kinds, 100, 0x2d8b_f417_6ce0_935a);
}

fn program(code: &str, rcx: u64) -> Start {
    let mut gpr = [0; 16];
    (gpr[1], gpr[4], gpr[6], gpr[7]) = (rcx, 0x18_1000, 0x20_0000, 0x20_0800);
    let mem = vec![(0x20_0000, (0..=255).collect())];
    Start { gpr, rip: 0x10_0000, rflags: 0x202, code: bytes(&code.replace(' ', "")), mem, ..Start::default() }
}

/// Programs with loops, calls and strings, stopped at many places: after any number of instructions the engines agree.
#[test]
fn loops_calls_and_strings_agree_wherever_they_are_stopped() {
    let programs = [
        // 1: add rax, rcx; xor rdx, rax; dec rcx; jnz 1b; int3
        ("sum", "4801c8 4831c2 48ffc9 75f5 cc", 500),
        // 1: mov al, [rsi]; mov [rdi], al; inc rsi; inc rdi; adc rbx, rbx; dec rcx; jnz 1b; int3
        ("copy", "8a06 8807 48ffc6 48ffc7 4811db 48ffc9 75ee cc", 200),
        // call f; int3; f: cmp rcx, 2; jb 1f; push rcx; dec rcx; call f; pop rcx; push rax; sub rcx, 2; call f; pop rdx;
        // add rax, rdx; ret; 1: mov rax, rcx; ret
        (
            "fib",
            "e801000000 cc 4883f902 721a 51 48ffc9 e8f1ffffff 59 50 4883e902 e8e6ffffff 5a 4801d0 c3 9090 4889c8 c3",
            9,
        ),
        // 1: push rcx; push rsi; mov ecx, 40; rep movsb; pop rsi; pop rcx; sub rdi, 40; dec rcx; jnz 1b; int3
        ("strings", "51 56 b928000000 f3a4 5e 59 4883ef28 48ffc9 75ec cc", 60),
        // 1: bt rcx, 3; setc al; add rbx, rax; shl rbx, cl; rcl rbx, 1; test cl, 7; jp 2f; sub rbx, rcx; 2: loop 1b; int3
        ("flags", "480fbae103 0f92c0 4801c3 48d3e3 48d1d3 f6c107 7a03 4829cb e2e6 cc", 300),
    ];
    for (name, code, rcx) in programs {
        let mut pair = Pair::new(CodeSize::Bits64);
        let start = program(code, rcx);
        let compiled = pair.compare(name, &start, MOST);
        assert!(compiled > 0, "{name} is compiled");
        for most in (1..2000).step_by(37) {
            pair.compare(name, &start, most);
        }
        pair.same_memory();
    }
}

/// A loop that rewrites an instruction of its own: what runs next is what was written.
#[test]
fn code_that_rewrites_itself_agrees() {
    // 1: mov al, cl; mov [rip+patch+1], al; patch: mov bl, 0; add rdx, rbx; dec rcx; jnz 1b; int3
    let start = program("88c8 880501000000 b300 4801da 48ffc9 75ee cc", 400);
    let mut pair = Pair::new(CodeSize::Bits64);
    pair.compare("rewrites itself", &start, MOST);
    pair.same_memory();
}

/// A function that is called often and changed in between, from code in another page.
#[test]
fn changed_functions_are_translated_anew() {
    // 2: mov r8d, 300; 1: call f (100f00h+...); add rdx, rax; dec r8; jnz 1b; inc byte [f+1]; dec rcx; jnz 2b; int3
    let mut start = program("41b82c010000 e8f50f0000 4801c2 49ffc8 75f3 fe0424 48ffc9 75e6 cc", 6);
    // mov eax, 7; ret, in the next page; [rsp] is its immediate byte's neighbour, so that data is written, not code.
    start.mem.push((0x10_1000, bytes("b807000000c3")));
    let mut pair = Pair::new(CodeSize::Bits64);
    pair.compare("changed", &start, MOST);
    // And the function itself, from outside.
    for n in 0..5_u8 {
        for machine in [&mut pair.plain, &mut pair.compiled] {
            machine.write(0x10_1001, &[n]);
        }
        let mut again = start.clone();
        again.mem.pop();
        pair.compare("changed from outside", &again, MOST);
    }
}
